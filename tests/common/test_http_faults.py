"""Answers that are late, cut, endless or hostile, and a key that none of them gives away."""

import gzip
import logging
import time
import traceback
from collections.abc import Iterator

import pytest

from apps.common import http
from apps.common.http import BusyError, Credential, Limits, RefusedError
from apps.common.secrets import Secret
from tests.common.asking import KEY, Waits, failure, get
from tests.telemetry.recorded import Answer, RecordedServer


@pytest.fixture
def server() -> Iterator[RecordedServer]:
    with RecordedServer() as running:
        yield running


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


def test_a_key_of_no_known_shape_is_hidden_too(server: RecordedServer) -> None:
    key = "0123 is no usual key"
    server.plays("/usage", Answer({"error": {"message": f"{key} is wrong"}}, 401))

    with pytest.raises(RefusedError) as refused:
        http.get_json(f"{server.url}/usage", credential=Credential("x-api-key", Secret(key)))

    assert str(refused.value) == "127.0.0.1 answered 401: *** is wrong"


@pytest.mark.parametrize("key", ["", " ", f"{KEY}\r\nX-Evil: 1", f"{KEY}é", f" {KEY}"])
def test_a_key_that_no_header_can_carry_is_refused_unsent(server: RecordedServer, key: str) -> None:
    with pytest.raises(RefusedError) as refused:
        http.get_json(f"{server.url}/usage", credential=Credential("x-api-key", Secret(key)))

    assert refused.value.kind == "auth"
    assert server.requests == []
