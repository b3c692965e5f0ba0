"""One use, one count: which reports of a provider's use a workspace counts.

Whatever stores events holds the workspace's declarations while it does (`held`), and who declares
waits for it. So an event is stored either under the old word, and found by `recounting`, or under
the new one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection as database
from django.db import transaction

from apps.common.errors import InvalidError
from apps.telemetry.connectors import PROVIDER_LABELS
from apps.telemetry.connectors.base import UsageRow
from apps.telemetry.errors import SourceOfRecordNotFoundError
from apps.telemetry.models import SourceOfRecord
from apps.telemetry.selectors.source_of_record import DECLARED, WITHDRAWN
from apps.workspaces.models import Workspace
from apps.workspaces.services import audit

Counted = SourceOfRecord.Counted
UPSTREAMS: Final = {
    name: provider
    for provider, label in PROVIDER_LABELS.items()
    for name in (provider, label.lower())
}
"""How a router names the providers that can be connected here."""
# Two statements sent as one: the second sees what was committed while the first one waited.
HOLD: Final = (
    "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0)); "
    "SELECT provider, counted FROM telemetry_sourceofrecord WHERE workspace_id = %s"
)
HOLD_ALONE: Final = HOLD.replace("_shared", "")


@dataclass(frozen=True, slots=True)
class Declared:
    """What a workspace counts, by provider; of a provider that is not named, everything."""

    counted: Mapping[str, str]

    def counts_pushed(self, provider: str) -> bool:
        return self.counted.get(provider) != Counted.CONNECTION

    def counts_metered(self, provider: str, row: UsageRow) -> bool:
        """A router's row that was paid with one's own key is on that provider's meter as well."""
        if row.byok and self.counted.get(_upstream(row)) == Counted.CONNECTION:
            return False
        return self.counted.get(provider) != Counted.PUSHED

    def providers(self, counted: str) -> list[str]:
        return [provider for provider, one in self.counted.items() if one == counted]


def held(workspace_id: int) -> Declared:
    """What is declared, and stays so until the transaction ends. Others may hold it as well."""
    return _hold(HOLD, workspace_id)


def held_alone(workspace_id: int) -> Declared:
    """Likewise, once nobody else stores events of the workspace, and while nobody else begins."""
    return _hold(HOLD_ALONE, workspace_id)


def declare(
    workspace: Workspace, provider: str, counted: str, *, actor: str, now: datetime
) -> SourceOfRecord:
    """Say which reports count of all that is stored from now on. Safe to repeat.

    What is stored already follows when `recounting.recount` has run.
    """
    if provider not in PROVIDER_LABELS:
        raise InvalidError(
            "Only of providers that can be connected there are two reports of one use.",
            fields={"provider": [f"One of {', '.join(PROVIDER_LABELS)}."]},
        )
    with transaction.atomic():
        before = held_alone(workspace.pk).counted.get(provider)
        if before != counted:
            SourceOfRecord.objects.update_or_create(
                workspace=workspace,
                provider=provider,
                defaults={"counted": counted, "declared_by": actor, "declared_at": now},
            )
            details = {"from": before, "to": counted}
            audit(workspace, actor, DECLARED, provider, now=now, details=details)
        return SourceOfRecord.objects.get(workspace=workspace, provider=provider)


def withdraw(workspace: Workspace, provider: str, *, actor: str, now: datetime) -> None:
    """Count everything of the provider again; what is stored already follows likewise."""
    with transaction.atomic():
        before = held_alone(workspace.pk).counted.get(provider)
        if before is None:
            raise SourceOfRecordNotFoundError("Nothing is declared for this provider")
        SourceOfRecord.objects.filter(workspace=workspace, provider=provider).delete()
        audit(workspace, actor, WITHDRAWN, provider, now=now, details={"from": before})


def _hold(statement: str, workspace_id: int) -> Declared:
    with database.cursor() as cursor:
        name = f"sources of record of workspace {workspace_id}"
        cursor.execute(statement, [name, workspace_id])
        cursor.nextset()
        return Declared(dict(cursor.fetchall()))


def _upstream(row: UsageRow) -> str:
    """Whose account a router's row was paid with: as the row names it, else by its model."""
    named = str(row.raw.get("provider_name") or (row.model or "").partition("/")[0]).lower()
    return UPSTREAMS.get(named, named)
