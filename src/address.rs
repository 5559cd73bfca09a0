//! Addresses: how a manifest names a resource.

use std::fmt;

use serde::{Serialize, Serializer};

/// The address of a resource: its kind and its name, written `gateway.hr`. A generated policy's name may hold a slash
/// (`policy.hr/read`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// The kind's name, for example `gateway`.
    pub kind: String,
    /// The resource's name in the manifest.
    pub name: String,
}

impl Address {
    /// An address of a kind and a name.
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind: kind.into(), name: name.into() }
    }

    /// Reads `kind.name`; nothing when there is no dot or a side is empty.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once('.')?;
        (!kind.is_empty() && !name.is_empty()).then(|| Self::new(kind, name))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.kind, self.name)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
