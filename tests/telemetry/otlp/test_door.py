"""OTLP/HTTP from the outside: what is stored, and what exporters are answered."""

import gzip
import json
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # it has no types
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from apps.telemetry.models import TelemetryEvent
from apps.telemetry.otlp.packing import MOST_BYTES
from apps.workspaces.models import Workspace
from tests.factories import new_key
from tests.telemetry.otlp.sending import CHAT, load, span, traces

TRACES = "/otlp/v1/traces"
METRICS = "/otlp/v1/metrics"
LOGS = "/otlp/v1/logs"
PROTOBUF = "application/x-protobuf"
EXPORTS = load("exports")

Api = Callable[..., Any]


@pytest.fixture
def exporter(api: Api, workspace: Workspace) -> Any:
    """A client whose key can do nothing but send."""
    return api(new_key(workspace, scopes=["track"]))


def stored() -> list[tuple[str | None, int, int]]:
    rows = TelemetryEvent.objects.order_by("pk")
    return [
        (row.model, row.input_uncached_tokens + row.input_cache_read_tokens, row.output_tokens)
        for row in rows
    ]


@pytest.mark.parametrize(
    ("path", "name", "expected"),
    [
        (TRACES, "genai.current", [("gpt-4.1-2025-04-14", 1010, 250)]),
        (LOGS, "codex.sse_event", [("gpt-5.1-codex-max", 20480, 1024)]),
    ],
)
def test_an_export_is_stored_and_answered_with_nothing(
    exporter: Any, path: str, name: str, expected: list[Any]
) -> None:
    answer = exporter.post(path, EXPORTS[name]["body"])

    assert (answer.status_code, answer.content) == (200, b"{}")
    assert answer.headers["Content-Type"] == "application/json"
    assert stored() == expected


def test_sending_again_changes_nothing(exporter: Any) -> None:
    for _ in range(2):
        assert exporter.post(METRICS, EXPORTS["claude_code.delta"]["body"]).status_code == 200

    assert len(stored()) == 5


@pytest.mark.parametrize("case", [case for case in load("binary") if case["same_as"]])
def test_the_binary_form_is_answered_in_the_binary_form(
    exporter: Any, case: dict[str, Any]
) -> None:
    headers = {"Content-Encoding": case["encoding"]} if case["encoding"] else {}

    answer = exporter.post(
        f"/otlp/v1/{case['kind']}",
        b64decode(case["body_base64"]),
        content_type=PROTOBUF,
        headers=headers,
    )

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"] == PROTOBUF
    assert stored()


def test_what_is_rejected_is_told_and_the_rest_is_stored(exporter: Any) -> None:
    body = traces(span(CHAT), span(CHAT, traceId=""), span(CHAT, traceId=""))

    answer = exporter.post(TRACES, body)

    assert answer.status_code == 200
    assert answer.json() == {
        "partialSuccess": {"rejectedSpans": "2", "errorMessage": "Not counted: 2 no_ids."}
    }
    assert stored() == [("gpt-4.1", 1000, 200)]


def test_an_empty_export_is_welcome(exporter: Any) -> None:
    assert exporter.post(TRACES, b"", CONTENT_TYPE=PROTOBUF).status_code == 200
    assert exporter.post(TRACES, {"resourceSpans": []}).content == b"{}"


@pytest.mark.parametrize("body", [b"", b'{"resourceSpans":[]}'])
def test_a_test_of_the_connection_is_answered(exporter: Any, body: bytes) -> None:
    answer = exporter.post(TRACES, body, headers={"X-Test-Connection": "true"})

    assert (answer.status_code, answer.content) == (200, b"{}")


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_the_key_may_be_in_either_header(api: Api, workspace: Workspace, header: str) -> None:
    key = new_key(workspace, scopes=["track"])
    value = f"Bearer {key}" if header == "Authorization" else key

    answer = api().post(TRACES, EXPORTS["genai.current"]["body"], headers={header: value})

    assert answer.status_code == 200
    assert len(stored()) == 1


def test_without_a_key_nobody_is_let_in(api: Api, db: None) -> None:  # noqa: ARG001 - a fixture is asked for by its name
    answer = api().post(TRACES, EXPORTS["genai.current"]["body"])

    assert answer.status_code == 401
    assert answer.json()["code"] == 16
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert stored() == []


def test_a_key_that_may_not_send_is_refused_in_the_senders_form(
    api: Api, workspace: Workspace
) -> None:
    reader = api(new_key(workspace, scopes=["read"]))

    answer = reader.post(TRACES, b"", CONTENT_TYPE=PROTOBUF)

    assert answer.status_code == 403
    told = Status.FromString(answer.content)
    assert (told.code, bool(told.message)) == (7, True)


def test_a_key_that_sends_reads_nothing(exporter: Any) -> None:
    assert exporter.get("/api/v1/telemetry/summary").status_code == 403


def test_nothing_but_post_is_understood(exporter: Any) -> None:
    assert exporter.get(TRACES).status_code == 405


@pytest.mark.parametrize(
    ("body", "content_type", "encoding", "status"),
    [
        (b"{", "application/json", "", 400),
        (b"\x0a\xff", PROTOBUF, "", 400),
        (b"not gzip", PROTOBUF, "gzip", 400),
        (b"{}", "text/plain", "", 415),
        (b"{}", "application/json", "br", 415),
        (gzip.compress(bytes(MOST_BYTES + 1)), PROTOBUF, "gzip", 413),
    ],
    ids=["no JSON", "cut off", "no gzip", "text", "another encoding", "too large"],
)
def test_a_body_that_cannot_be_taken_is_refused_for_good(
    exporter: Any, body: bytes, content_type: str, encoding: str, status: int
) -> None:
    headers = {"Content-Encoding": encoding} if encoding else {}

    answer = exporter.post(TRACES, body, content_type=content_type, headers=headers)

    assert answer.status_code == status
    assert "Retry-After" not in answer.headers
    assert stored() == []


class Unread(BytesIO):
    def read(self, *_: Any) -> bytes:
        raise AssertionError("the body was read")


def test_a_body_that_says_it_is_too_large_is_not_read(exporter: Any) -> None:
    answer = exporter.post(
        TRACES,
        b"{}",
        content_type=PROTOBUF,
        headers={"Content-Length": str(50 * 1024 * 1024)},
        **{"wsgi.input": Unread()},
    )

    assert answer.status_code == 413


@pytest.mark.parametrize(("server", "status"), [({"wsgi.input_terminated": True}, 200), ({}, 400)])
def test_a_body_in_chunks_is_read_to_its_end_or_refused(
    exporter: Any, server: dict[str, bool], status: int
) -> None:
    body = gzip.compress(json.dumps(EXPORTS["genai.current"]["body"]).encode())

    answer = exporter.post(
        TRACES,
        b"",
        CONTENT_TYPE="application/json",
        headers={"Transfer-Encoding": "chunked", "Content-Encoding": "gzip"},
        **{"wsgi.input": BytesIO(body), **server},
    )

    assert answer.status_code == status
    assert len(stored()) == len(server)


def test_over_the_plans_quota_senders_are_asked_to_wait(
    exporter: Any, workspace: Workspace
) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(live_events_per_month=0)

    answer = exporter.post(TRACES, EXPORTS["genai.current"]["body"])

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3600")
    assert answer.json()["code"] == 8
    assert stored() == []


def test_a_test_key_sends_test_events(api: Api, workspace: Workspace) -> None:
    tester = api(new_key(workspace, scopes=["track"], mode="test"))

    assert tester.post(TRACES, EXPORTS["genai.current"]["body"]).status_code == 200

    assert [row.is_test for row in TelemetryEvent.objects.all()] == [True]


def test_too_many_requests_are_asked_to_wait(exporter: Any, settings: Any) -> None:
    settings.THROTTLE_KEY_PER_MINUTE = 1

    answers = [exporter.post(TRACES, b"", CONTENT_TYPE=PROTOBUF) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]
    assert int(answers[1].headers["Retry-After"]) > 0
    assert Status.FromString(answers[1].content).code == 8


def test_what_the_official_exporter_writes_is_read(exporter: Any) -> None:

    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    start = datetime(2026, 11, 18, 9, tzinfo=UTC)
    tracer = provider.get_tracer("instrumentation")
    with tracer.start_as_current_span(
        "chat", attributes=CHAT, start_time=int(start.timestamp()) * 10**9
    ):
        pass
    body = encode_spans(kept.get_finished_spans()).SerializeToString()

    answer = exporter.post(
        TRACES, gzip.compress(body), content_type=PROTOBUF, headers={"Content-Encoding": "gzip"}
    )

    assert ExportTraceServiceResponse.FromString(answer.content).partial_success.rejected_spans == 0
    assert stored() == [("gpt-4.1", 1000, 200)]
    assert TelemetryEvent.objects.get().used_at == start
