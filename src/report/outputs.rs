//! Outputs for people.

use std::fmt::Write;

use super::{BOLD, plain_line, styled};
use crate::engine::OutputValue;

/// What a person needs after an apply: where to connect, where to get a token, as whom.
const NEXT: [(&str, &str); 6] = [
    ("gateway", "url"),
    ("user_pool", "discovery_url"),
    ("user_pool_domain", "token_endpoint"),
    ("user_pool_client", "id"),
    ("runtime", "arn"),
    ("runtime", "url"),
];

/// All outputs, one a line.
pub fn outputs(values: &[OutputValue]) -> String {
    table(values.iter())
}

/// The outputs that are needed next, under a heading; nothing where there are none.
pub fn next_outputs(values: &[OutputValue]) -> String {
    let rank =
        |value: &OutputValue| NEXT.iter().position(|(kind, name)| value.address.kind == *kind && value.name == *name);
    let mut wanted: Vec<&OutputValue> =
        values.iter().filter(|value| rank(value).is_some() && !value.value.is_empty()).collect();
    wanted.sort_by_key(|value| rank(value));
    if wanted.is_empty() {
        return String::new();
    }
    format!("\n{}\n{}", styled(BOLD, "Outputs"), table(wanted.into_iter()))
}

fn table<'a>(values: impl Iterator<Item = &'a OutputValue> + Clone) -> String {
    let name = |value: &OutputValue| format!("{}.{}", value.address, value.name);
    let width = values.clone().map(|value| name(value).chars().count()).max().unwrap_or(0);
    values.fold(String::new(), |mut text, value| {
        _ = writeln!(text, "  {:width$}  {}", name(value), plain_line(&value.value));
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;

    #[test]
    fn after_an_apply_the_door_comes_first_and_what_is_not_needed_is_left_out() {
        let output = |kind: &str, name: &str, value: &str| OutputValue {
            address: Address::new(kind, "hr"),
            name: name.into(),
            value: value.into(),
        };
        let values = [
            output("user_pool_client", "id", "abc"),
            output("gateway", "id", "gw-1"),
            output("gateway", "url", "https://gw"),
            output("user_pool", "discovery_url", ""),
        ];
        let text = anstream::adapter::strip_str(&next_outputs(&values)).to_string();
        assert_eq!(text, "\nOutputs\n  gateway.hr.url          https://gw\n  user_pool_client.hr.id  abc\n");
        assert_eq!(next_outputs(&values[1..2]), "");
    }
}
