"""The API document: valid, public, and honest about how operations refuse."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema


@pytest.fixture(scope="module")
def probed() -> dict[str, Any]:
    document: dict[str, Any]
    document = SchemaGenerator(urlconf="tests.platform.probe").get_schema(request=None, public=True)
    return document


def test_the_document_is_valid_and_made_without_a_warning() -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", "/dev/null")


def test_the_document_is_public_and_of_the_version_it_says(client: Client) -> None:
    answer = client.get("/api/v1/openapi.json")

    assert answer.status_code == 200
    document = answer.json()
    assert document["openapi"].startswith("3.1")
    assert document["servers"] == [{"url": "/api/v1"}]
    assert answer.headers["Cache-Control"] == "public, max-age=60"


def test_the_document_can_only_be_read(client: Client) -> None:
    answer = client.post("/api/v1/openapi.json", {}, content_type="application/json")

    assert answer.status_code == 405
    assert answer.json()["error"]["code"] == "method_not_allowed"


def test_a_view_is_described_by_the_serializers_inside_it(probed: dict[str, Any]) -> None:
    validate_schema(probed)
    versions = probed["paths"]["/probe/versions"]["get"]

    schema = versions["responses"]["200"]["content"]["application/json"]["schema"]
    page = probed["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    assert set(page["properties"]) == {"next", "previous", "results"}
    assert {parameter["name"] for parameter in versions["parameters"]} == {"limit", "cursor"}
    query = probed["paths"]["/probe/query"]["get"]["parameters"]
    assert {parameter["name"] for parameter in query} == {"days", "is_live", "model"}


def test_every_operation_says_how_it_refuses(probed: dict[str, Any]) -> None:
    for operations in probed["paths"].values():
        for operation in operations.values():
            refusals = {
                status: response
                for status, response in operation["responses"].items()
                if status[0] in "45"
            }
            assert {"400", "429", "500", "503"} <= refusals.keys()
            for response in refusals.values():
                schema = response["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ApiError"}
    assert "413" in probed["paths"]["/probe/echo"]["post"]["responses"]
    assert "401" not in probed["paths"]["/probe/echo"]["post"]["responses"]


def test_a_closed_view_takes_a_key_in_either_header_or_a_session(probed: dict[str, Any]) -> None:
    closed = probed["paths"]["/probe/closed"]["get"]
    schemes = probed["components"]["securitySchemes"]

    assert {"401", "403"} <= closed["responses"].keys()
    assert all(len(either) == 1 for either in closed["security"])
    used = [schemes[name] for either in closed["security"] for name in either]
    assert [(scheme["type"], scheme.get("in")) for scheme in used] == [
        ("http", None),
        ("apiKey", "header"),
        ("apiKey", "cookie"),
    ]


def test_the_reading_room_asks_nobody_else_and_runs_nothing_inline(client: Client) -> None:
    page = client.get("/docs").text

    assert "//" not in page.replace("<!doctype html>", "")
    assert "<script>" not in page
    assert 'data-document="/api/v1/openapi.json"' in page
    for asset in ("swagger-ui.css", "swagger-ui-bundle.js"):
        assert finders.find(f"vendor/swagger-ui/{asset}")
        assert f"/static/vendor/swagger-ui/{asset}" in page


def test_the_contract_client_speaks_json_and_carries_its_key(api: Callable[..., Any]) -> None:
    nobody, program = api(), api("isv_live_sk_x")

    assert nobody.get("/api/v1/openapi.json").status_code == 200
    assert nobody.get("/api/v1/nothing").status_code == 404
    assert program.defaults["HTTP_AUTHORIZATION"] == "Bearer isv_live_sk_x"
    assert nobody.post("/api/v1/nothing", {"a": 1}).wsgi_request.content_type == "application/json"
