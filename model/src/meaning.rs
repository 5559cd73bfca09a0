//! What changing a member means, read off its place in a kind's create, update and read operations.

use crate::api::{Api, Shape};

/// What it takes to change one member of a live object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The update operation takes it.
    Update,
    /// The update operation takes it wrapped: absent = unchanged, empty wrapper = cleared.
    UpdateWrapped,
    /// Only the update operation takes it: a new object is created without it and then updated.
    UpdateOnly,
    /// Only the create operation takes it: changing it needs a new object.
    Replace,
    /// No operation takes it: the service fills it in.
    ReadOnly,
}

/// What changing the member with this wire name means for a kind with these create and update operations.
///
/// Exceptions that the model cannot say (an update that takes a name only to refuse another one) belong to the kind.
pub fn meaning_of_member(api: &Api, create: &str, update: Option<&str>, wire: &str) -> Meaning {
    let in_create = api.input(create).and_then(|shape| shape.member(wire)).is_some();
    let in_update = update.and_then(|update| api.input(update)).and_then(|shape| shape.member(wire));
    match (in_create, in_update) {
        (_, Some(member)) if api.shape(&member.shape).is_some_and(Shape::is_patch_wrapper) => Meaning::UpdateWrapped,
        (true, Some(_)) => Meaning::Update,
        (false, Some(_)) => Meaning::UpdateOnly,
        (true, None) => Meaning::Replace,
        (false, None) => Meaning::ReadOnly,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_decides_meaning() {
        let meaning = |create, update, member| meaning_of_member(Api::agentcore(), create, Some(update), member);
        assert_eq!(meaning("CreateGateway", "UpdateGateway", "description"), Meaning::Update);
        assert_eq!(meaning("CreateGateway", "UpdateGateway", "wafConfiguration"), Meaning::UpdateOnly);
        assert_eq!(meaning("CreatePolicyEngine", "UpdatePolicyEngine", "encryptionKeyArn"), Meaning::Replace);
        assert_eq!(meaning("CreatePolicyEngine", "UpdatePolicyEngine", "description"), Meaning::UpdateWrapped);
        assert_eq!(meaning("CreateGateway", "UpdateGateway", "gatewayUrl"), Meaning::ReadOnly);
        let cognito = Api::cognito();
        assert_eq!(meaning_of_member(cognito, "CreateUserPool", Some("UpdateUserPool"), "Schema"), Meaning::Replace);
    }
}
