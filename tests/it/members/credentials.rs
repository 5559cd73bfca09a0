//! Secrets of providers and what the service made itself: what is sent, what is shown, and what is left alone.

use serde_json::{Value, json};

use super::identity::{API_KEY, ENDPOINT, OAUTH2, PROVIDER, WORKLOAD};
use super::{Subject, object, objects, read, settle};
use crate::world::{World, steps};

const SECRET: &str = "correct-horse-battery-staple";

/// A subject with a secret in its manifest, and with another member changed.
struct Holder {
    subject: &'static Subject,
    lines: String,
    change: (&'static str, &'static str),
    path: &'static str,
}

fn holders() -> Vec<Holder> {
    let stack = [
        Holder {
            subject: &API_KEY,
            lines: format!("api_key_secret_source = \"MANAGED\"\napi_key = \"{SECRET}\""),
            change: ("name = \"k\"", "name = \"k\"\ntags = { a = \"1\" }"),
            path: "update api_key_credential_provider.k: tags.a",
        },
        Holder {
            subject: &OAUTH2,
            lines: format!(
                "credential_provider_vendor = \"GithubOauth2\"\noauth2_provider_config_input.github_oauth2_provider_config = {{ client_id = \"c\", client_secret = \"{SECRET}\" }}"
            ),
            change: ("client_id = \"c\"", "client_id = \"d\""),
            path: "update oauth2_credential_provider.o: oauth2ProviderConfigInput.githubOauth2ProviderConfig.clientId",
        },
        Holder {
            subject: &PROVIDER,
            lines: format!(
                "provider_type = \"Google\"\nprovider_details = {{ client_id = \"c\", client_secret = \"{SECRET}\", authorize_scopes = \"openid\" }}"
            ),
            change: ("client_id = \"c\"", "client_id = \"d\""),
            path: "update identity_provider.Okta: ProviderDetails.client_id",
        },
    ];
    stack.into()
}

impl Holder {
    fn manifest(&self) -> String {
        let mut manifest = self.subject.manifest(&format!("{}\nname = \"{}\"", self.lines, self.subject.name), "");
        if self.subject.kind.name == "api_key_credential_provider" {
            manifest = manifest
                .lines()
                .filter(|line| !line.starts_with("api_key_secret_config"))
                .fold(String::new(), |text, line| text + line + "\n");
        }
        manifest
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_sent_and_shown_in_no_plan_tag_or_event() {
    for holder in holders() {
        let world = World::new();
        let mut written = Vec::new();
        let manifest = holder.manifest();
        let planned = world.plan_stack(&world.stack(&manifest)).await;
        written.push(serde_json::to_string(&planned.plan).unwrap());
        assert!(written[0].contains("(sensitive)") || written[0].contains("\"sensitive\":true"), "{}", written[0]);
        world.apply(&manifest).await;
        written.push(format!("{:?}", world.events()));
        let changed = manifest.replace(holder.change.0, holder.change.1);
        let plan = world.plan(&changed).await;
        assert_eq!(steps(&plan), [holder.path]);
        written.push(serde_json::to_string(&plan).unwrap());
        world.apply(&changed).await;
        written.push(format!("{:?}", world.events()));
        written.push(serde_json::to_string(&world.stand_in.observe()["objects"]).unwrap());
        for text in &written {
            assert!(!text.contains(SECRET), "{text}");
        }
        world.destroy_stack(&world.stack(&changed)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_secret_is_no_part_of_what_is_remembered() {
    for holder in holders() {
        let world = World::new();
        let manifest = holder.manifest();
        world.apply(&manifest).await;
        let other = manifest.replace(SECRET, "another-secret-entirely");
        let plan = world.plan(&other).await;
        let expected: &[&str] = match holder.subject.kind.name {
            // Cognito shows the secret of a provider, so a difference is seen: and only that there is one.
            "identity_provider" => &["update identity_provider.Okta: ProviderDetails.client_secret"],
            _ => &[],
        };
        assert_eq!(steps(&plan), expected);
        assert!(
            plan.steps
                .iter()
                .flat_map(|step| &step.changes)
                .all(|change| change.sensitive && change.before.is_none() && change.after.is_none())
        );
        assert!(plan.steps.iter().all(|step| json!(step.origin) == "drift"), "the same digest");
        world.destroy_stack(&world.stack(&manifest)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_moves_from_the_vault_to_secrets_manager_and_back() {
    let world = World::new();
    let vault = holders().remove(0).manifest();
    let external = API_KEY.manifest("", "");
    world.apply(&vault).await;
    assert_eq!(read(&world, &API_KEY).await["apiKeySecretSource"], "MANAGED");
    let there = "update api_key_credential_provider.k: apiKeySecretConfig, apiKeySecretSource";
    assert_eq!(steps(&world.apply(&external).await), [there]);
    let live = read(&world, &API_KEY).await;
    assert_eq!(live["apiKeySecretConfig"]["secretId"], live["apiKeySecretArn"]["secretArn"]);
    assert_eq!(steps(&world.apply(&vault).await), [there]);
    world.destroy_stack(&world.stack(&vault)).await;
}

#[tokio::test(start_paused = true)]
async fn another_vendor_and_another_type_make_a_new_provider() {
    for (holder, before, path) in [
        (&holders()[1], OAUTH2.manifest("", ""), "credentialProviderVendor, oauth2ProviderConfigInput"),
        (&holders()[2], PROVIDER.manifest("", ""), "ProviderType"),
    ] {
        let world = World::new();
        world.apply(&before).await;
        let after = holder.manifest();
        let plan = world.plan(&after).await;
        let step = &plan.steps[0];
        assert!(steps(&plan)[0].starts_with(&format!("replace {}: {path}", holder.subject.address())), "{step:#?}");
        assert!(!serde_json::to_string(&plan).unwrap().contains(SECRET));
        world.apply(&after).await;
        world.destroy_stack(&world.stack(&after)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_stays_at_its_version_until_it_is_moved() {
    let world = World::new();
    let first = ENDPOINT.manifest("agent_runtime_version = \"1\"", "");
    world.apply(&first).await;
    let second = first.replace("[runtime.r]", "[runtime.r]\ndescription = \"second\"");
    assert_eq!(steps(&world.apply(&second).await), ["update runtime.r: description"]);
    assert_eq!(read(&world, &ENDPOINT).await["liveVersion"], "1");
    let moved = second.replace("agent_runtime_version = \"1\"", "agent_runtime_version = \"2\"");
    assert_eq!(steps(&world.apply(&moved).await), ["update runtime_endpoint.stable: agentRuntimeVersion"]);
    settle().await;
    assert_eq!(read(&world, &ENDPOINT).await["liveVersion"], "2");
    // Left out, it stays where it is; a reference follows the runtime.
    let unsaid = moved.replace("agent_runtime_version = \"2\"", "");
    assert_eq!(steps(&world.plan(&unsaid).await), Vec::<String>::new());
    let follows = moved
        .replace("\"second\"", "\"third\"")
        .replace("agent_runtime_version = \"2\"", "agent_runtime_version = \"${runtime.r.version}\"");
    let plan = world.apply(&follows).await;
    assert_eq!(steps(&plan), ["update runtime.r: description", "update runtime_endpoint.stable: agentRuntimeVersion"]);
    settle().await;
    assert_eq!(read(&world, &ENDPOINT).await["liveVersion"], "3");
    world.destroy_stack(&world.stack(&follows)).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_service_made_is_no_finding_and_stays() {
    let world = World::new();
    for name in ["tools-0123456789", "agent"] {
        world.call("CreateWorkloadIdentity", json!({"name": name})).await;
    }
    let manifest = ENDPOINT.manifest("", "[workload_identity.own]\n");
    let plan = world.apply(&manifest).await;
    assert_eq!(plan.unexpected, [], "the endpoint DEFAULT is the service's");
    assert_eq!(objects(&world, &WORKLOAD).len(), 3);
    world.destroy_stack(&world.stack(&manifest)).await;
    let left: Vec<Value> = objects(&world, &WORKLOAD).into_iter().map(|left| left["id"].clone()).collect();
    assert_eq!(left, ["tools-0123456789", "agent"]);

    let wanted = WORKLOAD.manifest("", "");
    let planned = world.plan_stack(&world.stack(&wanted)).await;
    assert_eq!(planned.plan.diagnostics[0].code, "plan::foreign");
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_carries_the_tags_of_its_stack() {
    let world = World::new();
    let manifest = ENDPOINT
        .manifest("tags = { a = \"1\" }", "")
        .replace("region = \"us-east-1\"", "region = \"us-east-1\"\ntags = { team = \"people\" }");
    world.apply(&manifest).await;
    assert_eq!(object(&world, &ENDPOINT)["tags"], json!({"a": "1", "team": "people"}));
    world.destroy_stack(&world.stack(&manifest)).await;
}
