"""From a total down to its origin: hours, the events of an hour, an event with all it came from."""

from collections.abc import Mapping
from typing import Any, Final

from django.db.models import OuterRef, QuerySet, Subquery

from apps.telemetry.errors import EventNotFoundError
from apps.telemetry.models import CarbonEntry, MeteredBucket, PollRun, Rollup, TelemetryEvent
from apps.telemetry.selectors.figures import Span
from apps.telemetry.selectors.parts import Filters, OpenSpan
from apps.workspaces.models import Workspace

PREFIX: Final = "evt_"
HASH_BYTES: Final = 32


def rollups(workspace: Workspace, span: Span, **narrowed_to: Any) -> QuerySet[Rollup]:
    """The hourly sums of a span of whole hours."""
    inside = OpenSpan(span.start, span.end).of("hour")
    found = Rollup.objects.filter(Filters(**narrowed_to).narrowed(workspace), inside)
    return found.select_related("project", "connection")


def events(
    workspace: Workspace, span: Span, facts: Mapping[str, Any], **narrowed_to: Any
) -> QuerySet[TelemetryEvent]:
    """What was metered in a span. `facts`: columns and what they must equal.

    Each with `current`, its calculation as it stands.
    """
    inside = OpenSpan(span.start, span.end).of("used_at")
    narrowed = Filters(**narrowed_to).narrowed(workspace)
    return _valued(TelemetryEvent.objects.filter(narrowed, inside, **facts))


def event_of(workspace: Workspace, public_id: str) -> TelemetryEvent:
    """By its outside name. Raises EventNotFoundError."""
    try:
        hashed = bytes.fromhex(public_id.removeprefix(PREFIX))
    except ValueError:
        hashed = b""
    if len(hashed) == HASH_BYTES and public_id == f"{PREFIX}{hashed.hex()}":
        own = TelemetryEvent.objects.filter(workspace=workspace, idempotency_hash=hashed)
        if (event := _valued(own).first()) is not None:
            return event
    raise EventNotFoundError("No such event in this workspace.")


def entries_of(event: TelemetryEvent) -> QuerySet[CarbonEntry]:
    """Every line of the ledger about it, in order."""
    return event.entries.select_related("factor_set").order_by("sequence")


def bucket_of(event: TelemetryEvent) -> MeteredBucket | None:
    """The last reading of the bucket that holds a polled event."""
    return MeteredBucket.objects.filter(
        connection=event.connection_id, source=event.source, starts_at=event.used_at
    ).first()


def poll_run_of(event: TelemetryEvent) -> PollRun | None:
    """The reading that last changed a polled event."""
    return (
        PollRun.objects.filter(
            connection=event.connection_id,
            source=event.source,
            outcome=PollRun.Outcome.RECORDED,
            started_at__lte=event.observed_at,
            window_start__lte=event.used_at,
            window_end__gt=event.used_at,
        )
        .order_by("-started_at")
        .first()
    )


def _valued(found: QuerySet[TelemetryEvent]) -> QuerySet[TelemetryEvent]:
    latest = CarbonEntry.objects.filter(event=OuterRef("pk")).order_by("-sequence")
    current = Subquery(latest.values("calculation")[:1])
    return found.select_related("project", "connection").annotate(current=current)
