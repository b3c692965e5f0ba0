"""The outbound client: what it sends, what it believes, and how it fails."""

import json
import pickle
from collections.abc import Iterator
from decimal import Decimal

import pytest

from apps.common import http
from apps.common.http import BusyError, RefusedError
from tests.common.asking import KEY, Waits, failure, get
from tests.telemetry.recorded import Answer, RecordedServer


@pytest.fixture
def server() -> Iterator[RecordedServer]:
    with RecordedServer() as running:
        yield running


def test_an_answer_comes_decoded_with_its_request_id(server: RecordedServer) -> None:
    headers = {"X-Request-Id": "req_1"}
    server.plays("/usage", Answer(b'{"cost": 0.1, "tokens": 12345678901234567890}', 200, headers))

    reply = get(server)

    assert reply.json == {"cost": Decimal("0.1"), "tokens": 12345678901234567890}
    assert (reply.status, reply.request_id) == (200, "req_1")
    assert reply.headers["x-request-id"] == "req_1"


def test_a_request_names_the_product_and_carries_the_key_in_its_header_alone(
    server: RecordedServer,
) -> None:
    server.plays("/usage", Answer({}))

    get(server)

    (sent,) = server.requests
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert sent.headers["user-agent"] == "carbon-platform/0.1.0"
    assert sent.every("group_by[]") == ["model", "project"]
    assert KEY not in str(sent.query)


def test_a_post_sends_json_and_is_tried_once(server: RecordedServer) -> None:
    server.plays("/orders", Answer({}, 503))

    with pytest.raises(BusyError):
        http.post_json(f"{server.url}/orders", {"grams": 5})

    (sent,) = server.requests
    assert (sent.method, json.loads(sent.body)) == ("POST", {"grams": 5})
    assert sent.headers["content-type"] == "application/json"


def test_the_environment_has_no_say(
    server: RecordedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    server.plays("/usage", Answer({}))

    assert get(server).status == 200


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "bad_request"),
        (401, "auth"),
        (402, "billing"),
        (403, "permission"),
        (404, "not_found"),
        (405, "bad_request"),
        (409, "bad_request"),
        (413, "bad_request"),
        (422, "bad_request"),
    ],
)
def test_a_refusal_is_not_tried_again(server: RecordedServer, status: int, kind: str) -> None:
    server.plays("/usage", Answer({"error": {"message": "No.", "code": "nope"}}, status))

    refused = failure(server)

    assert isinstance(refused, RefusedError)
    assert (refused.kind, refused.status, refused.code) == (kind, status, "nope")
    assert str(refused) == f"127.0.0.1 answered {status}: No."
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 520, 524, 529])
def test_a_transient_status_is_tried_three_times(server: RecordedServer, status: int) -> None:
    server.plays("/usage", Answer(b"<html>Bad gateway</html>", status))
    waits = Waits()

    with pytest.raises(BusyError) as busy:
        get(server, wait=waits)

    assert (busy.value.kind, busy.value.status) == ("transient", status)
    assert len(server.requests) == 3
    assert 0.25 <= waits[0] <= 0.5 <= waits[1] <= 1.0


def test_what_works_the_second_time_is_an_answer(server: RecordedServer) -> None:
    server.plays("/usage", Answer({}, 500), Answer({"ok": True}))

    assert get(server).json == {"ok": True}


def test_a_short_retry_after_is_waited_for(server: RecordedServer) -> None:
    server.plays("/usage", Answer({}, 429, {"Retry-After": "2"}), Answer({"ok": True}))
    waits = Waits()

    assert get(server, wait=waits).json == {"ok": True}
    assert waits == [2.0]


@pytest.mark.parametrize(
    ("headers", "retry_after"),
    [
        ({"Retry-After": "12"}, 12.0),
        ({"Retry-After": "999999"}, 3600.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({}, None),
        (
            {
                "Date": "Wed, 18 Nov 2026 00:00:00 GMT",
                "Retry-After": "Wed, 18 Nov 2026 00:01:30 GMT",
            },
            90.0,
        ),
    ],
)
def test_a_long_or_unknown_limit_is_left_to_the_caller(
    server: RecordedServer, headers: dict[str, str], retry_after: float | None
) -> None:
    server.plays("/usage", Answer({}, 429, headers))

    busy = failure(server)

    assert isinstance(busy, BusyError)
    assert (busy.kind, busy.retry_after) == ("rate_limited", retry_after)
    assert len(server.requests) == 1


def test_a_long_message_is_shortened_and_stays_on_one_line(server: RecordedServer) -> None:
    server.plays("/usage", Answer({"error": {"message": "no\n" * 1000}}, 400))

    message = str(failure(server))

    assert len(message) == 300
    assert message.isprintable()


def test_failures_survive_pickling(server: RecordedServer) -> None:
    server.plays("/usage", Answer({}, 429, {"Retry-After": "12", "X-Request-Id": "req_9"}))

    again = pickle.loads(pickle.dumps(failure(server)))  # noqa: S301 - our own bytes

    assert (again.kind, again.retry_after, again.request_id) == ("rate_limited", 12.0, "req_9")


def test_an_address_that_is_none_is_refused() -> None:
    for address in ("nowhere", "ftp://127.0.0.1/", "http://"):
        with pytest.raises(RefusedError) as refused:
            http.get_json(address)
        assert refused.value.kind == "bad_request"
