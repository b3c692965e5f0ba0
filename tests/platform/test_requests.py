"""Around every request: ids, times, headers, metrics."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

LogLines = Callable[[], list[dict[str, Any]]]


def test_a_callers_request_id_comes_back_and_stands_in_the_log(
    probe: Client, log_lines: LogLines
) -> None:
    answer = probe.get("/api/v1/probe/query?days=3", headers={"X-Request-ID": "order-7.b"})

    assert answer.headers["X-Request-ID"] == "order-7.b"
    (line,) = [line for line in log_lines() if line["event"] == "request_answered"]
    assert line["request_id"] == "order-7.b"
    assert (line["method"], line["status"]) == ("GET", 200)
    assert line["path"] == "/api/v1/probe/query"
    assert line["duration_ms"] >= 0


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "<script>", 'a"b'])
def test_a_harmful_request_id_is_replaced(probe: Client, given: str) -> None:
    answer = probe.get("/healthz", headers={"X-Request-ID": given})

    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["X-Request-ID"])


def test_one_request_does_not_inherit_the_id_of_another(probe: Client) -> None:
    first = probe.get("/healthz", headers={"X-Request-ID": "first"})
    second = probe.get("/healthz")

    assert first.headers["X-Request-ID"] != second.headers["X-Request-ID"]


def test_every_answer_says_how_long_it_took(probe: Client) -> None:
    assert re.fullmatch(r"\d+\.\dms", probe.get("/healthz").headers["X-Response-Time"])


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/probe/query", "/nowhere", "/pages/bug"])
def test_every_answer_has_a_content_security_policy(probe: Client, path: str) -> None:
    policy = probe.get(path).headers["Content-Security-Policy"]

    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/v1/probe/query", "/api/v1/nowhere", "/admin/"])
def test_what_is_somebodys_own_is_never_stored(probe: Client, path: str) -> None:
    assert "no-store" in probe.get(path).headers["Cache-Control"]


def counted(path: str, status: str) -> float:
    labels = {"method": "GET", "path": path, "status_code": status}
    return REGISTRY.get_sample_value("carbon_api_http_requests_total", labels) or 0.0


def test_requests_are_counted_by_route_and_not_by_what_was_typed(probe: Client) -> None:
    route = "/api/v1/probe/fail/{kind}"
    before = counted(route, "409")

    probe.get("/api/v1/probe/fail/conflict")

    assert counted(route, "409") == before + 1


def test_metrics_are_what_prometheus_reads(probe: Client) -> None:
    probe.get("/healthz")

    text = probe.get("/metrics").text

    names = {family.name for family in text_string_to_metric_families(text)}
    assert {"carbon_api_http_requests", "carbon_api_http_request_duration_seconds"} <= names
    assert 'path="/healthz"' in text
