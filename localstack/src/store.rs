//! The state in a file: readable by its owner only, replaced as a whole, never overwritten when it is not understood.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::identifier::hex;
use crate::state::State;

const FORMAT: &str = "gatewright-localstack";
const VERSION: u64 = 1;

/// A state file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It cannot be read or written.
    #[error("{}: {source}; check the path and its permissions, or name another file", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is cut short or was damaged.
    #[error("{}: not a whole state file ({detail}); restore it from a copy, or move it away to start empty", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// Something else wrote it.
    #[error("{}: this is no state file of the local stand-in; name another file", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer version wrote it.
    #[error("{}: written in format version {found}, this program knows {VERSION}; update the program, or name another file", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format version.
        found: u64,
    },
    /// It is no regular file: a device or a folder would never end, or cannot hold it.
    #[error("{}: this is no regular file; name another one", path.display())]
    Special {
        /// What the path names.
        path: PathBuf,
    },
    /// Another process is changing it.
    #[error("{}: another run is changing this local state; nothing was changed", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// Another process wrote it meanwhile.
    #[error("{}: another process changed it meanwhile; run the command again", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
}

/// The states in a file, one per account and region.
#[derive(Serialize, Deserialize)]
struct Content<S> {
    format: String,
    version: u64,
    states: S,
}

/// A state file.
pub(crate) struct Store {
    path: PathBuf,
    /// The account and region whose state this is.
    place: String,
    /// The states of the other accounts and regions.
    others: BTreeMap<String, State>,
    /// A digest of what is in the file, as far as we know; none: no file.
    digest: Option<String>,
}

impl Store {
    /// Opens a file, or a place where one will be, and reads the state of one account and region.
    pub(crate) fn open(path: &Path, place: &str) -> Result<(Self, State), StateError> {
        let mut store = Self { path: path.to_owned(), place: place.to_owned(), others: BTreeMap::new(), digest: None };
        let Some(bytes) = store.read()? else { return Ok((store, State::default())) };
        let mut states = store.parse(&bytes)?;
        let state = states.remove(place).unwrap_or_default();
        store.digest = Some(hex(&bytes));
        store.others = states;
        Ok((store, state))
    }

    fn io(&self, source: io::Error) -> StateError {
        StateError::Io { path: self.path.clone(), source }
    }

    /// Makes this the only one that changes the file until the claim is dropped, and makes sure that it can be changed.
    pub(crate) fn claim(&self) -> Result<Claim, StateError> {
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        create_folder(folder).map_err(|error| self.io(error))?;
        let mut name = path.clone().into_os_string();
        name.push(".lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&name).map_err(|error| self.io(error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateError::Busy { path: self.path.clone() }),
            Err(TryLockError::Error(error)) => return Err(self.io(error)),
        }
        let claim = Claim(Some((file, name.into())));
        remove_left(folder, &path);
        let on_disk = self.read()?.map(|bytes| hex(&bytes));
        if on_disk == self.digest { Ok(claim) } else { Err(StateError::Changed { path: self.path.clone() }) }
    }

    fn read(&self) -> Result<Option<Vec<u8>>, StateError> {
        if fs::metadata(&self.path).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(StateError::Special { path: self.path.clone() });
        }
        match fs::read(&self.path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.io(error)),
        }
    }

    fn parse(&self, bytes: &[u8]) -> Result<BTreeMap<String, State>, StateError> {
        let path = self.path.clone();
        let ours = format!("{{\"format\":\"{FORMAT}\"");
        let length = bytes.len().min(ours.len());
        // What begins like ours but does not parse was cut; anything else is somebody's file.
        let begins_like_ours = bytes.get(..length) == ours.as_bytes().get(..length);
        let value: serde_json::Value = match serde_json::from_slice(bytes) {
            Ok(value) => value,
            Err(error) if begins_like_ours => return Err(StateError::Damaged { path, detail: error.to_string() }),
            Err(_) => return Err(StateError::Foreign { path }),
        };
        if value.get("format").and_then(serde_json::Value::as_str) != Some(FORMAT) {
            return Err(StateError::Foreign { path });
        }
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(VERSION) => {}
            Some(found) => return Err(StateError::Newer { path, found }),
            None => return Err(StateError::Damaged { path, detail: "it has no version".to_owned() }),
        }
        let content: Content<BTreeMap<String, State>> =
            serde_json::from_value(value).map_err(|error| StateError::Damaged { path, detail: error.to_string() })?;
        Ok(content.states)
    }

    /// Writes the state: a new file beside the old one, flushed, then put in its place.
    pub(crate) fn save(&mut self, state: &State) -> Result<(), StateError> {
        let on_disk = self.read()?.map(|bytes| hex(&bytes));
        if on_disk != self.digest {
            return Err(StateError::Changed { path: self.path.clone() });
        }
        let mut states: BTreeMap<&str, &State> = self.others.iter().map(|(place, state)| (&**place, state)).collect();
        states.insert(&self.place, state);
        let content = Content { format: FORMAT.to_owned(), version: VERSION, states };
        let bytes = serde_json::to_vec(&content).map_err(|error| self.io(error.into()))?;
        self.replace(&bytes).map_err(|error| self.io(error))?;
        self.digest = Some(hex(&bytes));
        Ok(())
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        // A link is followed, so that the file it names is replaced and not the link.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        create_folder(folder)?;
        let (prefix, suffix) = beside(&path);
        // A temporary file is created 0600.
        let mut file = tempfile::Builder::new().prefix(&prefix).suffix(suffix).tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)?;
        sync_folder(folder)
    }
}

/// The right to change a state; dropping it gives it back.
#[derive(Debug)]
pub struct Claim(pub(crate) Option<(File, PathBuf)>);

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some((_, path)) = self.0.take() {
            drop(fs::remove_file(path));
        }
    }
}

/// What the names of files begin and end with that are written beside the state to take its place.
fn beside(path: &Path) -> (OsString, &'static str) {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".");
    (prefix, ".new")
}

/// Removes what processes that were killed while they wrote have left. Only who has the claim writes.
fn remove_left(folder: &Path, path: &Path) {
    let (prefix, suffix) = beside(path);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if name.starts_with(prefix.as_encoded_bytes()) && name.ends_with(suffix.as_bytes()) {
            drop(fs::remove_file(entry.path()));
        }
    }
}

/// Creates a folder and those above it, for the owner only.
fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes a rename last; elsewhere than on Unix a folder cannot be opened for it.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
