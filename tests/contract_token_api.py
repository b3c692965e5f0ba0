"""Holds answers of the token endpoints against the contract that they were published under."""

import copy
import functools
import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

CONTRACT = Path(__file__).parent / "data" / "contracts" / "token_api.json"


@functools.cache
def contract() -> dict[str, Any]:
    """The contract as OpenAPI 3.0.3: its structure, without its prose."""
    document: dict[str, Any] = json.loads(CONTRACT.read_text())
    return document


@functools.cache
def operations() -> tuple[str, ...]:
    """`POST /estimate` and the others."""
    return tuple(
        f"{method.upper()} {path}"
        for path, item in contract()["paths"].items()
        for method in item
        if method != "parameters"
    )


def hold(operation: str, answer: Any) -> None:
    """Raise AssertionError unless `operation` may be answered like this: status, headers, body."""
    method, path = operation.split(" ")
    responses = contract()["paths"][path][method.lower()]["responses"]
    promised = responses.get(str(answer.status_code))
    assert promised is not None, f"{operation} does not promise {answer.status_code}"
    missing = [name for name in promised.get("headers", {}) if name not in answer.headers]
    assert not missing, f"{operation} {answer.status_code} promises the headers {missing}"
    if "content" not in promised:
        return
    media_type = answer.headers["Content-Type"].partition(";")[0]
    assert media_type in promised["content"], f"{operation} does not promise {media_type}"
    faults = faults_in(promised["content"][media_type]["schema"], json.loads(answer.content))
    assert not faults, f"{operation} {answer.status_code}: {faults}"


def faults_in(schema: dict[str, Any], value: Any) -> list[str]:
    whole = {**_modern(schema), "components": _modern(contract()["components"])}
    validator = Draft202012Validator(whole, format_checker=FormatChecker())
    return [f"{fault.json_path}: {fault.message}" for fault in validator.iter_errors(value)]


def _modern(schema: Any) -> Any:
    """`nullable` of OpenAPI 3.0 as the null type of JSON Schema."""
    schema = copy.copy(schema)
    if isinstance(schema, list):
        return [_modern(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.pop("nullable", False):
        schema["type"] = [schema["type"], "null"]
    return {name: _modern(part) for name, part in schema.items()}
