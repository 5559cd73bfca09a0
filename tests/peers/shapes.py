"""Holds an answer, as it came over the wire, against botocore's shape of it, member by member.

botocore itself ignores members it does not know, takes any text for an enum and never looks at the status of a success; so its
parsed answers prove less than the bytes do.
"""

import base64
import binascii
from datetime import datetime

import regex

#: True values that the model does not allow their member, and why.
IMPOSSIBLE = {
    ("AgentRuntime.description", ""): "required and not empty, though a runtime may have none",
    ("SchemaAttributeType.Name", "phone_number_verified"): "21 characters, of twenty at most",
}

#: Patterns that are wrong, and what proves it; a value is not held against them.
WRONG_PATTERNS = {
    "ApiKeyCredentialProviderArnType": "names the service acps, where OAuth2CredentialProviderArn and tagging want bedrock-agentcore",
    "PaymentCredentialProviderArnType": "the same",
    "PaymentManagerArn": "begins with arn: and an optional -partition, so that arn:aws: is no match",
    "CredentialProviderArnType": "names the service acps, where OAuth2CredentialProviderArn and tagging want bedrock-agentcore",
}

#: Values that an enum lacks, and where they are documented.
UNLISTED = {"ALLOW_CLIENT_TOKEN_AUTH": "the documentation of GetClientToken"}

#: Errors that any operation may answer, whatever its list says.
COMMON_ERRORS = {"UnknownOperationException", "SerializationException"}


def problems(answer):
    """Everything that is wrong with an answer; an empty list if nothing is."""
    if answer.error:
        return _error_problems(answer)
    found = []
    wanted = answer.model.http.get("responseCode", 200)
    if answer.status != wanted:
        found.append(f"status {answer.status} instead of {wanted}")
    if wanted == 204 and answer.body:
        found.append("204 with a body")
    _header_problems(answer, found)
    shape = answer.model.output_shape
    if shape is None:
        if answer.document:
            found.append(f"an answer where none is modelled: {answer.document}")
    else:
        _structure(shape, answer.document, "", found)
    return found


def _header_problems(answer, found):
    of_cognito = answer.model.service_model.metadata["protocol"] == "json"
    wanted = "application/x-amz-json-1.1" if of_cognito else "application/json"
    content = answer.headers.get("content-type", "")
    if answer.body and content.split(";")[0] != wanted:
        found.append(f"content type {content!r} instead of {wanted}")
    if not answer.headers.get("x-amzn-requestid"):
        found.append("no x-amzn-requestid")


def _error_problems(answer):
    found = []
    _header_problems(answer, found)
    shapes = {shape.error_code: shape for shape in answer.model.service_model.error_shapes}
    shape = shapes.get(answer.error)
    if answer.error in COMMON_ERRORS:
        return found
    if shape is None:
        return [*found, f"{answer.error} is no error of the service"]
    if answer.error not in {error.error_code for error in answer.model.error_shapes}:
        found.append(f"{answer.error} is no error of {answer.model.name}")
    wanted = shape.metadata.get("error", {}).get("httpStatusCode", 400)
    if answer.status != wanted:
        found.append(f"status {answer.status} instead of {wanted}")
    document = dict(answer.document)
    document.pop("__type", None)
    _structure(shape, document, "", found)
    return found


def _structure(shape, value, path, found):
    if getattr(shape, "is_document_type", False):
        return
    if not isinstance(value, dict):
        found.append(f"{path or 'answer'}: {value!r} is no structure")
        return
    members = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
    required = {shape.members[name].serialization.get("name", name) for name in shape.required_members}
    found.extend(f"{path}.{name}: missing, and required" for name in sorted(required - value.keys()))
    found.extend(f"{path}.{name}: unknown" for name in sorted(value.keys() - members.keys()))
    if getattr(shape, "is_tagged_union", False) and len(value) != 1:
        found.append(f"{path}: a union with {len(value)} members: {sorted(value)}")
    for name, member in value.items():
        if name in members and not (isinstance(member, str) and (f"{shape.name}.{name}", member) in IMPOSSIBLE):
            _value(members[name][1], member, f"{path}.{name}", found)


def _value(shape, value, path, found):
    kind = shape.type_name
    if value is None:
        found.append(f"{path}: null instead of absent")
    elif kind == "structure":
        _structure(shape, value, path, found)
    elif kind == "list":
        if not isinstance(value, list):
            found.append(f"{path}: {value!r} is no list")
            return
        _bounds(shape, len(value), path, found)
        for number, element in enumerate(value):
            _value(shape.member, element, f"{path}[{number}]", found)
    elif kind == "map":
        if not isinstance(value, dict):
            found.append(f"{path}: {value!r} is no map")
            return
        _bounds(shape, len(value), path, found)
        for key, element in value.items():
            _value(shape.key, key, f"{path} key", found)
            _value(shape.value, element, f"{path}[{key!r}]", found)
    elif kind == "string":
        _string(shape, value, path, found)
    elif kind in ("integer", "long"):
        if type(value) is not int:
            found.append(f"{path}: {value!r} is no {kind}")
        else:
            _bounds(shape, value, path, found)
    elif kind in ("float", "double"):
        if type(value) not in (int, float):
            found.append(f"{path}: {value!r} is no {kind}")
        else:
            _bounds(shape, value, path, found)
    elif kind == "boolean":
        if not isinstance(value, bool):
            found.append(f"{path}: {value!r} is no boolean")
    elif kind == "timestamp":
        _timestamp(shape, value, path, found)
    elif kind == "blob":
        try:
            base64.b64decode(value, validate=True)
        except (binascii.Error, TypeError, ValueError):
            found.append(f"{path}: {value!r} is not base64")
    else:
        found.append(f"{path}: a {kind}, which this checker does not know")


def _bounds(shape, size, path, found):
    smallest, largest = shape.metadata.get("min"), shape.metadata.get("max")
    if smallest is not None and size < smallest:
        found.append(f"{path}: {size} is less than {smallest}")
    if largest is not None and size > largest:
        found.append(f"{path}: {size} is more than {largest}")


def _string(shape, value, path, found):
    if not isinstance(value, str):
        found.append(f"{path}: {value!r} is no string")
        return
    if shape.enum and value not in shape.enum and value not in UNLISTED:
        found.append(f"{path}: {value!r} is none of {shape.enum}")
    _bounds(shape, len(value), path, found)
    pattern = shape.metadata.get("pattern")
    if pattern and shape.name not in WRONG_PATTERNS and not matches(pattern, value):
        found.append(f"{path}: {value!r} does not match {pattern} of {shape.name}")


def matches(pattern, value):
    """Whether a value is of a pattern as a whole, as the services read their patterns."""
    return regex.fullmatch(pattern, value, flags=regex.DOTALL) is not None


def _timestamp(shape, value, path, found):
    # Both protocols write seconds unless the shape says otherwise.
    if shape.serialization.get("timestampFormat", "unixTimestamp") == "unixTimestamp":
        if type(value) not in (int, float):
            found.append(f"{path}: {value!r} is not in seconds")
        elif not 1e9 < value < 1e10:
            found.append(f"{path}: {value!r} is no time of ours in seconds")
        return
    try:
        if datetime.fromisoformat(value).tzinfo is None:
            found.append(f"{path}: {value!r} has no zone")
    except (TypeError, ValueError):
        found.append(f"{path}: {value!r} is not ISO 8601")
