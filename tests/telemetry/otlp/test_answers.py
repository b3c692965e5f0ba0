"""What senders are told, read back with the official messages."""

import json
from typing import Any

import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # it has no types
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from apps.telemetry.otlp.answers import answer_type, failure, success
from apps.telemetry.otlp.messages import JSON, PROTOBUF, Kind
from apps.telemetry.otlp.signals import Mapped

RESPONSES: list[tuple[Kind, Any, str, str]] = [
    ("traces", ExportTraceServiceResponse, "rejected_spans", "rejectedSpans"),
    ("metrics", ExportMetricsServiceResponse, "rejected_data_points", "rejectedDataPoints"),
    ("logs", ExportLogsServiceResponse, "rejected_log_records", "rejectedLogRecords"),
]


@pytest.mark.parametrize("kind", ["traces", "metrics", "logs"])
def test_when_all_went_well_nothing_is_said(kind: Kind) -> None:
    assert success(kind, Mapped(), JSON) == b"{}"
    assert success(kind, Mapped(), PROTOBUF) == b""


@pytest.mark.parametrize(("kind", "response", "field", "member"), RESPONSES)
def test_rejected_items_are_a_partial_success(
    kind: Kind, response: Any, field: str, member: str
) -> None:
    mapped = Mapped(rejected=2, error_message="Not counted: 2 no_ids.", warnings=("And a hint.",))

    told = response.FromString(success(kind, mapped, PROTOBUF)).partial_success
    written = json.loads(success(kind, mapped, JSON))

    sentence = "Not counted: 2 no_ids. And a hint."
    assert (getattr(told, field), told.error_message) == (2, sentence)
    assert written == {"partialSuccess": {member: "2", "errorMessage": sentence}}


def test_a_warning_is_a_partial_success_of_which_nothing_is_rejected() -> None:
    written = success("metrics", Mapped(warnings=("A hint.",)), JSON)

    assert json.loads(written) == {"partialSuccess": {"errorMessage": "A hint."}}


@given(
    status=st.sampled_from([400, 401, 403, 404, 405, 413, 415, 429, 500, 503]),
    message=st.text(max_size=300),
)
def test_a_failure_is_a_status_in_either_form(status: int, message: str) -> None:
    told = Status.FromString(failure(status, message, PROTOBUF))

    assert told.message == message
    assert json.loads(failure(status, message, JSON)) == {"code": told.code, "message": message}


@pytest.mark.parametrize("length", [0, 127, 128, 300, 20_000])
def test_a_status_holds_a_message_of_any_length(length: int) -> None:
    assert Status.FromString(failure(400, "m" * length, PROTOBUF)).message == "m" * length


@pytest.mark.parametrize(("status", "code"), [(400, 3), (401, 16), (403, 7), (429, 8), (503, 14)])
def test_a_status_has_the_code_of_its_kind(status: int, code: int) -> None:
    assert json.loads(failure(status, "", JSON))["code"] == code


@pytest.mark.parametrize(
    ("content_type", "form"),
    [
        ("application/x-protobuf", PROTOBUF),
        ("Application/X-Protobuf; v=1", PROTOBUF),
        ("application/json", JSON),
        ("text/plain", JSON),
        ("", JSON),
    ],
)
def test_an_answer_has_the_form_of_its_request(content_type: str, form: str) -> None:
    assert answer_type(content_type) == form
