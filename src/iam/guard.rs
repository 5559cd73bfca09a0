//! The guard: tags say what belongs to which stack and which run is busy, so nobody but the deployer may write ours.

use std::collections::BTreeSet;

use super::place::Where;
use super::policy::{Policy, Statement, condition};
use crate::ownership::PREFIX;

/// The name of the role that stands for a deployer that nobody named.
const DEPLOYER: &str = "role/DEPLOYER_ROLE";

/// The policy that refuses everybody but the deployer to put tags with our keys on anything or to take them off, at its making or
/// later: a service control policy, or a permissions boundary. It allows nothing.
pub fn guard(place: &Where, deployer: Option<&str>) -> Policy {
    let nobody = || place.global_arn("iam", place.account(), DEPLOYER);
    let deployer = deployer.map_or_else(nobody, ToOwned::to_owned);
    let ours = condition("ForAnyValue:StringLike", "aws:TagKeys", [format!("{PREFIX}*")]);
    let others = condition("ArnNotLike", "aws:PrincipalArn", [deployer]);
    Policy::of(vec![Statement {
        sid: "OnlyTheDeployerWritesOurTags".to_owned(),
        effect: "Deny",
        principal: None,
        // Tags come with many operations: those that create, whatever they are called.
        action: ["bedrock-agentcore:*", "cognito-idp:*", "tag:*"].map(ToOwned::to_owned).into(),
        resource: BTreeSet::from(["*".to_owned()]),
        condition: ours.into_iter().chain(others).collect(),
    }])
}
