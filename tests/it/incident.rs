//! An incident: somebody opens the account by hand. The plan says who can do what and ends with 5; `--close` takes back what only
//! narrows, whatever stands in the way of the rest.

use gatewright::engine::{self, Asked, Planned, Scope};
use gatewright::plan::Plan;
use serde_json::{Value, json};

use crate::command::Terminal;
use crate::hand::{add_policy, delete_policy, edit_client, edit_gateway, edit_policy, id, settle};
use crate::openings::passing;
use crate::running::{ENGINE, INTERCEPTED, JWT, NO_PUT, READ, WRITE, manifest, policy};
use crate::served::{Served, against};
use crate::world::{World, steps};

const OPEN: &str = "permit(principal, action, resource is AgentCore::Gateway);";

pub(crate) fn stack(rest: &str) -> String {
    let (get, put) = (policy("get", "permit", "get", READ), policy("put", "permit", "put", WRITE));
    manifest(&format!("{JWT}{ENGINE}{rest}"), &format!("{get}{put}{}", policy("no_put", "forbid", "put", NO_PUT)))
}

pub(crate) async fn running(text: &str) -> World {
    let world = World::new();
    world.apply(text).await;
    assert_eq!(world.plan(text).await.exposed, []);
    world
}

async fn closing(world: &World, text: &str) -> Planned {
    let asked = Asked { scope: Scope::Close, ..Asked::default() };
    engine::plan_asked(&world.aws().await, &world.stack(text), &asked).await.unwrap()
}

async fn close(world: &World, text: &str) -> Plan {
    let planned = closing(world, text).await;
    assert_eq!(planned.plan.risks, [], "closing takes no risk");
    let before = passing(&world.stand_in.observe());
    let outcome = world.carry_out(&planned).await;
    assert_eq!((&outcome.failed, &outcome.skipped), (&vec![], &vec![]));
    settle().await;
    let after = passing(&world.stand_in.observe());
    let passed = |who: &str, tool: &str| before.iter().any(|(persona, known, _)| persona == who && known == tool);
    let new: Vec<_> = after.iter().filter(|(who, tool, _)| !passed(who, tool) && !passed("anyone", tool)).collect();
    assert!(new.is_empty(), "closing lets nobody in: {new:?}");
    planned.plan
}

fn codes(plan: &Plan) -> Vec<String> {
    let mut codes: Vec<_> = plan.exposed.iter().map(|found| format!("{} {}", found.code, found.address)).collect();
    codes.dedup();
    codes
}

/// What somebody does to a gateway.
type Edit = fn(&mut serde_json::Map<String, Value>);

fn mode(body: &mut serde_json::Map<String, Value>, mode: &str) {
    body["policyEngineConfiguration"]["mode"] = json!(mode);
}

fn jwt(body: &mut serde_json::Map<String, Value>) -> &mut Value {
    &mut body["authorizerConfiguration"]["customJWTAuthorizer"]
}

#[tokio::test(start_paused = true)]
async fn what_is_flipped_detached_or_widened_by_hand_is_exposed_and_closed_again() {
    let text = stack(INTERCEPTED);
    let cases: [(&str, Edit, &str); 6] = [
        ("enforcement-weakened", |body| mode(body, "LOG_ONLY"), "reader"),
        ("engine-detached", |body| drop(body.remove("policyEngineConfiguration")), "reader"),
        (
            "authorizer-weakened",
            |body| jwt(body)["allowedClients"].as_array_mut().unwrap().push(json!("somebodysclient")),
            "client `somebodysclient`",
        ),
        (
            "authorizer-weakened",
            |body| {
                jwt(body).as_object_mut().unwrap().remove("allowedClients");
                jwt(body)["allowedScopes"] = json!(["api/read"]);
            },
            "callers that the authorizer of the manifest refuses",
        ),
        ("interceptor-removed", |body| drop(body.remove("interceptorConfigurations")), "every authenticated caller"),
        (
            "authorizer-weakened",
            |body| {
                body["authorizerType"] = json!("NONE");
                body.remove("authorizerConfiguration");
                mode(body, "LOG_ONLY");
            },
            "callers that the authorizer of the manifest refuses",
        ),
    ];
    for (code, edit, who) in cases {
        let world = running(&text).await;
        let open = passing(&world.stand_in.observe());
        edit_gateway(&world, "g", edit).await;
        let plan = world.plan(&text).await;
        let found = plan
            .exposed
            .iter()
            .find(|exposure| exposure.code == code && exposure.principal == who)
            .unwrap_or_else(|| panic!("{code}: {:#?}", plan.exposed));
        let by_text = who.starts_with("callers") || code == "interceptor-removed";
        let named = if by_text { found.tool.contains("`gateway.g`") } else { found.tool.starts_with("t/") };
        assert!(found.address == "gateway.g" && found.repaired && named, "{found:?}");
        assert_eq!(found.how == "tested", !by_text && !who.starts_with("client"), "{found:?}");
        assert!(found.since.as_ref().is_some_and(|since| since.changed.is_some()), "{found:?}");
        let plan = close(&world, &text).await;
        assert_eq!(plan.left_out, [], "{code}");
        assert!(!plan.stays_exposed(), "{code}: {:?}", plan.exposed);
        assert_eq!(passing(&world.stand_in.observe()), open, "{code}");
        assert_eq!(world.plan(&text).await.exposed, [], "{code}");
        world.apply(&text).await;
    }
}

#[tokio::test(start_paused = true)]
async fn policies_changed_by_hand_are_exposed_and_what_only_narrows_is_set_right() {
    let text = stack("");
    // A forbid that is gone, not counted, or stops less; a permit that lets more through.
    let weaker = |text: &str| json!({"definition": {"cedar": {"statement": text}}});
    for (name, change, code) in [
        ("no_put", None, "forbid-removed"),
        ("no_put", Some(json!({"enforcementMode": "LOG_ONLY"})), "enforcement-weakened"),
        ("get", Some(weaker(OPEN)), "access-widened"),
    ] {
        let world = running(&text).await;
        match change {
            None => delete_policy(&world, "e", name).await,
            Some(members) => edit_policy(&world, "e", name, members).await,
        }
        assert_eq!(codes(&world.plan(&text).await), [format!("{code} policy.{name}")]);
        let plan = close(&world, &text).await;
        assert!(!plan.stays_exposed(), "{name}: {:?}", plan.exposed);
        assert_eq!(steps(&world.plan(&text).await), Vec::<String>::new(), "{name}");
    }
    // A permit for another tool takes the old one away and gives another: to set it right gives back what was taken.
    let world = running(&text).await;
    let other = OPEN
        .replace("principal", "principal is AgentCore::OAuthUser")
        .replace("action,", "action in AgentCore::Action::\"t\",");
    let arn = world.stand_in.observe()["objects"]
        .as_array()
        .unwrap()
        .iter()
        .find(|of| of["kind"] == "gateway")
        .unwrap()["arn"]
        .as_str()
        .unwrap()
        .to_owned();
    let other = other.replace("resource is AgentCore::Gateway", &format!("resource == AgentCore::Gateway::\"{arn}\""));
    let other = other.replace(';', &format!(" when {{ {WRITE} }};"));
    edit_policy(&world, "e", "get", weaker(&other)).await;
    let plan = close(&world, &text).await;
    assert!(plan.stays_exposed());
    assert_eq!(plan.diagnostics.iter().map(|found| found.code.as_str()).collect::<Vec<_>>(), ["plan::close"]);
    assert!(plan.left_out[0].reason.as_ref().unwrap().contains("reader can now call t/get"), "{:?}", plan.left_out);
    world.apply(&text).await;
    assert_eq!(world.plan(&text).await.exposed, []);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_declared_is_exposed_where_it_lets_somebody_call_something() {
    let text = stack("");
    let world = running(&text).await;
    // A forbid restrains, a permit that is only logged does nothing, an engine without a gateway decides nothing.
    add_policy(&world, "e", "theirs", &OPEN.replace("permit", "forbid")).await;
    add_policy(&world, "e2", "elsewhere", OPEN).await;
    assert_eq!(world.plan(&text).await.exposed, []);
    delete_policy(&world, "e", "theirs").await;
    add_policy(&world, "e", "by_hand", OPEN).await;
    let plan = world.plan(&text).await;
    assert_eq!(codes(&plan), ["access-widened policy_engine.e"]);
    let reach: Vec<_> = plan.exposed.iter().map(|found| (found.principal.as_str(), found.tool.as_str())).collect();
    let (to_come, today): (Vec<_>, Vec<_>) = reach.into_iter().partition(|(_, tool)| tool.ends_with("**"));
    assert_eq!(today, [("anybody with a token", "t/get"), ("reader", "t/put")]);
    assert!(to_come.contains(&("reader", "t/**")) && to_come.contains(&("writer", "**")), "{to_come:?}");
    let found = &plan.exposed[0];
    assert!(found.since.as_ref().is_some_and(|since| since.created.is_some()), "{found:?}");
    assert!(!found.repaired && found.help.as_ref().unwrap().contains(&id(&world, "policy", "by_hand")), "{found:?}");
    let said = gatewright::report::plan(&plan, 120);
    assert!(said.contains("No changes by this plan: what is exposed stays open."), "{said}");

    // A target that the open permit takes in.
    let target = json!({"gatewayIdentifier": id(&world, "gateway", "g"), "name": "more",
        "credentialProviderConfigurations": [{"credentialProviderType": "GATEWAY_IAM_ROLE"}],
        "targetConfiguration": {"mcp": {"lambda": {"lambdaArn": "arn:aws:lambda:us-east-1:111122223333:function:f",
            "toolSchema": {"inlinePayload": [{"name": "x", "description": "X", "inputSchema": {"type": "object"}}]}}}}});
    world.call("CreateGatewayTarget", target).await;
    settle().await;
    let plan = world.plan(&text).await;
    let found = plan.exposed.iter().find(|exposure| exposure.address == "gateway.g").unwrap();
    assert_eq!(found.tool, "`more/*`");
    delete_policy(&world, "e", "by_hand").await;
    assert_eq!(world.plan(&text).await.exposed, [], "named permits do not take it in");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_nobody_declared_is_exposed_where_the_authorizer_takes_any() {
    let any = stack("").replace("user_pool_clients = [\"reader\", \"writer\"]\n", "allowed_scopes = [\"api/read\"]\n");
    for (text, exposed) in [(stack(""), vec![]), (any, vec!["t/get", "t/put"])] {
        let world = running(&text).await;
        let client = json!({"UserPoolId": id(&world, "user_pool", "p"), "ClientName": "theirs", "GenerateSecret": true,
            "AllowedOAuthFlowsUserPoolClient": true, "AllowedOAuthFlows": ["client_credentials"], "AllowedOAuthScopes": ["api/read"]});
        world.call("CreateUserPoolClient", client).await;
        let plan = world.plan(&text).await;
        let tools: Vec<&str> = plan.exposed.iter().map(|found| found.tool.as_str()).collect();
        assert_eq!(tools, exposed, "{:#?}", plan.exposed);
        // A listing does not show which scopes it may ask for: it may have any.
        assert!(plan.exposed.iter().all(|found| found.principal.contains("`theirs`")), "{:#?}", plan.exposed);
        assert!(
            plan.exposed.iter().all(|found| (found.after.as_str(), found.how.as_str()) == ("sometimes", "unknown"))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn scopes_that_a_client_got_by_hand_are_exposed_and_taken_back() {
    let world = running(&stack("")).await;
    edit_client(&world, "p", "reader", |body| {
        body.insert("AllowedOAuthScopes".into(), json!(["api/read", "api/write"]));
    })
    .await;
    assert_eq!(codes(&world.plan(&stack("")).await), ["access-widened user_pool_client.reader"]);
    close(&world, &stack("")).await;
    assert_eq!(steps(&world.plan(&stack("")).await), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn closing_takes_the_narrow_half_of_a_step_and_remembers_nothing_of_the_rest() {
    let text = stack("").replace("jwt_authorizer = \"both\"", "jwt_authorizer = \"only_reader\"");
    let world = running(&text).await;
    let writer = id(&world, "user_pool_client", "writer");
    edit_gateway(&world, "g", |body| jwt(body)["allowedClients"].as_array_mut().unwrap().push(json!(writer))).await;
    edit_gateway(&world, "g", |body| mode(body, "LOG_ONLY")).await;
    // The manifest meanwhile wants another description: that waits.
    let changed = text.replace("name = \"g\"", "name = \"g\"\ndescription = \"new\"");
    let plan = close(&world, &changed).await;
    assert_eq!(
        steps(&plan),
        [
            "update gateway.g: authorizerConfiguration.customJWTAuthorizer.allowedClients, policyEngineConfiguration.mode"
        ]
    );
    assert!(plan.steps[0].reason.as_ref().unwrap().contains("waits for an apply without --close"), "{:?}", plan.steps);
    let plan = world.plan(&changed).await;
    assert_eq!(steps(&plan), ["update gateway.g: description"]);
    assert_eq!(json!(plan.steps[0].origin), "change");
    // Where nobody would be left, closing would cut everybody off: it does not.
    world.apply(&text).await;
    edit_gateway(&world, "g", |body| jwt(body)["allowedClients"] = json!(["somebodysclient"])).await;
    let plan = close(&world, &text).await;
    assert_eq!((steps(&plan), plan.stays_exposed()), (vec![], true));
    assert!(plan.left_out[0].reason.as_ref().unwrap().contains("letting others in"), "{:?}", plan.left_out);
    // Without tokens policies deny what they permit with them: to ask for tokens again lets somebody in.
    edit_gateway(&world, "g", |body| {
        body["authorizerType"] = json!("NONE");
        body.remove("authorizerConfiguration");
    })
    .await;
    let plan = close(&world, &text).await;
    assert_eq!((steps(&plan), plan.stays_exposed()), (vec![], true));
}

#[tokio::test(start_paused = true)]
async fn closing_leaves_out_whatever_opens_makes_or_deletes() {
    let world = running(&stack("")).await;
    let wider = format!(
        "{}{}[user_pool_group.x]\nuser_pool = \"p\"\n",
        stack("")
            .replace("jwt_authorizer = \"both\"", "jwt_authorizer = \"only_reader\"")
            .replace("[policy.put]", "[policy.put_too]"),
        policy("no_get", "forbid", "get", NO_PUT)
    );
    let plan = close(&world, &wider).await;
    let left: Vec<&str> = plan.left_out.iter().map(|left| left.address.as_str()).collect();
    assert_eq!(left, ["policy.put_too", "user_pool_group.x"]);
    let taken = steps(&plan);
    assert_eq!(taken.len(), 3, "{taken:?}");
    assert!(
        taken.contains(&"create policy.no_get".to_owned()) && taken.contains(&"delete policy.e/put".to_owned()),
        "{taken:?}"
    );
    world.apply(&wider).await;
}

#[test]
fn the_whole_story_on_the_command_line() {
    let terminal = Terminal::in_example("three-roles");
    let served = Served::start(&terminal, &[]);
    let run = |arguments: &[&str]| against(&terminal, &served.url, arguments);
    assert_eq!(run(&["apply", "--yes"]).code, 0);

    // Somebody else has the name of a gateway that the manifest is about to want.
    let foreign = json!({"name": "taken", "authorizerType": "AWS_IAM", "roleArn": "arn:aws:iam::111122223333:role/x"});
    served.agentcore("POST", "/gateways/", &foreign);
    let path = terminal.folder.path().join("gatewright.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let more = "[gateway.more]\nname = \"taken\"\nauthorizer_type = \"AWS_IAM\"\nrole_arn = \"arn:aws:iam::${aws.account}:role/more\"\n";
    let secret = "[variables.key]\nsecret = true\n[api_key_credential_provider.k]\napi_key = \"${var.key}\"\n";
    std::fs::write(&path, format!("{text}\n{more}{secret}")).unwrap();
    assert_eq!(run(&["plan", "--detailed-exitcode"]).code, 4, "something is in the way, and nothing exposed");

    // In the console: enforcement off, and a permit for everybody and everything.
    let outputs: Value = serde_json::from_str(&run(&["outputs", "--format", "json"]).out).unwrap();
    let (gateway, engine) = (&outputs["gateway.records"]["id"], &outputs["policy_engine.records"]["id"]);
    let gateway = format!("/gateways/{}/", gateway.as_str().unwrap());
    let mut body = served.agentcore("GET", &gateway, &Value::Null);
    body["policyEngineConfiguration"]["mode"] = json!("LOG_ONLY");
    let members =
        ["name", "roleArn", "protocolType", "authorizerType", "authorizerConfiguration", "policyEngineConfiguration"];
    body.as_object_mut().unwrap().retain(|member, _| members.contains(&member.as_str()));
    served.agentcore("PUT", &gateway, &body);
    let policies = format!("/policy-engines/{}/policies", engine.as_str().unwrap());
    let open = json!({"name": "open_door", "definition": {"cedar": {"statement": OPEN}}, "validationMode": "IGNORE_ALL_FINDINGS"});
    served.agentcore("POST", &policies, &open);

    // Said first, in every form, with 5.
    for arguments in [&["plan"][..], &["plan", "--detailed-exitcode"], &["plan", "--out", "plan.json"]] {
        let plan = run(arguments);
        assert_eq!(plan.code, 5, "{}{}", plan.out, plan.err);
        assert!(plan.out.lines().nth(2).unwrap().starts_with("EXPOSED"), "{}", plan.out);
        assert!(
            plan.out.contains("every authenticated caller, every tool of `gateway.records`: now allowed"),
            "{}",
            plan.out
        );
        assert!(plan.out.contains("`open_door`"), "{}", plan.out);
    }
    let markdown = terminal.run(&["show", "plan.json", "--format", "markdown"]);
    assert!(markdown.out.starts_with("> [!CAUTION]\n> **EXPOSED"), "{}", markdown.out);
    let saved: Value = serde_json::from_str(&run(&["plan", "--format", "json"]).out).unwrap();
    let of = |address: &str| {
        let exposed = saved["exposed"].as_array().unwrap().iter();
        exposed
            .filter(|exposure| exposure["address"] == address)
            .map(|of| of["principal"].as_str().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("gateway.records").iter().filter(|who| **who == "read-only").count(), 4, "{:#}", saved["exposed"]);
    assert_eq!(of("gateway.records").iter().filter(|who| **who == "standard").count(), 2, "{:#}", saved["exposed"]);
    assert_eq!(of("policy_engine.records"), ["every authenticated caller"], "{:#}", saved["exposed"]);
    let schema: Value = serde_json::from_str(include_str!("../../plan.schema.json")).unwrap();
    assert!(jsonschema::is_valid(&schema, &saved));

    // Closed, although the other branch stays blocked. What nobody declared is left alone, and named with the way to be rid of it.
    let closed = run(&["apply", "--close", "--yes"]);
    assert_eq!(closed.code, 5, "{}{}", closed.out, closed.err);
    assert!(closed.err.contains("gateway.records: narrowed"), "{}", closed.err);
    for said in ["only what narrows access", "create gateway.more", "create api_key_credential_provider.k"] {
        assert!(closed.out.contains(said), "{said}: {}", closed.out);
    }
    assert!(closed.out.contains("delete_unknown_children = true"), "{}", closed.out);
    // With the manifest's word for it, closing takes it away as well.
    let engine = "[policy_engine.records]
";
    terminal.edit(
        "gatewright.toml",
        engine,
        &format!(
            "{engine}delete_unknown_children = true
"
        ),
    );
    let closed = run(&["apply", "--close", "--yes"]);
    assert_eq!(closed.code, 0, "{}{}", closed.out, closed.err);
    assert!(closed.err.contains("policy.records/open_door: deleted"), "{}", closed.err);
    let plan = run(&["plan", "--detailed-exitcode"]);
    assert_eq!(plan.code, 4, "no longer exposed: {}{}", plan.out, plan.err);
    assert!(!plan.out.contains("EXPOSED") && plan.out.contains("plan::foreign"), "{}", plan.out);
    let nothing = run(&["apply", "--close", "--yes"]);
    assert_eq!(nothing.code, 0, "{}{}", nothing.out, nothing.err);
}
