"""An export as it was received, and its items one by one, whichever of the two forms it had."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, Protocol

from apps.telemetry.connectors.fields import UnusableRowError
from apps.telemetry.otlp import naming, wire_json, wire_protobuf
from apps.telemetry.otlp.attributes import (
    MOST_ATTRIBUTES,
    SERVICE,
    Attributes,
    Value,
    chosen,
    text,
)
from apps.telemetry.otlp.errors import TooLargeError, UnsupportedError

Kind = Literal["traces", "metrics", "logs"]

JSON: Final = "application/json"
PROTOBUF: Final = "application/x-protobuf"
MOST_ITEMS: Final = 50_000
"""In one export: spans, log records or points, those that do not count and all groups included."""


class Wire(Protocol):
    """One of the two forms: how its messages are decoded and their values read."""

    def decoded(self, kind: str, body: bytes) -> Any: ...
    def attributes(self, pairs: Any) -> Iterator[tuple[str, Value | None]]: ...
    def named_values(self, pairs: Any) -> list[list[Any]]: ...
    def identifier(self, raw: Any) -> str: ...
    def number(self, value: Any) -> int: ...
    def data(self, metric: Any) -> Any: ...
    def point_values(self, point: Any) -> tuple[Value | None, Value | None]: ...


WIRES: Final[dict[str, Wire]] = {JSON: wire_json, PROTOBUF: wire_protobuf}


@dataclass(frozen=True, slots=True)
class Export:
    """All that one request carried."""

    kind: Kind
    wire: Wire
    message: Any

    def __post_init__(self) -> None:
        number = 0
        for size in self._sizes():
            number += size
            if number > MOST_ITEMS:  # before they are gone through: even empty ones take time
                raise TooLargeError(f"The export holds more than {MOST_ITEMS} items.")

    def items(self) -> Iterator[tuple["Sender", Any]]:
        """Each span, log record or metric as it came, with who sent it."""
        of_resources, of_scopes, of_items = _NESTING[self.kind]
        for of_resource in getattr(self.message, of_resources) or ():
            for of_scope in getattr(of_resource, of_scopes) or ():
                sender = Sender(self.wire, of_resource.resource, of_scope.scope)
                for item in getattr(of_scope, of_items) or ():
                    yield sender, item

    def _sizes(self) -> Iterator[int]:
        """How long each list within the message is, the outer one before the inner ones."""
        lists = [getattr(self.message, _NESTING[self.kind][0]) or ()]
        for name in _NESTING[self.kind][1:]:
            yield sum(len(one) for one in lists)
            lists = [getattr(member, name) or () for one in lists for member in one]
        yield sum(len(one) for one in lists)
        if self.kind == "metrics":
            data = (self.wire.data(metric) for one in lists for metric in one)
            yield sum(len(one.data_points or ()) for one in data if one is not None)


_NESTING: Final = {
    "traces": ("resource_spans", "scope_spans", "spans"),
    "metrics": ("resource_metrics", "scope_metrics", "metrics"),
    "logs": ("resource_logs", "scope_logs", "log_records"),
}


class Sender:
    """The process and the library that items came from; read when the first item needs it."""

    def __init__(self, wire: Wire, resource: Any, scope: Any) -> None:
        self.wire = wire
        self._resource = resource
        self._scope = scope

    @cached_property
    def attributes(self) -> Attributes:
        return read_attributes(self.wire, self._pairs)

    @cached_property
    def scope(self) -> str:
        return (self._scope.name if self._scope else None) or ""

    @cached_property
    def service(self) -> str:
        """Empty where the exporter only put in that it does not know."""
        name = text(self.attributes, SERVICE) or ""
        return "" if name.startswith("unknown_service") else name

    def series(self, metric: str, pairs: Any) -> bytes:
        """SHA-256 that names a series: every attribute takes part, none is kept."""
        check_number(pairs)
        parts = [*self._identity, metric, self.wire.named_values(pairs)]
        return naming.digest(parts)

    @cached_property
    def _identity(self) -> list[Any]:
        check_number(self._pairs)
        version = (self._scope.version if self._scope else None) or ""
        return [self.wire.named_values(self._pairs), self.scope, version]

    @property
    def _pairs(self) -> Any:
        return self._resource.attributes if self._resource else ()


def decoded(kind: Kind, body: bytes, content_type: str) -> Export:
    """Raises BadDataError, TooLargeError or UnsupportedError. An empty message is a valid one."""
    wire = WIRES.get(content_type.partition(";")[0].strip().lower())
    if wire is None:
        raise UnsupportedError(f"Send {PROTOBUF} or {JSON}.")
    return Export(kind, wire, wire.decoded(kind, body))


def read_attributes(wire: Wire, pairs: Any) -> Attributes:
    check_number(pairs)
    return chosen(wire.attributes(pairs))


def check_number(pairs: Sequence[Any] | None) -> None:
    if pairs and len(pairs) > MOST_ATTRIBUTES:
        raise UnusableRowError("too_many_attributes", "attributes", len(pairs))
