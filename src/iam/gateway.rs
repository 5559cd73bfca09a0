//! The role of a gateway: it asks the policy engine, and calls interceptors and targets (service.md §16).

use serde_json::Value;

use super::outbound::{Credential, credential, files, identities};
use super::place::Where;
use super::policy::{Grants, Policy};
use super::{AGENTCORE, keys};
use crate::check::{children, referred};
use crate::kind::{GATEWAY_TARGET, POLICY, statement_of};
use crate::manifest::cedar::{has_guardrails, is_temporal};
use crate::stack::{Resource, Stack};

/// Who may take the role: AgentCore, for gateways of these names. What follows the name is known only once they are there.
pub(super) fn trust(gateways: &[&Resource], place: &Where) -> Policy {
    let name = |gateway: &&Resource| gateway.live_name().map(str::to_ascii_lowercase);
    let sources = gateways.iter().filter_map(name).map(|name| place.agentcore(&format!("gateway/{name}-*")));
    Policy::trust(AGENTCORE, place.account(), sources.collect())
}

/// What the role may do, and what has to be said beside it.
pub(super) fn policy(stack: &Stack, gateways: &[&Resource], place: &Where) -> (Policy, Vec<String>) {
    let mut found = Found { stack, place, grants: Grants::default(), notes: Vec::new() };
    for gateway in gateways {
        found.engine(gateway);
        found.policies(gateway);
        found.interceptors(gateway);
        let name = gateway.live_name().map(|name| place.text(stack, name)).unwrap_or_default();
        let identities = identities(place, &format!("{name}-*"));
        for target in children(stack, &GATEWAY_TARGET, &gateway.address) {
            found.target(target, &identities);
        }
    }
    (found.grants.policy(), found.notes)
}

struct Found<'a> {
    stack: &'a Stack,
    place: &'a Where,
    grants: Grants,
    notes: Vec<String>,
}

impl Found<'_> {
    fn text(&self, value: Option<&Value>) -> Option<String> {
        Some(self.place.text(self.stack, value?.as_str()?))
    }

    /// The three permissions without which everything is denied, and the one that is checked where an engine is attached.
    fn engine(&mut self, gateway: &Resource) {
        let engine = self.text(gateway.document.pointer("/policyEngineConfiguration/arn"));
        let (Some(engine), Some(gateway)) = (engine, self.place.of(self.stack, gateway)) else { return };
        self.grants.allow("ReadPolicyEngine", ["bedrock-agentcore:GetPolicyEngine"], [&engine]);
        let check = engine.rsplit('/').next().map(|id| format!("/policy-engines/{id}/target-resource/*"));
        let check = check.map(|path| self.place.agentcore(&path));
        let ask = ["AuthorizeAction", "PartiallyAuthorizeActions"].map(|action| format!("bedrock-agentcore:{action}"));
        self.grants.allow("AskPolicies", ask, [&engine, &gateway]);
        let resources = [engine, gateway].into_iter().chain(check);
        self.grants.allow("CheckThatPoliciesCanBeAsked", ["bedrock-agentcore:CheckAuthorizePermissions"], resources);
    }

    /// What policies need that look at more than the call, and keys that the engine and the gateway are kept under.
    fn policies(&mut self, gateway: &Resource) {
        keys::read(&mut self.grants, self.stack, self.place, gateway);
        let engine = referred(gateway.document.pointer("/policyEngineConfiguration/arn"));
        let Some(engine) = engine.and_then(|engine| self.stack.resource(&engine)) else { return };
        keys::read(&mut self.grants, self.stack, self.place, engine);
        if engine.existing.is_some() {
            self.notes.push(format!(
                "`{}` is somebody else's: where its policies are temporal or ask guardrails, add \
                 `bedrock-agentcore:GetWorkloadAccessToken` on the gateway's identities, or `bedrock:InvokeGuardrailChecks`",
                engine.address
            ));
        }
        let policies = || children(self.stack, &POLICY, &engine.address);
        let statements = || policies().filter_map(|policy| statement_of(policy.document.get("definition")?));
        // The session of temporal policies is known by an identity that is named after the gateway's id.
        if statements().any(is_temporal)
            && let Some(id) = self.place.of(self.stack, gateway)
            && let Some((_, id)) = id.rsplit_once('/')
        {
            let token = ["bedrock-agentcore:GetWorkloadAccessToken"];
            self.grants.allow("KnowSessions", token, identities(self.place, &format!("{id}*")));
        }
        if statements().any(has_guardrails) {
            self.grants.allow("AskGuardrails", ["bedrock:InvokeGuardrailChecks"], ["*"]);
        }
    }

    fn interceptors(&mut self, gateway: &Resource) {
        let all = gateway.document.get("interceptorConfigurations").and_then(Value::as_array);
        for interceptor in all.into_iter().flatten() {
            let function = self.text(interceptor.pointer("/interceptor/lambda/arn"));
            self.grants.allow("CallInterceptors", ["lambda:InvokeFunction"], function);
        }
    }

    fn target(&mut self, target: &Resource, identities: &[String]) {
        let Some(config) = target.document.get("targetConfiguration") else { return };
        files(&mut self.grants, self.stack, self.place, config);
        let function = self.text(config.pointer("/mcp/lambda/lambdaArn"));
        self.grants.allow("CallFunctions", ["lambda:InvokeFunction"], function);
        let credentials = target.document.get("credentialProviderConfigurations").and_then(Value::as_array);
        for one in credentials.into_iter().flatten() {
            let provider = |arm: &str| one.get("credentialProvider")?.get(arm)?.get("providerArn")?.as_str();
            match one.get("credentialProviderType").and_then(Value::as_str) {
                Some("OAUTH") => {
                    let grant = one.pointer("/credentialProvider/oauthCredentialProvider/grantType");
                    let for_user = grant.is_some_and(|grant| grant != "CLIENT_CREDENTIALS");
                    if let Some(provider) = provider("oauthCredentialProvider") {
                        let wanted = (provider, Credential::Token { for_user });
                        credential(&mut self.grants, self.stack, self.place, wanted, identities);
                    }
                }
                Some("API_KEY") => {
                    if let Some(provider) = provider("apiKeyCredentialProvider") {
                        credential(&mut self.grants, self.stack, self.place, (provider, Credential::Key), identities);
                    }
                }
                Some("GATEWAY_IAM_ROLE") => self.signed(target, config, one),
                _ => {}
            }
        }
    }

    /// A target that the gateway signs its requests to. Functions are granted already.
    fn signed(&mut self, target: &Resource, config: &Value, credential: &Value) {
        if config.pointer("/mcp/lambda").is_some() {
            return;
        }
        if let Some(runtime) = self.text(config.pointer("/http/agentcoreRuntime/arn")) {
            let endpoint = self.text(config.pointer("/http/agentcoreRuntime/qualifier"));
            let endpoint = format!("{runtime}/runtime-endpoint/{}", endpoint.as_deref().unwrap_or("DEFAULT"));
            self.grants.allow("CallRuntimes", ["bedrock-agentcore:InvokeAgentRuntime"], [runtime, endpoint]);
            return;
        }
        if let Some(api) = config.pointer("/mcp/apiGateway") {
            let paths = self.paths(api);
            self.grants.allow("CallApis", ["execute-api:Invoke"], paths);
            return;
        }
        let service = self.text(credential.pointer("/credentialProvider/iamCredentialProvider/service"));
        let service = service.map_or_else(String::new, |service| format!(" to `{service}`"));
        self.notes.push(format!(
            "`{}` is called with signed requests{service}: add the actions of that service that its tools use, \
             which the manifest does not say",
            target.address
        ));
    }

    /// The methods and paths of an API that the tool filters let through.
    fn paths(&self, api: &Value) -> Vec<String> {
        let (Some(id), Some(stage)) = (self.text(api.get("restApiId")), self.text(api.get("stage"))) else {
            return Vec::new();
        };
        let filters = api.pointer("/apiGatewayToolConfiguration/toolFilters").and_then(Value::as_array);
        let mut found = Vec::new();
        for filter in filters.into_iter().flatten() {
            // In the path of a filter `*` means anything, as it does in a policy; so does a parameter in braces.
            let path = filter.get("filterPath").and_then(Value::as_str).unwrap_or("/*");
            let steps = path.split('/').map(|step| if step.starts_with('{') { "*" } else { step });
            let path = steps.collect::<Vec<_>>().join("/");
            let methods = filter.get("methods").and_then(Value::as_array);
            for method in methods.into_iter().flatten().filter_map(Value::as_str) {
                found.push(self.place.arn("execute-api", &format!("{id}/{stage}/{method}{path}")));
            }
        }
        found
    }
}
