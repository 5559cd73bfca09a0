"""The stand-in as a process of its own, and boto3 clients for it that keep every answer as it came over the wire."""

import json
import os
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ROOT = Path(__file__).resolve().parents[2]
BINARY = ROOT / "target" / "debug" / "gatewright"
ACCOUNT = "123456789012"
REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": REGION}


def environment(**more):
    """The environment of a program that knows nothing of this machine's AWS configuration."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GATEWRIGHT_"))}
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}
    return {**kept, **nowhere, **CREDENTIALS, "AWS_DEFAULT_REGION": REGION, **more}


@dataclass
class Answer:
    """One answer: the operation's model, what came over the wire, and what boto3 made of it."""

    model: object
    status: int
    headers: dict
    body: bytes
    parsed: dict
    error: str = ""
    message: str = ""

    @property
    def document(self):
        """The body as JSON; an empty one is an empty document."""
        return json.loads(self.body) if self.body else {}


class Client:
    """boto3 for one service, without retries and without its own checks of the input: what is tested is the server."""

    def __init__(self, service, url):
        config = Config(retries={"total_max_attempts": 1}, parameter_validation=False, connect_timeout=5, read_timeout=30)
        self.boto = boto3.client(
            service, endpoint_url=url, region_name=REGION, config=config, aws_access_key_id="local", aws_secret_access_key="local"
        )
        self.model = self.boto.meta.service_model
        self._methods = {operation: method for method, operation in self.boto.meta.method_to_api_mapping.items()}
        self._last = None
        self.boto.meta.events.register("before-parse", self._keep)

    def _keep(self, operation_model, response_dict, **_):
        self._last = (operation_model, response_dict)

    def call(self, operation, **members):
        """Calls an operation; a refusal is an answer too."""
        error = message = ""
        try:
            parsed = getattr(self.boto, self._methods[operation])(**members)
        except ClientError as refusal:
            parsed = refusal.response
            error, message = parsed["Error"]["Code"], parsed["Error"].get("Message", "")
        model, wire = self._last
        return Answer(model, wire["status_code"], wire["headers"], wire["body"], parsed, error, message)


class Standin:
    """`gatewright local` on a free port of loopback, for as long as the `with` lasts."""

    def __init__(self, *arguments, delay=0):
        self.arguments = ["local", "--port", "0", "--account", ACCOUNT, "--region", REGION, "--delay", str(delay), *arguments]

    def __enter__(self):
        self._log = open(ROOT / "target" / "peers" / "standin.log", "wb")
        self._process = subprocess.Popen([BINARY, *self.arguments], stdout=subprocess.PIPE, stderr=self._log, env=environment(), text=True)
        line = self._process.stdout.readline()
        if "http://127.0.0.1:" not in line:
            raise RuntimeError(f"the stand-in did not start: {line!r}, see {self._log.name}")
        self.url = line.strip().removeprefix("export AWS_ENDPOINT_URL=")
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(10)
        self._process.stdout.close()
        self._log.close()

    def client(self, service):
        """A client of one service, named as botocore names it."""
        return Client(service, self.url)

    def control(self, method, path, document=None):
        """Calls a control endpoint below `/_localstack/`."""
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"{self.url}/_localstack/{path}", body, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def gatewright(self, *arguments):
        """Runs the command line against this stand-in and returns its standard output."""
        run = subprocess.run(
            [BINARY, *arguments], cwd=ROOT, env=environment(AWS_ENDPOINT_URL=self.url), capture_output=True, text=True, timeout=120
        )
        if run.returncode:
            raise RuntimeError(f"gatewright {' '.join(arguments)} ended with {run.returncode}\n{run.stderr}")
        return run.stdout
