//! Kinds by name, and by the operations that read them.

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::StrDeserializer;

use super::Kind;

impl Kind {
    /// The kind with this name; what there is, if there is none.
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        let name: StrDeserializer<'_, serde::de::value::Error> = name.into_deserializer();
        Self::deserialize(name).map_err(|error| error.to_string())
    }

    /// The kind that an operation reads one object of, or lists.
    pub(crate) fn read_by(operation: &str) -> Option<Self> {
        let noun = ["Get", "Describe", "List"].iter().find_map(|verb| operation.strip_prefix(verb))?;
        let noun = noun.strip_suffix("Summaries").or_else(|| noun.strip_suffix("Summary")).unwrap_or(noun);
        let noun = noun.strip_prefix("Agent").filter(|rest| rest.starts_with("Runtime")).unwrap_or(noun);
        let mut name = String::new();
        for letter in singular(noun).chars() {
            if letter.is_ascii_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(letter.to_ascii_lowercase());
        }
        Self::named(&name).ok()
    }
}

fn singular(noun: &str) -> String {
    match (noun.strip_suffix("ies"), noun.strip_suffix("sses")) {
        (Some(stem), _) => format!("{stem}y"),
        (None, Some(stem)) => format!("{stem}ss"),
        (None, None) if noun.ends_with("ss") => noun.to_owned(),
        (None, None) => noun.strip_suffix('s').unwrap_or(noun).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_listings_are_of_a_kind_and_nothing_else_is() {
        for (kind, operations) in [
            (Kind::Gateway, ["GetGateway", "ListGateways"]),
            (Kind::Policy, ["GetPolicySummary", "ListPolicySummaries"]),
            (Kind::Runtime, ["GetAgentRuntime", "ListAgentRuntimes"]),
            (Kind::RuntimeEndpoint, ["GetAgentRuntimeEndpoint", "ListAgentRuntimeEndpoints"]),
            (Kind::Oauth2CredentialProvider, ["GetOauth2CredentialProvider", "ListOauth2CredentialProviders"]),
            (Kind::Memory, ["GetMemory", "ListMemories"]),
            (Kind::Harness, ["GetHarness", "ListHarnesses"]),
            (Kind::UserPoolClient, ["DescribeUserPoolClient", "ListUserPoolClients"]),
        ] {
            for operation in operations {
                assert_eq!(Kind::read_by(operation), Some(kind), "{operation}");
            }
        }
        for operation in ["CreateGateway", "ListAgentRuntimeVersions", "ListTagsForResource", "GetCallerIdentity"] {
            assert_eq!(Kind::read_by(operation), None, "{operation}");
        }
    }
}
