"""The API document: how every operation refuses, and the page to read it on."""

import functools
import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from rest_framework.request import Request

from apps.common.api import PublicApi

METHODS = frozenset({"get", "post", "put", "patch", "delete"})
ERROR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "request_id"],
            "additionalProperties": False,
            "properties": {
                "code": {"type": "string", "examples": ["validation_error"]},
                "message": {"type": "string"},
                "details": {
                    "type": "object",
                    "description": "Facts to act on. Invalid input names each field in `fields`.",
                    "additionalProperties": True,
                },
                "billing_url": {"type": "string", "format": "uri-reference"},
                "request_id": {"type": "string", "description": "Also in `X-Request-ID`."},
            },
        }
    },
}
REFUSALS = {
    "400": "The request cannot be understood",
    "401": "No valid credentials",
    "403": "Known, but not allowed",
    "404": "No such object, or another workspace's",
    "413": "The body is too large",
    "415": "The body is not application/json",
    "422": "The request is understood and cannot be meant",
    "429": "Too many requests; see Retry-After",
    "500": "Internal error",
    "503": "Something this answer needs is not available; see Retry-After",
}


def with_refusals(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A postprocessing hook: every operation says how it refuses, in the one envelope."""
    result.setdefault("components", {}).setdefault("schemas", {})["ApiError"] = ERROR_SCHEMA
    for path, operations in result["paths"].items():
        for method in METHODS & operations.keys():
            _add_refusals(path, operations[method])
    return result


def _add_refusals(path: str, operation: dict[str, Any]) -> None:
    responses = operation.setdefault("responses", {})
    for status in _statuses(path, operation):
        responses.setdefault(status, {"description": REFUSALS[status]})
    for status, response in responses.items():
        if status[0] in "45" and "content" not in response:
            schema = {"$ref": "#/components/schemas/ApiError"}
            response["content"] = {"application/json": {"schema": schema}}
            response["description"] = response.get("description") or REFUSALS.get(status, "Refused")
    operation["responses"] = dict(sorted(responses.items()))


def _statuses(path: str, operation: dict[str, Any]) -> list[str]:
    statuses = ["400", "429", "500", "503"]
    if any(operation.get("security", ())):
        statuses += ["401", "403"]
    if "{" in path:
        statuses.append("404")
    if "{workspace_id}" in path:
        statuses.append("422")
    if "requestBody" in operation:
        statuses += ["413", "415"]
    return statuses


@functools.cache
def document() -> dict[str, Any]:
    """Generated once a process: it only changes with the code."""
    generator: Any = SchemaGenerator
    generated: dict[str, Any] = generator().get_schema(request=None, public=True)
    return generated


class DocumentApi(PublicApi):
    """GET /openapi.json: this document, made once a process and not limited."""

    schema = None
    throttle_classes = ()

    def get(self, request: Request) -> HttpResponse:
        headers = {"Cache-Control": "public, max-age=60"}
        return HttpResponse(_as_json(), content_type="application/json", headers=headers)


@functools.cache
def _as_json() -> bytes:
    return json.dumps(document(), indent=1).encode()


@require_safe
def reading_room(request: HttpRequest) -> HttpResponse:
    return render(request, "docs.html")
