"""One envelope for everything that goes wrong, and nothing in it that is nobody's business."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests.platform.probe import SECRET

LogLines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(params=[False, True], ids=["served", "debugged"])
def any_mode(request: pytest.FixtureRequest, settings: Any) -> None:
    """Django's debug mode answers with pages of its own where nobody stops it."""
    settings.DEBUG = request.param


@pytest.mark.parametrize("place", ["/api/v1/probe/fail/", "/otlp/probe/"])
@pytest.mark.parametrize(
    ("kind", "refusal"),
    [
        ("conflict", (409, "conflict")),
        ("payment", (402, "payment_required")),
        ("domain-wait", (429, "rate_limit_exceeded")),
        ("throttled", (429, "rate_limit_exceeded")),
        ("denied", (403, "permission_denied")),
        ("database", (503, "service_unavailable")),
        ("bug", (500, "internal_error")),
    ],
)
@pytest.mark.usefixtures("any_mode")
def test_every_fault_wears_the_envelope(
    probe: Client, place: str, kind: str, refusal: tuple[int, str]
) -> None:
    status, code = refusal

    answer = probe.get(place + kind)

    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["code"] == code
    assert error["request_id"] == answer.headers["X-Request-ID"]
    assert set(error) <= {"code", "message", "details", "billing_url", "request_id"}
    assert SECRET not in answer.text
    assert "nobody's business" not in answer.text


def test_facts_and_the_way_to_pay_stand_where_clients_look(probe: Client) -> None:
    conflict = probe.get("/api/v1/probe/fail/conflict").json()["error"]
    payment = probe.get("/api/v1/probe/fail/payment").json()["error"]

    assert conflict["message"] == "There is one already."
    assert conflict["details"] == {"existing": "con_1"}
    assert payment["billing_url"] == "/dashboard/billing"
    assert "details" not in payment


@pytest.mark.parametrize(("kind", "seconds"), [("domain-wait", "3"), ("throttled", "8")])
def test_a_throttled_caller_learns_how_long_to_wait(probe: Client, kind: str, seconds: str) -> None:
    assert probe.get(f"/api/v1/probe/fail/{kind}").headers["Retry-After"] == seconds


@pytest.mark.parametrize("path", ["/api/v1/nowhere", "/api/v2/x", "/otlp/v9/x", "/api/v1/"])
@pytest.mark.usefixtures("any_mode")
def test_an_unknown_path_of_the_api_is_refused_in_json(probe: Client, path: str) -> None:
    answer = probe.post(path, "{}", content_type="application/json")

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    ("path", "status"),
    [("/nowhere", 404), ("/pages/denied", 403), ("/pages/bug", 500)],
)
def test_a_person_gets_a_small_page(probe: Client, path: str, status: int) -> None:
    answer = probe.get(path)

    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "<h1>" in answer.text or "<p>" in answer.text
    assert SECRET not in answer.text


def test_a_wrong_method_is_told_the_right_ones(probe: Client) -> None:
    for answer, right in (
        (probe.delete("/api/v1/probe/query"), "GET"),
        (probe.get("/otlp/probe/method"), "POST"),
    ):
        assert answer.status_code == 405
        assert answer.json()["error"]["code"] == "method_not_allowed"
        assert right in answer.headers["Allow"]


def test_a_view_that_says_nothing_is_closed(probe: Client) -> None:
    answer = probe.get("/api/v1/probe/closed")

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthorized"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_preflight_needs_no_key(probe: Client) -> None:
    opened = probe.options("/api/v1/probe/query")
    closed = probe.options("/api/v1/probe/closed")

    assert (opened.status_code, closed.status_code) == (200, 200)
    assert opened.headers["Access-Control-Allow-Origin"] == "*"
    assert "GET" in opened.headers["Access-Control-Allow-Methods"]
    assert "Access-Control-Allow-Origin" not in closed.headers


def test_a_host_that_is_not_ours_is_refused(probe: Client) -> None:
    answer = probe.get("/api/v1/probe/query", headers={"Host": "evil.example"})

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "validation_error"


def test_what_nobody_foresaw_is_logged_whole_but_for_its_secrets(
    probe: Client, log_lines: LogLines
) -> None:
    answer = probe.get("/api/v1/probe/fail/bug")

    (line,) = [line for line in log_lines() if line["event"] == "request_failed"]
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert "ZeroDivisionError: division by ***" in line["exception"]
    assert SECRET not in str(line)
