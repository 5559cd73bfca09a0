//! The files of a manifest: read once, in UTF-8, of a sane size, below the root.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use super::Loader;
use crate::diagnostic::{Diagnostic, FileId, Sources, Span};

/// A manifest's files may be this large.
const LARGEST: u64 = 8 << 20;

/// The files read so far, and where they may lie.
#[derive(Default)]
pub(super) struct Files {
    pub(super) sources: Sources,
    /// The folder that named files stay below, without links.
    pub(super) root: PathBuf,
    read: HashMap<PathBuf, FileId>,
}

/// Reads a text file, or says in a phrase why not, with a code and what to do.
pub(super) fn read_text(path: &Path) -> Result<String, Box<Diagnostic>> {
    let cannot = |why: &str, help: &str| {
        let message = format!("cannot read `{}`: {why}", path.display());
        Box::new(Diagnostic::error("manifest::cannot-read", message).help(help))
    };
    let denied = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => cannot("there is no such file", "check the path"),
        _ => cannot(&error.to_string(), "check the path and its permissions"),
    };
    let too_large = || {
        let message = format!("`{}` is larger than {} MiB", path.display(), LARGEST >> 20);
        let help = "split it with `include`, or name the right file";
        Box::new(Diagnostic::error("manifest::too-large", message).help(help))
    };
    let file = File::open(path).map_err(denied)?;
    let metadata = file.metadata().map_err(denied)?;
    if metadata.is_dir() {
        return Err(cannot("it is a folder", "name a file"));
    }
    if metadata.len() > LARGEST {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    // The length of a pipe is not known before it is read.
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(denied)?;
    if bytes.len() as u64 > LARGEST {
        return Err(too_large());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count() + 1;
        cannot(&format!("line {line} is not UTF-8 text"), "name a text file, saved as UTF-8")
    })?;
    // Some editors begin a file with a mark that is no part of its text.
    match text.strip_prefix('\u{feff}') {
        Some(rest) => Ok(rest.to_owned()),
        None => Ok(text),
    }
}

impl Files {
    /// Adds the manifest itself.
    pub(super) fn add_main(&mut self, path: PathBuf, text: String) -> FileId {
        let real = path.canonicalize().unwrap_or_else(|_| path.clone());
        let file = self.sources.add(path, text);
        self.read.insert(real, file);
        file
    }
}

/// The folder that a manifest's files stay below: the git work tree it lies in, else its own folder.
pub(super) fn root_of(folder: &Path) -> PathBuf {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    folder.ancestors().find(|ancestor| ancestor.join(".git").exists()).unwrap_or(&folder).to_owned()
}

/// A folder of a path; of a bare file name the current one.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A path with `.` and `..` taken out, as far as they can be.
fn tidy(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(tidied.components().next_back(), Some(Component::Normal(_))) => {
                tidied.pop();
            }
            other => tidied.push(other),
        }
    }
    tidied
}

impl Loader {
    /// Reads the file that someone named at a place, relative to the file of that place. Whatever is wrong is reported there.
    pub(super) fn named_file(&mut self, name: &str, at: &Span) -> Option<FileId> {
        let path = tidy(&folder_of(self.files.sources.path(at.file)).join(name));
        let refuse = |message: String| Diagnostic::error("manifest::file", message).at(at.clone(), "");
        let real = match path.canonicalize() {
            Ok(real) => real,
            Err(error) => {
                let why = match error.kind() {
                    std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
                    _ => error.to_string(),
                };
                let folder = folder_of(self.files.sources.path(at.file)).display().to_string();
                let problem = refuse(format!("cannot read `{name}`: {why}"));
                self.report(problem.help(format!("the path is relative to the file that names it, in `{folder}`")));
                return None;
            }
        };
        if !real.starts_with(&self.files.root) {
            let problem = refuse(format!("`{name}` lies outside of `{}`", self.files.root.display()));
            self.report(problem.help(
                "a manifest reads files of its own git work tree only; copy the file there, or widen `[stack] root`",
            ));
            return None;
        }
        if let Some(file) = self.files.read.get(&real) {
            return Some(*file);
        }
        match read_text(&path) {
            Ok(text) => {
                let file = self.files.sources.add(path, text);
                self.files.read.insert(real, file);
                Some(file)
            }
            Err(problem) => {
                self.report(problem.at(at.clone(), ""));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_tidied_without_leaving_their_start() {
        assert_eq!(tidy(Path::new("a/./b/../c.toml")), Path::new("a/c.toml"));
        assert_eq!(tidy(Path::new("../a/b")), Path::new("../a/b"));
        assert_eq!(tidy(Path::new("./x")), Path::new("x"));
    }

    #[test]
    fn what_is_no_text_of_a_sane_size_is_refused_with_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let garbage = read_text(&file("garbage", b"a\nb\xff\xfe\x00")).unwrap_err();
        assert!(garbage.message.ends_with("line 2 is not UTF-8 text"), "{}", garbage.message);
        let large = read_text(&file("large", &vec![b'#'; 8 * 1024 * 1024 + 1])).unwrap_err();
        assert_eq!(large.code, "manifest::too-large");
        assert!(read_text(folder.path()).unwrap_err().message.ends_with("it is a folder"));
        assert!(read_text(&folder.path().join("none")).unwrap_err().message.ends_with("there is no such file"));
    }
}
