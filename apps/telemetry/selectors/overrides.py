"""Factor overrides as they are found: a workspace's own, and those that touch a report."""

from django.db.models import F, Q, QuerySet

from apps.telemetry.errors import OverrideNotFoundError
from apps.telemetry.models import FactorOverride
from apps.telemetry.selectors.figures import Span
from apps.workspaces.models import Workspace


def overrides(workspace: Workspace) -> QuerySet[FactorOverride]:
    """A workspace's overrides, ended ones included, newest first."""
    return FactorOverride.objects.filter(workspace=workspace).order_by("-created_at", "-pk")


def override_of(workspace: Workspace, public_id: str) -> FactorOverride:
    """One override; another workspace's is not found."""
    found = overrides(workspace).filter(public_id=public_id).first()
    if found is None:
        raise OverrideNotFoundError("No such override in this workspace")
    return found


def overrides_within(workspace: Workspace, span: Span) -> QuerySet[FactorOverride]:
    """Those in force at some moment of the span, newest first."""
    is_open = Q(ends_at__isnull=True)
    # One that was ended before it began was never in force.
    reaches_in = Q(ends_at__gt=span.start) & Q(ends_at__gt=F("starts_at"))
    return overrides(workspace).filter(is_open | reaches_in, starts_at__lt=span.end)
