//! Rates: how many calls a second AWS documents for each family of operations, for one account and region (service.md §14).

/// A family of operations that share a rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// Its name: AWS's where AWS has one, else the operation's.
    pub name: String,
    /// Calls a second.
    pub per_second: u32,
    /// Each operation takes [`PER_POOL`] calls a second for each user pool besides.
    pub per_pool: bool,
}

/// The calls a second that Cognito takes of one operation for one user pool.
pub const PER_POOL: u32 = 5;

/// The control plane's rates; operations without a documented one are not limited.
pub fn agentcore(operation: &str) -> Option<Family> {
    let (verb, what) = split(operation);
    let reads = matches!(verb, "Get" | "List");
    let own = |per_second| Some((operation, per_second));
    let (name, per_second) = match what.trim_end_matches('s') {
        "AgentRuntime" | "AgentRuntimeEndpoint" | "AgentRuntimeVersion" => match verb {
            "Get" => Some(("reads of runtimes", 150)),
            "List" => Some(("listings of runtimes", 25)),
            _ => Some(("changes of runtimes", 50)),
        },
        "Gateway" | "GatewayTarget" => own(if reads { 10 } else { 5 }),
        "PolicyEngine" => own(if reads { 5 } else { 1 }),
        "Policy" | "Policie" | "Registry" | "Registrie" | "RegistryRecord" => own(5),
        "PolicyGeneration" if verb == "Start" => own(1),
        "Memory" | "Memorie" => own(match verb {
            "Get" => 50,
            "List" => 5,
            _ => 3,
        }),
        "Browser" | "CodeInterpreter" => own(if reads { 30 } else { 5 }),
        "ConfigurationBundle" => own(if reads { 60 } else { 3 }),
        "WorkloadIdentity"
        | "WorkloadIdentitie"
        | "Oauth2CredentialProvider"
        | "ApiKeyCredentialProvider"
        | "PaymentManager"
        | "PaymentConnector"
        | "PaymentCredentialProvider" => own(20),
        _ => None,
    }?;
    Some(Family { name: name.to_owned(), per_second, per_pool: false })
}

/// Cognito's categories; operations that are in none of the documented ones are not limited.
pub fn cognito(operation: &str) -> Option<Family> {
    let (verb, what) = split(operation);
    let reads = matches!(verb, "Get" | "List" | "Describe");
    let (name, per_second, per_pool) = match (what.trim_end_matches('s'), reads) {
        ("UserPool", true) => ("UserPoolRead", 15, false),
        ("UserPool", false) => ("UserPoolUpdate", 15, false),
        ("UserPoolClient", true) => ("UserPoolClientRead", 15, true),
        ("UserPoolClient", false) => ("UserPoolClientUpdate", 15, true),
        (resource, reads) => match resource {
            "ResourceServer" | "Group" | "IdentityProvider" | "UserPoolDomain" | "UserPoolMfaConfig" | "Resource"
            | "TagsForResource" => {
                if reads {
                    ("UserPoolResourceRead", 20, true)
                } else {
                    ("UserPoolResourceUpdate", 15, true)
                }
            }
            _ => return None,
        },
    };
    Some(Family { name: name.to_owned(), per_second, per_pool })
}

/// An operation's verb and what it is about.
fn split(operation: &str) -> (&str, &str) {
    let verb_ends = operation.char_indices().skip(1).find(|(_, letter)| letter.is_ascii_uppercase());
    operation.split_at(verb_ends.map_or(operation.len(), |(at, _)| at))
}
