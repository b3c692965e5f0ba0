"""A test client that holds every API answer against the generated OpenAPI document."""

import copy
import functools
import re
from typing import Any

from django.http import HttpResponse
from django.test import Client
from jsonschema import Draft202012Validator, FormatChecker

from carbon_platform.openapi import document

API = "api/v1/"
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
UNDESCRIBED = frozenset({"openapi.json", "webhooks/stripe"})
"""The document itself, and doors whose words are somebody else's."""


class ContractClient(Client):
    """Speaks JSON, with a key or as nobody; an answer the document does not know is an error."""

    def __init__(self, key: str | None = None, **options: Any) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        super().__init__(headers=headers, **options)

    def generic(  # type: ignore[override]
        self,
        method: str,
        path: str,
        data: Any = "",
        content_type: str = "application/json",
        **extra: Any,
    ) -> Any:
        return super().generic(method, path, data, content_type, **extra)

    def post(self, path: str, data: Any = None, **extra: Any) -> Any:  # type: ignore[override]
        extra.setdefault("content_type", "application/json")
        return super().post(path, {} if data is None else data, **extra)

    def put(self, path: str, data: Any = None, **extra: Any) -> Any:  # type: ignore[override]
        return super().put(path, data, **{"content_type": "application/json"} | extra)

    def patch(self, path: str, data: Any = None, **extra: Any) -> Any:  # type: ignore[override]
        return super().patch(path, data, **{"content_type": "application/json"} | extra)

    def request(self, **request: Any) -> Any:
        response = super().request(**request)
        check(request.get("REQUEST_METHOD", "GET"), response)
        return response


def check(method: str, response: Any) -> None:
    """Raise AssertionError if the document does not promise this answer."""
    route = getattr(response.resolver_match, "route", "")
    path = route.removeprefix(API)
    if method == "OPTIONS" or not route.startswith(API) or path in UNDESCRIBED:
        return
    described = closed_document()["paths"].get("/" + _PARAMETER.sub(r"{\1}", path))
    assert described is not None, f"{route} is not in the API document"
    operation = described.get(method.lower())
    if operation is None:
        assert response.status_code == 405, f"{method} {route} is not in the API document"
        return
    promised = operation["responses"].get(str(response.status_code))
    assert promised is not None, f"{method} {route} does not promise {response.status_code}"
    _check_body(f"{method} {route}", promised, response)


def _check_body(name: str, promised: dict[str, Any], response: HttpResponse) -> None:
    content = promised.get("content", {})
    media_type = response.headers.get("Content-Type", "").partition(";")[0]
    if not content:
        assert response.getvalue() == b"", f"{name} promises no body"
        return
    assert media_type in content, f"{name} promises {list(content)}, not {media_type}"
    if media_type == "application/json":
        schema = {**content[media_type]["schema"], "components": closed_document()["components"]}
        body = response.json()  # type: ignore[attr-defined]
        faults = [
            f"{fault.json_path}: {fault.message}"
            for fault in Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(
                body
            )
        ]
        assert not faults, f"{name} {response.status_code}: {faults}"


@functools.cache
def closed_document() -> dict[str, Any]:
    """The document with every object closed: a member it does not know is a fault in tests."""
    closed = copy.deepcopy(document())
    for schema in closed["components"]["schemas"].values():
        if schema.get("type") == "object" and "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return closed
