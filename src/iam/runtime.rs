//! The role of a runtime: it pulls the agent, writes its logs, and is what the agent itself may do (service.md §16).

use serde_json::Value;

use super::AGENTCORE;
use super::outbound::{Credential, code, credential, identities};
use super::place::Where;
use super::policy::{Grants, Policy, condition};
use crate::kind::{API_KEY_CREDENTIAL_PROVIDER, GATEWAY, OAUTH2_CREDENTIAL_PROVIDER, WORKLOAD_IDENTITY};
use crate::reference::{Target, references};
use crate::stack::{Resource, Stack};

/// Who may take the role: AgentCore, for anything of this account and region, which is all that is documented.
pub(super) fn trust(place: &Where) -> Policy {
    Policy::trust(AGENTCORE, place.account(), vec![place.agentcore("*")])
}

/// What the role may do, and what has to be said beside it.
pub(super) fn policy(stack: &Stack, runtimes: &[&Resource], place: &Where) -> (Policy, Vec<String>) {
    let mut grants = Grants::default();
    let mut notes = Vec::new();
    for runtime in runtimes {
        let name = runtime.live_name().map(|name| place.text(stack, name)).unwrap_or_default();
        image(&mut grants, stack, place, runtime);
        code(&mut grants, stack, place, runtime);
        let group = place.arn("logs", &format!("log-group:/aws/bedrock-agentcore/runtimes/{name}-*"));
        let groups = ["logs:CreateLogGroup", "logs:DescribeLogStreams", "logs:PutResourcePolicy"];
        grants.allow("MakeLogGroups", groups, [&group]);
        grants.allow("FindLogGroups", ["logs:DescribeLogGroups"], [place.arn("logs", "log-group:*")]);
        let streams = format!("{group}:log-stream:*");
        grants.allow("WriteLogs", ["logs:CreateLogStream", "logs:PutLogEvents"], [streams]);
        let identities = identities(place, &format!("{name}-*"));
        if runtime.adopt.is_some() {
            // Runtimes made before 2025-10-13 ask for tokens with their own role, newer ones with a service-linked role.
            let tokens = ["GetWorkloadAccessToken", "GetWorkloadAccessTokenForJWT", "GetWorkloadAccessTokenForUserId"];
            grants.allow("SayWhoAsks", tokens.map(|action| format!("bedrock-agentcore:{action}")), identities.clone());
        }
        used(&mut grants, stack, place, runtime, &identities);
        notes.push(format!(
            "what the code of `{}` calls is not in the manifest: add it, for example `bedrock:InvokeModel` on its models",
            runtime.address
        ));
    }
    let trace = ["GetSamplingRules", "GetSamplingTargets", "PutTelemetryRecords", "PutTraceSegments"];
    grants.allow("WriteTraces", trace.map(|action| format!("xray:{action}")), ["*"]);
    let own = condition("StringEquals", "cloudwatch:namespace", ["bedrock-agentcore".to_owned()]);
    grants.allow_if("WriteMetrics", ["cloudwatch:PutMetricData"], ["*"], own);
    (grants.policy(), notes)
}

/// Lets the role pull an image from a private registry of ECR.
fn image(grants: &mut Grants, stack: &Stack, place: &Where, runtime: &Resource) {
    let uri = runtime.document.pointer("/agentRuntimeArtifact/containerConfiguration/containerUri");
    let Some(uri) = uri.and_then(Value::as_str).map(|uri| place.text(stack, uri)) else { return };
    let Some((host, path)) = uri.split_once('/') else { return };
    let mut parts = host.split('.');
    let (Some(account), Some("dkr"), Some("ecr"), Some(region)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return;
    };
    let name = path.split(['@', ':']).next().unwrap_or_default();
    let repository = Where::new(Some(account), Some(region)).arn("ecr", &format!("repository/{name}"));
    grants.allow("PullImage", ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], [repository]);
    grants.allow("LogInToRegistry", ["ecr:GetAuthorizationToken"], ["*"]);
}

/// Lets the role use what the environment of the agent names.
fn used(grants: &mut Grants, stack: &Stack, place: &Where, runtime: &Resource, identities: &[String]) {
    let Some(environment) = runtime.document.get("environmentVariables") else { return };
    for found in references(environment) {
        let Target::Output(address, _) = &found.target else { continue };
        let Some(resource) = stack.resource(address) else { continue };
        let Some(arn) = place.of(stack, resource) else { continue };
        if resource.kind == &GATEWAY {
            // With a token the authorizer decides, and no role is asked.
            if resource
                .document
                .get("authorizerType")
                .is_some_and(|kind| kind == "AWS_IAM" || kind == "AUTHENTICATE_ONLY")
            {
                grants.allow("CallGateways", ["bedrock-agentcore:InvokeGateway"], [arn]);
            }
        } else if resource.kind == &OAUTH2_CREDENTIAL_PROVIDER || resource.kind == &API_KEY_CREDENTIAL_PROVIDER {
            let reference = crate::reference::Reference {
                target: Target::Output(address.clone(), "arn".to_owned()),
                filter: crate::reference::Filter::Plain,
            };
            let tokens = resource.kind == &OAUTH2_CREDENTIAL_PROVIDER;
            let wanted = if tokens { Credential::Token { for_user: true } } else { Credential::Key };
            credential(grants, stack, place, (&reference.mark(), wanted), identities);
        } else if resource.kind == &WORKLOAD_IDENTITY {
            let tokens = ["GetWorkloadAccessToken", "GetWorkloadAccessTokenForJWT", "GetWorkloadAccessTokenForUserId"];
            let directory = place.agentcore("workload-identity-directory/default");
            let tokens = tokens.map(|action| format!("bedrock-agentcore:{action}"));
            grants.allow("SayWhoAsksAsItself", tokens, [arn, directory]);
        }
    }
}
