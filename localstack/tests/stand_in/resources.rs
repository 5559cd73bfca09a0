//! What the kinds of the table do that the table does not say.

use super::sample::{Drive, Extent};
use super::*;

/// A stand-in with one of each of some kinds.
async fn with_kinds(kinds: &[&str]) -> Drive {
    let mut drive = Drive::new(stand_in());
    for kind in kinds {
        let operation = format!("Create{kind}");
        let input = drive.input(&operation, Extent::Required);
        drive.call(&operation, &input).await;
    }
    assert!(drive.problems.is_empty(), "{:?}", drive.problems);
    drive
}

fn known(drive: &Drive, member: &str) -> String {
    drive.known[member].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn strategies_of_a_memory_are_shown_in_another_form_and_changed_by_commands() {
    let local = stand_in();
    let prompt = json!({"appendToPrompt": "Be brief", "modelId": "m"});
    let created = ok(&local, "CreateMemory", json!({
        "name": "notes", "eventExpiryDuration": 30,
        "memoryStrategies": [
            {"semanticMemoryStrategy": {"name": "facts"}},
            {"summaryMemoryStrategy": {"name": "sums", "namespaces": ["/own/"]}},
            {"customMemoryStrategy": {"name": "own", "configuration": {"semanticOverride": {"extraction": prompt}}}},
            {"customMemoryStrategy": {"name": "self", "configuration": {"selfManagedConfiguration": {
                "historicalContextWindowSize": 9,
                "invocationConfiguration": {"topicArn": "arn:aws:sns:us-east-1:111122223333:t", "payloadDeliveryBucketName": "bucket"},
            }}}},
        ],
    })).await;
    let id = at(&created, "/memory/id");
    assert_eq!(at(&created, "/memory/strategies/0/status"), "CREATING");
    let busy = json!({"memoryId": id, "description": "d"});
    refused_with(&local, "UpdateMemory", busy, "ConflictException", "CREATING").await;
    settle().await;
    let memory = ok(&local, "GetMemory", json!({"memoryId": id})).await;
    let strategies = &memory["memory"]["strategies"];
    assert_eq!(
        (at(&memory, "/memory/status"), at(&memory, "/memory/strategies/0/status")),
        ("ACTIVE".into(), "ACTIVE".into())
    );
    assert_eq!(strategies[0]["namespaces"], json!(["/strategies/{memoryStrategyId}/actors/{actorId}/"]));
    assert_eq!(
        (&strategies[1]["type"], &strategies[1]["namespaceTemplates"]),
        (&json!("SUMMARIZATION"), &json!(["/own/"]))
    );
    assert_eq!(
        strategies[2]["configuration"],
        json!({
            "type": "SEMANTIC_OVERRIDE",
            "extraction": {"customExtractionConfiguration": {"semanticExtractionOverride": prompt}},
        })
    );
    assert_eq!(strategies[3]["configuration"]["selfManagedConfiguration"]["historicalContextWindowSize"], 9);
    let strategy = |place: usize| strategies[place]["strategyId"].clone();
    let update = json!({"memoryId": id, "addIndexedKeys": [{"key": "k", "type": "STRING"}], "memoryStrategies": {
        "addMemoryStrategies": [{"userPreferenceMemoryStrategy": {"name": "likes"}}],
        "modifyMemoryStrategies": [{"memoryStrategyId": strategy(1), "description": "words",
            "recordExpirySpecification": {"recordExpiryDurationDays": 40}}],
        "deleteMemoryStrategies": [{"memoryStrategyId": strategy(0)}],
    }});
    let updating = ok(&local, "UpdateMemory", update).await;
    assert_eq!(at(&updating, "/memory/strategies/0/status"), "DELETING");
    settle().await;
    let memory = ok(&local, "GetMemory", json!({"memoryId": id})).await;
    let names: Vec<&Value> =
        memory["memory"]["strategies"].as_array().unwrap().iter().map(|strategy| &strategy["name"]).collect();
    assert_eq!(names, ["sums", "own", "self", "likes"]);
    assert_eq!(memory["memory"]["strategies"][0]["recordExpiryDurationDays"], 40);
    assert_eq!(memory["memory"]["indexedKeys"], json!([{"key": "k", "type": "STRING"}]));
    let unknown =
        json!({"memoryId": id, "memoryStrategies": {"deleteMemoryStrategies": [{"memoryStrategyId": strategy(0)}]}});
    refused_with(&local, "UpdateMemory", unknown, "ResourceNotFoundException", "strategy").await;
    let taken = json!({"memoryId": id, "memoryStrategies": {"addMemoryStrategies": [{"semanticMemoryStrategy": {"name": "own"}}]}});
    refused_with(&local, "UpdateMemory", taken, "ConflictException", "own").await;
}

#[tokio::test(start_paused = true)]
async fn an_update_of_a_harness_is_a_new_version_that_endpoints_choose() {
    let mut drive = with_kinds(&["Harness", "HarnessEndpoint"]).await;
    let id = known(&drive, "harnessId");
    let updated = drive.call("UpdateHarness", json!({"harnessId": id, "maxTokens": 9}).as_object().unwrap()).await;
    assert_eq!(at(&updated, "/harness/harnessVersion"), "2");
    let local = &drive.local;
    let first = ok(local, "GetHarness", json!({"harnessId": id, "harnessVersion": "1"})).await;
    assert_eq!((at(&first, "/harness/harnessVersion"), first["harness"].get("maxTokens")), ("1".into(), None));
    assert_eq!(
        ok(local, "ListHarnessVersions", json!({"harnessId": id})).await["harnessVersions"].as_array().unwrap().len(),
        2
    );
    let aim = json!({"harnessId": id, "endpointName": "Name1", "targetVersion": "2"});
    let aiming = ok(local, "UpdateHarnessEndpoint", aim).await;
    assert_eq!(
        (at(&aiming, "/endpoint/liveVersion"), at(&aiming, "/endpoint/targetVersion")),
        ("1".into(), "2".into())
    );
    settle().await;
    let endpoint = ok(local, "GetHarnessEndpoint", json!({"harnessId": id, "endpointName": "Name1"})).await;
    assert_eq!(at(&endpoint, "/endpoint/liveVersion"), "2");
    let beyond = json!({"harnessId": id, "endpointName": "Name1", "targetVersion": "3"});
    refused_with(local, "UpdateHarnessEndpoint", beyond, "ResourceNotFoundException", "version 3").await;
    refused_with(local, "DeleteHarness", json!({"harnessId": id}), "ConflictException", "Name1").await;
}

#[tokio::test(start_paused = true)]
async fn a_bundle_refuses_an_update_that_has_not_seen_the_latest_version() {
    let local = stand_in();
    let components = json!({"c": {"configuration": {"a": 1}}});
    let created = ok(&local, "CreateConfigurationBundle", json!({"bundleName": "b", "components": components})).await;
    let (id, first) = (at(&created, "/bundleId"), at(&created, "/versionId"));
    let update =
        |parent: &str| json!({"bundleId": id, "parentVersionIds": [parent], "commitMessage": "m", "description": "d"});
    let second = at(&ok(&local, "UpdateConfigurationBundle", update(&first)).await, "/versionId");
    refused_with(&local, "UpdateConfigurationBundle", update(&first), "ConflictException", &second).await;
    let branch = with(update(&first), json!({"branchName": "try", "components": {"d": {"configuration": {}}}}));
    ok(&local, "UpdateConfigurationBundle", branch).await;
    let main = ok(&local, "GetConfigurationBundle", json!({"bundleId": id, "branchName": "mainline"})).await;
    assert_eq!((at(&main, "/versionId"), &main["components"]), (second.clone(), &components));
    let old = ok(&local, "GetConfigurationBundleVersion", json!({"bundleId": id, "versionId": first})).await;
    assert_eq!(old["components"], components);
    let latest = json!({"bundleId": id, "filter": {"latestPerBranch": true}});
    assert_eq!(ok(&local, "ListConfigurationBundleVersions", latest).await["versions"].as_array().unwrap().len(), 2);
    let main = json!({"bundleId": id, "filter": {"branchName": "mainline"}});
    assert_eq!(ok(&local, "ListConfigurationBundleVersions", main).await["versions"].as_array().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn versions_of_a_dataset_keep_the_examples_that_the_draft_had() {
    let local = stand_in();
    let source = json!({"inlineExamples": {"examples": [{"turns": []}, {"input": "x"}]}});
    let created = ok(&local, "CreateDataset", json!({"datasetName": "d", "source": source})).await;
    let id = at(&created, "/datasetId");
    let version = json!({"datasetId": id});
    refused_with(&local, "CreateDatasetVersion", version.clone(), "ConflictException", "CREATING").await;
    settle().await;
    assert_eq!(at(&ok(&local, "CreateDatasetVersion", version).await, "/datasetVersion"), "1");
    settle().await;
    let added = ok(&local, "AddDatasetExamples", json!({"datasetId": id, "source": source})).await;
    assert_eq!((added["addedCount"].clone(), at(&added, "/status")), (json!(2), "UPDATING".into()));
    settle().await;
    let draft = ok(&local, "GetDataset", json!({"datasetId": id})).await;
    assert_eq!(
        (draft["exampleCount"].clone(), at(&draft, "/draftStatus"), at(&draft, "/datasetVersion")),
        (json!(4), "MODIFIED".into(), "DRAFT".into())
    );
    assert_eq!(draft["exampleCountByField"], json!({"turns": 2, "input": 2, "actorProfile": 0}));
    let first = ok(&local, "GetDataset", json!({"datasetId": id, "datasetVersion": "1"})).await;
    assert_eq!(first["exampleCount"], 2);
    let filter = json!({"datasetId": id, "filter": {"exampleFields": [{"anyOf": ["TURNS"]}]}});
    let turns = ok(&local, "ListDatasetExamples", filter).await;
    assert_eq!(turns["examples"].as_array().unwrap().len(), 2);
    let example = turns["examples"][0]["exampleId"].clone();
    let gone = json!({"datasetId": id, "exampleIds": [example]});
    assert_eq!(ok(&local, "DeleteDatasetExamples", gone.clone()).await["deletedCount"], 1);
    settle().await;
    refused_with(&local, "DeleteDatasetExamples", gone, "ResourceNotFoundException", "Example").await;
    assert_eq!(
        ok(&local, "ListDatasetVersions", json!({"datasetId": id})).await["versions"].as_array().unwrap().len(),
        2
    );
    ok(&local, "DeleteDataset", json!({"datasetId": id, "datasetVersion": "1"})).await;
    settle().await;
    assert_eq!(
        ok(&local, "ListDatasetVersions", json!({"datasetId": id})).await["versions"].as_array().unwrap().len(),
        1
    );
    ok(&local, "GetDataset", json!({"datasetId": id})).await;
}

#[tokio::test(start_paused = true)]
async fn a_record_goes_from_draft_to_approved_and_a_change_makes_it_a_draft_again() {
    let drive = with_kinds(&["Registry", "RegistryRecord"]).await;
    let (local, ids) =
        (&drive.local, json!({"registryId": drive.known["registryId"], "recordId": drive.known["recordId"]}));
    let decide = |status: &str| with(ids.clone(), json!({"status": status, "statusReason": "fine"}));
    refused_with(local, "UpdateRegistryRecordStatus", decide("APPROVED"), "ConflictException", "DRAFT").await;
    assert_eq!(at(&ok(local, "SubmitRegistryRecordForApproval", ids.clone()).await, "/status"), "PENDING_APPROVAL");
    ok(local, "UpdateRegistryRecordStatus", decide("APPROVED")).await;
    let record = ok(local, "GetRegistryRecord", ids.clone()).await;
    assert_eq!((at(&record, "/status"), at(&record, "/statusReason")), ("APPROVED".into(), "fine".into()));
    let server =
        json!({"optionalValue": {"mcp": {"optionalValue": {"server": {"optionalValue": {"inlineContent": "{}"}}}}}});
    ok(local, "UpdateRegistryRecord", with(ids.clone(), json!({"descriptors": server}))).await;
    settle().await;
    let record = ok(local, "GetRegistryRecord", ids.clone()).await;
    assert_eq!(
        (at(&record, "/status"), &record["descriptors"]),
        ("DRAFT".into(), &json!({"mcp": {"server": {"inlineContent": "{}"}}}))
    );
    let tools = json!({"optionalValue": {"mcp": {"optionalValue": {"tools": {"optionalValue": {"inlineContent": "[]"}}, "server": {}}}}});
    ok(local, "UpdateRegistryRecord", with(ids.clone(), json!({"descriptors": tools}))).await;
    settle().await;
    let record = ok(local, "GetRegistryRecord", ids.clone()).await;
    assert_eq!(record["descriptors"], json!({"mcp": {"tools": {"inlineContent": "[]"}}}));
    // Both can be named by their ARNs, and neither can be tagged.
    let arns = json!({"registryId": record["registryArn"], "recordId": record["recordArn"]});
    assert_eq!(ok(local, "GetRegistryRecord", arns.clone()).await, record);
    let other = with(arns, json!({"registryId": at(&record, "/registryArn").replace("111122223333", "999999999999")}));
    refused_with(local, "GetRegistryRecord", other, "ResourceNotFoundException", "999999999999").await;
    let tags = json!({"resourceArn": record["registryArn"]});
    refused_with(local, "ListTagsForResource", tags, "ResourceNotFoundException", "registry/").await;
    let registry = json!({"registryId": ids["registryId"]});
    refused_with(local, "DeleteRegistry", registry.clone(), "ConflictException", "still has").await;
    let automatic = with(registry, json!({"approvalConfiguration": {"optionalValue": {"autoApproval": true}}}));
    ok(local, "UpdateRegistry", automatic).await;
    assert_eq!(at(&ok(local, "SubmitRegistryRecordForApproval", ids).await, "/status"), "APPROVED");
}

#[tokio::test(start_paused = true)]
async fn secrets_of_payment_providers_are_never_shown() {
    let drive = with_kinds(&["PaymentCredentialProvider", "PaymentManager", "PaymentConnector"]).await;
    let local = &drive.local;
    let provider = ok(local, "GetPaymentCredentialProvider", json!({"name": "Name1"})).await;
    let shown = &provider["providerConfigurationOutput"]["coinbaseCdpConfiguration"];
    assert!(
        at(shown, "/apiKeySecretArn/secretArn").contains("secret:bedrock-agentcore-identity!default/payment/Name1-")
    );
    assert_ne!(shown["apiKeySecretArn"], shown["walletSecretArn"]);
    let everything = format!("{provider} {} {:?}", local.observe(), local.journal());
    assert!(!everything.contains("first-secret") && !everything.contains("second-secret"));
    let in_use = json!({"name": "Name1"});
    refused_with(local, "DeletePaymentCredentialProvider", in_use, "ValidationException", "is used by connector").await;
    let manager = json!({"paymentManagerId": drive.known["paymentManagerId"]});
    refused_with(local, "DeletePaymentManager", manager, "ConflictException", "still has").await;
    let other_vendor = json!({
        "name": "Name1", "credentialProviderVendor": "StripePrivy",
        "providerConfigurationInput": {"stripePrivyConfiguration": {
            "appId": "a", "appSecret": "s", "authorizationPrivateKey": "k", "authorizationId": "i",
        }},
    });
    refused_with(local, "UpdatePaymentCredentialProvider", other_vendor, "ValidationException", "vendor").await;
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_is_provisioned_waits_for_a_person() {
    let drive = with_kinds(&["PaymentCredentialProvider", "PaymentManager"]).await;
    let mut input = drive.input("CreatePaymentConnector", Extent::Required);
    input.insert("provisionMode".into(), json!("QUICK_CREATE"));
    let created = ok(&drive.local, "CreatePaymentConnector", Value::Object(input)).await;
    assert_eq!(at(&created, "/status"), "PENDING_AUTHENTICATION");
    assert!(at(&created, "/authorizationUrl").starts_with("https://"));
}

#[tokio::test(start_paused = true)]
async fn a_resource_policy_is_about_its_resource_and_goes_with_it() {
    let local = stand_in();
    let gateway = ready_gateway(&local, "g").await;
    let arn = at(&ok(&local, "GetGateway", json!({"gatewayIdentifier": gateway})).await, "/gatewayArn");
    let policy = |resource: &str| {
        let statement = json!({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": resource});
        json!({"resourceArn": arn, "policy": json!({"Version": "2012-10-17", "Statement": statement}).to_string()})
    };
    let read = json!({"resourceArn": arn});
    refused_with(&local, "GetResourcePolicy", read.clone(), "ResourceNotFoundException", "policy").await;
    refused_with(&local, "PutResourcePolicy", policy("*"), "ValidationException", "exactly").await;
    refused_with(
        &local,
        "PutResourcePolicy",
        with(policy(&arn), json!({"policy": "no"})),
        "ValidationException",
        "JSON",
    )
    .await;
    ok(&local, "PutResourcePolicy", policy(&arn)).await;
    assert!(at(&ok(&local, "GetResourcePolicy", read.clone()).await, "/policy").contains("2012-10-17"));
    ok(&local, "DeleteGateway", json!({"gatewayIdentifier": gateway})).await;
    settle().await;
    refused_with(&local, "GetResourcePolicy", read, "ResourceNotFoundException", "Resource arn").await;
    let engine = ok(&local, "CreatePolicyEngine", json!({"name": "engine"})).await;
    let arn = at(&engine, "/policyEngineArn");
    let input = with(policy(&arn), json!({"resourceArn": arn}));
    refused_with(&local, "PutResourcePolicy", input, "ValidationException", "cannot have").await;
}

#[tokio::test(start_paused = true)]
async fn the_default_endpoint_has_a_resource_policy_of_its_own() {
    let drive = with_kinds(&["AgentRuntime"]).await;
    let arn = format!("{}/runtime-endpoint/DEFAULT", known(&drive, "agentRuntimeArn"));
    let statement = json!({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": arn});
    let input = json!({"resourceArn": arn, "policy": json!({"Statement": [statement]}).to_string()});
    ok(&drive.local, "PutResourcePolicy", input).await;
    let runtime = json!({"resourceArn": known(&drive, "agentRuntimeArn")});
    refused(&drive.local, "GetResourcePolicy", runtime).await;
    ok(&drive.local, "GetResourcePolicy", json!({"resourceArn": arn})).await;
}

#[tokio::test(start_paused = true)]
async fn rules_and_limits_of_a_gateway_refuse_what_makes_no_sense() {
    let mut drive = with_kinds(&["PolicyEngine", "Gateway", "GatewayTarget", "GatewayRule", "GatewayRateLimit"]).await;
    let rule = drive.input("CreateGatewayRule", Extent::Required);
    let change = |changes: Value| with(Value::Object(rule.clone()), changes);
    let local = &drive.local;
    refused_with(local, "CreateGatewayRule", change(json!({})), "ConflictException", "priority 1").await;
    let nowhere = json!({"priority": 2, "actions": [{"routeToTarget": {"staticRoute": {"targetName": "none"}}}]});
    refused_with(local, "CreateGatewayRule", change(nowhere), "ValidationException", "no target none").await;
    let split = |weight: u64| {
        let entry = |name: &str, weight: u64| json!({"name": name, "weight": weight, "targetName": "Name1"});
        json!({"priority": 2, "actions": [{"routeToTarget": {"weightedRoute": {"trafficSplit": [entry("a", 40), entry("b", weight)]}}}]})
    };
    refused_with(local, "CreateGatewayRule", change(split(70)), "ValidationException", "100").await;
    let second = at(&ok(local, "CreateGatewayRule", change(split(60))).await, "/ruleId");
    settle().await;
    let gateway = known(&drive, "gatewayIdentifier");
    let taken = json!({"gatewayIdentifier": gateway, "ruleId": second, "priority": 1});
    refused_with(local, "UpdateGatewayRule", taken, "ConflictException", "priority 1").await;
    let limit = drive.input("CreateGatewayRateLimit", Extent::Required);
    refused_with(local, "CreateGatewayRateLimit", Value::Object(limit.clone()), "ConflictException", "dimensionKeys")
        .await;
    let foreign = with(Value::Object(limit), json!({"dimensionKeys": ["targetName"]}));
    refused_with(local, "CreateGatewayRateLimit", foreign, "ValidationException", "dimensions").await;
    let entries = |key: &str| json!([{"dimensions": {key: "*"}, "requests": [{"rate": 5.0, "period": "minute"}]}]);
    let batch = json!({"gatewayIdentifier": gateway, "rateLimits": [
        {"dimensionKeys": ["toolName"], "entries": entries("toolName")},
        {"dimensionKeys": ["targetName"], "entries": entries("targetName")},
    ]});
    drive.call("BatchPutGatewayRateLimits", batch.as_object().unwrap()).await;
    let listed = ok(&drive.local, "ListGatewayRateLimits", json!({"gatewayIdentifier": gateway})).await;
    assert_eq!(listed["rateLimits"].as_array().unwrap().len(), 2);
    let half = json!({"gatewayIdentifier": gateway, "rateLimits": [
        {"dimensionKeys": ["qualifiedModelId"], "entries": entries("qualifiedModelId")},
        {"rateLimitId": listed["rateLimits"][0]["rateLimitId"], "dimensionKeys": ["qualifiedModelId"], "entries": entries("qualifiedModelId")},
    ]});
    refused(&drive.local, "BatchPutGatewayRateLimits", half).await;
    let after = ok(&drive.local, "ListGatewayRateLimits", json!({"gatewayIdentifier": gateway})).await;
    assert_eq!(after, listed, "a batch happens wholly or not at all");
}

#[tokio::test(start_paused = true)]
async fn listings_are_filtered_and_show_what_everybody_has() {
    let drive = with_kinds(&["Browser", "BrowserProfile", "Registry", "Evaluator", "OnlineEvaluationConfig"]).await;
    let local = &drive.local;
    let count = |listed: &Value, member: &str| listed[member].as_array().unwrap().len();
    assert_eq!(count(&ok(local, "ListBrowsers", json!({})).await, "browserSummaries"), 2);
    for (kind, name) in [("SYSTEM", "aws.browser.v1"), ("CUSTOM", "Name1-")] {
        let listed = ok(local, "ListBrowsers", json!({"type": kind})).await;
        assert_eq!(count(&listed, "browserSummaries"), 1);
        assert!(at(&listed, "/browserSummaries/0/browserId").starts_with(name));
    }
    assert_eq!(count(&ok(local, "ListBrowserProfiles", json!({"name": "other"})).await, "profileSummaries"), 0);
    assert_eq!(count(&ok(local, "ListRegistries", json!({"status": "READY"})).await, "registries"), 1);
    assert_eq!(count(&ok(local, "ListRegistries", json!({"authorizerType": "CUSTOM_JWT"})).await, "registries"), 0);
    ok(local, "GetEvaluator", json!({"evaluatorId": "Builtin.Helpfulness"})).await;
    refused_with(local, "DeleteBrowser", json!({"browserId": "aws.browser.v1"}), "ResourceNotFoundException", "aws")
        .await;
    // An evaluator that is at work is locked.
    let evaluator = json!({"evaluatorId": drive.known["evaluatorId"]});
    let config = json!({"onlineEvaluationConfigId": drive.known["onlineEvaluationConfigId"]});
    ok(local, "UpdateOnlineEvaluationConfig", with(config.clone(), json!({"evaluators": [evaluator]}))).await;
    settle().await;
    assert_eq!(ok(local, "GetEvaluator", evaluator.clone()).await["lockedForModification"], true);
    refused_with(local, "DeleteEvaluator", evaluator.clone(), "ConflictException", "enabled").await;
    ok(local, "UpdateOnlineEvaluationConfig", with(config, json!({"executionStatus": "DISABLED"}))).await;
    ok(local, "DeleteEvaluator", evaluator).await;
}

#[tokio::test(start_paused = true)]
async fn a_capacity_provider_stays_while_a_runtime_uses_it() {
    let mut drive = with_kinds(&["CapacityProvider"]).await;
    let provider = json!({"capacityProviderId": drive.known["capacityProviderId"]});
    let mut runtime = drive.input("CreateAgentRuntime", Extent::Required);
    runtime.insert(
        "capacityProviderConfiguration".into(),
        json!({"capacityProviderArn": drive.known["capacityProviderArn"]}),
    );
    drive.call("CreateAgentRuntime", &runtime).await;
    let local = &drive.local;
    let users = ok(local, "ListAgentRuntimeVersionsByCapacityProvider", provider.clone()).await;
    assert_eq!(at(&users, "/agentRuntimes/0/agentRuntimeVersion"), "1");
    refused_with(local, "DeleteCapacityProvider", provider.clone(), "ConflictException", "Name1-").await;
    ok(local, "DeleteAgentRuntime", json!({"agentRuntimeId": drive.known["agentRuntimeId"]})).await;
    settle().await;
    ok(local, "DeleteCapacityProvider", provider).await;
}

#[tokio::test(start_paused = true)]
async fn a_policy_is_made_from_what_was_generated() {
    let mut drive = with_kinds(&["PolicyEngine", "Gateway", "GatewayTarget"]).await;
    let input = drive.input("StartPolicyGeneration", Extent::Required);
    let started = drive.call("StartPolicyGeneration", &input).await;
    let ids = json!({"policyEngineId": started["policyEngineId"], "policyGenerationId": started["policyGenerationId"]});
    let assets = ok(&drive.local, "ListPolicyGenerationAssets", ids.clone()).await;
    let assets = assets["policyGenerationAssets"].as_array().unwrap();
    assert_eq!((assets.len(), &assets[1]["findings"][0]["type"]), (2, &json!("ALLOW_ALL")));
    let policy = |asset: &Value| {
        json!({
            "policyEngineId": ids["policyEngineId"], "name": "p", "validationMode": "IGNORE_ALL_FINDINGS",
            "definition": {"policyGeneration": {
                "policyGenerationId": ids["policyGenerationId"], "policyGenerationAssetId": asset,
            }},
        })
    };
    refused_with(
        &drive.local,
        "CreatePolicy",
        policy(&json!("other-0123456789")),
        "ResourceNotFoundException",
        "other",
    )
    .await;
    let created = ok(&drive.local, "CreatePolicy", policy(&assets[0]["policyGenerationAssetId"])).await;
    assert_eq!(created["definition"], assets[0]["definition"]);
    settle().await;
    let ids = json!({"policyEngineId": created["policyEngineId"], "policyId": created["policyId"]});
    assert_eq!(at(&ok(&drive.local, "GetPolicy", ids).await, "/status"), "ACTIVE");
}

#[tokio::test(start_paused = true)]
async fn what_an_account_has_one_of_is_there_and_can_be_changed() {
    let local = stand_in();
    let store = json!({"agentInsightStoreId": "default"});
    assert_eq!(at(&ok(&local, "GetAgentInsightStore", store.clone()).await, "/status"), "INACTIVE");
    ok(&local, "UpdateAgentInsightStore", with(store.clone(), json!({"enablementStatus": "ENABLED"}))).await;
    settle().await;
    assert_eq!(at(&ok(&local, "GetAgentInsightStore", store).await, "/status"), "ACTIVE");
    assert_eq!(
        ok(&local, "ListAgentInsightStores", json!({})).await["agentInsightStores"].as_array().unwrap().len(),
        1
    );
    refused(&local, "UpdateAgentInsightStore", json!({"agentInsightStoreId": "other"})).await;
    let key = "arn:aws:kms:us-east-1:111122223333:key/12345678-1234-1234-1234-123456789012";
    let own = json!({"kmsConfiguration": {"keyType": "CustomerManagedKey", "kmsKeyArn": key}});
    ok(&local, "SetTokenVaultCMK", own.clone()).await;
    assert_eq!(ok(&local, "GetTokenVault", json!({})).await["kmsConfiguration"], own["kmsConfiguration"]);
    let no_key = json!({"kmsConfiguration": {"keyType": "CustomerManagedKey"}});
    refused_with(&local, "SetTokenVaultCMK", no_key, "ValidationException", "needs a key").await;
    refused(&local, "GetTokenVault", json!({"tokenVaultId": "other"})).await;
}

#[tokio::test(start_paused = true)]
async fn synchronizing_is_for_mcp_servers() {
    let drive = with_kinds(&["PolicyEngine", "Gateway", "GatewayTarget"]).await;
    let local = &drive.local;
    let gateway = known(&drive, "gatewayIdentifier");
    let lambda = ready_target(local, &gateway, "hr").await;
    let input = |ids: Value| json!({"gatewayIdentifier": gateway, "targetIdList": ids});
    refused_with(local, "SynchronizeGatewayTargets", input(json!([lambda])), "ValidationException", "MCP server").await;
    let ids = json!([drive.known["targetId"]]);
    let answer = ok(local, "SynchronizeGatewayTargets", input(ids.clone())).await;
    assert_eq!(at(&answer, "/targets/0/status"), "SYNCHRONIZING");
    refused_with(local, "SynchronizeGatewayTargets", input(ids), "ConflictException", "SYNCHRONIZING").await;
}
