"""Every optional member of every operation, one at a time beside what is required: it is accepted or refused, never with a failure of
the server; whatever is answered, also by the read after a change, has botocore's shape; and that read shows the member as it was sent.
"""

import tomllib

import shapes
from operations import ENDS, READS, TABLE, UNKNOWN, Walk
from report import Report
from standin import Standin

#: Pages are a matter of main_flow.py: a token of nobody is refused, and no member of an object.
PAGES = {"nextToken", "NextToken", "PaginationToken"}


class Sweep:
    """All members of all operations of a service."""

    def __init__(self, report, walk):
        self.report = report
        self.walk = walk
        self.accepted = self.refused = 0

    def run(self):
        """Sends each, reads before changes and creations last, so that what is read is what the walk has made."""
        names = [name for name in self.walk.client.model.operation_names if not name.startswith(ENDS)]
        for name in sorted(names, key=lambda name: (not name.startswith(READS), name.startswith("Create"))):
            if self.walk.outcomes.get(name, (UNKNOWN,))[0]:
                continue
            model = self.walk.client.model.operation_model(name)
            shape = model.input_shape
            for member in sorted(shape.members.keys() - set(shape.required_members) - PAGES) if shape else ():
                self._send(model, member)

    def _send(self, model, member):
        inputs, what = self.walk.inputs, f"{model.name} {member}"
        inputs.name = f"peer{self.accepted + self.refused}" if model.name.startswith("Create") else "peer"
        members = inputs.make(model, guess=True)
        if member in members:
            return
        members[member] = inputs.value(model.input_shape.members[member], member, True)
        answer = self.walk.client.call(model.name, **members)
        found = shapes.problems(answer)
        if answer.status >= 500 or answer.error == UNKNOWN:
            found.append(f"{answer.status} {answer.error}")
        if answer.error:
            self.refused += 1
        else:
            self.accepted += 1
            found += self._read(model.name, member, members[member])
        self.report.check(what, [*found, f"{answer.message} (sent {members})"] if found else "")

    def _read(self, name, member, sent):
        """Reads what was changed: it has botocore's shape, and shows the member as it was sent, if it shows it at all."""
        reader = self.walk.reader(name)
        if not reader or name.startswith((*READS, "Create")):
            return []
        model = self.walk.client.model.operation_model(reader)
        answer = self.walk.client.call(reader, **self.walk.inputs.make(model, guess=True))
        found = ([answer.message] if answer.error else []) + shapes.problems(answer)
        shape, document = model.output_shape, answer.document
        if len(shape.members) == 1 and (wrapper := next(iter(shape.members))) in document:
            shape, document = shape.members[wrapper], document[wrapper]
        if member in getattr(shape, "members", {}) and not holds(document.get(member), sent):
            found.append(f"shows {document.get(member)} instead of {sent}")
        return [f"{reader} afterwards: {problem}" for problem in found]


def holds(shown, sent):
    """Whether what is shown has everything that was sent; a wrapper of an optional value is none in an answer."""
    if isinstance(sent, dict) and sent.keys() == {"optionalValue"}:
        return holds(shown, sent["optionalValue"])
    if isinstance(sent, dict) and isinstance(shown, dict):
        return all(holds(shown.get(name), value) for name, value in sent.items())
    if isinstance(sent, list) and isinstance(shown, list):
        return len(sent) <= len(shown) and all(any(holds(one, value) for one in shown) for value in sent)
    return shown == sent


def main():
    report = Report("members")
    tables = tomllib.loads(TABLE.read_text())
    with Standin() as standin:
        for service, table in sorted(tables.items()):
            walk = Walk(standin.client(service), table)
            walk.run(ends=False)
            walk.inputs.is_generous = True
            sweep = Sweep(report, walk)
            sweep.run()
            print(f"members: {service} accepts {sweep.accepted} and refuses {sweep.refused} optional members")
    report.end()


if __name__ == "__main__":
    main()
