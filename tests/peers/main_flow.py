"""The main flow through boto3: from a user pool to an enforced gateway and back, and the refusals on the way.

Every answer, refusals included, is held against botocore's shape of it, as it came over the wire.
"""

from functools import partial

import shapes
from report import Report
from standin import ACCOUNT, REGION, Standin

ROLE = f"arn:aws:iam::{ACCOUNT}:role/agent"
LAMBDA = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders"
TOOL = {
    "name": "get_order",
    "description": "Gets an order",
    "inputSchema": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
}
LAMBDA_TARGET = {"mcp": {"lambda": {"lambdaArn": LAMBDA, "toolSchema": {"inlinePayload": [TOOL]}}}}
GATEWAY_ROLE = [{"credentialProviderType": "GATEWAY_IAM_ROLE"}]
IMAGE = {"containerConfiguration": {"containerUri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/orders:1"}}


class Flow:
    """The calls of one service."""

    def __init__(self, report, client):
        self.report = report
        self.client = client

    def step(self, operation, *, shows=None, **members):
        """A call that works; `shows` is what its answer has to hold, by dotted path. Returns the document."""
        answer = self.client.call(operation, **members)
        if answer.error:
            self.report.check(operation, f"{answer.error}: {answer.message}")
            return {}
        document = answer.document
        found = shapes.problems(answer)
        for path, wanted in (shows or {}).items():
            value = at(document, path)
            if value != wanted:
                found.append(f"{path} is {value!r} instead of {wanted!r}")
        self.report.check(operation, found)
        return document

    def refusal(self, why, code, operation, **members):
        """A call that is refused with this code."""
        answer = self.client.call(operation, **members)
        found = shapes.problems(answer)
        if answer.error != code:
            found.append(f"{answer.error or 'accepted'} ({answer.message}) instead of {code}")
        self.report.check(f"{operation}: {why}", found)

    def paged(self, operation, items, token, size, wanted, **members):
        """Lists page by page and expects all of the wanted in the end."""
        found = []
        page, limit = members, 20
        while limit:
            document = self.step(operation, **page)
            listed = document.get(items, [])
            self.report.check(f"{operation}: a page", f"{len(listed)} instead of {size} at most" if len(listed) > size else "")
            found += listed
            if not document.get(token):
                break
            page, limit = {**members, token: document[token]}, limit - 1
        self.report.equal(f"{operation}: all pages", len(found), wanted)


def at(document, path):
    """What stands at a dotted path; none if nothing does."""
    for name in path.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document


def cognito(flow):
    """Pool, resource server, client, domain, group, provider, MFA, tags and attributes. Returns pool and client."""
    step, refusal = flow.step, flow.refusal
    invalid, missing = "InvalidParameterException", "ResourceNotFoundException"

    refusal("no name", invalid, "CreateUserPool")
    refusal("a name with a slash", invalid, "CreateUserPool", PoolName="a/b")
    pool = step("CreateUserPool", PoolName="people", AutoVerifiedAttributes=["email"], DeletionProtection="ACTIVE",
                UserPoolTags={"team": "people"}, shows={"UserPool.Name": "people"})  # fmt: skip
    pool_id, pool_arn = at(pool, "UserPool.Id"), at(pool, "UserPool.Arn")
    own = partial(dict, UserPoolId=pool_id)
    step("DescribeUserPool", **own(), shows={"UserPool.AutoVerifiedAttributes": ["email"], "UserPool.DeletionProtection": "ACTIVE"})
    step("UpdateUserPool", **own(AutoVerifiedAttributes=["email"], DeletionProtection="ACTIVE", UserPoolTags={"team": "people"}))
    step("AddCustomAttributes", **own(CustomAttributes=[{"Name": "role", "AttributeDataType": "String", "Mutable": True}]))
    for name in ("one", "two"):
        step("CreateUserPool", PoolName=name)
    flow.paged("ListUserPools", "UserPools", "NextToken", 2, 3, MaxResults=2)
    refusal("a pool that is not there", missing, "DescribeUserPool", UserPoolId=f"{REGION}_AbCdEfGhI")

    scopes = [{"ScopeName": name, "ScopeDescription": name} for name in ("read", "write", "admin")]
    step("CreateResourceServer", **own(Identifier="api", Name="API", Scopes=scopes), shows={"ResourceServer.Identifier": "api"})
    refusal("an identifier twice", invalid, "CreateResourceServer", **own(Identifier="api", Name="API"))
    step("DescribeResourceServer", **own(Identifier="api"), shows={"ResourceServer.Scopes": scopes})
    step("UpdateResourceServer", **own(Identifier="api", Name="Orders", Scopes=scopes), shows={"ResourceServer.Name": "Orders"})
    flow.paged("ListResourceServers", "ResourceServers", "NextToken", 1, 1, **own(MaxResults=1))

    machine = {"GenerateSecret": True, "AllowedOAuthFlowsUserPoolClient": True, "AllowedOAuthFlows": ["client_credentials"]}
    refusal("a scope that is not there", "ScopeDoesNotExistException", "CreateUserPoolClient",
            **own(ClientName="bad", AllowedOAuthScopes=["api/other"], **machine))  # fmt: skip
    refusal("client_credentials without a secret", "InvalidOAuthFlowException", "CreateUserPoolClient",
            **own(ClientName="bad", AllowedOAuthScopes=["api/read"], **{**machine, "GenerateSecret": False}))  # fmt: skip
    refusal("client_credentials with another flow", "InvalidOAuthFlowException", "CreateUserPoolClient",
            **own(ClientName="bad", AllowedOAuthScopes=["api/read"], CallbackURLs=["https://localhost"],
                  **{**machine, "AllowedOAuthFlows": ["client_credentials", "code"]}))  # fmt: skip
    client = step("CreateUserPoolClient", **own(ClientName="reader", AllowedOAuthScopes=["api/read"], **machine),
                  shows={"UserPoolClient.AllowedOAuthScopes": ["api/read"]})  # fmt: skip
    client_id = at(client, "UserPoolClient.ClientId")
    kept = {name: value for name, value in machine.items() if name != "GenerateSecret"}
    step("DescribeUserPoolClient", **own(ClientId=client_id), shows={"UserPoolClient.ClientName": "reader"})
    step("UpdateUserPoolClient", **own(ClientId=client_id, ClientName="reader", AllowedOAuthScopes=["api/read", "api/write"], **kept),
         shows={"UserPoolClient.AllowedOAuthScopes": ["api/read", "api/write"]})  # fmt: skip
    flow.paged("ListUserPoolClients", "UserPoolClients", "NextToken", 1, 1, **own(MaxResults=1))
    secret = step("AddUserPoolClientSecret", **own(ClientId=client_id))
    refusal("a third secret", "LimitExceededException", "AddUserPoolClientSecret", **own(ClientId=client_id))
    step("ListUserPoolClientSecrets", **own(ClientId=client_id))
    secret_id = at(secret, "ClientSecretDescriptor.ClientSecretId")
    step("DeleteUserPoolClientSecret", **own(ClientId=client_id, ClientSecretId=secret_id))

    alone = step("CreateUserPoolClient", **own(ClientName="alone", AllowedOAuthScopes=["api/read"],
                 ExplicitAuthFlows=["ALLOW_CLIENT_TOKEN_AUTH"], **machine))  # fmt: skip
    alone_id, alone_secret = at(alone, "UserPoolClient.ClientId"), at(alone, "UserPoolClient.ClientSecret")
    step("GetClientToken", ClientId=alone_id, Secret=alone_secret)
    refusal("a wrong secret", "NotAuthorizedException", "GetClientToken", ClientId=alone_id, Secret="a" * 40)
    step("DeleteUserPoolClient", **own(ClientId=alone_id))

    step("CreateUserPoolDomain", **own(Domain="people-of-ours"))
    refusal("a domain twice", invalid, "CreateUserPoolDomain", **own(Domain="people-of-ours"))
    refusal("a domain with capitals", invalid, "CreateUserPoolDomain", UserPoolId=pool_id, Domain="People")
    step("DescribeUserPoolDomain", Domain="people-of-ours",
         shows={"DomainDescription.UserPoolId": pool_id, "DomainDescription.Status": "ACTIVE"})  # fmt: skip
    step("DescribeUserPoolDomain", Domain="nobody-has-this", shows={"DomainDescription": {}})
    step("UpdateUserPoolDomain", **own(Domain="people-of-ours", ManagedLoginVersion=2))

    step("CreateGroup", **own(GroupName="buyers", Precedence=1), shows={"Group.GroupName": "buyers"})
    refusal("a group twice", "GroupExistsException", "CreateGroup", **own(GroupName="buyers"))
    step("GetGroup", **own(GroupName="buyers"), shows={"Group.Precedence": 1})
    step("UpdateGroup", **own(GroupName="buyers", Description="who buys"), shows={"Group.Description": "who buys"})
    flow.paged("ListGroups", "Groups", "NextToken", 1, 1, **own(Limit=1))

    details = {"client_id": "a", "client_secret": "b", "attributes_request_method": "GET",
               "oidc_issuer": "https://idp.example.com", "authorize_scopes": "openid"}  # fmt: skip
    step("CreateIdentityProvider", **own(ProviderName="idp", ProviderType="OIDC", ProviderDetails=details))
    step("DescribeIdentityProvider", **own(ProviderName="idp"), shows={"IdentityProvider.ProviderType": "OIDC"})
    step("UpdateIdentityProvider", **own(ProviderName="idp", ProviderDetails=details, AttributeMapping={"email": "email"}))
    flow.paged("ListIdentityProviders", "Providers", "NextToken", 1, 1, **own(MaxResults=1))

    step("SetUserPoolMfaConfig", **own(SoftwareTokenMfaConfiguration={"Enabled": True}, MfaConfiguration="OPTIONAL"),
         shows={"MfaConfiguration": "OPTIONAL"})  # fmt: skip
    step("GetUserPoolMfaConfig", **own(), shows={"MfaConfiguration": "OPTIONAL"})

    step("TagResource", ResourceArn=pool_arn, Tags={"stage": "test"})
    step("ListTagsForResource", ResourceArn=pool_arn, shows={"Tags": {"team": "people", "stage": "test"}})
    step("UntagResource", ResourceArn=pool_arn, TagKeys=["stage"])
    step("ListTagsForResource", ResourceArn=pool_arn, shows={"Tags": {"team": "people"}})
    return pool_id, client_id


def cognito_end(flow, pool_id, client_id):
    """Takes everything of the pool away again, in the order that the service wants."""
    step, refusal = flow.step, flow.refusal
    own = partial(dict, UserPoolId=pool_id)
    step("DeleteIdentityProvider", **own(ProviderName="idp"))
    step("DeleteGroup", **own(GroupName="buyers"))
    refusal("a group that is gone", "ResourceNotFoundException", "GetGroup", **own(GroupName="buyers"))
    step("DeleteUserPoolClient", **own(ClientId=client_id))
    refusal("a client that is gone", "ResourceNotFoundException", "DescribeUserPoolClient", **own(ClientId=client_id))
    step("DeleteResourceServer", **own(Identifier="api"))
    refusal("deletion protection", "InvalidParameterException", "DeleteUserPool", **own())
    step("UpdateUserPool", **own(DeletionProtection="INACTIVE"))
    refusal("a pool with a domain", "InvalidParameterException", "DeleteUserPool", **own())
    step("DeleteUserPoolDomain", **own(Domain="people-of-ours"))
    step("DescribeUserPoolDomain", Domain="people-of-ours", shows={"DomainDescription": {}})
    step("DeleteUserPool", **own())
    refusal("a pool that is gone", "ResourceNotFoundException", "DescribeUserPool", **own())


def authorizer(pool_id, client_id):
    """The authorizer of a gateway or a runtime that takes this client of this pool."""
    discovery = f"https://cognito-idp.{REGION}.amazonaws.com/{pool_id}/.well-known/openid-configuration"
    return {"customJWTAuthorizer": {"discoveryUrl": discovery, "allowedClients": [client_id]}}


def runtimes(flow, pool_id, client_id):
    """A runtime with its versions and endpoints. Returns its id."""
    step, refusal = flow.step, flow.refusal
    runtime = {"agentRuntimeArtifact": IMAGE, "roleArn": ROLE, "networkConfiguration": {"networkMode": "PUBLIC"},
               "authorizerConfiguration": authorizer(pool_id, client_id)}  # fmt: skip
    refusal("a name with a hyphen", "ValidationException", "CreateAgentRuntime", agentRuntimeName="a-b", **runtime)
    refusal("a network mode of no enum", "ValidationException", "CreateAgentRuntime", agentRuntimeName="orders",
            **{**runtime, "networkConfiguration": {"networkMode": "OPEN"}})  # fmt: skip
    two_arms = {"agentRuntimeArtifact": {**IMAGE, "codeConfiguration": {
        "code": {"s3": {"bucket": "artifacts", "prefix": "a.zip"}}, "runtime": "PYTHON_3_12", "entryPoint": ["main.py"]}}}  # fmt: skip
    refusal("a union with two members", "ValidationException", "CreateAgentRuntime", agentRuntimeName="orders", **{**runtime, **two_arms})
    made = step("CreateAgentRuntime", agentRuntimeName="orders", **runtime, shows={"agentRuntimeVersion": "1"})
    runtime_id = made.get("agentRuntimeId")
    refusal("a name twice", "ConflictException", "CreateAgentRuntime", agentRuntimeName="orders", **runtime)
    step("GetAgentRuntime", agentRuntimeId=runtime_id, shows={"status": "READY", "agentRuntimeName": "orders"})
    step("ListAgentRuntimes")
    step("UpdateAgentRuntime", agentRuntimeId=runtime_id, description="two", **runtime, shows={"agentRuntimeVersion": "2"})
    step("GetAgentRuntime", agentRuntimeId=runtime_id, agentRuntimeVersion="1", shows={"agentRuntimeVersion": "1"})
    flow.paged("ListAgentRuntimeVersions", "agentRuntimes", "nextToken", 1, 2, agentRuntimeId=runtime_id, maxResults=1)
    step("CreateAgentRuntimeEndpoint", agentRuntimeId=runtime_id, name="live", agentRuntimeVersion="1", shows={"targetVersion": "1"})
    step("UpdateAgentRuntimeEndpoint", agentRuntimeId=runtime_id, endpointName="live", agentRuntimeVersion="2",
         shows={"targetVersion": "2"})  # fmt: skip
    step("GetAgentRuntimeEndpoint", agentRuntimeId=runtime_id, endpointName="live", shows={"status": "READY", "liveVersion": "2"})
    step("ListAgentRuntimeEndpoints", agentRuntimeId=runtime_id)
    return runtime_id


def gateways(flow, pool_id, client_id):
    """A gateway with a target, an engine and a policy, attached in ENFORCE. Returns their ids."""
    step, refusal = flow.step, flow.refusal
    invalid, missing, conflict = "ValidationException", "ResourceNotFoundException", "ConflictException"
    gateway = {"name": "orders", "roleArn": ROLE, "protocolType": "MCP", "authorizerType": "CUSTOM_JWT",
               "authorizerConfiguration": authorizer(pool_id, client_id)}  # fmt: skip
    bare = {name: value for name, value in gateway.items() if name != "authorizerConfiguration"}
    refusal("CUSTOM_JWT without its configuration", invalid, "CreateGateway", **bare)
    refusal("a name with an underscore", invalid, "CreateGateway", **{**gateway, "name": "a_b"})
    made = step("CreateGateway", **gateway, tags={"team": "people"}, clientToken="t" * 40)
    gateway_id, gateway_arn = made.get("gatewayId"), made.get("gatewayArn")
    flow.report.equal("CreateGateway: the same client token", step(
        "CreateGateway", **gateway, tags={"team": "people"}, clientToken="t" * 40).get("gatewayId"), gateway_id)  # fmt: skip
    refusal("a name twice", conflict, "CreateGateway", **gateway)
    step("GetGateway", gatewayIdentifier=gateway_id, shows={"status": "READY", "authorizerConfiguration": authorizer(pool_id, client_id)})
    refusal("a gateway that is not there", missing, "GetGateway", gatewayIdentifier="nobody-abcdefghij")
    refusal("an ARN for an id", invalid, "GetGateway", gatewayIdentifier=gateway_arn)
    step("CreateGateway", **{**gateway, "name": "second"})
    flow.paged("ListGateways", "items", "nextToken", 1, 2, maxResults=1)
    refusal("a page token of nobody", invalid, "ListGateways", nextToken="nonsense")

    own = partial(dict, gatewayIdentifier=gateway_id)
    target = {"name": "orders", "targetConfiguration": LAMBDA_TARGET, "credentialProviderConfigurations": GATEWAY_ROLE}
    made = step("CreateGatewayTarget", **own(**target), shows={"targetConfiguration": LAMBDA_TARGET})
    target_id = made.get("targetId")
    refusal("a name twice", conflict, "CreateGatewayTarget", **own(**target))
    step("GetGatewayTarget", **own(targetId=target_id), shows={"status": "READY"})
    step("UpdateGatewayTarget", **own(targetId=target_id, description="orders", **target), shows={"description": "orders"})
    step("ListGatewayTargets", **own())

    made = step("CreatePolicyEngine", name="orders", tags={"team": "people"})
    engine_id, engine_arn = made.get("policyEngineId"), made.get("policyEngineArn")
    step("GetPolicyEngine", policyEngineId=engine_id, shows={"status": "ACTIVE"})
    step("UpdatePolicyEngine", policyEngineId=engine_id, description={"optionalValue": "of orders"})
    step("ListPolicyEngines")
    engine = {"arn": engine_arn, "mode": "ENFORCE"}
    step("UpdateGateway", **own(**gateway, policyEngineConfiguration=engine), shows={"policyEngineConfiguration": engine})
    step("GetGateway", **own(), shows={"policyEngineConfiguration": engine, "status": "READY"})
    refusal("another name", invalid, "UpdateGateway", **own(**{**gateway, "name": "other"}))

    def permit(action):
        return {"cedar": {"statement": f'permit(principal, action == AgentCore::Action::"{action}", '
                          f'resource == AgentCore::Gateway::"{gateway_arn}") when {{ principal.hasTag("scope") }};'}}  # fmt: skip

    made = step("CreatePolicy", policyEngineId=engine_id, name="orders_read", definition=permit("orders___get_order"))
    policy_id = made.get("policyId")
    step("GetPolicy", policyEngineId=engine_id, policyId=policy_id, shows={"status": "ACTIVE", "definition": permit("orders___get_order")})
    refusal("a name twice", conflict, "CreatePolicy", policyEngineId=engine_id, name="orders_read", definition=permit("orders___get_order"))
    prose = {"cedar": {"statement": "permit this, please, and no other thing"}}
    refusal("no Cedar", invalid, "CreatePolicy", policyEngineId=engine_id, name="bad", definition=prose)
    failed = step("CreatePolicy", policyEngineId=engine_id, name="stray", definition=permit("orders___nothing"))
    step("GetPolicy", policyEngineId=engine_id, policyId=failed.get("policyId"), shows={"status": "CREATE_FAILED"})
    step("DeletePolicy", policyEngineId=engine_id, policyId=failed.get("policyId"))
    step("UpdatePolicy", policyEngineId=engine_id, policyId=policy_id, description={"optionalValue": "who may read"})
    step("ListPolicies", policyEngineId=engine_id)
    refusal("an engine with policies", conflict, "DeletePolicyEngine", policyEngineId=engine_id)

    step("TagResource", resourceArn=gateway_arn, tags={"stage": "test"})
    step("ListTagsForResource", resourceArn=gateway_arn, shows={"tags": {"team": "people", "stage": "test"}})
    step("UntagResource", resourceArn=gateway_arn, tagKeys=["stage", "team"])
    step("ListTagsForResource", resourceArn=gateway_arn, shows={"tags": {}})
    return {"gateway": gateway, "gateway_id": gateway_id, "target_id": target_id, "engine_id": engine_id, "policy_id": policy_id}


def agentcore_end(flow, runtime_id, ids):
    """Takes gateway, engine and runtime away again, in the order that the service wants."""
    step, refusal = flow.step, flow.refusal
    missing = "ResourceNotFoundException"
    own = partial(dict, gatewayIdentifier=ids["gateway_id"])
    policy = {"policyEngineId": ids["engine_id"], "policyId": ids["policy_id"]}
    step("DeletePolicy", **policy)
    refusal("a policy that is gone", missing, "GetPolicy", **policy)
    refusal("an engine that is attached", "ConflictException", "DeletePolicyEngine", policyEngineId=ids["engine_id"])
    step("UpdateGateway", **own(**ids["gateway"]))
    step("GetGateway", **own(), shows={"policyEngineConfiguration": None, "status": "READY"})
    step("DeletePolicyEngine", policyEngineId=ids["engine_id"])
    refusal("an engine that is gone", missing, "GetPolicyEngine", policyEngineId=ids["engine_id"])
    refusal("a gateway with targets", "ValidationException", "DeleteGateway", **own())
    step("DeleteGatewayTarget", **own(targetId=ids["target_id"]))
    refusal("a target that is gone", missing, "GetGatewayTarget", **own(targetId=ids["target_id"]))
    step("DeleteGateway", **own())
    refusal("a gateway that is gone", missing, "GetGateway", **own())
    refusal("tags of what is gone", missing, "ListTagsForResource",
            resourceArn=f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:gateway/{ids['gateway_id']}")  # fmt: skip
    endpoint = {"agentRuntimeId": runtime_id, "endpointName": "live"}
    step("DeleteAgentRuntimeEndpoint", **endpoint)
    refusal("an endpoint that is gone", missing, "GetAgentRuntimeEndpoint", **endpoint)
    step("DeleteAgentRuntime", agentRuntimeId=runtime_id)
    refusal("a runtime that is gone", missing, "GetAgentRuntime", agentRuntimeId=runtime_id)


def main():
    report = Report("main-flow")
    with Standin() as standin:
        identity = standin.client("sts").call("GetCallerIdentity")
        report.equal("GetCallerIdentity", identity.parsed.get("Account"), ACCOUNT)
        pools = Flow(report, standin.client("cognito-idp"))
        control = Flow(report, standin.client("bedrock-agentcore-control"))
        pool_id, client_id = cognito(pools)
        runtime_id = runtimes(control, pool_id, client_id)
        ids = gateways(control, pool_id, client_id)
        agentcore_end(control, runtime_id, ids)
        cognito_end(pools, pool_id, client_id)
    report.end()


if __name__ == "__main__":
    main()
