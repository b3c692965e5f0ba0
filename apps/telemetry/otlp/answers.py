"""What a sender is told, in the form it spoke: an export's response, or a google.rpc.Status."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from google.protobuf.json_format import (  # type: ignore[import-untyped]  # it has no types
    MessageToJson,
)
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from apps.telemetry.otlp.messages import JSON, PROTOBUF, Kind
from apps.telemetry.otlp.signals import Mapped

RESPONSES: Final[Mapping[Kind, tuple[Callable[..., Any], str]]] = {
    "traces": (ExportTraceServiceResponse, "rejected_spans"),
    "metrics": (ExportMetricsServiceResponse, "rejected_data_points"),
    "logs": (ExportLogsServiceResponse, "rejected_log_records"),
}
CODES: Final = {
    400: 3,  # INVALID_ARGUMENT
    401: 16,  # UNAUTHENTICATED
    403: 7,  # PERMISSION_DENIED
    404: 5,  # NOT_FOUND
    405: 12,  # UNIMPLEMENTED
    413: 8,  # RESOURCE_EXHAUSTED
    415: 3,
    429: 8,
    503: 14,  # UNAVAILABLE
}
_INTERNAL: Final = 13


def answer_type(content_type: str) -> str:
    """The form to answer in: that of the request if it is one of the two."""
    spoken = content_type.partition(";")[0].strip().lower()
    return PROTOBUF if spoken == PROTOBUF else JSON


def success(kind: Kind, mapped: Mapped, form: str) -> bytes:
    """Empty if all went well. With nothing rejected, the message of a partial success is a hint."""
    response_class, rejected = RESPONSES[kind]
    response = response_class()
    sentences = [mapped.error_message] if mapped.error_message else []
    told = " ".join([*sentences, *mapped.warnings])
    if mapped.rejected or told:
        setattr(response.partial_success, rejected, mapped.rejected)
        response.partial_success.error_message = told
    if form == PROTOBUF:
        return bytes(response.SerializeToString())
    written: str = MessageToJson(response, indent=None)
    return written.encode()


def failure(status: int, message: str, form: str) -> bytes:
    """A google.rpc.Status of the HTTP status."""
    code = CODES.get(status, _INTERNAL)
    if form == JSON:
        return json.dumps({"code": code, "message": message}).encode()
    text = message.encode()
    # Field 1 is a number, field 2 a text: https://protobuf.dev/programming-guides/encoding/
    return b"\x08" + _varint(code) + b"\x12" + _varint(len(text)) + text


def _varint(number: int) -> bytes:
    groups = []
    while number > 0x7F:  # noqa: PLR2004 - seven bits in each byte
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])
