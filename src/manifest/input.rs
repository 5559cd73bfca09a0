//! Standard input as the place that secrets come from: one line for each, read once.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufRead};
use std::sync::{Arc, Mutex, PoisonError};

/// Lines of standard input by the variable they were read for. A manifest that is read again, for another environment,
/// gets the same ones.
#[derive(Clone, Default)]
pub struct StandardInput(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    /// Read instead of the process's own.
    instead: Option<Box<dyn BufRead + Send>>,
    read: HashMap<String, String>,
}

impl StandardInput {
    /// An input that is not the process's.
    pub fn of(reader: impl BufRead + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Lines { instead: Some(Box::new(reader)), read: HashMap::new() })))
    }

    /// The line for a variable, without its end; nothing if there is none left.
    pub(super) fn line(&self, name: &str) -> io::Result<Option<String>> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.read.get(name) {
            return Ok(Some(line.clone()));
        }
        let mut line = String::new();
        let length = match &mut lines.instead {
            Some(reader) => reader.read_line(&mut line)?,
            None => io::stdin().lock().read_line(&mut line)?,
        };
        if length == 0 {
            return Ok(None);
        }
        line.truncate(line.trim_end_matches(['\r', '\n']).len());
        lines.read.insert(name.to_owned(), line.clone());
        Ok(Some(line))
    }
}

impl fmt::Debug for StandardInput {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StandardInput")
    }
}
