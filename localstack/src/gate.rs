//! Who may use the socket at all: programs of this machine, and no page of the web in a browser on it.
//!
//! Nothing on the socket asks for credentials, so a page could otherwise send requests there (as forms, or under a name that its
//! owner bends to loopback). What browsers say of where a request comes from, and the name it is for, tell them apart.

use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, Method, header};

use crate::control;
use crate::data_plane::loopback;
use crate::failure::Failure;

/// Holds a request against the gate. `known` says whether a name is the custom domain of a user pool.
///
/// Fails with 403 for what a page of another origin sent, and for a name that the stand-in does not answer to.
pub(crate) fn check(head: &Parts, region: &str, known: impl Fn(&str) -> bool) -> Result<(), Failure> {
    if !is_from_here(&head.headers) || is_from_elsewhere(head) {
        return refuse("The request comes from a web page of another origin");
    }
    let mut named = head.headers.get_all(header::HOST).iter();
    let (Some(host), None) = (named.next(), named.next()) else {
        return refuse("A request names exactly one host");
    };
    let target = head.uri.authority().map(Authority::as_str);
    for name in [host.to_str().ok(), target.or(host.to_str().ok())] {
        let name = name.and_then(host_of).unwrap_or_default();
        let aws = || is_service(&name, region) || gateway(&name, region).is_some() || is_domain(&name, region);
        let other = || !control::is(head.uri.path()) && (aws() || known(&name));
        if !loopback::is_local(&name) && !other() {
            return refuse("The request is for a host that is not this machine: use 127.0.0.1 or localhost");
        }
    }
    Ok(())
}

fn refuse(message: &str) -> Result<(), Failure> {
    Err(Failure::with_status(403, "AccessDeniedException", message))
}

/// Whether no `Origin` is any but one of this machine. `null` is somebody else's.
pub(crate) fn is_from_here(headers: &HeaderMap) -> bool {
    headers.get_all(header::ORIGIN).iter().all(|origin| {
        let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        authority.and_then(|(_, authority)| host_of(authority)).is_some_and(|host| loopback::is_local(&host))
    })
}

/// Whether a browser says that another site sends the request. An `Origin`, which is one of this machine by then, says more: an
/// app on another port may ask for tokens. Who goes to the sign-in page comes from elsewhere, and seeing its form changes nothing.
fn is_from_elsewhere(head: &Parts) -> bool {
    let says = |name: &str, value: &[u8]| head.headers.get_all(name).iter().any(|said| said.as_bytes() == value);
    let signs_in = head.method == Method::GET
        && head.uri.path().ends_with("/oauth2/authorize")
        && says("sec-fetch-mode", b"navigate")
        && says("sec-fetch-dest", b"document");
    let elsewhere = says("sec-fetch-site", b"cross-site") || says("sec-fetch-site", b"same-site");
    elsewhere && !signs_in && !head.headers.contains_key(header::ORIGIN)
}

/// The host of `host` or `host:port`, in small letters. None: it has a user, or a port that is none.
pub(crate) fn host_of(text: &str) -> Option<String> {
    let authority: Authority = text.parse().ok()?;
    let host = authority.host();
    let port = text.strip_prefix(host)?;
    let fits = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    fits.then(|| host.to_ascii_lowercase())
}

/// What AWS's names in a region end with.
pub(crate) fn suffix(region: &str) -> String {
    let china = if region.starts_with("cn-") { ".cn" } else { "" };
    format!(".{region}.amazonaws.com{china}")
}

/// The endpoints of services that the stand-in answers for.
fn is_service(host: &str, region: &str) -> bool {
    let services = ["bedrock-agentcore-control", "bedrock-agentcore", "cognito-idp", "issuer-cognito-idp", "sts"];
    host == "sts.amazonaws.com" || host.strip_suffix(&suffix(region)).is_some_and(|service| services.contains(&service))
}

/// The gateway whose own name a host is.
pub(crate) fn gateway<'a>(host: &'a str, region: &str) -> Option<&'a str> {
    host.strip_suffix(&suffix(region))?.strip_suffix(".gateway.bedrock-agentcore").filter(|id| is_label(id))
}

/// The domain of a user pool under Cognito's own name.
fn is_domain(host: &str, region: &str) -> bool {
    host.strip_suffix(&format!(".auth.{region}.amazoncognito.com")).is_some_and(is_label)
}

fn is_label(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
