//! Arguments of tools in policies: forbids that an argument can get around, and decimals.

use serde_json::Value;

use crate::access::moot::{Court, Fails};
use crate::access::solving::Solving;
use crate::check::cedar::expression::{argument, conditions, operator, parts};
use crate::check::cedar::{Engine, Statement};
use crate::diagnostic::Diagnostic;

/// Comparisons of decimals.
const OF_DECIMALS: [&str; 4] = ["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"];

pub(super) fn check(engine: &Engine<'_>, statement: &Statement<'_>, found: &mut Vec<Diagnostic>) {
    if !statement.is_permit() {
        optional(engine, statement, found);
    }
    decimals(statement, found);
}

fn all<'a>(statement: &'a Statement<'_>) -> impl Iterator<Item = &'a Value> {
    conditions(&statement.form).flat_map(|(_, body)| parts(body))
}

/// A forbid whose evaluation fails is skipped, and the call goes through. Whether it can fail is tried, and proved where there is a
/// solver; where neither is possible, arithmetic is enough.
pub(super) fn can_error(
    statement: &Statement<'_>,
    court: Option<&Court<'_>>,
    solving: &mut Solving<'_>,
    found: &mut Vec<Diagnostic>,
) {
    let computed = all(statement).find_map(|part| {
        let (sign, operands) = operator(part).filter(|(name, _)| matches!(*name, "+" | "-" | "*" | "neg"))?;
        let argument = parts(operands.get("left").or_else(|| operands.get("arg"))?)
            .into_iter()
            .chain(operands.get("right").into_iter().flat_map(parts))
            .find_map(argument)?;
        Some((if sign == "neg" { "-" } else { sign }, argument))
    });
    let Some((sign, argument)) = computed.filter(|_| !statement.is_permit()) else { return };
    let fails = court.map(|court| court.fails(statement.text.address(), &argument, solving));
    let with = match fails {
        Some(Fails::Never | Fails::Unknown) => return,
        Some(Fails::With(number)) => number,
        None => None,
    };
    let which = with.map_or_else(|| "a large enough".to_owned(), |number| format!("{number} as"));
    found.push(
        statement
            .text
            .warning(
                "lint::forbid-can-error",
                format!("{which} `{argument}` makes `{sign}` fail, and then this forbid does not count"),
            )
            .at(statement.text.span_of(&format!("context.input.{argument}")), "fails beyond 64 bits")
            .help("compare the argument itself, and put the arithmetic into the limit"),
    );
}

/// A forbid that applies only if an argument is there: whoever leaves it out is not stopped.
fn optional(engine: &Engine<'_>, statement: &Statement<'_>, found: &mut Vec<Diagnostic>) {
    let mut asked: Option<(String, String)> = None;
    for (when, body) in conditions(&statement.form) {
        // Whether a part that holds makes the forbid apply.
        let mut open = vec![(body, when)];
        while let Some((part, helps)) = open.pop() {
            let Some((name, operands)) = operator(part) else { continue };
            match name {
                "!" => open.extend(operands.get("arg").map(|arg| (arg, !helps))),
                "&&" | "||" => {
                    open.extend(
                        ["right", "left"].iter().filter_map(|side| operands.get(side)).map(|side| (side, helps)),
                    );
                }
                "has" if helps => {
                    let of = operands
                        .get("left")
                        .map(|left| serde_json::json!({".": {"left": left, "attr": operands.get("attr")}}));
                    if let Some(argument) = of.as_ref().and_then(argument) {
                        let attribute = operands.get("attr").and_then(Value::as_str).unwrap_or_default().to_owned();
                        asked.get_or_insert((argument, attribute));
                    }
                }
                _ => {}
            }
        }
    }
    let Some((argument, attribute)) = asked.filter(|(argument, _)| may_be_absent(engine, statement, argument)) else {
        return;
    };
    let refused = if statement.fails_on_findings() {
        ", and under `FAIL_ON_ANY_FINDINGS` the service refuses the policy as overly restrictive"
    } else {
        ""
    };
    found.push(
        statement
            .text
            .warning(
                "lint::forbid-on-optional-input",
                format!("a call without `{argument}` is not stopped by this forbid{refused}"),
            )
            .at(statement.text.span_of(&format!("has {attribute}")), "optional")
            .help(format!("make `{argument}` required in the tool's schema, or say in the permit what must be there")),
    );
}

/// A tool that the policy is about has the argument and does not require it, or may have: of a part of an argument nobody asks.
fn may_be_absent(engine: &Engine<'_>, statement: &Statement<'_>, argument: &str) -> bool {
    let about = engine.guarded.targets.iter().flat_map(|target| {
        target
            .actions()
            .filter(|action| statement.covers(target.name, &action.id()))
            .map(|action| action.tool.input_schema)
    });
    let mut with =
        about.filter(|schema| schema.get("properties").is_some_and(|known| known.get(argument).is_some())).peekable();
    with.peek().is_none()
        || with.any(|schema| {
            let mut required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
            !required.any(|name| name == argument)
        })
}

/// A decimal has four digits behind the point, and a whole number in a call is refused for it.
fn decimals(statement: &Statement<'_>, found: &mut Vec<Diagnostic>) {
    let compared = all(statement).find_map(|part| {
        let (_, Value::Array(operands)) = operator(part).filter(|(name, _)| OF_DECIMALS.contains(name))? else {
            return None;
        };
        operands.iter().find_map(argument)
    });
    if let Some(argument) = compared {
        found.push(
            statement
                .text
                .note("lint::number-limit", format!("`{argument}` is a `number`: it is cut after four digits before it is compared"))
                .at(statement.text.span_of(&format!("context.input.{argument}")), "a decimal")
                .help("limits are safest on an `integer`, such as an amount in cents; calls with `100` instead of `100.0` were seen refused"),
        );
    }
}
