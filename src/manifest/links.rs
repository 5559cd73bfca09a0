//! References between resources: that they lead somewhere, and not in a circle; names that are taken twice.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::Loader;
use super::absent::absent_resource;
use super::document::Document;
use super::nearest::suggestion;
use crate::address::Address;
use crate::diagnostic::{Diagnostic, Span};
use crate::kind::{Names, POLICY};
use crate::reference::Target;
use crate::reference::{is_unknown, references};
use crate::stack::Resource;

/// A mention of a resource by name.
pub(super) struct Link {
    /// Who mentions it, if that is a resource or definition.
    pub(super) from: Option<Address>,
    pub(super) to: Address,
    pub(super) span: Span,
}

impl Loader {
    /// Looks at everything that takes all resources to see.
    pub(super) fn link(&mut self, document: &Document) {
        let resources = std::mem::take(&mut self.resources);
        let links = std::mem::take(&mut self.links);
        self.unknown_resources(document, &resources, &links);
        self.duplicates(&resources);
        self.adopted_twice(&resources);
        self.cycles(&resources, &links);
        self.resources = resources;
    }

    fn unknown_resources(&mut self, document: &Document, resources: &[Resource], links: &[Link]) {
        let known: HashSet<&Address> = resources.iter().map(|resource| &resource.address).collect();
        let mut reported = HashSet::new();
        for link in links {
            // A set that could not be read has policies that nobody knows.
            let of_a_set = link.to.kind == POLICY.name
                && link.to.name.split_once('/').is_some_and(|(set, _)| {
                    let prefix = format!("{set}/");
                    document.policy_sets.iter().any(|block| block.name == set)
                        && self.absence_of(&link.to).is_none()
                        && !known.iter().any(|address| address.kind == POLICY.name && address.name.starts_with(&prefix))
                });
            if known.contains(&link.to)
                || of_a_set
                || self.misspelt.contains(&link.to)
                || !reported.insert((&link.to, &link.span))
            {
                continue;
            }
            if let Some(absent) = self.absence_of(&link.to) {
                let mut problem = absent_resource(&link.to, link.span.clone(), absent);
                problem.address.clone_from(&link.from);
                self.report(problem);
                continue;
            }
            let mut problem = Diagnostic::error("manifest::unknown-resource", format!("there is no `{}`", link.to));
            let names: Vec<&str> = known
                .iter()
                .filter(|address| address.kind == link.to.kind)
                .map(|address| address.name.as_str())
                .collect();
            problem.help = suggestion(&link.to.name, names).or_else(|| Some(format!("declare it: `[{}]`", link.to)));
            problem.address.clone_from(&link.from);
            self.report(problem.at(link.span.clone(), ""));
        }
    }

    fn duplicates(&mut self, resources: &[Resource]) {
        let mut addresses: HashMap<&Address, &Resource> = HashMap::new();
        let mut names: HashMap<(&str, Option<&Address>, &str), &Resource> = HashMap::new();
        for resource in resources {
            if let Some(first) = addresses.insert(&resource.address, resource) {
                let problem =
                    Diagnostic::error("manifest::duplicate-address", format!("`{}` is given twice", resource.address));
                let problem = problem
                    .at(resource.span.clone(), "given again here")
                    .with(first.span.clone(), "first given here")
                    .help("rename one of the two");
                self.report(problem.about(&resource.address));
                continue;
            }
            let Some(name) = resource.live_name().filter(|name| !is_unknown(name)) else { continue };
            let scope = match resource.kind.names {
                Names::InAccount => None,
                Names::InParent => resource.parent.as_ref(),
                Names::NotUnique => continue,
            };
            if let Some(first) = names.insert((resource.kind.name, scope, name), resource) {
                let member = resource.kind.name_member;
                let problem = Diagnostic::error(
                    "manifest::duplicate-name",
                    format!("`{}` and `{}` are both called `{name}` in AWS", first.address, resource.address),
                );
                let problem = problem
                    .at(resource.span_of(member).clone(), "taken here")
                    .with(first.span_of(member).clone(), "first given here")
                    .help(format!("change `{}` of one of the two", resource.kind.name_key));
                self.report(problem.about(&resource.address));
            }
        }
    }

    fn adopted_twice(&mut self, resources: &[Resource]) {
        let mut adopted: HashMap<(&str, &str, Option<&Address>), &Resource> = HashMap::new();
        for resource in resources {
            let Some(id) = resource.adopt.as_deref() else { continue };
            if let Some(first) = adopted.insert((resource.kind.name, id, resource.parent.as_ref()), resource) {
                let message = format!("`{}` and `{}` both adopt `{id}`", first.address, resource.address);
                let problem = Diagnostic::error("manifest::adopt", message)
                    .at(resource.span.clone(), "adopted again here")
                    .with(first.span.clone(), "first adopted here")
                    .help("keep `adopt` on one of the two");
                self.report(problem.about(&resource.address));
            }
        }
    }

    /// Reports every circle of references, each resource in one circle only.
    fn cycles(&mut self, resources: &[Resource], links: &[Link]) {
        let index: HashMap<&Address, usize> =
            resources.iter().enumerate().map(|(index, resource)| (&resource.address, index)).collect();
        let needs: Vec<Vec<usize>> = resources
            .iter()
            .map(|resource| resource.needs().iter().filter_map(|address| index.get(address).copied()).collect())
            .collect();
        for circle in circles(&needs) {
            let circle: Vec<&Resource> = circle.iter().filter_map(|index| resources.get(*index)).collect();
            let Some(first) = circle.first() else { continue };
            let mut path: Vec<String> = circle.iter().map(|resource| format!("`{}`", resource.address)).collect();
            path.push(format!("`{}`", first.address));
            let message = match circle.len() {
                1 => format!("`{}` refers to itself", first.address),
                _ => format!("resources refer to each other in a circle: {}", path.join(" → ")),
            };
            let mut problem = Diagnostic::error("manifest::cycle", message).about(&first.address);
            for (resource, next) in circle.iter().zip(circle.iter().cycle().skip(1)) {
                let span = place(resource, &next.address, links);
                let text = format!("`{}` refers to `{}`", resource.address, next.address);
                problem = if problem.primary.is_none() { problem.at(span, text) } else { problem.with(span, text) };
            }
            self.report(problem.help("take one of the references out: each needs the other to exist first"));
        }
    }
}

/// Circles in a graph, none of which share a node.
fn circles(needs: &[Vec<usize>]) -> Vec<Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        Never,
        OnPath,
        Done,
    }
    let mut seen = vec![Seen::Never; needs.len()];
    let mut found = Vec::new();
    let mut in_circle = HashSet::new();
    for start in 0..needs.len() {
        // The path from the start, each node with how many of its needs were followed.
        let mut path: Vec<(usize, usize)> = vec![(start, 0)];
        if seen.get(start) != Some(&Seen::Never) {
            continue;
        }
        while let Some((node, followed)) = path.last_mut() {
            let node = *node;
            let next = needs.get(node).and_then(|needs| needs.get(*followed)).copied();
            *followed += 1;
            if let Some(state) = seen.get_mut(node) {
                *state = if next.is_some() { Seen::OnPath } else { Seen::Done };
            }
            let Some(next) = next else {
                path.pop();
                continue;
            };
            match seen.get(next) {
                Some(Seen::Never) => path.push((next, 0)),
                Some(Seen::OnPath) => {
                    let circle: Vec<usize> =
                        path.iter().map(|(node, _)| *node).skip_while(|node| *node != next).collect();
                    if circle.iter().all(|node| !in_circle.contains(node)) {
                        in_circle.extend(circle.iter().copied());
                        found.push(circle);
                    }
                }
                _ => {}
            }
        }
    }
    found
}

/// Where a resource mentions another.
fn place(resource: &Resource, to: &Address, links: &[Link]) -> Span {
    let link = links.iter().find(|link| link.to == *to && link.from.as_ref() == Some(&resource.address));
    if let Some(link) = link {
        return link.span.clone();
    }
    path_to(&resource.document, String::new(), to)
        .map_or_else(|| resource.span.clone(), |path| resource.span_of(&path).clone())
}

/// The path of the first reference to an address.
fn path_to(value: &Value, path: String, to: &Address) -> Option<String> {
    match value {
        Value::Object(members) => members.iter().find_map(|(key, member)| {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            path_to(member, path, to)
        }),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| path_to(item, format!("{path}[{index}]"), to))
        }
        _ => {
            let mentions = references(value).into_iter().any(|reference| match reference.target {
                Target::Output(address, _) => address == *to,
                _ => false,
            });
            mentions.then_some(path)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_found_once_each() {
        assert!(circles(&[vec![1, 2], vec![2], vec![]]).is_empty());
        assert_eq!(circles(&[vec![1], vec![2], vec![0], vec![3]]), [vec![0, 1, 2], vec![3]]);
        let long: Vec<Vec<usize>> = (0..100_000).map(|node| vec![(node + 1) % 100_000]).collect();
        assert_eq!(circles(&long)[0].len(), 100_000);
    }
}
