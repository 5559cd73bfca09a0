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
