//! Claims that nobody knows offline: what a resource binding or a function of the pool puts into a client's token.

use crate::command::Terminal;

const AUDIENCE: &str = "user_pool = \"records\"\nallowed_audience = [\"tools\"]\n";

/// The three roles behind an authorizer that asks for an audience.
fn audience(more: &str) -> Terminal {
    let terminal = Terminal::in_example("three-roles");
    terminal.edit(
        "gatewright.toml",
        "[jwt_authorizer.roles]\nuser_pool = \"records\"\n",
        &format!("[jwt_authorizer.roles]\n{AUDIENCE}{more}"),
    );
    terminal
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn clients_that_ask_for_a_resource_binding_get_in() {
    let said = words(&audience("resource_binding = true\n").run(&["access"]).out);
    assert!(said.contains("6 of 6 4 of 6 2 of 6") && said.contains("`aud` is an allowed audience"), "{said}");
}

#[test]
fn a_function_of_the_pool_may_add_what_is_asked_for() {
    let terminal = audience("");
    terminal.edit(
        "gatewright.toml",
        "[user_pool.records]\n",
        "[user_pool.records]\nlambda_config.pre_token_generation_config = { lambda_version = \"V3_0\", \
         lambda_arn = \"arn:aws:lambda:us-east-1:111122223333:function:t\" }\n",
    );
    let said = words(&terminal.run(&["access"]).out);
    assert!(said.contains("6 of 6 4 of 6 2 of 6"), "{said}");
    assert!(said.contains("a function of its pool may add claims and scopes to tokens"), "{said}");
}
