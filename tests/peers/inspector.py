"""The command line of the MCP inspector against the gateway of three-roles."""

import json

import nodejs
from report import Report
from three_roles import LAMBDA, ROLES, TOOLS, ThreeRoles


def inspect(stack, token, method, *arguments):
    """One request through the inspector."""
    headers = ["--header", f"Authorization: Bearer {token}"] if token else []
    return nodejs.run("mcp-inspector", "--cli", stack.mcp, "--transport", "http", "--method", method, *arguments, *headers)


def main():
    report = Report("inspector")
    with ThreeRoles() as stack:
        stack.control("POST", "answers", [{"resource": LAMBDA, "answer": {"state": "shipped"}}])
        for role, count in ROLES.items():
            with report.step(f"{role} lists its tools"):
                done = inspect(stack, stack.token(role), "tools/list")
                assert done.returncode == 0, done.stderr
                listed = [tool["name"] for tool in json.loads(done.stdout)["tools"]]
                assert sorted(listed) == sorted(f"records___{tool['name']}" for tool in TOOLS[:count]), listed
        with report.step("a permitted call"):
            call = ("tools/call", "--tool-name", "records___get_record", "--tool-arg", 'recordId="7"')
            done = inspect(stack, stack.token("read-only"), *call)
            assert done.returncode == 0 and "shipped" in done.stdout, (done.stdout, done.stderr)
        with report.step("a call that no policy permits"):
            call = ("tools/call", "--tool-name", "records___restore_record", "--tool-arg", 'recordId="7"', "--tool-arg", "version=1")
            done = inspect(stack, stack.token("read-only"), *call)
            # It looks the tool up in the list first, and does not find it there.
            assert done.returncode == 5 and "tool_not_found" in done.stderr, (done.returncode, done.stdout, done.stderr)
        for what, token in [("no token", None), ("a token that is over", stack.expired())]:
            with report.step(f"the inspector with {what}"):
                done = inspect(stack, token, "tools/list")
                assert done.returncode == 3 and "auth_required" in done.stderr, (done.returncode, done.stdout, done.stderr)
    report.end()


if __name__ == "__main__":
    main()
