"""Which reports of a provider's use count here, and where nobody has said it and both come."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import F, Max, Q, QuerySet, Sum

from apps.telemetry.models import TOKENS, DayRollup, SourceOfRecord
from apps.telemetry.selectors.figures import Span
from apps.workspaces.models import AuditEvent, Workspace

DECLARED: Final = "source_of_record_declared"
WITHDRAWN: Final = "source_of_record_withdrawn"
APPLIED: Final = "source_of_record_applied"
_ALL_TOKENS: Final = sum((F(name) for name in TOKENS[1:]), F(TOKENS[0]))


@dataclass(frozen=True, slots=True)
class DoubleCounting:
    """A provider whose use arrives pushed and metered, and both are counted. Tokens in a span."""

    provider: str
    pushed_tokens: int
    metered_tokens: int


def declarations(workspace: Workspace) -> QuerySet[SourceOfRecord]:
    """What the workspace has declared, by provider."""
    return SourceOfRecord.objects.filter(workspace=workspace).order_by("provider")


def possible_double_counting(workspace: Workspace, span: Span) -> list[DoubleCounting]:
    """The providers without a declaration that are counted both ways, on the days of the span.

    Read from the daily sums. Test events are not looked at: nothing states them.
    """
    declared = declarations(workspace).values("provider")
    rows = (
        DayRollup.objects.filter(
            workspace=workspace, is_test=False, day__gte=_day(span.start), day__lt=span.end
        )
        .exclude(provider__in=declared)
        .values("provider")
        .annotate(
            pushed=Sum(_ALL_TOKENS, filter=Q(connection=None)),
            metered=Sum(_ALL_TOKENS, filter=~Q(connection=None)),
        )
        .filter(pushed__gt=0, metered__gt=0)
        .order_by("provider")
    )
    return [
        DoubleCounting(row["provider"], int(row["pushed"]), int(row["metered"])) for row in rows
    ]


def waiting_workspace_ids() -> list[int]:
    """Workspaces whose stored events do not follow their declarations yet."""
    return list(_changes().values_list("workspace_id", flat=True))


def is_applied(workspace: Workspace) -> bool:
    """Whether all stored events follow what is declared."""
    return not _changes(workspace=workspace).exists()


def latest_change(workspace_id: int) -> int | None:
    """The audit event of the last declaration or withdrawal."""
    events = AuditEvent.objects.filter(workspace=workspace_id, action__in=(DECLARED, WITHDRAWN))
    latest: int | None = events.aggregate(latest=Max("pk"))["latest"]
    return latest


def _changes(**which: Any) -> QuerySet[AuditEvent, Any]:
    """Workspaces with a declaration or a withdrawal that was not applied since.

    The audit trail is where both stand for good: of a withdrawn declaration no row is left.
    """
    return (
        AuditEvent.objects.filter(action__in=(DECLARED, WITHDRAWN, APPLIED), **which)
        .values("workspace_id")
        .annotate(
            changed=Max("pk", filter=Q(action__in=(DECLARED, WITHDRAWN))),
            applied=Max("pk", filter=Q(action=APPLIED)),
        )
        .filter(Q(applied=None) | Q(changed__gt=F("applied")))
        .order_by("workspace_id")
    )


def _day(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
