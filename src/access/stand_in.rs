//! Values that nobody knows offline, each replaced by a text that is the same wherever it is referred to.
//!
//! The text is the reference as people write it (`${gateway.hr.arn}`), which no value of an account can be. Decisions compare
//! such values and never look inside, so equal references are equal and others differ.

use serde_json::Value;

use crate::address::Address;
use crate::kind::USER_POOL;
use crate::reference::{self, Filter, Reference, Target};
use crate::stack::{Existing, Stack};

/// The values of a stack as far as its manifest knows them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StandIns<'a> {
    stack: &'a Stack,
}

/// The text stands for a value that nobody knows offline, wholly or in part.
pub(crate) fn is_stand_in(text: &str) -> bool {
    text.contains("${")
}

impl<'a> StandIns<'a> {
    pub(crate) fn of(stack: &'a Stack) -> Self {
        Self { stack }
    }

    /// A text with every reference filled in.
    pub(crate) fn text(self, text: &str) -> String {
        reference::resolve_text(text, &|target| Some(self.value_of(target)))
    }

    /// A document with every reference filled in.
    pub(crate) fn document(self, document: &Value) -> Value {
        reference::resolve(document, &|target| Some(self.value_of(target)))
    }

    /// An output of a resource.
    pub(crate) fn output(self, address: &Address, output: &str) -> String {
        self.value_of(&Target::Output(address.clone(), output.to_owned()))
    }

    fn value_of(self, target: &Target) -> String {
        let source = || Reference { target: target.clone(), filter: Filter::Plain }.source();
        let Target::Output(address, output) = target else { return source() };
        if let Some(live) = self.stack.outputs.get(&(address.clone(), output.clone())) {
            return live.clone();
        }
        let resource = self.stack.resource(address);
        let known = match output.as_str() {
            "name" => resource.and_then(|resource| resource.live_name()).map(|name| self.text(name)),
            "id" => match resource.and_then(|resource| resource.existing.as_ref()) {
                Some(Existing::Id(id)) => Some(self.text(id)),
                _ => None,
            },
            "issuer" if address.kind == USER_POOL.name => Some(self.issuer(address)),
            "discovery_url" if address.kind == USER_POOL.name => {
                Some(format!("{}/.well-known/openid-configuration", self.issuer(address)))
            }
            _ => None,
        };
        known.unwrap_or_else(source)
    }

    fn issuer(self, pool: &Address) -> String {
        let region = self.stack.region.clone().unwrap_or_else(|| self.value_of(&Target::Region));
        format!("https://cognito-idp.{region}.amazonaws.com/{}", self.output(pool, "id"))
    }
}
