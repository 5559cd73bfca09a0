"""PyJWT, Authlib and joserfc take the stand-in's user pool for an issuer: discovery, keys, client_credentials, verification."""

import base64
import json

import jwt
import requests
from authlib.integrations.requests_client import OAuth2Session
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry, decode

from report import Report
from three_roles import ThreeRoles

SCOPES = {"read-only": "api/read", "standard": "api/read api/write", "full-access": "api/read api/write api/admin"}

#: What an access token of Cognito's client_credentials says; `aud` is not among it.
CLAIMS = {"sub", "client_id", "token_use", "scope", "auth_time", "iat", "exp", "jti", "version", "iss"}


def discovery(report, stack):
    """The discovery document leads to keys and token endpoint, all of it on the stand-in."""
    document = requests.get(stack.discovery_url, timeout=10).json()
    with report.step("discovery names the pool as the issuer"):
        assert stack.discovery_url == f"{document['issuer']}/.well-known/openid-configuration", document["issuer"]
    with report.step("discovery stays on the stand-in"):
        urls = [value for name, value in document.items() if name.endswith(("_uri", "_endpoint", "issuer"))]
        assert urls and all(url.startswith(stack.url) for url in urls), urls
    return document


def pyjwt(report, stack, document):
    """PyJWT finds the key by its id and accepts signature, issuer and time; and nothing that was changed."""
    keys = jwt.PyJWKClient(document["jwks_uri"])
    required = ["exp", "iat", "iss", "sub", "jti"]

    def verified(token):
        key = keys.get_signing_key_from_jwt(token).key
        return jwt.decode(token, key, ["RS256"], issuer=document["issuer"], options={"require": required})

    for role, scope in SCOPES.items():
        with report.step(f"PyJWT verifies a token of {role}"):
            claims = verified(stack.token(role))
            assert set(claims[name] for name in ("client_id", "sub")) == {stack.clients[role][0]}, claims
            assert sorted(claims["scope"].split()) == sorted(scope.split()), claims["scope"]
            assert claims["token_use"] == "access" and claims["version"] == 2, claims
            assert claims.keys() == CLAIMS, claims.keys() ^ CLAIMS
            assert claims["exp"] - claims["iat"] == 3600, claims

    with report.step("PyJWT: only the scope that was asked for"):
        assert verified(stack.token("full-access", scope="api/write"))["scope"] == "api/write"

    head, body, signature = stack.token("read-only").split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    more = base64.urlsafe_b64encode(json.dumps({**claims, "scope": "api/admin"}).encode()).rstrip(b"=").decode()
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    refused = {
        "changed claims": (f"{head}.{more}.{signature}", jwt.InvalidSignatureError),
        "a key of somebody else": (stack.signed({}, stranger), jwt.InvalidSignatureError),
        "a time that is over": (stack.expired(), jwt.ExpiredSignatureError),
    }
    for what, (token, error) in refused.items():
        try:
            report.check(f"PyJWT refuses {what}", f"accepted: {verified(token)}")
        except jwt.InvalidTokenError as refusal:
            report.check(f"PyJWT refuses {what}", "" if isinstance(refusal, error) else f"{refusal!r}")


def authlib(report, stack, document):
    """Authlib fetches a token in either way of naming itself, and joserfc verifies it with the key set."""
    keys = KeySet.import_key_set(requests.get(document["jwks_uri"], timeout=10).json())
    wanted = JWTClaimsRegistry(iss={"essential": True, "value": document["issuer"]}, exp={"essential": True})
    for method in ("client_secret_basic", "client_secret_post"):
        with report.step(f"Authlib fetches a token by {method}"):
            client, secret = stack.clients["standard"]
            session = OAuth2Session(client, secret, scope="api/read", token_endpoint_auth_method=method)
            token = session.fetch_token(document["token_endpoint"], grant_type="client_credentials")
            assert token["token_type"] == "Bearer" and token["expires_in"] == 3600, token
            claims = decode(token["access_token"], keys, algorithms=["RS256"]).claims
            wanted.validate(claims)
            assert claims["scope"] == "api/read" and claims["client_id"] == client, claims


def refusals(report, stack, document):
    """The token endpoint refuses as RFC 6749 says: a code in JSON, 400 or 401."""
    client, secret = stack.clients["read-only"]
    endpoint = document["token_endpoint"]
    refused = {
        "a wrong secret": ({"grant_type": "client_credentials"}, (client, "wrong"), "invalid_client"),
        "a client that is not there": ({"grant_type": "client_credentials"}, ("a" * 26, secret), "invalid_client"),
        "a scope of others": ({"grant_type": "client_credentials", "scope": "api/admin"}, (client, secret), "invalid_scope"),
        "another grant": ({"grant_type": "password"}, (client, secret), "unsupported_grant_type"),
        "no grant": ({}, (client, secret), "invalid_request"),
    }
    for what, (form, credentials, code) in refused.items():
        answer = requests.post(endpoint, form or {"scope": "api/read"}, auth=credentials, timeout=10)
        with report.step(f"the token endpoint refuses {what}"):
            assert answer.json()["error"] == code, answer.text
            assert answer.status_code in (400, 401), answer.status_code


def main():
    report = Report("tokens")
    with ThreeRoles() as stack:
        document = discovery(report, stack)
        pyjwt(report, stack, document)
        authlib(report, stack, document)
        refusals(report, stack, document)
    report.end()


if __name__ == "__main__":
    main()
