//! The `gatewright` binary.

use gatewright::cli::{self, Exit};

fn main() -> Exit {
    cli::main()
}
