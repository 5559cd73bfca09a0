//! What a destroy leaves behind: what was kept from it, what is not ours, and what the service made and does not take away.

use serde_json::Value;

use crate::observe::Live;
use crate::plan::{Action, Planned};
use crate::progress::Outcome;

/// Something that is still there, or may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// What, by a name that the console finds.
    pub what: String,
    /// Why it is there.
    pub why: String,
}

/// Everything that is left after a destroy was carried out, as far as it can be known.
pub fn left(planned: &Planned, outcome: &Outcome) -> Vec<Left> {
    let mut found = Vec::new();
    for item in planned.work.items.iter().filter(|item| item.action == Action::Delete) {
        let Some(live) = &item.live else { continue };
        let address = item.address.to_string();
        if outcome.done.contains(&address) {
            found.extend(left_by_service(live));
        } else {
            let failed = outcome.failed.iter().find(|(failed, _)| *failed == address).map(|(_, why)| why);
            let skipped = outcome.skipped.iter().find(|(skipped, _)| *skipped == address);
            let why = match (&item.blocked, failed, skipped) {
                (Some(blocked), ..) => blocked.clone(),
                (None, Some(_), _) => "its deletion failed".to_owned(),
                (None, None, Some((_, because))) => format!("it waits for `{because}`"),
                (None, None, None) => "the run ended before".to_owned(),
            };
            found.push(Left { what: format!("`{address}` ({})", live.ids.id), why });
        }
    }
    for child in &planned.plan.unexpected {
        let what = format!("{} `{}` ({}) in `{}`", child.kind, child.name, child.id, child.parent);
        found.push(Left { what, why: "this stack did not make it".to_owned() });
    }
    found
}

/// What the service made for an object that is gone now.
fn left_by_service(live: &Live) -> Vec<Left> {
    let mut found = Vec::new();
    let text = |pointer: &str| live.document.pointer(pointer).and_then(Value::as_str);
    if live.kind.name == "runtime" {
        // service.md §16: a runtime logs below this name.
        let what = format!("log groups `/aws/bedrock-agentcore/runtimes/{}-*`", live.ids.id);
        found.push(Left { what, why: "the service does not delete the logs of a runtime".to_owned() });
    }
    // service.md §1.12 and §2: the service makes one for each gateway and runtime.
    if let Some(identity) = text("/workloadIdentityDetails/workloadIdentityArn") {
        let why = format!("the service made it for `{}`, and may keep it", live.name);
        found.push(Left {
            what: format!("workload identity `{}`", identity.rsplit('/').next().unwrap_or(identity)),
            why,
        });
    }
    // service.md §9: the secrets of credential providers.
    for (arn, source) in
        [("/clientSecretArn/secretArn", "/clientSecretSource"), ("/apiKeySecretArn/secretArn", "/apiKeySecretSource")]
    {
        let Some(secret) = text(arn) else { continue };
        let why = if text(source) == Some("EXTERNAL") {
            "it is yours: the provider only read it".to_owned()
        } else {
            "the service keeps a deleted secret until its recovery window is over".to_owned()
        };
        found.push(Left { what: format!("secret `{secret}`"), why });
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kind::{GATEWAY, Ids, Kind, RUNTIME};
    use crate::ownership::Tags;

    fn names(kind: &'static Kind, document: Value) -> Vec<String> {
        let ids = Ids { parent: String::new(), id: "hr-1x".to_owned() };
        let (name, tags) = ("hr".to_owned(), Tags::new());
        let live = Live { kind, ids, name, parent: None, document, tags, applied: None, protected: false, claim: None };
        left_by_service(&live).into_iter().map(|left| format!("{}: {}", left.what, left.why)).collect()
    }

    #[test]
    fn what_the_service_made_is_named_by_what_the_object_was() {
        let identity = json!({"workloadIdentityDetails": {"workloadIdentityArn": "arn:aws:x:workload-identity/hr-9"}});
        let of_gateway = names(&GATEWAY, identity.clone());
        assert_eq!(of_gateway, ["workload identity `hr-9`: the service made it for `hr`, and may keep it"]);
        let of_runtime = names(&RUNTIME, identity);
        assert!(of_runtime[0].starts_with("log groups `/aws/bedrock-agentcore/runtimes/hr-1x-*`"), "{of_runtime:?}");
        assert_eq!(of_runtime.len(), 2);
        assert_eq!(names(&GATEWAY, json!({})), Vec::<String>::new());
    }

    #[test]
    fn the_secret_of_a_provider_is_the_service_s_or_yours() {
        let managed = names(&GATEWAY, json!({"apiKeySecretArn": {"secretArn": "arn:s"}}));
        assert!(managed[0].contains("`arn:s`: the service keeps"), "{managed:?}");
        let external = json!({"clientSecretArn": {"secretArn": "arn:s"}, "clientSecretSource": "EXTERNAL"});
        assert!(names(&GATEWAY, external)[0].contains("it is yours"));
    }
}
