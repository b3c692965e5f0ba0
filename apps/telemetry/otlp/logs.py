"""A log event of a finished model call as usage."""

from datetime import datetime
from typing import Any

from apps.telemetry.otlp import agents, counts, naming
from apps.telemetry.otlp.agents import CallNames
from apps.telemetry.otlp.attributes import Attributes, moment, text, written_moment
from apps.telemetry.otlp.counts import Counts
from apps.telemetry.otlp.describing import Description, called, described
from apps.telemetry.otlp.messages import Sender, read_attributes
from apps.telemetry.otlp.signals import EVENT, EVENT_WITH_ID, Signal


def usage(sender: Sender, record: Any, now: datetime) -> Signal | None:
    """None for every event that is not a model call of a known tool.

    Raises UnusableRowError where it is one that cannot be counted.
    """
    attributes = read_attributes(sender.wire, record.attributes)
    names = _names(sender, record, attributes)
    if names is None or (names.kind and text(attributes, "event.kind") != names.kind):
        return None
    found = counts.own(attributes, names)
    if found is None:
        return None
    about = described(sender, attributes, names.tool)
    nanoseconds = _time(sender, record, attributes)
    used_at = moment(nanoseconds, now=now)
    request_id = next((attributes[name] for name in names.ids if attributes.get(name)), None)
    name = (
        naming.event(about.tool, str(request_id))
        if request_id
        else _built_name(about, nanoseconds, found)
    )
    used = called(about, found, source="otlp.event", name=name, used_at=used_at, used_until=used_at)
    rank = EVENT_WITH_ID if request_id else EVENT
    return Signal(usage=used, tool=about.tool, session_key=about.session_id or "", rank=rank)


def _names(sender: Sender, record: Any, attributes: Attributes) -> CallNames | None:
    """By the event's name: an attribute, the record's own member, or all of its body."""
    tool = agents.tool_of_service(sender.service)
    body = record.body.string_value if record.body else None
    for name in filter(None, (text(attributes, "event.name"), record.event_name, body)):
        whole = agents.SHORT_EVENTS.get((tool.name, name), name) if tool else name
        if whole in agents.EVENTS:
            return agents.EVENTS[whole]
    return None


def _time(sender: Sender, record: Any, attributes: Attributes) -> int:
    """Nanoseconds since 1970, of the event rather than of its record."""
    return (
        written_moment(text(attributes, "event.timestamp"))
        or sender.wire.number(record.time_unix_nano)
        or sender.wire.number(record.observed_time_unix_nano)
    )


def _built_name(about: Description, nanoseconds: int, found: Counts) -> str:
    """Of an event without an id. Nothing but its counts tells two calls of one moment apart."""
    tokens = (found.input_uncached, found.input_cache_read, found.input_cache_write, found.output)
    return naming.event(about.tool, about.session_id, nanoseconds, about.model, *tokens)
