"""The Python MCP client against the gateway of three-roles: what each client sees and may call, and who is not let in."""

import asyncio

import jwt
import mcp
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from report import Report
from three_roles import LAMBDA, ROLES, TOOLS, ThreeRoles

#: The code and the words with which a gateway answers a call that no policy permits.
DENIED = -32002
DENIAL = "Tool Execution Denied: Tool call not allowed due to policy enforcement"

NAMES = [f"records___{tool['name']}" for tool in TOOLS]


class Session:
    """An MCP session with the gateway, for as long as the `async with` lasts."""

    def __init__(self, url, token):
        self.url = url
        self.headers = {"Authorization": f"Bearer {token}"}

    async def __aenter__(self):
        self._http = create_mcp_http_client(headers=self.headers)
        await self._http.__aenter__()
        self._transport = streamable_http_client(self.url, http_client=self._http)
        read, write, *_ = await self._transport.__aenter__()
        self._session = mcp.ClientSession(read, write)
        session = await self._session.__aenter__()
        self.initialized = await session.initialize()
        return session

    async def __aexit__(self, *error):
        await self._session.__aexit__(*error)
        await self._transport.__aexit__(*error)
        await self._http.__aexit__(*error)


async def tools(session):
    """The names of all tools, page by page."""
    names, cursor = [], None
    while True:
        page = await session.list_tools(params=mcp.types.PaginatedRequestParams(cursor=cursor) if cursor else None)
        names += [tool.name for tool in page.tools]
        cursor = getattr(page, "next_cursor", None) or getattr(page, "nextCursor", None)
        if not cursor:
            return names


async def denied(session, name, arguments):
    """What is wrong with how a call is denied; nothing if it is denied as documented."""
    try:
        result = await session.call_tool(name, arguments)
    except mcp.MCPError as error:
        return "" if error.code == DENIED and DENIAL in error.message else f"{error.code}: {error.message}"
    return f"answered: {result}"


async def roles(report, stack):
    """Each role lists and calls exactly its tools."""
    for role, count in ROLES.items():
        with report.step(f"{role}: session"):
            async with Session(stack.mcp, stack.token(role)) as session:
                await session.send_ping()
                listed = await tools(session)
                report.equal(f"{role} lists {count} tools", sorted(listed), sorted(NAMES[:count]))
                result = await session.call_tool(NAMES[0], {"recordId": "7"})
                report.equal(f"{role} reads an order", (result.is_error, "shipped" in result.content[0].text), (False, True))
                for name in NAMES[count:]:
                    report.check(f"{role} may not call {name}", await denied(session, name, {"recordId": "7", "version": 1}))
    with report.step("arguments are held against the tool's schema"):
        async with Session(stack.mcp, stack.token("read-only")) as session:
            try:
                result = await session.call_tool(NAMES[0], {"recordId": 7})
                assert result.is_error, result
            except mcp.MCPError as error:
                assert error.code == -32602, error


def post(url, token=None):
    """One request of MCP without a client, to see its status and headers."""
    headers = {"Accept": "application/json, text/event-stream", **({"Authorization": f"Bearer {token}"} if token else {})}
    return requests.post(url, json={"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}, headers=headers, timeout=10)


def strangers(report, stack):
    """Who has no token of the gateway's own clients is not let in, and is told where to get one."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    good = stack.token("read-only")
    head, body, signature = good.split(".")
    tokens = {
        "no token": None,
        "no JWT": "nonsense",
        "a forged token": stack.signed({}, key),
        "a signature of another token": f"{head}.{body}.{stack.token('standard').split('.')[2]}",
        "no signature": f"{head}.{body}.",
        "an algorithm of none": jwt.encode(jwt.decode(good, options={"verify_signature": False}), None, "none"),
        "an expired token": stack.expired(),
        "a client of nobody": stack.signed({"client_id": "a" * 26}),
        "an issuer of others": stack.signed({"iss": "https://idp.example.com"}),
    }
    for what, token in tokens.items():
        answer = post(stack.mcp, token)
        with report.step(f"{what} is refused"):
            assert answer.status_code == 401, (answer.status_code, answer.text)
            challenge = answer.headers["WWW-Authenticate"]
            assert challenge.startswith("Bearer ") and "resource_metadata=" in challenge, challenge
            assert ('error="invalid_token"' in challenge) == bool(token), challenge
    with report.step("the challenge leads to the protected resource's metadata"):
        challenge = post(stack.mcp).headers["WWW-Authenticate"]
        metadata = requests.get(challenge.split('resource_metadata="')[1].split('"')[0], timeout=10).json()
        assert metadata["resource"] == stack.mcp and metadata["authorization_servers"], metadata
    with report.step("the good token is taken all the same"):
        answer = post(stack.mcp, good)
        assert answer.status_code == 200 and len(answer.json()["result"]["tools"]) == 2, answer.text


def change(report, stack, what, **members):
    """Changes members of the live gateway, which is ready again when it is read."""
    control = stack.client("bedrock-agentcore-control")
    live = control.call("GetGateway", gatewayIdentifier=stack.gateway).parsed
    kept = ("name", "roleArn", "protocolType", "authorizerType", "authorizerConfiguration", "policyEngineConfiguration")
    answer = control.call("UpdateGateway", gatewayIdentifier=stack.gateway, **{**{name: live[name] for name in kept}, **members})
    report.equal(what, answer.error, "")
    control.call("GetGateway", gatewayIdentifier=stack.gateway)


async def log_only(report, stack):
    """With the engine in LOG_ONLY everything passes, and the journal has what would have been decided."""
    engine = stack.client("bedrock-agentcore-control").call("GetGateway", gatewayIdentifier=stack.gateway)
    engine = {**engine.parsed["policyEngineConfiguration"], "mode": "LOG_ONLY"}
    change(report, stack, "the engine is switched to LOG_ONLY", policyEngineConfiguration=engine)
    stack.control("DELETE", "journal")
    async with Session(stack.mcp, stack.token("read-only")) as session:
        report.equal("LOG_ONLY: read-only lists all tools", len(await tools(session)), 6)
        result = await session.call_tool(NAMES[4], {"recordId": "7"})
        report.equal("LOG_ONLY: read-only deletes an order", result.is_error, False)
        await session.call_tool(NAMES[0], {"recordId": "7"})
    calls = [entry["decision"] for entry in stack.control("GET", "journal") if entry["operation"] == "tools/call"]
    denied_one, allowed_one = calls
    report.equal("LOG_ONLY: the journal has the denial", (denied_one["denied"], denied_one["mode"]), ([NAMES[4]], "LOG_ONLY"))
    report.equal("LOG_ONLY: the journal has the permission", allowed_one["allowed"], [NAMES[0]])
    report.equal("LOG_ONLY: the journal names the policy", len(allowed_one["policies"]), 1)


def scopes(report, stack):
    """An authorizer that wants a scope answers 403 to a token without it, and names the scope's lack."""
    live = stack.client("bedrock-agentcore-control").call("GetGateway", gatewayIdentifier=stack.gateway).parsed
    wanted = {"customJWTAuthorizer": {**live["authorizerConfiguration"]["customJWTAuthorizer"], "allowedScopes": ["api/admin"]}}
    change(report, stack, "the authorizer wants a scope", authorizerConfiguration=wanted)
    for role, status in [("read-only", 403), ("full-access", 200)]:
        answer = post(stack.mcp, stack.token(role))
        with report.step(f"a scope is wanted of {role}"):
            assert answer.status_code == status, (answer.status_code, answer.text)
            assert status == 200 or 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"], answer.headers


def main():
    report = Report("mcp-client")
    with ThreeRoles() as stack:
        stack.control("POST", "answers", [{"resource": LAMBDA, "answer": {"state": "shipped"}}])
        asyncio.run(roles(report, stack))
        strangers(report, stack)
        asyncio.run(log_only(report, stack))
        scopes(report, stack)
    report.end()


if __name__ == "__main__":
    main()
