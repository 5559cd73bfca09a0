"""The AWS CLI, with nothing configured but the endpoint: pool and gateway are made, listed, read and deleted."""

import json
import subprocess
import sys
from pathlib import Path

from report import Report
from standin import ACCOUNT, ROOT, Standin, environment

ROLE = f"arn:aws:iam::{ACCOUNT}:role/agent"


class Aws:
    """The CLI as a person would call it; once with `--endpoint-url`, and once with the line that `gatewright local` prints."""

    def __init__(self, report, standin):
        self.report = report
        self.ways = [(["--endpoint-url", standin.url], environment()), ([], environment(AWS_ENDPOINT_URL=standin.url))]

    def __call__(self, *arguments):
        options, variables = self.ways[0]
        self.ways.reverse()
        done = subprocess.run(
            [Path(sys.executable).with_name("aws"), *options, *arguments, "--output", "json"],
            cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return done

    def json(self, *arguments):
        """A call that works, and its answer."""
        done = self(*arguments)
        self.report.check(f"aws {' '.join(arguments[:2])}", done.stderr if done.returncode else "")
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def refused(self, code, *arguments):
        """A call that is refused with this code."""
        done = self(*arguments)
        refused = done.returncode and f"({code})" in done.stderr
        self.report.check(f"aws {' '.join(arguments[:2])} is refused", "" if refused else done.stdout + done.stderr)


def main():
    report = Report("aws-cli")
    with Standin() as standin:
        aws = Aws(report, standin)
        report.equal("the account", aws.json("sts", "get-caller-identity")["Account"], ACCOUNT)

        pool = aws.json("cognito-idp", "create-user-pool", "--pool-name", "people")["UserPool"]["Id"]
        listed = aws.json("cognito-idp", "list-user-pools", "--max-results", "10")["UserPools"]
        report.equal("the pool is listed", [item["Id"] for item in listed], [pool])
        read = aws.json("cognito-idp", "describe-user-pool", "--user-pool-id", pool)["UserPool"]
        report.equal("the pool is read", read["Name"], "people")
        aws.json("cognito-idp", "delete-user-pool", "--user-pool-id", pool)
        aws.refused("ResourceNotFoundException", "cognito-idp", "describe-user-pool", "--user-pool-id", pool)

        control = "bedrock-agentcore-control"
        made = aws.json(control, "create-gateway", "--name", "orders", "--role-arn", ROLE, "--protocol-type", "MCP",
                        "--authorizer-type", "AWS_IAM", "--tags", "team=people")  # fmt: skip
        gateway, arn = made["gatewayId"], made["gatewayArn"]
        listed = aws.json(control, "list-gateways")["items"]
        report.equal("the gateway is listed", [item["gatewayId"] for item in listed], [gateway])
        read = aws.json(control, "get-gateway", "--gateway-identifier", gateway)
        report.equal("the gateway is read", (read["name"], read["status"]), ("orders", "READY"))
        tags = aws.json(control, "list-tags-for-resource", "--resource-arn", arn)["tags"]
        report.equal("the gateway's tags are read", tags, {"team": "people"})
        aws.json(control, "delete-gateway", "--gateway-identifier", gateway)
        aws.refused("ResourceNotFoundException", control, "get-gateway", "--gateway-identifier", gateway)
        aws.refused("ValidationException", control, "create-gateway", "--name", "a_b", "--role-arn", ROLE, "--authorizer-type", "AWS_IAM")
    report.end()


if __name__ == "__main__":
    main()
