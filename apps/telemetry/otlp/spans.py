"""A span of a finished model call as usage."""

from datetime import datetime
from typing import Any, Final

from apps.telemetry.connectors.fields import UnusableRowError
from apps.telemetry.otlp import agents, counts, naming
from apps.telemetry.otlp.attributes import OPERATION, moment, text
from apps.telemetry.otlp.describing import called, described, model
from apps.telemetry.otlp.messages import Sender, read_attributes
from apps.telemetry.otlp.signals import SPAN, Signal

_TRACE_ID_DIGITS: Final = 32
_SPAN_ID_DIGITS: Final = 16


def usage(sender: Sender, span: Any, now: datetime) -> Signal | None:
    """None for whatever is not a model call, or repeats the calls within it.

    Raises UnusableRowError where it is one that cannot be counted.
    """
    attributes = read_attributes(sender.wire, span.attributes)
    names = agents.SPANS.get(span.name or "")
    tool = names.tool if names else None
    operation = text(attributes, OPERATION)
    if operation is None and model(attributes, tool) is None:
        return None
    if operation is not None and operation.lower() not in agents.MODEL_CALLS:
        return None
    found = counts.general(attributes) or (counts.own(attributes, names) if names else None)
    if found is None:
        return None
    about = described(sender, attributes, tool)
    used_at, used_until = _times(sender, span, now)
    used = called(
        about,
        found,
        source="otlp.span",
        name=_name(sender, span),
        used_at=used_at,
        used_until=used_until,
    )
    return Signal(usage=used, tool=about.tool, session_key=about.session or "", rank=SPAN)


def _times(sender: Sender, span: Any, now: datetime) -> tuple[datetime, datetime]:
    start = sender.wire.number(span.start_time_unix_nano)
    end = sender.wire.number(span.end_time_unix_nano)
    used_at = moment(start or end, now=now)
    return used_at, max(used_at, moment(end or start, now=now))


def _name(sender: Sender, span: Any) -> str:
    trace_id = sender.wire.identifier(span.trace_id)
    span_id = sender.wire.identifier(span.span_id)
    is_named = len(trace_id) == _TRACE_ID_DIGITS and len(span_id) == _SPAN_ID_DIGITS
    if not (is_named and trace_id.strip("0") and span_id.strip("0")):
        raise UnusableRowError("no_ids", "trace_id", None)
    return naming.span(trace_id, span_id)
