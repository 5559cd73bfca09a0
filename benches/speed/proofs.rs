//! Changes of access, proved by cvc5: one policy of HR, and many tools of which some change.

use std::fmt::Write;
use std::path::Path;

use gatewright::access::Access;
use gatewright::access::change::{How, compare};
use gatewright::access::prove::Solver;
use gatewright::stack::Stack;

use crate::{Result, line, median, milliseconds, stacks};

const TOOLS: usize = 200;

pub(crate) fn table() -> Result<()> {
    println!("\n{:<44} {:>10} {:>10}", "changes of access with proofs, median", "is", "aim");
    let Some(solver) = Solver::find() else {
        println!("cvc5 is not installed, and `CVC5` names none: nothing is proved");
        return Ok(());
    };
    let hr = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/hr-data-agent");
    let before = stacks::load(&hr, Some("dev"))?;
    let mut after = stacks::load(&hr, Some("dev"))?;
    narrow_one(&mut after)?;
    let took = compared(&before, &after, &solver, 5)?;
    line("one changed policy of HR", &milliseconds(took), "500 ms");
    for (what, changed) in [("200 tools, 20 policies change", 20), ("200 tools, 1 policy changes for 20", 1)] {
        let took = compared(&many(changed, false)?, &many(changed, true)?, &solver, 3)?;
        line(what, &milliseconds(took), "20 s");
    }
    Ok(())
}

/// How long a comparison takes in which everything that differs is proved.
fn compared(before: &Stack, after: &Stack, solver: &Solver, runs: usize) -> Result<std::time::Duration> {
    let (before, after) = (Access::of(before), Access::of(after));
    let found = compare(&before, &after, Some(solver));
    // What is not asked would be fast.
    if found.changes.is_empty() || found.changes.iter().any(|change| change.how != How::Proved) {
        return Err(format!("not everything was proved: {:?}", found.trouble).into());
    }
    Ok(median(runs, || drop(compare(&before, &after, Some(solver)))))
}

/// One more condition for a permit.
fn narrow_one(stack: &mut Stack) -> Result<()> {
    let statements = stack.resources.iter_mut().filter(|resource| resource.address.kind == "policy");
    let mut statements = statements.filter_map(|policy| policy.document.pointer_mut("/definition/cedar/statement"));
    let statement = statements.next().ok_or("HR has no policy")?;
    let text = statement.as_str().unwrap_or_default().trim_end().trim_end_matches(';');
    *statement = format!("{text} when {{ !(principal.hasTag(\"suspended\")) }};").into();
    Ok(())
}

/// A gateway with a policy for every tool but twenty, which this many policies share; these let others in as well where they are changed.
fn many(policies: usize, changed: bool) -> Result<Stack> {
    let mut text = include_str!("access.toml").to_owned();
    for tool in 0..TOOLS {
        let target = tool / 20;
        if tool % 20 == 0 {
            _ = writeln!(
                text,
                "[gateway_target.t{target}]\ngateway = \"all\"\n\
                 credential_provider_configurations = [{{ credential_provider_type = \"GATEWAY_IAM_ROLE\" }}]\n\
                 target_configuration.mcp.lambda.lambda_arn = \"arn:aws:lambda:us-east-1:111122223333:function:bench\""
            );
        }
        _ = writeln!(
            text,
            "[[gateway_target.t{target}.target_configuration.mcp.lambda.tool_schema.inline_payload]]\n\
             name = \"tool{tool}\"\ndescription = \"Does something\"\n\
             input_schema = {{ type = \"object\", properties = {{ id = {{ type = \"string\" }} }} }}"
        );
    }
    let action = |tool: usize| format!("AgentCore::Action::\"t{}___tool{tool}\"", tool / 20);
    let mut permit = |number: usize, tools: Vec<String>, scopes: &[&str]| {
        let scope = scopes.iter().map(|scope| {
            let scope = format!("api/{scope}{number}");
            let tag = "principal.getTag(\"scope\")";
            format!("{tag} == \"{scope}\" || {tag} like \"{scope} *\" || {tag} like \"* {scope}\" || {tag} like \"* {scope} *\"")
        });
        let scope = scope.collect::<Vec<_>>().join(" || ");
        _ = writeln!(
            text,
            "[policy.p{number}]\npolicy_engine = \"all\"\ndefinition.cedar.statement = '''\n\
             permit(principal is AgentCore::OAuthUser, action in [{}], resource == AgentCore::Gateway::\"${{gateway.all.arn}}\")\n\
             when {{ principal.hasTag(\"scope\") && ({scope}) }};\n'''",
            tools.join(", ")
        );
    };
    for policy in 0..policies {
        let tools = (0..20).filter(|tool| tool % policies == policy).map(action).collect();
        permit(policy, tools, if changed { &["read", "write"] } else { &["read"] });
    }
    for tool in 20..TOOLS {
        permit(tool, vec![action(tool)], &["read"]);
    }
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("gatewright.toml"), text)?;
    stacks::load(folder.path(), None)
}
