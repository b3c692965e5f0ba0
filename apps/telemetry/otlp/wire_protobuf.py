"""OTLP's binary form, through the official message classes."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from google.protobuf.message import (  # type: ignore[import-untyped]  # it has no types
    DecodeError,
    Message,
)
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import NumberDataPoint

from apps.telemetry.otlp.attributes import ALLOWED, DEEPEST, Value, below
from apps.telemetry.otlp.errors import BadDataError

FORMS: Final[Mapping[str, type[Message]]] = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}
_ADDABLE: Final = frozenset({"sum", "histogram", "exponential_histogram"})
_PLAIN: Final = frozenset({"string_value", "int_value", "double_value", "bool_value"})


def decoded(kind: str, body: bytes) -> Any:
    try:
        return FORMS[kind].FromString(body)
    except DecodeError:
        raise BadDataError(f"The body is not an export of {kind} in OTLP's binary form.") from None


def attributes(pairs: Iterable[Any]) -> Iterator[tuple[str, Value | None]]:
    for pair in pairs:
        if pair.key in ALLOWED:  # before the value is looked at, which is most of the work
            yield pair.key, _plain(pair.value)


def _plain(value: Any) -> Value | None:
    kind = value.WhichOneof("value")
    return getattr(value, kind) if kind in _PLAIN else None


def canonical(value: Any, deeper: int = DEEPEST) -> list[Any]:
    """The value with its kind, equal to that of the JSON form."""
    kind = value.WhichOneof("value")
    if kind is None:
        return []
    found = getattr(value, kind)
    if kind == "array_value":
        return ["array", [canonical(one, below(deeper)) for one in found.values]]
    if kind == "kvlist_value":
        return ["map", named_values(found.values, below(deeper))]
    if kind == "bytes_value":
        return ["bytes", b64encode(found).decode()]
    return [type(found).__name__, repr(found)]


def named_values(pairs: Iterable[Any], deeper: int = DEEPEST) -> list[list[Any]]:
    return sorted([pair.key, canonical(pair.value, deeper)] for pair in pairs)


def identifier(raw: bytes) -> str:
    return raw.hex()


def number(value: int) -> int:
    return value


def data(metric: Any) -> Any:
    """Of a sum or a histogram; other kinds have nothing that adds up."""
    kind = metric.WhichOneof("data")
    return getattr(metric, kind) if kind in _ADDABLE else None


def point_values(point: Any) -> tuple[Value | None, Value | None]:
    """A sum's value and None, or a histogram's sum and its number of recordings."""
    if not isinstance(point, NumberDataPoint):
        return point.sum if point.HasField("sum") else None, point.count
    kind = point.WhichOneof("value")
    return getattr(point, kind) if kind else None, None
