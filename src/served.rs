//! Where a stand-in that is served on loopback has the endpoints of its user pools: below the one endpoint of everything, and not on
//! hosts of their own as AWS has them.

use crate::kind::{Ids, Kind};
use crate::rate::is_loopback;

/// A stand-in that is being served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Served<'a>(&'a str);

impl<'a> Served<'a> {
    /// The one at an endpoint, if that is on loopback.
    pub(crate) fn at(endpoint: Option<&'a str>) -> Option<Self> {
        endpoint.filter(|endpoint| is_loopback(endpoint)).map(|endpoint| Self(endpoint.trim_end_matches('/')))
    }

    /// Where clients of a pool get tokens.
    pub(crate) fn token_endpoint(self, pool: &str) -> String {
        format!("{}/{pool}/oauth2/token", self.0)
    }

    /// An output that is an URL of AWS's for a live object of AWS, and another one here.
    pub(crate) fn output(self, kind: &Kind, name: &str, ids: &Ids) -> Option<String> {
        let base = self.0;
        match (kind.name, name) {
            ("user_pool", "issuer") => Some(format!("{base}/{}", ids.id)),
            ("user_pool", "discovery_url") => Some(format!("{base}/{}/.well-known/openid-configuration", ids.id)),
            ("user_pool_domain", "token_endpoint") => Some(self.token_endpoint(&ids.parent)),
            _ => None,
        }
    }
}
