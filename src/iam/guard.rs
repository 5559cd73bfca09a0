//! The guard: tags say what belongs to which stack and which run is busy, so nobody but the deployer may write ours.

use std::collections::BTreeSet;

use super::place::Where;
use super::policy::{Conditions, Policy, Statement, condition};
use crate::lease::LEASE;
use crate::ownership::{ADDRESS, APPLIED, EXPIRES, PREFIX, PROTECT, SOURCE, STACK, UNFINISHED};

/// The name of the role that stands for a deployer that nobody named.
const DEPLOYER: &str = "role/DEPLOYER_ROLE";

/// The keys of ours that are known by their whole name.
const KEYS: [&str; 8] = [STACK, ADDRESS, APPLIED, PROTECT, EXPIRES, SOURCE, UNFINISHED, LEASE];

/// The policy that refuses everybody but the deployer to put tags with our keys on anything or to take them off, at its making or
/// later: a service control policy, or a permissions boundary. It allows nothing.
pub fn guard(place: &Where, deployer: Option<&str>) -> Policy {
    let nobody = || place.global_arn("iam", place.account(), DEPLOYER);
    let deployer = deployer.map_or_else(nobody, ToOwned::to_owned);
    let refuse = |sid: &str, actions: &[&str], only_if: Conditions| Statement {
        sid: sid.to_owned(),
        effect: "Deny",
        principal: None,
        action: actions.iter().map(|action| (*action).to_owned()).collect(),
        resource: BTreeSet::from(["*".to_owned()]),
        // Whoever has no ARN is not the deployer either.
        condition: only_if.into_iter().chain(condition("ArnNotLike", "aws:PrincipalArn", [deployer.clone()])).collect(),
    };
    // Tags come with many operations: those that create, whatever they are called.
    let tagging = ["bedrock-agentcore:*", "cognito-idp:*", "tag:*"];
    Policy::of(vec![
        refuse(
            "OnlyTheDeployerWritesOurTags",
            &tagging,
            condition("ForAnyValue:StringLike", "aws:TagKeys", [format!("{PREFIX}*")]),
        ),
        // `StringLike` tells `Gatewright:stack` from `gatewright:stack`; a service that does not must not be a way around it.
        refuse(
            "InWhateverCase",
            &tagging,
            condition("ForAnyValue:StringEqualsIgnoreCase", "aws:TagKeys", KEYS.map(ToOwned::to_owned)),
        ),
        // This one replaces all tags, and takes ours off by leaving them out: then no key is in the request.
        refuse(
            "NorLeavesThemOut",
            &["cognito-idp:UpdateUserPool"],
            condition("Null", &format!("aws:ResourceTag/{STACK}"), ["false".to_owned()]),
        ),
    ])
}
