"""Every operation of the models, called through boto3 with an input made from the model, its answer held against botocore's shape.

`operations.toml` says what is not served, what is refused and why, and what the model cannot know of an input. An operation that
stands there wrongly fails like one that is missing there.
"""

import sys
import time
import tomllib
from pathlib import Path

import shapes
from inputs import Inputs, Unknown, noun
from report import Report
from standin import Standin

TABLE = Path(__file__).with_name("operations.toml")
UNKNOWN = "UnknownOperationException"

#: What is called when: first what makes, then what reads, then what changes; what deletes runs in the reverse of the making.
MAKES = ("Create", "AdminCreate", "Start", "Put", "Add")
READS = ("Get", "List", "Describe")
ENDS = ("Delete", "AdminDelete")


class Walk:
    """One walk over all operations of a service."""

    def __init__(self, client, table):
        self.client = client
        self.inputs = Inputs(table)
        self.first = table.get("first", [])
        self.last = table.get("last", [])
        self.made = []
        #: By operation: what was answered, and what is wrong with it.
        self.outcomes = {}

    def run(self, *, ends=True):
        """Calls every operation once; what was deleted is looked for once more. Without the ends everything is left standing."""
        names = self.client.model.operation_names
        rest = [name for name in names if name not in self.first and name not in self.last]
        makes = [name for name in rest if name.startswith(MAKES)]
        deletes = [name for name in rest if name.startswith(ENDS)]
        reads = [name for name in rest if name.startswith(READS)]
        changes = [name for name in rest if name not in {*makes, *deletes, *reads}]
        self._in_order(self.first)
        self._when_ready(makes)
        for group in (reads, changes):
            self._when_ready(group)
        if not ends:
            return
        nouns = [noun(name) for name in self.made]
        order = {about: position for position, about in enumerate(nouns)}
        self._in_order(sorted(deletes, key=lambda name: -order.get(noun(name), len(nouns))))
        self._in_order(self.last)

    def _in_order(self, names):
        for name in names:
            self._call(name, self.inputs.make(self.client.model.operation_model(name), guess=True))

    def _when_ready(self, names):
        """Calls each as soon as every identifier that it needs is known, and what never is with a guess."""
        waiting = list(names)
        while waiting:
            later = []
            for name in waiting:
                try:
                    members = self.inputs.make(self.client.model.operation_model(name), guess=False)
                except Unknown:
                    later.append(name)
                else:
                    self._call(name, members)
            if len(later) == len(waiting):
                self._in_order(later)
                return
            waiting = later

    def _call(self, name, members):
        try:
            answer = self.client.call(name, **members)
        except Exception as error:  # noqa: BLE001 - an answer that boto3 cannot read is a finding
            self.outcomes[name] = ("unreadable", [f"{type(error).__name__}: {error}"])
            return
        found = shapes.problems(answer)
        if answer.error and answer.error != UNKNOWN:
            found.append(f"{answer.message} (sent {members})")
        self.outcomes[name] = (answer.error, found)
        if answer.error:
            return
        if not name.startswith((*READS, *ENDS)):
            self.inputs.learn(name, members, answer.document)
            self._settle(name)
        if name.startswith(MAKES):
            self.made.append(name)
        if name.startswith(ENDS):
            self._gone(name)

    def reader(self, name):
        about = noun(name)
        readers = [f"{verb}{about}" for verb in ("Get", "Describe") if f"{verb}{about}" in self.client.model.operation_names]
        return readers[0] if readers else None

    def _settle(self, name):
        """Reads what was changed until it is no longer on its way."""
        reader = self.reader(name)
        if not reader:
            return
        model = self.client.model.operation_model(reader)
        for _ in range(100):
            answer = self.client.call(reader, **self.inputs.make(model, guess=True))
            document = answer.document
            inside = [document, *(value for value in document.values() if isinstance(value, dict))]
            states = [str(part.get("status", "")) for part in inside]
            if not any(state.endswith("ING") for state in states):
                if any(state.endswith(("FAILED", "UNSUCCESSFUL")) for state in states):
                    self.outcomes[name][1].append(f"came to {document}")
                return
            time.sleep(0.02)
        self.outcomes[name][1].append(f"not settled after two seconds: {document}")

    def _gone(self, name):
        """Reads what was deleted, and expects that it is not there."""
        reader = self.reader(name)
        if not reader or self.outcomes.get(reader, ("",))[0]:
            return
        answer = self.client.call(reader, **self.inputs.make(self.client.model.operation_model(reader), guess=True))
        empty = not any(answer.document.values())  # DescribeUserPoolDomain answers an empty description
        if not empty and answer.error != "ResourceNotFoundException":
            self.outcomes[name][1].append(f"{reader} afterwards: {answer.error or answer.document}")


def compare(report, walk, table):
    """Holds what happened against the table."""
    not_served = set(table.get("not_served", []))
    refused = table.get("refused", {})
    unknown = (not_served | refused.keys()) - set(walk.client.model.operation_names)
    report.check("operations of the table", [f"{name} is in no model" for name in sorted(unknown)])
    for name, (code, found) in sorted(walk.outcomes.items()):
        if name in not_served:
            report.check(name, [] if code == UNKNOWN else "is served now: take it out of not_served in operations.toml")
        elif code == UNKNOWN:
            report.check(name, "is not served, and not in not_served of operations.toml")
        elif name in refused:
            wanted = refused[name]["code"]
            report.check(name, [] if code == wanted else [f"{code or 'accepted'} instead of {wanted}", *found])
        else:
            report.check(name, [code, *found] if code else found)
    served = sum(1 for code, _ in walk.outcomes.values() if code != UNKNOWN)
    print(f"{report.suite}: {walk.client.model.service_name} serves {served} of {len(walk.outcomes)} operations")


def main():
    report = Report("operations")
    tables = tomllib.loads(TABLE.read_text())
    services = sys.argv[1:] or sorted(tables)
    with Standin() as standin:
        for service in services:
            walk = Walk(standin.client(service), tables[service])
            walk.run()
            compare(report, walk, tables[service])
    report.end()


if __name__ == "__main__":
    main()
