//! Registries.

use serde_json::json;

use super::payment_manager::check_authorizer;
use super::states::READY;
use super::{Id, PLAIN, Resource};
use crate::state::Kind;

pub(super) const REGISTRY: Resource = Resource {
    kind: Kind::Registry,
    noun: "Registry",
    plural: "Registries",
    what: "Registry",
    label: "registryId",
    id: ("registryId", Id::Letters(16)),
    arn: Some(("registryArn", "registry/{id}")),
    states: READY,
    unique: &["name"],
    children: &[Kind::RegistryRecord],
    defaults: || json!({"authorizerType": "AWS_IAM", "approvalConfiguration": {"autoApproval": false}}),
    on_create: |_, registry, _| check_authorizer(registry),
    on_update: |_, registry, _| check_authorizer(registry),
    ..PLAIN
};
