//! Where a stack is, as far as anybody knows offline, and the ARNs of what it will consist of there.

use crate::address::Address;
use crate::kind::{GATEWAY, Kind, Place, USER_POOL};
use crate::reference::{Reference, Target, is_unknown, pieces};
use crate::stack::{Existing, Resource, Stack};

/// What stands for an account that is not known. It matches no ARN and no condition: a policy that still holds it allows nothing.
pub const ACCOUNT: &str = "ACCOUNT_ID";

/// What stands for a region that is not known.
pub const REGION: &str = "REGION";

/// The ten characters that the service adds to a name.
const SUFFIX: &str = "??????????";

/// Where a stack is.
#[derive(Debug, Clone)]
pub struct Where(Place);

impl Where {
    /// A place of which account and region may be unknown.
    pub fn new(account: Option<&str>, region: Option<&str>) -> Self {
        let region = region.unwrap_or(REGION);
        let partition = match region {
            china if china.starts_with("cn-") => "aws-cn",
            government if government.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        Self(Place {
            account: account.unwrap_or(ACCOUNT).to_owned(),
            region: region.to_owned(),
            partition: partition.to_owned(),
        })
    }

    /// The account, or what stands for it.
    pub fn account(&self) -> &str {
        &self.0.account
    }

    /// The region, or what stands for it.
    pub fn region(&self) -> &str {
        &self.0.region
    }

    /// The stack with account, region and partition filled in.
    pub(super) fn known(&self, stack: &Stack) -> Stack {
        let mut stack = stack.clone();
        stack.resolve_aws(&self.0.account, &self.0.region, &self.0.partition);
        stack
    }

    /// The ARN of something of a service in this account and region.
    pub(super) fn arn(&self, service: &str, resource: &str) -> String {
        let Place { account, region, partition } = &self.0;
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    /// The ARN of something of a service that has no region: `account` may be empty.
    pub(super) fn global_arn(&self, service: &str, account: &str, resource: &str) -> String {
        format!("arn:{}:{service}::{account}:{resource}", self.0.partition)
    }

    /// The ARN of an AgentCore object.
    pub(super) fn agentcore(&self, resource: &str) -> String {
        self.arn("bedrock-agentcore", resource)
    }

    /// The ARN, or the narrowest pattern, of a root resource of the stack.
    pub(super) fn of(&self, stack: &Stack, resource: &Resource) -> Option<String> {
        let arn = resource.kind.arn?;
        Some(arn(&self.id(stack, resource), &self.0))
    }

    /// The pattern of the ARNs of everything of a root kind.
    pub(super) fn all_of(&self, kind: &Kind) -> Option<String> {
        kind.arn.map(|arn| arn("*", &self.0))
    }

    /// The id that a root resource has, or a pattern: the service makes it of the name, or makes it up.
    fn id(&self, stack: &Stack, resource: &Resource) -> String {
        let given = match &resource.existing {
            Some(Existing::Id(id)) => Some(id),
            Some(Existing::Stack { .. }) => return "*".to_owned(),
            None => resource.adopt.as_ref(),
        };
        if let Some(id) = given {
            return self.text(stack, id);
        }
        let Some(name) = resource.live_name().filter(|_| resource.kind != &USER_POOL) else { return "*".to_owned() };
        let name = self.text(stack, name);
        if resource.kind.id_member == resource.kind.name_member {
            name
        } else if resource.kind == &GATEWAY {
            // The ids of gateways have small letters only.
            format!("{}-{SUFFIX}", name.to_ascii_lowercase())
        } else {
            format!("{name}-{SUFFIX}")
        }
    }

    /// A text of a document as a policy may hold it: what is not known matches anything, and what means something in policies is
    /// escaped.
    pub(super) fn text(&self, stack: &Stack, text: &str) -> String {
        let piece = |piece| match piece {
            Ok(literal) => escaped(literal),
            Err(reference) => {
                let Reference { target, .. } = reference;
                let Target::Output(address, output) = target else { return "*".to_owned() };
                self.output(stack, &address, &output).unwrap_or_else(|| "*".to_owned())
            }
        };
        if is_unknown(text) { pieces(text).into_iter().map(piece).collect() } else { escaped(text) }
    }

    fn output(&self, stack: &Stack, address: &Address, output: &str) -> Option<String> {
        let resource = stack.resource(address)?;
        match output {
            "arn" => self.of(stack, resource),
            "id" if resource.kind.arn.is_some() => Some(self.id(stack, resource)),
            "name" if resource.existing.is_none() => {
                let name = resource.live_name().filter(|name| !is_unknown(name))?;
                Some(escaped(name))
            }
            _ => None,
        }
    }
}

/// Text whose `*`, `?` and `$` mean themselves.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '*' | '?' | '$' => escaped.extend(['$', '{', letter, '}']),
            _ => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_in_policies_is_escaped() {
        assert_eq!(escaped("a*b?c${d}"), "a${*}b${?}c${$}{d}");
    }

    #[test]
    fn the_partition_follows_from_the_region() {
        assert_eq!(
            Where::new(None, Some("cn-north-1")).agentcore("x"),
            "arn:aws-cn:bedrock-agentcore:cn-north-1:ACCOUNT_ID:x"
        );
        assert_eq!(
            Where::new(Some("1"), Some("us-gov-west-1")).agentcore("x"),
            "arn:aws-us-gov:bedrock-agentcore:us-gov-west-1:1:x"
        );
    }
}
