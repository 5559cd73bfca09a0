#!/usr/bin/env python3
"""Extracts AWS's API model of the two control planes into compact, reviewable JSON.

The source is botocore, pinned below, fetched with pip from PyPI. Documentation and endpoint rules are dropped;
everything a client or a server needs to speak the protocol stays. The output is one line an operation or shape,
sorted by name, so that a new version shows as a readable diff.

    python3 model/script/extract.py            # writes model/data/*.json
    python3 model/script/extract.py DIRECTORY  # writes there instead
"""

import gzip
import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile

BOTOCORE = "1.44.5"
SERVICES = {
    "bedrock-agentcore-control": "2023-06-05",
    "cognito-idp": "2016-04-18",
}
METADATA = ("apiVersion", "endpointPrefix", "jsonVersion", "protocol", "signingName", "targetPrefix", "serviceId")
DROPPED = {"documentation", "documentationUrl", "endpoint", "staticContextParams", "requestcompression", "auth", "deprecatedMessage", "deprecatedSince"}


def stripped(value):
    """The value without documentation. Members named `documentation` inside `members` are data and stay."""
    if isinstance(value, list):
        return [stripped(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, item in value.items():
        if key == "members" and isinstance(item, dict):
            kept[key] = {name: stripped(member) for name, member in item.items()}
        elif key not in DROPPED:
            kept[key] = stripped(item)
    return kept


def read(wheel, service, version, name):
    """One JSON file of a service from the wheel; empty when the service has none."""
    path = f"botocore/data/{service}/{version}/{name}"
    names = set(wheel.namelist())
    if path + ".gz" in names:
        return json.loads(gzip.decompress(wheel.read(path + ".gz")))
    if path in names:
        return json.loads(wheel.read(path))
    return {}


def lines(table):
    """A JSON object with one entry a line."""
    rows = [f"{json.dumps(key)}:{json.dumps(table[key], separators=(',', ':'), ensure_ascii=True)}" for key in sorted(table)]
    return "{\n" + ",\n".join(rows) + "\n}"


def extract(wheel, service, version):
    """The compact text of one service."""
    source = read(wheel, service, version, "service-2.json")
    parts = {
        "source": json.dumps(f"botocore {BOTOCORE} {service} {version}"),
        "metadata": lines({key: source["metadata"][key] for key in METADATA if key in source["metadata"]}),
        "operations": lines(stripped(source["operations"])),
        "shapes": lines(stripped(source["shapes"])),
        "paginators": lines(read(wheel, service, version, "paginators-1.json").get("pagination", {})),
        "waiters": lines(stripped(read(wheel, service, version, "waiters-2.json").get("waiters", {}))),
    }
    return "{\n" + ",\n".join(f"{json.dumps(key)}:{text}" for key, text in parts.items()) + "\n}\n"


def main():
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent / "data"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, f"botocore=={BOTOCORE}"]
        subprocess.run(command, check=True)
        [path] = pathlib.Path(folder).glob("*.whl")
        with zipfile.ZipFile(path) as wheel:
            target.mkdir(parents=True, exist_ok=True)
            for service, version in SERVICES.items():
                (target / f"{service}.json").write_text(extract(wheel, service, version), encoding="utf-8")


if __name__ == "__main__":
    main()
