"""OTLP's JSON: the members that are read, and their values.

Unknown members are passed over. 64-bit integers come as text or as numbers, enumerations as
numbers, ids in hexadecimal. https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from apps.telemetry.connectors.fields import UnusableRowError
from apps.telemetry.otlp.attributes import DEEPEST, Value, below
from apps.telemetry.otlp.errors import BadDataError, TooLargeError

Number = int | float | str | None

MOST_OBJECTS: Final = 1_000_000
"""In one body: each takes some memory, however short it is written."""
_HEXADECIMAL: Final = re.compile(r"[0-9a-fA-F]*")


class Form(msgspec.Struct, rename="camel", gc=False):
    """Members that are absent or null have their default."""


class AnyValue(Form):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: Number = None
    double_value: Number = None
    array_value: "ArrayValue | None" = None
    kvlist_value: "KeyValueList | None" = None
    bytes_value: str | None = None


class KeyValue(Form):
    key: str = ""
    value: AnyValue | None = None


class ArrayValue(Form):
    values: list[AnyValue] | None = None


class KeyValueList(Form):
    values: list[KeyValue] | None = None


class Resource(Form):
    attributes: list[KeyValue] | None = None


class Scope(Form):
    name: str | None = None
    version: str | None = None


class Span(Form):
    trace_id: str | None = None
    span_id: str | None = None
    name: str | None = None
    start_time_unix_nano: Number = None
    end_time_unix_nano: Number = None
    attributes: list[KeyValue] | None = None


class ScopeSpans(Form):
    scope: Scope | None = None
    spans: list[Span] | None = None


class ResourceSpans(Form):
    resource: Resource | None = None
    scope_spans: list[ScopeSpans] | None = None


class Traces(Form):
    resource_spans: list[ResourceSpans] | None = None


class LogRecord(Form):
    time_unix_nano: Number = None
    observed_time_unix_nano: Number = None
    event_name: str | None = None
    body: AnyValue | None = None
    attributes: list[KeyValue] | None = None


class ScopeLogs(Form):
    scope: Scope | None = None
    log_records: list[LogRecord] | None = None


class ResourceLogs(Form):
    resource: Resource | None = None
    scope_logs: list[ScopeLogs] | None = None


class Logs(Form):
    resource_logs: list[ResourceLogs] | None = None


class Point(Form):
    attributes: list[KeyValue] | None = None
    start_time_unix_nano: Number = None
    time_unix_nano: Number = None
    as_int: Number = None
    as_double: Number = None
    sum: Number = None
    count: Number = None
    flags: Number = None


class Histogram(Form):
    aggregation_temporality: Number = None
    data_points: list[Point] | None = None


class Sum(Histogram):
    is_monotonic: bool | None = None


class Metric(Form):
    name: str | None = None
    sum: Sum | None = None
    histogram: Histogram | None = None
    exponential_histogram: Histogram | None = None


class ScopeMetrics(Form):
    scope: Scope | None = None
    metrics: list[Metric] | None = None


class ResourceMetrics(Form):
    resource: Resource | None = None
    scope_metrics: list[ScopeMetrics] | None = None


class Metrics(Form):
    resource_metrics: list[ResourceMetrics] | None = None


DECODERS: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    "traces": msgspec.json.Decoder(Traces),
    "metrics": msgspec.json.Decoder(Metrics),
    "logs": msgspec.json.Decoder(Logs),
}


def decoded(kind: str, body: bytes) -> Any:
    if body.count(b"{") > MOST_OBJECTS:
        raise TooLargeError(f"The body holds more than {MOST_OBJECTS} objects.")
    try:
        return DECODERS[kind].decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise BadDataError(f"The body is not an export of {kind} in OTLP's JSON.") from None


def attributes(pairs: list[KeyValue] | None) -> Iterator[tuple[str, Value | None]]:
    for pair in pairs or ():
        yield pair.key, None if pair.value is None else _plain(pair.value)


def _plain(value: AnyValue) -> Value | None:
    """None for lists, maps and bytes: nothing that is read is one."""
    if value.string_value is not None:
        return value.string_value
    if value.int_value is not None:
        return _int(value.int_value)
    if value.double_value is not None:
        return _float(value.double_value)
    return value.bool_value


def canonical(value: AnyValue | None, deeper: int = DEEPEST) -> list[Any]:
    """The value with its kind, equal to that of the binary form."""
    if value is None:
        return []
    if value.array_value is not None:
        members = value.array_value.values or ()
        return ["array", [canonical(one, below(deeper)) for one in members]]
    if value.kvlist_value is not None:
        return ["map", named_values(value.kvlist_value.values, below(deeper))]
    if value.bytes_value is not None:
        return ["bytes", value.bytes_value]
    plain = _plain(value)
    return [] if plain is None else [type(plain).__name__, repr(plain)]


def named_values(pairs: list[KeyValue] | None, deeper: int = DEEPEST) -> list[list[Any]]:
    return sorted([pair.key, canonical(pair.value, deeper)] for pair in pairs or ())


def identifier(written: str | None) -> str:
    """Lower case; empty where it is not hexadecimal."""
    return written.lower() if written and _HEXADECIMAL.fullmatch(written) else ""


def number(value: Number) -> int:
    """Of a time, a flag or an enumeration; 0 where it is absent, as in the binary form."""
    return 0 if value is None else _int_or_unusable(value)


def data(metric: Metric) -> Histogram | None:
    """Of a sum or a histogram; other kinds have nothing that adds up."""
    return metric.sum or metric.histogram or metric.exponential_histogram


def point_values(point: Point) -> tuple[Value | None, Value | None]:
    """A sum's value and None, or a histogram's sum and its number of recordings."""
    if point.as_int is not None:
        return _int(point.as_int), None
    if point.as_double is not None:
        return _float(point.as_double), None
    return None if point.sum is None else _float(point.sum), _int(point.count or 0)


def _int(value: float | str) -> Value:
    """As the number it spells; other text stays text, and is nothing that could be counted."""
    try:
        return int(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _float(value: float | str) -> Value:
    try:
        return float(value)
    except (ValueError, OverflowError):
        return str(value)


def _int_or_unusable(value: float | str) -> int:
    try:
        return int(value)
    except (ValueError, OverflowError):
        raise UnusableRowError("not_a_number", "number", value) from None
