//! A local stand-in for AWS.

/// Stub.
#[derive(Clone, Debug)]
pub struct Localstack;
/// Stub.
#[derive(Debug)]
pub struct Dropped;
impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("dropped")
    }
}
impl std::error::Error for Dropped {}
impl Localstack {
    /// Stub.
    pub async fn handle(&self, _: http::Request<bytes::Bytes>) -> Result<http::Response<bytes::Bytes>, Dropped> {
        Err(Dropped)
    }
}

/// Stub.
#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct StateError;
/// Stub.
#[derive(Default)]
pub struct Config {
    /// Stub.
    pub account: String,
    /// Stub.
    pub region: String,
}
impl Localstack {
    /// Stub.
    pub fn open(_: &std::path::Path, _: Config) -> Result<Self, StateError> {
        Ok(Self)
    }
}
