"""`manifests/three-roles`, applied to the stand-in by our own command line: what clients of its gateway need to know."""

import json
import time

import jwt
import requests

from standin import ROOT, Standin

#: How many of the six tools each client reaches.
ROLES = {"read-only": 2, "standard": 4, "full-access": 6}

TOOLS = json.loads((ROOT / "manifests/three-roles/tools/records.json").read_text())

LAMBDA = "arn:aws:lambda:us-east-1:123456789012:function:records"


class ThreeRoles(Standin):
    """The stand-in with the stack in it, its state in a file so that a test can sign with the pool's own key."""

    def __init__(self, *arguments):
        self.state = ROOT / "target" / "peers" / "three-roles.state"
        super().__init__("--state", str(self.state), *arguments)

    def __enter__(self):
        self.state.unlink(missing_ok=True)
        super().__enter__()
        try:
            self._apply()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error):
        super().__exit__(*error)
        self.state.unlink(missing_ok=True)

    def _apply(self):
        self.gatewright("apply", "manifests/three-roles", "--yes")
        outputs = json.loads(self.gatewright("outputs", "manifests/three-roles", "--format", "json"))
        self.pool = outputs["user_pool.records"]["id"]
        self.discovery_url = f"{self.url}/{self.pool}/.well-known/openid-configuration"
        self.gateway = outputs["gateway.records"]["id"]
        self.mcp = outputs["gateway.records"]["url"]
        self.runtime = outputs["runtime.records"]["arn"]
        self.clients = {role: self._credentials(outputs[f"user_pool_client.{role}"]["id"]) for role in ROLES}

    def _credentials(self, client):
        found = self.client("cognito-idp").call("DescribeUserPoolClient", UserPoolId=self.pool, ClientId=client)
        return client, found.document["UserPoolClient"]["ClientSecret"]

    def token(self, role, **form):
        """An access token of a client, through the token endpoint."""
        answer = requests.post(
            f"{self.url}/oauth2/token", {"grant_type": "client_credentials", **form}, auth=self.clients[role], timeout=10
        )
        answer.raise_for_status()
        return answer.json()["access_token"]

    def signed(self, claims, key=None, **headers):
        """A token of our own making, signed with the pool's key unless another is given."""
        sample = self.token("full-access")
        everything = {**jwt.decode(sample, options={"verify_signature": False}), **claims}
        headers = {**jwt.get_unverified_header(sample), **headers}
        return jwt.encode(everything, key or self._signing_key(), headers["alg"], headers)

    def _signing_key(self):
        sections = json.loads(self.state.read_text())["states"].values()
        objects = [thing for section in sections for thing in section["objects"]]
        return next(thing["secrets"]["SigningKey"] for thing in objects if thing["id"] == self.pool)

    def expired(self):
        """A token that was good until an hour ago."""
        return self.signed({"iat": int(time.time()) - 7200, "exp": int(time.time()) - 3600})
