//! The roles of those who run the tool. The operations come from the table of kinds, which is what the engine calls; IAM's actions
//! have their names. What AWS demands besides comes from service.md §16.

use std::collections::BTreeSet;

use serde_json::Value;

use super::outbound::{code, external_secret, managed_secret};
use super::place::Where;
use super::policy::{Conditions, Grants, Policy, condition};
use super::{AGENTCORE, keys};
use crate::check::{children, of_kind, referred};
use crate::kind::{
    API_KEY_CREDENTIAL_PROVIDER, GATEWAY, GATEWAY_TARGET, KINDS, Kind, OAUTH2_CREDENTIAL_PROVIDER, POLICY,
    POLICY_ENGINE, RUNTIME, Service, USER_POOL, WORKLOAD_IDENTITY, find, statement_of,
};
use crate::ownership::STACK;
use crate::reference::{Target, references};
use crate::stack::{Existing, Resource, Stack};

/// What planning needs: it lists and reads, and changes nothing.
pub(super) fn planner(stack: &Stack, place: &Where) -> (Policy, Vec<String>) {
    let mut run = Run { stack, place, grants: Grants::default() };
    run.look();
    for resource in &stack.resources {
        keys::read(&mut run.grants, stack, place, resource);
    }
    (run.grants.policy(), Vec::new())
}

/// What applying and destroying need: they plan first.
pub(super) fn deployer(stack: &Stack, place: &Where) -> (Policy, Vec<String>) {
    let mut run = Run { stack, place, grants: Grants::default() };
    run.look();
    run.change();
    run.tag();
    run.pass_roles();
    run.write_policies();
    run.keep_secrets();
    for resource in stack.resources.iter().filter(|resource| resource.existing.is_none()) {
        keys::change(&mut run.grants, stack, place, resource);
    }
    for runtime in of_kind(stack, &RUNTIME).filter(|runtime| runtime.existing.is_none()) {
        code(&mut run.grants, stack, place, runtime);
    }
    run.read_apis();
    let mut notes = Vec::new();
    if stack.resources.iter().any(|resource| resource.document.get("CustomDomainConfig").is_some()) {
        notes.push(
            "a domain of your own makes Cognito set up CloudFront in the caller's name: add `cloudfront:UpdateDistribution` \
             on all resources"
                .to_owned(),
        );
    }
    (run.grants.policy(), notes)
}

struct Run<'a> {
    stack: &'a Stack,
    place: &'a Where,
    grants: Grants,
}

/// The name of an action.
fn action(service: Service, operation: &str) -> String {
    let prefix = match service {
        Service::AgentCore => "bedrock-agentcore",
        Service::Cognito => "cognito-idp",
    };
    format!("{prefix}:{operation}")
}

/// Operations that IAM knows no resource for: they make or list roots, or take no id that says which pool is meant.
fn has_no_resource(kind: &Kind, operation: &str) -> bool {
    let of_account = kind.parent.is_none() && (operation == kind.create.0 || operation == kind.list.operation);
    of_account || operation == "DescribeUserPoolDomain"
}

/// A plan reads objects of the kind one by one: their listing does not tell all, or one is on its way to another state.
fn is_read_by_plans(kind: &Kind) -> bool {
    !kind.list.complete || kind.lifecycle.is_some()
}

/// `user_pool` as `UserPool`.
fn pascal(name: &str) -> String {
    let capital =
        |word: &str| word.get(..1).map(str::to_ascii_uppercase).unwrap_or_default() + word.get(1..).unwrap_or_default();
    name.split('_').map(capital).collect()
}

impl Run<'_> {
    /// Lists every root kind, since what belongs to a stack is known by its tags alone, and reads what is ours and its children.
    fn look(&mut self) {
        let roots = KINDS.iter().filter(|kind| kind.parent.is_none());
        let listings: Vec<String> = roots.clone().map(|kind| action(kind.service, kind.list.operation)).collect();
        self.grants.allow("FindWhatIsThere", listings, ["*"]);
        for service in [Service::AgentCore, Service::Cognito] {
            let all = roots.clone().filter(|kind| kind.service == service).filter_map(|kind| self.place.all_of(kind));
            let all: Vec<String> = all.collect();
            let purpose = if service == Service::Cognito { "ReadTagsOfPools" } else { "ReadTags" };
            self.grants.allow(purpose, [action(service, "ListTagsForResource")], all);
        }
        for kind in self.kinds() {
            let companions = kind.companions.iter().map(|companion| companion.get);
            let read = Some(kind.read.0).filter(|_| is_read_by_plans(kind));
            let mut operations: BTreeSet<&str> = companions.chain(read).collect();
            if kind.parent.is_some() {
                operations.insert(kind.list.operation);
            }
            let (loose, bound): (Vec<&str>, Vec<&str>) =
                operations.into_iter().partition(|operation| has_no_resource(kind, operation));
            let named =
                |operations: Vec<&str>| operations.into_iter().map(|one| action(kind.service, one)).collect::<Vec<_>>();
            self.grants.allow("ReadWhatHasNoArn", named(loose), ["*"]);
            // What is in a pool goes by the pool.
            let (purpose, resources) = if kind.service == Service::Cognito {
                ("ReadUserPools".to_owned(), self.pools().into_iter().map(|pool| pool.arn).collect())
            } else {
                (format!("Read{}", pascal(kind.name)), self.of(kind, |_| true))
            };
            self.grants.allow(&purpose, named(bound), resources);
        }
    }

    /// Makes, changes and deletes what is not somebody else's.
    fn change(&mut self) {
        let is_ours = |resource: &Resource| resource.existing.is_none();
        for kind in KINDS.iter().copied() {
            if !of_kind(self.stack, kind).any(is_ours) {
                continue;
            }
            let companions = kind.companions.iter().map(|companion| companion.set);
            let operations = companions.chain([kind.create.0, kind.delete.0]).chain(kind.update.map(|(name, _)| name));
            let operations = operations.chain(Some(kind.read.0).filter(|_| !is_read_by_plans(kind)));
            let (loose, bound): (Vec<&str>, Vec<&str>) =
                operations.partition(|operation| has_no_resource(kind, operation));
            let named =
                |operations: Vec<&str>| operations.into_iter().map(|one| action(kind.service, one)).collect::<Vec<_>>();
            self.grants.allow("MakeAnew", named(loose), ["*"]);
            if kind.service == Service::Cognito {
                let purpose = if kind == &USER_POOL { "ChangeUserPools" } else { "ChangeWhatIsInUserPools" };
                for pool in self.pools().into_iter().filter(|pool| pool.ours || kind != &USER_POOL) {
                    let condition = pool.condition("StringEquals");
                    self.grants.allow_if(purpose, named(bound.clone()), [pool.arn], condition);
                }
            } else {
                let resources = self.of(kind, is_ours);
                self.grants.allow(&format!("Change{}", pascal(kind.name)), named(bound), resources);
            }
        }
    }

    /// Writes and takes off the tags that say what is whose: on everything that can have some, and on parents of somebody else too.
    fn tag(&mut self) {
        let mut resources: Vec<String> = Vec::new();
        for kind in
            self.kinds().into_iter().filter(|kind| kind.service == Service::AgentCore && kind.tags_member.is_some())
        {
            resources.extend(self.of(kind, |_| true));
        }
        let actions = |service| ["TagResource", "UntagResource"].map(|operation| action(service, operation));
        self.grants.allow("WriteTags", actions(Service::AgentCore), resources);
        for pool in self.pools() {
            // At its making a pool has no tags yet.
            let condition = pool.condition("StringEqualsIfExists");
            self.grants.allow_if("WriteTagsOfPools", actions(Service::Cognito), [pool.arn], condition);
        }
    }

    fn pass_roles(&mut self) {
        let to = |service: &str| condition("StringEquals", "iam:PassedToService", [service.to_owned()]);
        for resource in self.stack.resources.iter().filter(|resource| resource.existing.is_none()) {
            let role = |pointer: &str| Some(self.place.text(self.stack, resource.document.pointer(pointer)?.as_str()?));
            let (agentcore, group, sms) = (role("/roleArn"), role("/RoleArn"), role("/SmsConfiguration/SnsCallerArn"));
            self.grants.allow_if("PassRoles", ["iam:PassRole"], agentcore, to(AGENTCORE));
            let cognito = group.into_iter().chain(sms);
            self.grants.allow_if("PassRolesOfPools", ["iam:PassRole"], cognito, to("cognito-idp.amazonaws.com"));
        }
        let mut services = BTreeSet::new();
        if of_kind(self.stack, &RUNTIME).any(|runtime| runtime.existing.is_none()) {
            services.insert("runtime-identity.bedrock-agentcore.amazonaws.com");
        }
        for resource in &self.stack.resources {
            if resource.document.pointer("/networkConfiguration/networkMode").is_some_and(|mode| mode == "VPC") {
                services.insert("network.bedrock-agentcore.amazonaws.com");
            }
            if holds(&resource.document, "privateEndpoint") {
                services.insert("identity-network.bedrock-agentcore.amazonaws.com");
            }
        }
        for service in services {
            let role = format!("role/aws-service-role/{service}/*");
            let role = self.place.global_arn("iam", self.place.account(), &role);
            let only = condition("StringEquals", "iam:AWSServiceName", [service.to_owned()]);
            self.grants.allow_if("MakeServiceLinkedRoles", ["iam:CreateServiceLinkedRole"], [role], only);
        }
    }

    /// AWS lets only those write policies about a gateway who may invoke it, and tells policies about one gateway from those about
    /// all.
    fn write_policies(&mut self) {
        let engines: Vec<&Resource> = of_kind(self.stack, &POLICY_ENGINE).collect();
        for engine in engines {
            let mut gateways = BTreeSet::new();
            let attached = of_kind(self.stack, &GATEWAY).filter(|gateway| {
                referred(gateway.document.pointer("/policyEngineConfiguration/arn")).as_ref() == Some(&engine.address)
            });
            gateways.extend(attached.filter_map(|gateway| self.place.of(self.stack, gateway)));
            let mut actions = BTreeSet::new();
            for policy in children(self.stack, &POLICY, &engine.address) {
                let Some(definition) = policy.document.get("definition") else { continue };
                for found in references(definition) {
                    let Target::Output(address, _) = found.target else { continue };
                    let gateway = self.stack.resource(&address).filter(|resource| resource.kind == &GATEWAY);
                    gateways.extend(gateway.and_then(|gateway| self.place.of(self.stack, gateway)));
                }
                let mut statement = statement_of(definition).unwrap_or_default().to_owned();
                statement.retain(|letter| !letter.is_whitespace());
                let of_one = statement.contains("resource==AgentCore::Gateway::");
                if of_one {
                    actions.insert("bedrock-agentcore:ManageResourceScopedPolicy");
                }
                if !of_one || statement.contains("resourceisAgentCore::Gateway") {
                    actions.insert("bedrock-agentcore:ManageAdminPolicy");
                }
            }
            if actions.is_empty() {
                continue;
            }
            if gateways.is_empty() {
                gateways.extend(self.place.all_of(&GATEWAY));
            }
            self.grants.allow("WritePoliciesAbout", ["bedrock-agentcore:InvokeGateway"], gateways.clone());
            let engine = self.place.of(self.stack, engine);
            self.grants.allow("SayWhatPoliciesMayCover", actions, gateways.into_iter().chain(engine));
        }
    }

    /// A provider whose secret is in the request keeps it in Secrets Manager, in the caller's name.
    fn keep_secrets(&mut self) {
        for (kind, folder) in [(&OAUTH2_CREDENTIAL_PROVIDER, "oauth2"), (&API_KEY_CREDENTIAL_PROVIDER, "apikey")] {
            for provider in of_kind(self.stack, kind).filter(|provider| provider.existing.is_none()) {
                if external_secret(self.stack, self.place, provider).is_some() {
                    continue;
                }
                let name = provider.live_name().map(|name| self.place.text(self.stack, name)).unwrap_or_default();
                let actions = ["CreateSecret", "DeleteSecret", "DescribeSecret", "PutSecretValue", "UpdateSecret"];
                let secret = managed_secret(self.place, folder, &name);
                self.grants.allow("KeepSecrets", actions.map(|one| format!("secretsmanager:{one}")), [secret]);
            }
        }
    }

    /// The description of an API of API Gateway is read in the caller's name.
    fn read_apis(&mut self) {
        for target in of_kind(self.stack, &GATEWAY_TARGET) {
            let Some(api) = target.document.pointer("/targetConfiguration/mcp/apiGateway") else { continue };
            let text = |member: &str| Some(self.place.text(self.stack, api.get(member)?.as_str()?));
            let (Some(id), Some(stage)) = (text("restApiId"), text("stage")) else { continue };
            let region = self.place.region();
            let arn = self.place.global_arn("apigateway", "", &format!("/restapis/{id}/stages/{stage}/exports/*"));
            let arn = arn.replacen("apigateway::", &format!("apigateway:{region}:"), 1);
            self.grants.allow("ReadApis", ["apigateway:GET"], [arn]);
        }
    }

    /// The kinds that there are in the stack, and those that can live in something of it: what was taken out of the manifest is seen.
    fn kinds(&self) -> Vec<&'static Kind> {
        let here = |name: &str| self.stack.resources.iter().any(|resource| resource.kind.name == name);
        let is_there = |kind: &&&Kind| here(kind.name) || kind.parent.is_some_and(|parent| here(parent.kind));
        KINDS.iter().filter(is_there).copied().collect()
    }

    /// What actions on the objects of an AgentCore kind are about: they themselves, the store they are kept in, or their parent and
    /// what is below it.
    fn of(&self, kind: &'static Kind, counts: impl Fn(&Resource) -> bool) -> Vec<String> {
        if let Some(parent) = kind.parent.and_then(|parent| find(parent.kind)) {
            let parents = of_kind(self.stack, parent).filter_map(|resource| self.place.of(self.stack, resource));
            return parents.flat_map(|arn| [format!("{arn}/*"), arn]).collect();
        }
        let found = of_kind(self.stack, kind).filter(|resource| counts(resource));
        let mut found: Vec<String> = found.filter_map(|resource| self.place.of(self.stack, resource)).collect();
        let store = if kind == &WORKLOAD_IDENTITY {
            Some("workload-identity-directory/default")
        } else if kind == &OAUTH2_CREDENTIAL_PROVIDER || kind == &API_KEY_CREDENTIAL_PROVIDER {
            Some("token-vault/default")
        } else {
            None
        };
        found.extend(store.filter(|_| !found.is_empty()).map(|store| self.place.agentcore(store)));
        found
    }

    /// The user pools of the stack.
    fn pools(&self) -> Vec<Pool> {
        let pools = of_kind(self.stack, &USER_POOL).filter_map(|pool| {
            let arn = self.place.of(self.stack, pool)?;
            let owners = match &pool.existing {
                Some(Existing::Id(_)) => Vec::new(),
                Some(Existing::Stack { owner, .. }) => vec![owner.clone()],
                None if pool.adopt.is_some() => Vec::new(),
                None => {
                    let before = self.stack.moved.iter().filter(|moved| moved.to == pool.address);
                    before.filter_map(|moved| moved.owner.clone()).chain([self.stack.owner()]).collect()
                }
            };
            Some(Pool { arn, owners, ours: pool.existing.is_none() })
        });
        pools.collect()
    }
}

/// A user pool. The id of one that is to be made is made up by the service: it is known by the stack that its tags name.
struct Pool {
    arn: String,
    /// The stacks that its tags may name; none where the ARN says which pool it is.
    owners: Vec<String>,
    /// It is not somebody else's.
    ours: bool,
}

impl Pool {
    fn condition(&self, operator: &str) -> Conditions {
        if self.owners.is_empty() {
            return Conditions::new();
        }
        condition(operator, &format!("aws:ResourceTag/{STACK}"), self.owners.iter().cloned())
    }
}

/// A document has a member of this name anywhere.
fn holds(document: &Value, name: &str) -> bool {
    match document {
        Value::Array(items) => items.iter().any(|item| holds(item, name)),
        Value::Object(members) => members.iter().any(|(key, member)| key == name || holds(member, name)),
        _ => false,
    }
}
