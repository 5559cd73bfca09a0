//! Policies as IAM writes them, and the list of grants that one is made of.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// Conditions: operator, key, values.
pub(super) type Conditions = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// A policy document of IAM.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    /// The version of the language, which is always this one.
    pub version: &'static str,
    /// Its statements.
    pub statement: Vec<Statement>,
}

/// A statement of a policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statement {
    /// What it is for; unique in its policy, letters and digits only.
    pub sid: String,
    /// `Allow` or `Deny`.
    pub effect: &'static str,
    /// Who, in a trust policy: the kind of principal and its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<BTreeMap<&'static str, String>>,
    /// `service:Action`, sorted.
    pub action: BTreeSet<String>,
    /// ARNs and patterns of ARNs, sorted; none in a trust policy.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub resource: BTreeSet<String>,
    /// What has to hold besides.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub condition: Conditions,
}

impl Policy {
    /// A policy of these statements.
    pub(super) fn of(statement: Vec<Statement>) -> Self {
        Self { version: "2012-10-17", statement }
    }

    /// How many characters it has as IAM counts them, without blanks.
    pub(super) fn size(&self) -> usize {
        serde_json::to_string(self).map_or(0, |text| text.chars().filter(|letter| !letter.is_whitespace()).count())
    }

    /// The same in as few policies as hold `limit` characters each, in order. A statement that is larger is divided by its resources,
    /// else by its actions.
    pub(super) fn parts(&self, limit: usize) -> Vec<Self> {
        let mut parts: Vec<Self> = Vec::new();
        let mut rest: Vec<Statement> = self.statement.iter().rev().cloned().collect();
        let fits = |statements: &[Statement]| Self::of(statements.to_vec()).size() <= limit;
        while let Some(statement) = rest.pop() {
            if let Some(last) = parts.last_mut() {
                last.statement.push(statement.clone());
                if fits(&last.statement) {
                    continue;
                }
                last.statement.pop();
            }
            match statement.halves().filter(|_| !fits(std::slice::from_ref(&statement))) {
                Some([first, second]) => rest.extend([second, first]),
                None => parts.push(Self::of(vec![statement])),
            }
        }
        parts
    }

    /// The policy that lets a service take a role, on behalf of one account and of these resources in it only.
    pub(super) fn trust(service: &str, account: &str, sources: Vec<String>) -> Self {
        let of_account = condition("StringEquals", "aws:SourceAccount", [account.to_owned()]);
        let of_sources = condition("ArnLike", "aws:SourceArn", sources);
        Self::of(vec![Statement {
            sid: "TakeThisRole".to_owned(),
            effect: "Allow",
            principal: Some(BTreeMap::from([("Service", service.to_owned())])),
            action: BTreeSet::from(["sts:AssumeRole".to_owned()]),
            resource: BTreeSet::new(),
            condition: of_account.into_iter().chain(of_sources).collect(),
        }])
    }
}

impl Statement {
    /// The statement in two that say the same together; nothing where it names one action on one resource.
    fn halves(&self) -> Option<[Self; 2]> {
        let halved = |all: &BTreeSet<String>| {
            let middle = all.iter().nth(all.len() / 2).filter(|_| all.len() > 1)?;
            let (first, second): (BTreeSet<String>, _) = all.iter().cloned().partition(|one| one < middle);
            Some([first, second])
        };
        let mut number = 0;
        let mut named = |statement: Self| {
            number += 1;
            Self { sid: format!("{}{}", self.sid, if number == 1 { "A" } else { "B" }), ..statement }
        };
        if let Some(halves) = halved(&self.resource) {
            return Some(halves.map(|resource| named(Self { resource, ..self.clone() })));
        }
        Some(halved(&self.action)?.map(|action| named(Self { action, ..self.clone() })))
    }
}

/// One condition.
pub(super) fn condition(operator: &str, key: &str, values: impl IntoIterator<Item = String>) -> Conditions {
    let values = BTreeMap::from([(key.to_owned(), values.into_iter().collect())]);
    BTreeMap::from([(operator.to_owned(), values)])
}

/// Grants, as they are found. Those of one purpose and one condition become one statement.
#[derive(Debug, Default)]
pub(super) struct Grants(Vec<Statement>);

impl Grants {
    /// Allows actions on resources. Whoever uses a purpose again names the same actions, or adds some to the same resources.
    pub(super) fn allow(
        &mut self,
        purpose: &str,
        actions: impl IntoIterator<Item = impl Into<String>>,
        resources: impl IntoIterator<Item = impl Into<String>>,
    ) {
        self.allow_if(purpose, actions, resources, Conditions::new());
    }

    /// The same under a condition.
    pub(super) fn allow_if(
        &mut self,
        purpose: &str,
        actions: impl IntoIterator<Item = impl Into<String>>,
        resources: impl IntoIterator<Item = impl Into<String>>,
        condition: Conditions,
    ) {
        let actions: BTreeSet<String> = actions.into_iter().map(Into::into).collect();
        let resources: BTreeSet<String> = resources.into_iter().map(Into::into).collect();
        if actions.is_empty() || resources.is_empty() {
            return;
        }
        // Statements differ in purpose or in condition; two of one purpose get a number.
        let with_number =
            |number: usize| format!("{purpose}{}", if number == 1 { String::new() } else { number.to_string() });
        let mut number = 1;
        loop {
            let sid = with_number(number);
            match self.0.iter_mut().find(|known| known.sid == sid) {
                Some(known) if known.condition == condition => {
                    known.action.extend(actions);
                    known.resource.extend(resources);
                    return;
                }
                Some(_) => number += 1,
                None => {
                    let statement = Statement {
                        sid,
                        effect: "Allow",
                        principal: None,
                        action: actions,
                        resource: resources,
                        condition,
                    };
                    self.0.push(statement);
                    return;
                }
            }
        }
    }

    /// The policy that grants them.
    pub(super) fn policy(self) -> Policy {
        Policy::of(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(policies: &[Policy]) -> BTreeSet<(String, String)> {
        let statements = policies.iter().flat_map(|policy| &policy.statement);
        let pairs = |one: &Statement| {
            let resources = one.resource.iter();
            resources.flat_map(|of| one.action.iter().map(|what| (what.clone(), of.clone()))).collect::<Vec<_>>()
        };
        statements.flat_map(pairs).collect()
    }

    #[test]
    fn parts_fit_and_grant_the_same_together() {
        let mut all = Grants::default();
        for index in 0..40 {
            let resources: Vec<String> = (0..index * 7).map(|number| format!("arn:aws:x:::{index}/{number}")).collect();
            all.allow(&format!("Number{index}"), ["x:Do", "x:Undo"], resources);
        }
        let whole = all.policy();
        for limit in [600, 6_144] {
            let parts = whole.parts(limit);
            assert!(parts.len() > 1 && parts.iter().all(|part| part.size() <= limit), "{limit}");
            assert_eq!(grants(&parts), grants(std::slice::from_ref(&whole)), "{limit}");
            for part in &parts {
                let sids: BTreeSet<&str> = part.statement.iter().map(|one| one.sid.as_str()).collect();
                assert_eq!(sids.len(), part.statement.len(), "every name once");
            }
        }
        assert_eq!(whole.parts(usize::MAX), [whole]);
    }

    #[test]
    fn blanks_do_not_count_and_what_cannot_be_divided_stays() {
        let mut one = Grants::default();
        one.allow("One", ["x:Do"], ["a"]);
        let policy = one.policy();
        let spread = serde_json::to_string_pretty(&policy).unwrap_or_default();
        assert_eq!(policy.size(), spread.split_whitespace().map(str::len).sum::<usize>());
        assert_eq!(policy.parts(1), [policy]);
    }
}
