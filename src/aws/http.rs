//! Plain HTTP requests beside the API: what a client of a stack sends, to a token endpoint or to a gateway.
//!
//! It is the SDK's own client without its retries. Redirects are not followed, no proxy is asked, and what is not encrypted goes to
//! this machine only: requests carry secrets.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use localstack::Localstack;
use tokio::time::Instant;

use super::in_process::InProcess;
use crate::rate::is_loopback;

/// How long an answer may take, its body included.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest answer that is read, in bytes.
const LIMIT: usize = 10 << 20;

/// A client.
#[derive(Debug, Clone)]
pub struct Http {
    connector: SharedHttpConnector,
}

/// An answer whose body is still to be read.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    head: HttpResponse,
    body: ByteStream,
    read: usize,
    end: Instant,
}

impl Http {
    /// A client of the network, or of the stand-in in process. Fails where the system has no TLS for it.
    pub fn new(local: Option<Localstack>) -> Result<Self, String> {
        let connector = match local {
            Some(stand_in) => Some(SharedHttpConnector::new(InProcess(stand_in))),
            None => aws_smithy_http_client::default_connector(&HttpConnectorSettings::default(), None),
        };
        Ok(Self { connector: connector.ok_or("there is no HTTP client with TLS here")? })
    }

    /// Posts a body. The URL has to be `https`, or `http` on this machine. Fails, in words without anything that was sent, where there
    /// is no answer.
    pub async fn post(&self, url: &str, headers: &[(&'static str, String)], body: String) -> Result<Response, String> {
        if !is_private(url) {
            return Err("its URL is not `https`, and nothing secret goes there".to_owned());
        }
        let end = Instant::now() + PATIENCE;
        let mut request = HttpRequest::new(SdkBody::from(body));
        // What fails here would repeat what was given.
        let unfit = "the request cannot be written";
        request.set_method("POST").map_err(|_| unfit)?;
        request.set_uri(url).map_err(|_| unfit)?;
        for (name, value) in headers {
            request.headers_mut().try_insert(*name, value.clone()).map_err(|_| unfit)?;
        }
        match tokio::time::timeout_at(end, self.connector.call(request)).await {
            Err(_) => Err("no answer in time".to_owned()),
            Ok(Err(error)) => Err(super::sources(&error)),
            Ok(Ok(mut head)) => {
                let body = ByteStream::new(head.take_body());
                Ok(Response { status: head.status().as_u16(), head, body, read: 0, end })
            }
        }
    }
}

impl Response {
    /// A header that is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers().get(name)
    }

    /// The next part of the body; nothing at its end.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, String> {
        match tokio::time::timeout_at(self.end, self.body.next()).await {
            Err(_) => Err("the answer did not end in time".to_owned()),
            Ok(None) => Ok(None),
            Ok(Some(Err(_))) => Err("the answer broke off".to_owned()),
            Ok(Some(Ok(part))) => {
                self.read += part.len();
                if self.read > LIMIT { Err("the answer is too long".to_owned()) } else { Ok(Some(part.to_vec())) }
            }
        }
    }

    /// The whole body.
    pub async fn text(mut self) -> Result<String, String> {
        let mut whole = Vec::new();
        while let Some(part) = self.next().await? {
            whole.extend(part);
        }
        String::from_utf8(whole).map_err(|_| "the answer is no text".to_owned())
    }
}

/// Nobody on the way can read what is sent there.
pub fn is_private(url: &str) -> bool {
    url.starts_with("https://") || (url.starts_with("http://") && is_loopback(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_where_nobody_reads_them() {
        for url in ["https://a.example/mcp", "http://127.0.0.1:5005/x", "http://localhost/x", "http://[::1]:80/x"] {
            assert!(is_private(url), "{url}");
        }
        for url in
            ["http://a.example/mcp", "http://127.0.0.1.example/", "http://127.0.0.1@a.example/", "ftp://localhost/", ""]
        {
            assert!(!is_private(url), "{url}");
        }
    }
}
