"""Runtimes are invoked: with a token of a client of their authorizer over plain HTTP, without an authorizer by boto3."""

from urllib.parse import quote

import requests

from main_flow import IMAGE, ROLE
from report import Report
from three_roles import ThreeRoles

SESSION = "s" * 40


def with_token(report, stack):
    """A runtime with an authorizer checks the token itself."""
    url = f"{stack.url}/runtimes/{quote(stack.runtime, safe='')}/invocations"
    for what, token, status in [
        ("a client's token", stack.token("standard"), 200),
        ("no token", None, 401),
        ("an expired token", stack.expired(), 401),
        ("a client of nobody", stack.signed({"client_id": "a" * 26}), 401),
    ]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = requests.post(url, json={"prompt": "hello"}, params={"qualifier": "DEFAULT"}, headers=headers, timeout=10)
        with report.step(f"a runtime is invoked with {what}"):
            assert answer.status_code == status, (answer.status_code, answer.text)
            if status == 200:
                assert answer.json() == {"said": "hello"}, answer.text
            else:
                assert answer.headers["WWW-Authenticate"].startswith("Bearer "), answer.headers


def signed(report, stack):
    """A runtime without an authorizer takes a signed request, as boto3 sends it; one with an authorizer does not."""
    client = stack.client("bedrock-agentcore").boto
    made = stack.client("bedrock-agentcore-control").call(
        "CreateAgentRuntime",
        agentRuntimeName="signed",
        agentRuntimeArtifact=IMAGE,
        roleArn=ROLE,
        networkConfiguration={"networkMode": "PUBLIC"},
    )
    arn = made.document["agentRuntimeArn"]
    stack.control("POST", "answers", [{"resource": arn, "answer": {"said": "hello"}}])
    with report.step("boto3 invokes a runtime"):
        answer = client.invoke_agent_runtime(agentRuntimeArn=arn, payload=b'{"prompt": "hello"}', runtimeSessionId=SESSION)
        assert answer["response"].read() == b'{"said":"hello"}' and answer["contentType"] == "application/json", answer
        assert answer["runtimeSessionId"] == SESSION, answer
    for what, name, error in [
        ("one that wants a token", stack.runtime, client.exceptions.AccessDeniedException),
        ("one that is not there", f"{arn[:-3]}abc", client.exceptions.ResourceNotFoundException),
    ]:
        try:
            client.invoke_agent_runtime(agentRuntimeArn=name, payload=b"{}")
            report.check(f"boto3 invokes {what}", "was answered")
        except error:
            report.check(f"boto3 invokes {what}", "")


def main():
    report = Report("invocations")
    with ThreeRoles() as stack:
        stack.control("POST", "answers", [{"resource": stack.runtime, "answer": {"said": "hello"}}])
        with_token(report, stack)
        signed(report, stack)
    report.end()


if __name__ == "__main__":
    main()
