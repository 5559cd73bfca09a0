//! HTTP to loopback, and to nowhere else: whatever a configuration names, the stand-in reaches only this machine.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::gate;
use crate::wire::header as text;

/// The longest answer that is read.
const LIMIT: usize = 10 * 1024 * 1024;

/// The header that counts how often a request was handed on, so that what is mapped to itself ends.
pub(super) const HOPS: &str = "x-localstack-hops";

/// The most often that a request is handed on.
const MOST_HOPS: u32 = 4;

/// How often a request was handed on when it is handed on now.
///
/// Fails, in words, if that is too often.
pub(super) fn next_hop(headers: &HeaderMap) -> Result<u32, String> {
    let hops = text(headers, HOPS).parse().unwrap_or(0_u32);
    if hops < MOST_HOPS {
        return Ok(hops + 1);
    }
    Err(format!("the request was handed on {hops} times: what answers for a target or a runtime leads back to itself"))
}

/// Whether a host is this machine.
pub(crate) fn is_local(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a URL can be asked: plain HTTP on this machine.
pub(super) fn is_reachable(url: &str) -> bool {
    let uri = url.parse::<Uri>().ok();
    uri.is_some_and(|uri| {
        let host = uri.authority().and_then(|authority| gate::host_of(authority.as_str()));
        uri.scheme_str() == Some("http") && host.is_some_and(|host| is_local(&host))
    })
}

/// Sends a request to the URL that it names and reads the whole answer. Redirections are not followed.
///
/// Fails, in words, if the URL is not on loopback, nobody answers in time, or the answer is too long.
pub(super) async fn send(request: Request<Bytes>, patience: Duration) -> Result<Response<Bytes>, String> {
    let uri = request.uri().clone();
    if !is_reachable(&uri.to_string()) {
        return Err(format!("{uri} is not an http URL on loopback, and the stand-in reaches nothing else"));
    }
    match tokio::time::timeout(patience, exchange(request, &uri)).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(problem)) => Err(format!("{uri}: {problem}")),
        Err(_) => Err(format!("{uri} did not answer within {} s", patience.as_secs())),
    }
}

async fn exchange(
    request: Request<Bytes>,
    uri: &Uri,
) -> Result<Response<Bytes>, Box<dyn std::error::Error + Send + Sync>> {
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await?;
    if !stream.peer_addr()?.ip().is_loopback() {
        return Err("the name leads away from this machine".into());
    }
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let (mut head, body) = request.into_parts();
    head.uri = uri.path_and_query().map_or("/", |path| path.as_str()).parse()?;
    let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    head.headers.insert(header::HOST, HeaderValue::from_str(authority)?);
    let response = sender.send_request(Request::from_parts(head, Full::new(body))).await?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, LIMIT).collect().await?.to_bytes();
    driver.abort();
    Ok(Response::from_parts(head, body))
}
