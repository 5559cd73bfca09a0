//! Documents carry the API's spelling, people wrote the manifest's: paths and values are shown in the latter.

use model::{Api, Body, Shape, snake_case};
use serde_json::Value;

use crate::kind::{self, Kind};

/// A kind's spelling. Where the model does not know a member, its own spelling stays.
#[derive(Clone, Copy)]
pub(super) struct Spelling {
    kind: Option<&'static Kind>,
}

/// A place in the model: what stands at a path.
#[derive(Clone, Copy)]
enum Place {
    /// The whole document.
    Document(&'static Kind),
    /// A shape of an API.
    Shape(&'static Api, &'static Shape),
    /// Data, or a member nobody knows.
    Data,
}

impl Spelling {
    pub(super) fn of(kind: &str) -> Self {
        Self { kind: kind::find(kind) }
    }

    /// A path and a value at it, respelled.
    pub(super) fn respell(self, path: &str, value: Option<&Value>) -> (String, Option<Value>) {
        let mut place = self.kind.map_or(Place::Data, Place::Document);
        let mut spelled = String::new();
        for segment in segments(path) {
            let (key, indices) = segment.split_at(segment.find('[').unwrap_or(segment.len()));
            let (name, next) = place.member(key);
            if !spelled.is_empty() {
                spelled.push('.');
            }
            spelled.push_str(&name);
            spelled.push_str(indices);
            place = if indices.is_empty() { next } else { next.element() };
        }
        (spelled, value.map(|value| place.value(value)))
    }
}

/// The members of a path. A key in brackets may hold dots.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    let ends = move |letter: char| {
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == '.' && depth == 0
    };
    path.split(ends).filter(|segment| !segment.is_empty())
}

impl Place {
    fn of_shape(api: &'static Api, name: &str) -> Self {
        api.shape(name).map_or(Self::Data, |shape| Self::Shape(api, shape))
    }

    /// The manifest's spelling of a key here, and the place behind it.
    fn member(self, wire: &str) -> (String, Self) {
        match self {
            Self::Document(kind) => match kind.member(wire) {
                Some(member) => (kind.key_of(member), Self::of_shape(kind.api(), &member.shape)),
                None => (snake_case(wire), Self::Data),
            },
            Self::Shape(api, Shape { body: Body::Map { value, .. }, .. }) => {
                (wire.to_owned(), Self::of_shape(api, value))
            }
            Self::Shape(api, shape) => match shape.member(wire) {
                Some(member) => (snake_case(&member.name), Self::of_shape(api, &member.shape)),
                None => (wire.to_owned(), Self::Data),
            },
            Self::Data => (wire.to_owned(), Self::Data),
        }
    }

    fn element(self) -> Self {
        match self {
            Self::Shape(api, Shape { body: Body::List { element, .. }, .. }) => Self::of_shape(api, element),
            _ => Self::Data,
        }
    }

    fn value(self, value: &Value) -> Value {
        match value {
            Value::Object(members) => members
                .iter()
                .map(|(wire, member)| {
                    let (key, next) = self.member(wire);
                    (key, next.value(member))
                })
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Value::Array(items) => items.iter().map(|item| self.element().value(item)).collect(),
            other => other.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_and_values_are_shown_as_the_manifest_spells_them_and_data_as_it_is() {
        let gateway = Spelling::of("gateway");
        let authorizer = json!({"allowedClients": ["a"], "unheardOf": 1});
        assert_eq!(
            gateway.respell("authorizerConfiguration.customJWTAuthorizer", Some(&authorizer)),
            (
                "authorizer_configuration.custom_jwt_authorizer".to_owned(),
                Some(json!({"allowed_clients": ["a"], "unheardOf": 1}))
            )
        );
        assert_eq!(
            gateway.respell("interceptorConfigurations[0].inputConfiguration", None).0,
            "interceptor_configurations[0].input_configuration"
        );
        let claim = gateway.respell(
            "authorizerConfiguration.customJWTAuthorizer.customClaims[https://x.y/role].inboundTokenClaimValueType",
            None,
        );
        assert!(claim.0.ends_with(".custom_claims[https://x.y/role].inbound_token_claim_value_type"), "{}", claim.0);
        assert_eq!(
            Spelling::of("runtime").respell("environmentVariables", Some(&json!({"gatewayUrl": "x"}))).1,
            Some(json!({"gatewayUrl": "x"}))
        );
        assert_eq!(Spelling::of("user_pool_client").respell("ClientName", None).0, "name");
        assert_eq!(Spelling::of("nothing").respell("someThing.else", None).0, "someThing.else");
    }
}
