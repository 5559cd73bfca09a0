"""The official conformance suite of MCP against a gateway that asks nobody for a token, since the suite sends none.

Most of its scenarios are about what a gateway has not. They are listed with the reason, and must fail: one that begins to pass
belongs to those that apply.
"""

import re

import nodejs
from main_flow import GATEWAY_ROLE, LAMBDA_TARGET, ROLE
from report import Report
from standin import Standin

APPLY = {"server-initialize", "ping", "tools-list", "dns-rebinding-protection"}

#: Why a scenario does not apply, by the beginning of its name.
NOT_APPLICABLE = {
    "tools-call-": "calls tools of agreed names, and those of a gateway begin with their target's",
    "json-schema-2020-12": "lists a tool of an agreed name",
    "elicitation-": "calls tools of agreed names",
    "server-sse-": "checks nothing of a server that answers without a stream",
    "logging-": "a gateway has no logging",
    "completion-": "a gateway has no completions",
    "resources-": "a gateway has no resources",
    "prompts-": "a gateway has no prompts",
}


def scenarios(url):
    """Runs all scenarios; how many checks of each passed and failed."""
    done = nodejs.run("conformance", "server", "--url", url, "--suite", "all")
    summary = done.stdout.partition("=== SUMMARY ===")[2]
    found = re.findall(r"^\S ([\w-]+): (\d+) passed, (\d+) failed", summary, re.MULTILINE)
    return {name: (int(passed), int(failed)) for name, passed, failed in found}, done.stdout + done.stderr


def main():
    report = Report("conformance")
    with Standin() as standin:
        control = standin.client("bedrock-agentcore-control")
        made = control.call("CreateGateway", name="open", roleArn=ROLE, protocolType="MCP", authorizerType="NONE").document
        gateway = {"gatewayIdentifier": made["gatewayId"]}
        control.call("GetGateway", **gateway)
        control.call("CreateGatewayTarget", **gateway, name="orders", targetConfiguration=LAMBDA_TARGET,
                     credentialProviderConfigurations=GATEWAY_ROLE)  # fmt: skip
        found, output = scenarios(f"{standin.url}/gateways/{made['gatewayId']}/mcp")
    report.check("all that apply are there", [f"{name} is not" for name in sorted(APPLY - found.keys())])
    for name, (passed, failed) in found.items():
        if name in APPLY:
            report.check(name, "" if passed and not failed else output.partition(f"scenario: {name} ")[2][:1500] or "failed")
        else:
            known = any(name.startswith(beginning) for beginning in NOT_APPLICABLE)
            report.check(name, "" if known and not passed else f"{passed} passed, {failed} failed, and it is not listed so")
    report.end()


if __name__ == "__main__":
    main()
