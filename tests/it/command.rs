//! Running the binary: an environment of its own, and its answer in parts.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A home, a folder to stand in, and the binary.
pub(crate) struct Terminal {
    pub(crate) folder: TempDir,
}

/// How a run ended, and what it said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Terminal {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A terminal beside a copy of all examples.
    pub(crate) fn with_examples() -> Self {
        let terminal = Self::new();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests");
        copy(&examples, &terminal.folder.path().join("manifests"));
        terminal
    }

    /// A terminal in a copy of an example.
    pub(crate) fn in_example(name: &str) -> Self {
        let terminal = Self::new();
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests").join(name), terminal.folder.path());
        terminal
    }

    /// Replaces text of a file that has to be there.
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.folder.path().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatewright"));
        let home = self.folder.path();
        command
            .env_clear()
            .env("HOME", home)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .current_dir(home)
            .args(arguments);
        command.stdin(std::process::Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Answer {
        Answer::of(&self.command(arguments).output().unwrap())
    }
}

impl Answer {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self {
            code: output.status.code().expect("it was not killed"),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
