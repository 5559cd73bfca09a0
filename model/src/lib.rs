//! What AWS publishes, as data: the API model of the two control planes, a validator over it, the spelling rules that turn
//! API member names into manifest keys and back, what changing a member means, AWS's mapping from tools to a Cedar schema, and its rates. And
//! how the texts are read that it takes: API descriptions in JSON and YAML.
//!
//! The data in `data/` is extracted from a pinned botocore by `script/extract.py`; nothing in it is written by hand. The CLI
//! and the local stand-in both read this crate and share nothing else.

mod api;
mod cedar;
mod meaning;
pub mod openapi;
pub mod rate;
mod smithy;
mod spelling;
mod validate;
pub mod yaml;

pub use api::{Api, Body, Location, Member, Operation, Paginator, Range, Shape, Waiter, WaiterAcceptor};
pub use cedar::{Action, Tool, Tools, cedar_input, cedar_schema, tool, tool_definitions, tools_of_target};
pub use meaning::{Meaning, meaning_of_member};
pub use spelling::{find_member, same_key, snake_case};
pub use validate::{PathStep, Problem, Violation, display_path};
