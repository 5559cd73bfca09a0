"""Makes an input for any operation from its model: what is required, of the right type, and of the wanted pattern.

What the model cannot know stands in a table: values by the name of their member, and whole members by operation. Identifiers come
from the answers of the calls before. `${gatewayId}` in the table is such an identifier, `${Gateway.name}` what CreateGateway was sent or
answered under that name.
"""

import re

import shapes

#: What most patterns of names and identifiers take, tried in this order.
CANDIDATES = ["peer_one", "peer-one", "peerone", "1", "123456", "/peer", "https://peer.example.com", "peer@example.com",
              "peer-0123456789", "p0123456789", "0123456789", "0123456789ab", "peer_0123456789abcdef", "terms-of-use", "import-peer",
              "subnet-0123456789abcdef0", "sg-0123456789abcdef0", "tkn0123456789abcdefghijklmno",
              "a0000000-0000-4000-8000-000000000000"]  # fmt: skip

VERBS = ["AdminCreate", "BatchPut", "Create", "Update", "Delete", "Describe", "Get", "List", "Put", "Start", "Submit", "Rotate",
         "Reset", "Set", "Synchronize", "Add"]  # fmt: skip


class Unknown(Exception):
    """No call has answered the identifier yet, or no value of the pattern is known."""


def noun(operation):
    """What an operation is about: `CreateGateway` is about a `Gateway`."""
    return next((operation.removeprefix(verb) for verb in VERBS if operation.startswith(verb)), operation)


class Inputs:
    """Inputs of one service, out of its model, its table and what has been answered so far."""

    def __init__(self, table):
        self.values = table.get("values", {})
        self.members = table.get("inputs", {})
        self.arms = table.get("arms", {})
        self.own = {}
        self.known = {}
        #: What names begin with; another one makes another object.
        self.name = "peer"
        #: Whether a structure without required members is filled with its first one.
        self.is_generous = False

    def learn(self, operation, sent, document):
        """Remembers what was made: all of it under its noun, and its identifiers for whoever asks for one of that name."""
        found = dict(sent)
        for name, value in document.items():
            if isinstance(value, dict):  # a wrapper: {"memory": {"id"}} answers the memoryId
                for inner, leaf in value.items():
                    found.setdefault(inner, leaf)
                    found[name + inner[:1].upper() + inner[1:]] = leaf
            else:
                found[name] = value
        lists = [(name, value[0]) for name, value in found.items() if isinstance(value, list) and value]
        found.update({name.removesuffix("s"): first for name, first in lists})  # of exampleIds the first is the exampleId
        found = {name: value for name, value in found.items() if isinstance(value, str)}
        self.own.setdefault(noun(operation), {}).update(found)
        for name, value in found.items():
            self.known.setdefault(name, value)

    def make(self, model, *, guess):
        """The input of an operation. Raises `Unknown` if an identifier is not known yet, unless it may guess."""
        shape = model.input_shape
        made = self._filled(self.members.get(model.name, {}), guess)
        for name in shape.required_members if shape else []:
            if name not in made:
                made[name] = self._member(model.name, name, shape.members[name], guess)
        return made

    def _member(self, operation, name, shape, guess):
        if name in self.values:
            return self._filled(self.values[name], guess)
        identifies = name.endswith(("Id", "Ids", "Identifier", "Arn"))
        names = (name, re.sub("Identifier$", "Id", name))
        own = {} if operation.startswith("Create") else self.own.get(noun(operation), {})
        for known in (own, self.known if identifies else {}):
            for candidate in names:
                if candidate in known:
                    return known[candidate]
        if identifies and not guess:
            raise Unknown(name)
        return self.value(shape, name, guess)

    def value(self, shape, name, guess, depth=0):
        """A value of a shape; `name` is the member that it is for."""
        if name in self.values:
            return self._filled(self.values[name], guess)
        kind = shape.type_name
        if kind == "structure":
            return self._structure(shape, guess, depth)
        if kind == "list":
            return [self.value(shape.member, name, guess, depth + 1)]
        if kind == "map":
            return {self.value(shape.key, "key", guess): self.value(shape.value, "value", guess, depth + 1)}
        if kind == "string":
            return shape.enum[0] if shape.enum else self._text(shape, name, guess)
        if kind in ("integer", "long", "float", "double"):
            return shape.metadata.get("min") or min(1, shape.metadata.get("max", 1))
        return {"boolean": True, "timestamp": 1_800_000_000, "blob": b"peer"}[kind]

    def _structure(self, shape, guess, depth):
        if getattr(shape, "is_document_type", False):
            return {}
        names = shape.required_members
        if self.is_generous and not names and depth < 5:
            names = list(shape.members)[:1]
        if getattr(shape, "is_tagged_union", False):
            names = [self.arms.get(shape.name, next(iter(shape.members)))]
        if depth > 20:
            raise ValueError(f"{shape.name} has no end")
        return {name: self.value(shape.members[name], name, guess, depth + 1) for name in names}

    def _filled(self, value, guess):
        if isinstance(value, dict):
            return {name: self._filled(member, guess) for name, member in value.items()}
        if isinstance(value, list):
            return [self._filled(member, guess) for member in value]
        if not isinstance(value, str):
            return value

        value = value.replace("${new}", self.name)

        def answered(match):
            about, _, name = match[1].rpartition(".")
            known = self.own.get(about, {}) if about else self.known
            if name not in known and not guess:
                raise Unknown(match[1])
            return known.get(name, match[0])

        return re.sub(r"\$\{([\w.]+)\}", answered, value)

    def _text(self, shape, name, guess):
        """A text of a shape's pattern and length."""
        smallest, largest = shape.metadata.get("min", 0), shape.metadata.get("max", 1 << 20)
        pattern = shape.metadata.get("pattern", "(?s).*")
        for candidate in [self.name, *CANDIDATES]:
            padded = candidate.ljust(smallest, "x")
            if len(padded) <= largest and shapes.matches(pattern, padded):
                return padded
        if guess:
            return self.name
        raise Unknown(name)
