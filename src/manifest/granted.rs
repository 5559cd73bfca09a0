//! The Cedar text of a grant: one statement, or several where one would be longer than a policy may be.

use super::exact::{has_one_of, is_one_of, is_there};
use crate::address::Address;
use crate::reference::{self, Filter, Reference, Target};
use crate::stack::Claim;

/// A policy may have this many characters (service.md §14).
const LONGEST: usize = 10_000;

/// What a reference may become: longer than any ARN of a gateway.
const REFERENCE: usize = 200;

/// A condition of a grant.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    /// A claim has one of these values.
    HasOne(Claim, Vec<String>),
    /// A claim is one of these texts.
    IsOne(String, Vec<String>),
    /// A claim is there, or is not.
    There(String, bool),
    /// As the manifest writes it.
    When(String),
}

/// What a grant says, read.
pub(super) struct Grant {
    pub(super) principal: &'static str,
    /// The actions' ids, as Cedar literals hold them.
    pub(super) actions: Vec<(String, bool)>,
    pub(super) gateway: Address,
    pub(super) conditions: Vec<Condition>,
}

/// The statements of a grant: as few as fit, tools in their order. Nothing where not even one condition fits.
pub(super) fn split(grant: &Grant) -> Option<Vec<String>> {
    let text = statement(grant, &grant.actions, &grant.conditions);
    if length(&text) <= LONGEST {
        return Some(vec![text]);
    }
    let mut texts = Vec::new();
    let mut rest = grant.actions.as_slice();
    while !rest.is_empty() {
        // As many tools as fit, so that a new one at the end changes the last policy only.
        let fits = |count: &usize| {
            let actions = rest.get(..*count).unwrap_or_default();
            length(&statement(grant, actions, &grant.conditions)) <= LONGEST
        };
        let mut count = (1..=rest.len()).take_while(|count| fits(count)).last().unwrap_or(0);
        if count == 0 {
            // One tool with all values is too much already: each part of the values has policies of its own.
            let longest = grant
                .conditions
                .iter()
                .enumerate()
                .filter_map(|(index, condition)| Some((index, values(condition)?.len())));
            let (index, many) = longest.max_by_key(|(_, many)| *many).filter(|(_, many)| *many > 1)?;
            for range in [0..many / 2, many / 2..many] {
                let mut conditions = grant.conditions.clone();
                if let Some(condition) = conditions.get_mut(index) {
                    *condition = part(condition, range);
                }
                let actions = rest.to_vec();
                let half = Grant { principal: grant.principal, actions, gateway: grant.gateway.clone(), conditions };
                texts.extend(split(&half)?);
            }
            count = rest.len();
        } else {
            texts.push(statement(grant, rest.get(..count).unwrap_or_default(), &grant.conditions));
        }
        rest = rest.get(count..).unwrap_or_default();
    }
    Some(texts)
}

fn values(condition: &Condition) -> Option<&Vec<String>> {
    match condition {
        Condition::HasOne(_, values) | Condition::IsOne(_, values) => Some(values),
        Condition::There(..) | Condition::When(_) => None,
    }
}

fn part(condition: &Condition, range: std::ops::Range<usize>) -> Condition {
    let some = |values: &[String]| values.get(range.clone()).unwrap_or_default().to_vec();
    match condition {
        Condition::HasOne(claim, values) => Condition::HasOne(claim.clone(), some(values)),
        Condition::IsOne(claim, values) => Condition::IsOne(claim.clone(), some(values)),
        other => other.clone(),
    }
}

/// How long a statement is at most once its references are known.
fn length(text: &str) -> usize {
    reference::pieces(text).into_iter().map(|piece| piece.map_or(REFERENCE, |text| text.chars().count())).sum()
}

/// One statement.
fn statement(grant: &Grant, actions: &[(String, bool)], conditions: &[Condition]) -> String {
    let id = |(action, _): &(String, bool)| format!("AgentCore::Action::\"{action}\"");
    let action = match actions {
        [one] if one.1 => format!("action in {}", id(one)),
        [one] => format!("action == {}", id(one)),
        several => {
            let several: Vec<String> = several.iter().map(|one| format!("        {}", id(one))).collect();
            format!("action in [\n{}\n    ]", several.join(",\n"))
        }
    };
    let arn = Target::Output(grant.gateway.clone(), "arn".to_owned());
    let arn = Reference { target: arn, filter: Filter::Cedar }.mark();
    let mut text =
        format!("permit(\n    {},\n    {action},\n    resource == AgentCore::Gateway::\"{arn}\"\n)", grant.principal);
    for condition in conditions {
        let expression = match condition {
            Condition::HasOne(claim, values) => has_one_of(claim, values),
            Condition::IsOne(claim, values) => is_one_of(claim, values),
            Condition::There(claim, true) => is_there(claim),
            Condition::There(claim, false) => format!("!{}", is_there(claim)),
            Condition::When(text) => text.clone(),
        };
        text.push_str(" when {\n    ");
        text.push_str(&expression);
        text.push_str("\n}");
    }
    text + ";\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(tools: usize, clients: usize) -> Grant {
        Grant {
            principal: "principal is AgentCore::OAuthUser",
            actions: (0..tools).map(|index| (format!("target___a_tool_with_a_long_name_{index:04}"), false)).collect(),
            gateway: Address::new("gateway", "g"),
            conditions: vec![Condition::IsOne(
                "client_id".into(),
                (0..clients).map(|index| format!("client-{index:020}")).collect(),
            )],
        }
    }

    #[test]
    fn a_long_grant_splits_and_loses_nothing() {
        for (tools, clients) in [(1, 1), (400, 1), (1, 400), (300, 400)] {
            let texts = split(&grant(tools, clients)).unwrap();
            assert!(texts.iter().all(|text| length(text) <= LONGEST), "{tools} {clients}");
            assert_eq!(texts.len() == 1, tools + clients == 2);
            let mut pairs = std::collections::BTreeSet::new();
            for text in &texts {
                assert!(cedar_policy::Policy::parse(None, text).is_ok(), "{text}");
                for tool in (0..tools).filter(|index| text.contains(&format!("name_{index:04}\""))) {
                    pairs.extend(
                        (0..clients)
                            .filter(|index| text.contains(&format!("client-{index:020}")))
                            .map(|client| (tool, client)),
                    );
                }
            }
            assert_eq!(pairs.len(), tools * clients);
        }
        let mut long = grant(1, 1);
        long.conditions.push(Condition::When(format!("\"{}\" == \"\"", "x".repeat(LONGEST))));
        assert_eq!(split(&long), None);
    }
}
