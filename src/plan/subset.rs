//! Whether a plan stays within a reviewed one: what remains after a run that died half-way is a part of what was reviewed;
//! anything else was added, is gone otherwise, or changed in between.

use super::{Action, MemberChange, Plan, Risk, Step};
use crate::kind::LOCK_CLIENT;

/// What a plan has beyond a reviewed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beyond {
    /// The address; empty if it is about the plan as a whole.
    pub address: String,
    /// What is different, for a person.
    pub what: String,
}

/// Everything in which `now` goes beyond `reviewed`; nothing if what remains is a subset of what was reviewed.
pub fn beyond(reviewed: &Plan, now: &Plan) -> Vec<Beyond> {
    let mut found = Vec::new();
    let mut whole = |what: &str, was: &str, is: &str| {
        if was != is {
            found.push(Beyond { address: String::new(), what: format!("the {what} was {was}, now it is {is}") });
        }
    };
    whole("format", &reviewed.format_version.to_string(), &now.format_version.to_string());
    whole("stack", &reviewed.stack, &now.stack);
    whole("environment", &reviewed.env, &now.env);
    whole("account", &reviewed.account, &now.account);
    whole("region", &reviewed.region, &now.region);
    if !found.is_empty() {
        return found;
    }
    for step in &now.steps {
        match reviewed.steps.iter().find(|known| known.address == step.address) {
            None => found.push(Beyond { address: step.address.clone(), what: format!("added: {}", verb(step.action)) }),
            Some(known) => found.extend(beyond_step(known, step)),
        }
    }
    for risk in now.open_risks() {
        let about = |risk: &Risk| (risk.code.clone(), risk.address.clone(), risk.persona.clone(), risk.tool.clone());
        if !reviewed.risks.iter().any(|known| about(known) == about(risk)) {
            found.push(Beyond { address: risk.address.clone(), what: format!("a new risk: {}", risk.code) });
        }
    }
    found
}

fn beyond_step(known: &Step, step: &Step) -> Vec<Beyond> {
    let beyond = |what: String| Beyond { address: step.address.clone(), what };
    let follows = match (known.action, step.action) {
        (was, is) if was == is => true,
        // Created and not finished; deleted and not made again; made again and not finished.
        (Action::Create | Action::Replace, Action::Update) | (Action::Replace, Action::Create) => true,
        _ => false,
    };
    if !follows {
        return vec![beyond(format!("changed: it was to {}, now to {}", verb(known.action), verb(step.action)))];
    }
    if step.action == Action::Delete {
        return Vec::new();
    }
    if known.wanted != step.wanted {
        return vec![beyond("changed: the manifest wants something else of it".to_owned())];
    }
    // What was to be created is not there in full: whatever is left of it was reviewed.
    if matches!(known.action, Action::Create | Action::Replace) {
        return Vec::new();
    }
    step.changes
        .iter()
        .filter(|change| !covered(known, change))
        .map(|change| beyond(format!("changed: {}", change.path)))
        .collect()
}

/// The reviewed step changes the same member from the same value. A lock that this tool put in place is no change.
fn covered(known: &Step, change: &MemberChange) -> bool {
    let locked = change.before.as_ref().is_some_and(|before| before.to_string().contains(LOCK_CLIENT));
    let reviewed = known.changes.iter().find(|known| known.path == change.path);
    locked || reviewed.is_some_and(|known| known.sensitive || known.before == change.before)
}

fn verb(action: Action) -> &'static str {
    match action {
        Action::NoOp => "keep",
        Action::Create => "create",
        Action::Update => "update",
        Action::Replace => "replace",
        Action::Delete => "delete",
        Action::Move => "move",
        Action::Adopt => "adopt",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::{FORMAT_VERSION, Origin, Summary};

    fn plan(steps: Vec<Step>) -> Plan {
        Plan {
            format_version: FORMAT_VERSION,
            stack: "s".into(),
            env: "default".into(),
            region: "us-east-1".into(),
            account: "111122223333".into(),
            endpoint: None,
            hash: String::new(),
            summary: Summary::default(),
            steps,
            access: Vec::new(),
            exposed: Vec::new(),
            risks: Vec::new(),
            unexpected: Vec::new(),
            unsaid: Vec::new(),
            diagnostics: Vec::new(),
            notes: Vec::new(),
            extent: crate::plan::Extent::All,
            left_out: Vec::new(),
        }
    }

    fn step(address: &str, action: Action, before: &str) -> Step {
        let change = MemberChange {
            path: "description".into(),
            before: Some(json!(before)),
            after: Some(json!("after")),
            after_unknown: false,
            sensitive: false,
            forces_replacement: false,
        };
        Step {
            address: address.into(),
            kind: "gateway".into(),
            action,
            id: None,
            reason: None,
            origin: Origin::Change,
            changes: vec![change],
            blocked: None,
            wanted: Some("digest".into()),
        }
    }

    fn said(reviewed: &Plan, now: &Plan) -> Vec<String> {
        beyond(reviewed, now).into_iter().map(|beyond| format!("{} {}", beyond.address, beyond.what)).collect()
    }

    #[test]
    fn what_remains_of_a_reviewed_plan_is_within_it() {
        let reviewed = plan(vec![
            step("gateway.a", Action::Create, ""),
            step("gateway.b", Action::Update, "x"),
            step("gateway.c", Action::Replace, ""),
        ]);
        assert_eq!(said(&reviewed, &reviewed), Vec::<String>::new());
        let rest = plan(vec![step("gateway.a", Action::Update, "half"), step("gateway.c", Action::Create, "")]);
        assert_eq!(said(&reviewed, &rest), Vec::<String>::new());
    }

    #[test]
    fn what_was_added_or_changed_in_between_is_named() {
        let reviewed = plan(vec![step("gateway.a", Action::Update, "x"), step("gateway.b", Action::Create, "")]);
        let mut other_wish = step("gateway.b", Action::Create, "");
        other_wish.wanted = Some("another".into());
        let mut now = plan(vec![
            step("gateway.a", Action::Update, "somebody was here"),
            other_wish,
            step("gateway.z", Action::Delete, ""),
        ]);
        now.risks.push(Risk {
            code: "data-loss".into(),
            address: "user_pool.p".into(),
            message: String::new(),
            accepted: false,
            decision: None,
            persona: None,
            tool: None,
        });
        let expected = [
            "gateway.a changed: description",
            "gateway.b changed: the manifest wants something else of it",
            "gateway.z added: delete",
            "user_pool.p a new risk: data-loss",
        ];
        assert_eq!(said(&reviewed, &now), expected);
        let replaced = plan(vec![step("gateway.a", Action::Replace, "x")]);
        assert_eq!(said(&reviewed, &replaced), ["gateway.a changed: it was to update, now to replace"]);
    }

    #[test]
    fn another_account_or_stack_is_another_plan() {
        let reviewed = plan(vec![]);
        let mut now = plan(vec![]);
        now.account = "999999999999".into();
        assert_eq!(said(&reviewed, &now), [" the account was 111122223333, now it is 999999999999"]);
    }
}
