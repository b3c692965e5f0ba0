"""Hours, events and their origin as they are answered."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.urls import reverse
from rest_framework.request import Request

from apps.telemetry.api.event_shapes import (
    BucketReadingLine,
    EntryLine,
    EventDetail,
    EventLinks,
    EventRow,
    PollRunLine,
    RollupLinks,
    RollupRow,
)
from apps.telemetry.api.figure_shapes import Named, QuantityBounds, number, totals_output
from apps.telemetry.api.report_queries import link
from apps.telemetry.models import (
    SUMMED,
    TOKENS,
    CarbonEntry,
    MeteredBucket,
    PollRun,
    ProviderConnection,
    Rollup,
    TelemetryEvent,
)
from apps.telemetry.selectors import Totals
from apps.telemetry.selectors import events as selectors
from apps.telemetry.selectors.parts import HOUR, floor
from apps.telemetry.services.retention import has_expired_payload
from apps.workspaces.models import Project


class RollupResults:
    """The hours of a page, where a serializer would do too much."""

    def __init__(self, found: Iterable[Rollup], *, request: Request, many: bool) -> None:
        self.data = [_rollup_output(request, row) for row in found]


class EventResults:
    """The events of a page, likewise."""

    def __init__(self, found: Iterable[TelemetryEvent], *, request: Request, many: bool) -> None:
        self.data = [EventRow(**_members(request, event)) for event in found]


def detail_output(request: Request, event: TelemetryEvent, *, now: datetime) -> EventDetail:
    """With its lines of the ledger and where it was read."""
    is_polled = event.connection_id is not None
    bucket = selectors.bucket_of(event) if is_polled else None
    run = selectors.poll_run_of(event) if is_polled else None
    return EventDetail(
        **_members(request, event),
        dims=event.dims,
        flags=event.flags,
        calculation=_current(event),
        entries=[_entry_output(entry) for entry in selectors.entries_of(event)],
        raw_payload=event.raw_payload,
        is_raw_payload_expired=is_polled and has_expired_payload(event, now=now),
        bucket=_bucket_output(bucket) if bucket else None,
        poll_run=_poll_output(run) if run else None,
    )


def _rollup_output(request: Request, row: Rollup) -> RollupRow:
    events = link(
        request,
        "telemetry-events",
        start_time=row.hour,
        end_time=row.hour + HOUR,
        **_dimensions(row),
    )
    return RollupRow(
        hour=row.hour,
        project=_project(row.project),
        connection=_connection(row.connection),
        provider=row.provider,
        model=row.model,
        region=row.region,
        is_test=row.is_test,
        entries=row.entries,
        totals=totals_output(Totals({name: getattr(row, name) for name in SUMMED})),
        links=RollupLinks(events=events),
    )


def _members(request: Request, event: TelemetryEvent) -> dict[str, Any]:
    """The members of EventRow."""
    same = ("used_at", "used_until", "source", "provider", "model", "region", *TOKENS)
    likewise = ("reasoning_tokens", "requests", "customer", "session_id", "observed_at")
    claims = ("is_counted", "is_withdrawn", "is_provisional", "is_test")
    current = _current(event)
    return {
        **{name: getattr(event, name) for name in (*same, *likewise, *claims)},
        "id": event.public_id,
        "project": _project(event.project),
        "connection": _connection(event.connection),
        "cost_usd": number(event.cost_usd),
        "energy_kwh": _bounds(current, "energy_kwh"),
        "co2e_grams": _bounds(current, "co2e_grams"),
        "links": _event_links(request, event),
    }


def _current(event: TelemetryEvent) -> dict[str, Any] | None:
    """The calculation as it stands, which the selectors put beside the event."""
    current: dict[str, Any] | None = getattr(event, "current", None)
    return current


def _bounds(calculation: Mapping[str, Any] | None, name: str) -> QuantityBounds | None:
    if calculation is None:
        return None
    return QuantityBounds(**{bound: float(text) for bound, text in calculation[name].items()})


def _event_links(request: Request, event: TelemetryEvent) -> EventLinks:
    hour = floor(event.used_at, HOUR)
    rollup = link(
        request,
        "telemetry-rollups",
        start_time=hour,
        end_time=hour + HOUR,
        **_dimensions(event),
    )
    own = reverse("telemetry-event", args=[event.public_id])
    return EventLinks(event=request.build_absolute_uri(own), rollup=rollup)


def _dimensions(row: Rollup | TelemetryEvent) -> dict[str, Any]:
    """The query that finds what agrees with the row; "" where it names nothing."""
    return {
        "project_id": row.project.public_id,
        "connection_id": row.connection.public_id if row.connection else "",
        "provider": row.provider,
        "model": row.model or "",
        "region": row.region or "",
        "include_test": row.is_test or None,
    }


def _project(project: Project) -> Named:
    return Named(id=str(project.public_id), name=project.name)


def _connection(connection: ProviderConnection | None) -> Named | None:
    return Named(id=connection.public_id, name=connection.name) if connection else None


def _entry_output(entry: CarbonEntry) -> EntryLine:
    return EntryLine(
        sequence=entry.sequence,
        reason=entry.reason,
        recorded_at=entry.recorded_at,
        factor_version=entry.factor_set.version,
        differences={name: _plain(getattr(entry, name)) for name in SUMMED},
    )


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def _bucket_output(bucket: MeteredBucket) -> BucketReadingLine:
    return BucketReadingLine(
        starts_at=bucket.starts_at,
        ends_at=bucket.ends_at,
        rows=bucket.rows,
        digest=bytes(bucket.digest).hex(),
        is_provisional=bucket.is_provisional,
        read_at=bucket.read_at,
    )


def _poll_output(run: PollRun) -> PollRunLine:
    return PollRunLine(
        window_start=run.window_start,
        window_end=run.window_end,
        started_at=run.started_at,
        finished_at=run.finished_at,
        outcome=run.outcome,
        rows_read=run.rows_read,
        rows_changed=run.rows_changed,
        rows_withdrawn=run.rows_withdrawn,
    )
