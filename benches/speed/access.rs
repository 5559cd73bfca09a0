//! Who can call what: checking a stack with all its analysis, and the matrix as callers, tools and policies become more.

use std::fmt::Write;
use std::path::Path;

use gatewright::access::{Access, Cell, matrix};

use crate::{Result, line, median, milliseconds, stacks};

/// HR, and a gateway with many callers, tools and policies; half of each is a quarter of the cells.
pub(crate) fn table() -> Result<()> {
    println!("\n{:<44} {:>10} {:>10}", "access, median", "is", "aim");
    let hr = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/hr-data-agent");
    stacks::load(&hr, Some("dev"))?;
    let checked = median(20, || drop(stacks::load(&hr, Some("dev"))));
    line("check of HR, with analysis", &milliseconds(checked), "50 ms");
    for (personas, tools, policies, aim) in [(50, 100, 50, "0.25 s"), (100, 200, 100, "1 s")] {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("gatewright.toml"), manifest(personas, tools, policies))?;
        let stack = stacks::load(folder.path(), None)?;
        let seen = matrix(&Access::of(&stack));
        let cells = || seen.sheets.iter().flat_map(|sheet| &sheet.rows).flat_map(|row| &row.cells);
        // What cannot be evaluated would be fast.
        let open = cells().filter(|cell| **cell == Cell::Always).count();
        if cells().count() != personas * tools || open != personas * tools / policies {
            return Err(format!("{open} of {} cells are open", cells().count()).into());
        }
        let took = median(5, || drop(matrix(&Access::of(&stack))));
        let what = format!("matrix, {personas} personas x {tools} tools x {policies} policies");
        line(&what, &milliseconds(took), aim);
    }
    Ok(())
}

/// A gateway whose tools are shared out among policies, one for each group of callers: every policy is about some tools, and every
/// persona is in one group.
fn manifest(personas: usize, tools: usize, policies: usize) -> String {
    let mut text = include_str!("access.toml").to_owned();
    for persona in 0..personas {
        _ = writeln!(text, "[persona.p{persona}]\ngroups = [\"g{}\"]", persona % policies);
    }
    for tool in 0..tools {
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
    for policy in 0..policies {
        let actions: Vec<String> = (0..tools)
            .filter(|tool| tool % policies == policy)
            .map(|tool| format!("AgentCore::Action::\"t{}___tool{tool}\"", tool / 20))
            .collect();
        _ = writeln!(
            text,
            "[policy.p{policy}]\npolicy_engine = \"all\"\ndefinition.cedar.statement = '''\n\
             permit(principal is AgentCore::OAuthUser, action in [{}], resource == AgentCore::Gateway::\"${{gateway.all.arn}}\")\n\
             when {{ principal.hasTag(\"cognito:groups\") && principal.getTag(\"cognito:groups\") like \"*\\\"g{policy}\\\"*\" }};\n'''",
            actions.join(", ")
        );
    }
    text
}
