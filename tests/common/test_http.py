"""The outbound client: what it sends, what it believes, and how it fails."""

import gzip
import json
import logging
import pickle
import time
import traceback
from collections.abc import Iterator
from decimal import Decimal

import pytest

from apps.common import http
from apps.common.http import BusyError, Credential, Limits, OutsideError, RefusedError, Reply
from apps.common.secrets import Secret
from tests.telemetry.recorded import Answer, RecordedServer

KEY = "sk-admin-canary0123456789-abcd"
QUICK = Limits(connect_s=2, read_s=2, total_s=5)


@pytest.fixture
def server() -> Iterator[RecordedServer]:
    with RecordedServer() as running:
        yield running


class Waits(list[float]):
    """Takes the place of sleeping, and remembers."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def get(server: RecordedServer, limits: Limits = QUICK, wait: Waits | None = None) -> Reply:
    return http.get_json(
        f"{server.url}/usage",
        params=[("group_by[]", "model"), ("group_by[]", "project")],
        credential=Credential("Authorization", Secret(KEY), "Bearer "),
        limits=limits,
        wait=Waits() if wait is None else wait,
    )


def failure(server: RecordedServer, limits: Limits = QUICK) -> OutsideError:
    with pytest.raises(OutsideError) as raised:
        get(server, limits)
    return raised.value


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


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"data": [', b'{"n": NaN}', b"\xff\xfe{", b"[" * 100_000]
)
def test_what_is_not_json_is_malformed(server: RecordedServer, body: bytes) -> None:
    server.plays("/usage", Answer(body))

    assert failure(server).kind == "malformed_response"


def test_an_answer_cut_off_is_malformed(server: RecordedServer) -> None:
    server.plays("/usage", Answer([1] * 1000, fault="cut"))

    assert failure(server).kind == "malformed_response"


def test_a_redirect_is_not_followed(server: RecordedServer) -> None:
    with RecordedServer() as elsewhere:
        elsewhere.plays("/usage", Answer({}))
        server.plays("/usage", Answer({}, 302, {"Location": f"{elsewhere.url}/usage"}))

        assert failure(server).kind == "malformed_response"
        assert elsewhere.requests == []


def test_a_connection_reset_is_transient(server: RecordedServer) -> None:
    server.plays("/usage", Answer(fault="reset"), Answer({"ok": True}))

    assert get(server).json == {"ok": True}


def test_nobody_listening_is_transient() -> None:
    with RecordedServer() as server:
        pass

    assert failure(server).kind == "transient"


@pytest.mark.parametrize("fault", ["stall", "stall_in_body"])
def test_silence_ends_with_the_read_timeout(server: RecordedServer, fault: str) -> None:
    server.plays("/usage", Answer([1] * 100, fault=fault))  # type: ignore[arg-type] # a Fault

    busy = failure(server, Limits(read_s=0.1, tries=1))

    assert busy.kind == "transient"


@pytest.mark.parametrize("fault", ["trickle_headers", "trickle_body"])
def test_a_trickle_ends_with_the_deadline(server: RecordedServer, fault: str) -> None:
    server.plays("/usage", Answer([1] * 1000, fault=fault))  # type: ignore[arg-type] # a Fault
    began = time.monotonic()

    busy = failure(server, Limits(read_s=2, total_s=0.3))

    assert (busy.kind, str(busy)) == ("transient", "127.0.0.1 took longer than 0.3 s")
    assert time.monotonic() - began < 1.5
    assert len(server.requests) == 1


def test_waits_never_pass_the_deadline(server: RecordedServer) -> None:
    server.plays("/usage", Answer({}, 429, {"Retry-After": "3"}))
    waits = Waits()

    with pytest.raises(BusyError):
        get(server, Limits(total_s=2), waits)

    assert waits == []


def test_ten_megabytes_are_not_read_to_the_end(server: RecordedServer) -> None:
    server.plays("/usage", Answer(b"[" + b"1," * 5_000_000 + b"1]"))

    assert failure(server, Limits(tries=1)).kind == "malformed_response"


def test_a_small_body_that_unpacks_to_a_large_one_is_not_read_to_the_end(
    server: RecordedServer,
) -> None:
    packed = gzip.compress(b" " * 50_000_000)
    server.plays("/usage", Answer(packed, 200, {"Content-Encoding": "gzip"}))

    assert failure(server, Limits(tries=1)).kind == "malformed_response"


def test_a_packed_answer_is_unpacked(server: RecordedServer) -> None:
    server.plays("/usage", Answer(gzip.compress(b"[1]"), 200, {"Content-Encoding": "gzip"}))

    assert get(server).json == [1]


@pytest.mark.parametrize(
    "answer",
    [
        Answer({"error": {"message": f"Incorrect key {KEY} given", "code": KEY}}, 401),
        Answer({"error": f"Bearer {KEY}"}, 503),
        Answer(fault="reset"),
        Answer(fault="stall"),
        Answer(b"cut off here", fault="cut"),
    ],
)
def test_no_failure_gives_the_key_away(
    server: RecordedServer, answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.plays("/usage", answer)

    failed = failure(server, Limits(read_s=0.1, tries=1))

    told = traceback.TracebackException.from_exception(failed, capture_locals=False)
    shown = [str(failed), repr(failed), repr(vars(failed)), *told.format(), caplog.text]
    assert KEY not in "".join(shown)
    assert failed.__cause__ is None
    assert failed.__context__ is None


@pytest.mark.parametrize("key", ["", " ", f"{KEY}\r\nX-Evil: 1", f"{KEY}é", f" {KEY}"])
def test_a_key_that_no_header_can_carry_is_refused_unsent(server: RecordedServer, key: str) -> None:
    with pytest.raises(RefusedError) as refused:
        http.get_json(f"{server.url}/usage", credential=Credential("x-api-key", Secret(key)))

    assert refused.value.kind == "auth"
    assert server.requests == []


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
