"""moto's own tests of AgentCore and Cognito, out of the source distribution of its release, against our stand-in.

They were written to test moto, which validates little; so some of them must fail here. `moto_suite.toml` lists each of those with
its reason and the words it fails with. A test that fails without standing there fails the suite, and so does one that stands there
and passes. A test that calls an operation that `operations.toml` lists as not served is counted as such.
"""

import re
import subprocess
import sys
import tarfile
import tomllib
import xml.etree.ElementTree as xml
from importlib.metadata import version
from pathlib import Path

from report import Report
from standin import REGION, ROOT, Standin, environment

HERE = Path(__file__).parent
FOLDER = ROOT / "target" / "peers" / f"moto-{version('moto')}"

#: moto's markers, which its distribution keeps in a file that brings settings along that we do not want.
SETTINGS = "[pytest]\nmarkers =\n network: n\n requires_docker: d\n aws_verified: a\n requires_clean_slate: c\n"


def unpack():
    """Gets the tests out of the release that `run` has downloaded."""
    archive = FOLDER.parent / f"{FOLDER.name}.tar.gz"
    wanted = re.compile(rf"{re.escape(FOLDER.name)}/tests/(__init__\.py|conftest\.py|(test_bedrockagentcorecontrol|test_cognitoidp)/.*)")
    with tarfile.open(archive) as release:
        release.extractall(FOLDER.parent, [member for member in release if wanted.fullmatch(member.name)], filter="data")
    (FOLDER / "pytest.ini").write_text(SETTINGS)


def run(suite, url, ignored):
    """Runs one folder of tests; returns the outcome of each: `passed`, `skipped`, or the message of the failure."""
    results = FOLDER / f"{suite}.xml"
    results.unlink(missing_ok=True)
    arguments = ["-q", "--tb=line", "-p", "no:cacheprovider", f"--junitxml={results}", *(f"--ignore=tests/{name}" for name in ignored)]
    with open(FOLDER / f"{suite}.log", "wb") as log:
        subprocess.run(
            [sys.executable, "-m", "pytest", *arguments, f"tests/test_{suite}"],
            cwd=FOLDER, stdout=log, stderr=log, timeout=400,
            env=environment(TEST_SERVER_MODE="true", TEST_SERVER_MODE_ENDPOINT=url, AWS_DEFAULT_REGION=REGION),
        )  # fmt: skip
    outcomes = {}
    for case in xml.parse(results).iter("testcase"):
        trouble = next((child for child in case if child.tag in ("failure", "error")), None)
        skipped = case.find("skipped") is not None
        outcomes[case.get("name")] = trouble.get("message", "?") if trouble is not None else "skipped" if skipped else "passed"
    return outcomes


def compare(report, suite, outcomes, table, not_served):
    """Holds the outcomes against the table."""
    expected = {name: entry["says"] for entry in table["failure"] for name in entry["tests"]}
    report.check(f"{suite}: collected", "" if len(outcomes) >= table["tests"] else f"{len(outcomes)} of {table['tests']} tests")
    report.check(f"{suite}: the table", [f"{name} is no test" for name in sorted(expected.keys() - outcomes.keys())])
    counts = {"passed": 0, "skipped": 0, "expected to fail": 0, "not served": 0}
    for name, outcome in outcomes.items():
        unserved = re.search(r"UnknownOperationException\) when calling the (\w+) operation", outcome)
        what = f"{suite}: {name}"
        if outcome in ("passed", "skipped"):
            counts[outcome] += 1
            report.check(what, f"{outcome}, and stands in moto_suite.toml as failing" if name in expected else "")
        elif name in expected:
            counts["expected to fail"] += 1
            report.check(what, "" if expected[name] in outcome else f"wanted {expected[name]!r}, found {outcome[:600]}")
        elif unserved and unserved[1] in not_served:
            counts["not served"] += 1
            report.check(what, "")
        else:
            report.check(what, outcome[:600])
    print(f"{report.suite}: {suite}: " + ", ".join(f"{count} {what}" for what, count in counts.items()), flush=True)


def main():
    report = Report("moto-suite")
    tables = tomllib.loads((HERE / "moto_suite.toml").read_text())
    served = tomllib.loads((HERE / "operations.toml").read_text())
    not_served = {name for table in served.values() for name in table["not_served"]}
    unpack()
    with Standin() as standin:
        for suite, table in tables.items():
            compare(report, suite, run(suite, standin.url, table.get("ignored", [])), table, not_served)
    report.end()


if __name__ == "__main__":
    main()
