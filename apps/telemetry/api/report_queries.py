"""What may be asked of a report: its range, what it is narrowed to; and links to narrower ones."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.urls import reverse
from rest_framework import serializers
from rest_framework.request import Request

from apps.common.errors import InvalidError
from apps.telemetry.api.instants import InstantField
from apps.telemetry.selectors import Span
from apps.telemetry.selectors.parts import HOUR, floor

DEFAULT_SPAN: Final = timedelta(days=30)
LONGEST_SPAN: Final = timedelta(days=731)
LONGEST_HOURLY_SPAN: Final = timedelta(days=92)
NOBODY: Final = "Exact; empty: usage of which nobody named one."
NARROWING: Final = (
    "project_id",
    "model",
    "provider",
    "connection_id",
    "region",
    "include_test",
)


class SpanQuery(serializers.Serializer):
    """The half-open time range of a report, with offset; by default the last 30 days."""

    start_time = InstantField(required=False)
    end_time = InstantField(required=False)
    include_test = serializers.BooleanField(default=False, help_text="Count test events as well.")


class ReportQuery(SpanQuery):
    """A range, narrowed to what all of these say."""

    project_id = serializers.UUIDField(required=False)
    model = serializers.CharField(
        max_length=200, allow_blank=True, required=False, trim_whitespace=False, help_text=NOBODY
    )
    provider = serializers.CharField(
        max_length=64, allow_blank=True, required=False, trim_whitespace=False
    )
    connection_id = serializers.CharField(
        max_length=40, allow_blank=True, required=False, help_text="Empty: what was pushed."
    )
    region = serializers.CharField(
        max_length=64, allow_blank=True, required=False, trim_whitespace=False, help_text=NOBODY
    )


def narrowing(query: Mapping[str, Any]) -> dict[str, Any]:
    """What of a checked query narrows a report."""
    return {name: query[name] for name in NARROWING if query.get(name) is not None}


def span_of(query: Mapping[str, Any], now: datetime, *, longest: timedelta = LONGEST_SPAN) -> Span:
    """The range that is asked for. Raises InvalidError where it is none, or is too long."""
    try:
        end = query.get("end_time") or now
        start = query.get("start_time") or end - DEFAULT_SPAN
    except OverflowError:
        raise invalid("end_time", "There is no time so far before that.") from None
    if start >= end:
        raise invalid("start_time", "The start must be before the end.")
    if end - start > longest:
        raise invalid("start_time", f"The range may span at most {longest.days} days.")
    return Span(start, end)


def invalid(field: str, sentence: str) -> InvalidError:
    return InvalidError(f"{field}: {sentence}", fields={field: [sentence]})


def link(request: Request, name: str, **query: Any) -> str:
    """The address of a named path of the API, with a query; what is None is left out."""
    given = {key: _text(value) for key, value in query.items() if value is not None}
    return str(request.build_absolute_uri(f"{reverse(name)}?{urlencode(given)}"))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def whole_hours_around(span: Span) -> Span:
    """The UTC hours that hold the span; the last of all time is left as it is."""
    end = floor(span.end, HOUR)
    if end != span.end:
        end = span.end if datetime.max.replace(tzinfo=UTC) - end < HOUR else end + HOUR
    return Span(floor(span.start, HOUR), end)
