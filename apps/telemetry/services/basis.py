"""What an event is valued with: a factor set, and what its workspace knows better than that."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from apps.emissions.calc.given import Given
from apps.telemetry.models import FactorOverride

Kind = FactorOverride.Kind
BATCH: Final = "batch"


@dataclass(frozen=True, slots=True)
class Override:
    """One override as a value."""

    public_id: str
    kind: str
    provider: str
    value: float | None
    operator: str
    region: str
    country: str
    starts_at: datetime
    ends_at: datetime | None

    def applies(self, provider: str, used_at: datetime) -> bool:
        is_in_force = self.starts_at <= used_at and (self.ends_at is None or used_at < self.ends_at)
        return is_in_force and self.provider in ("", provider)


@dataclass(frozen=True, slots=True)
class Overrides:
    """At most one override of each kind: what touches one event."""

    pue: Override | None = None
    tariff: Override | None = None
    place: Override | None = None

    def ids(self) -> list[str]:
        return [one.public_id for one in (self.pue, self.tariff, self.place) if one]

    def given(self, *, is_batch: bool) -> Given:
        return Given(
            pue=self.pue.value if self.pue else None,
            tariff_gco2e_per_kwh=self.tariff.value if self.tariff else None,
            is_batch=is_batch,
        )


NO_OVERRIDES: Final = Overrides()


def overrides_of(workspace_ids: Iterable[int]) -> dict[int, list[Override]]:
    """All overrides of these workspaces, oldest first, the ended ones included."""
    found: dict[int, list[Override]] = {}
    rows = FactorOverride.objects.filter(workspace_id__in=set(workspace_ids)).order_by("pk")
    for row in rows:
        found.setdefault(row.workspace_id, []).append(
            Override(
                public_id=row.public_id,
                kind=row.kind,
                provider=row.provider,
                value=None if row.value is None else float(row.value),
                operator=row.operator,
                region=row.region,
                country=row.country,
                starts_at=row.starts_at,
                ends_at=row.ends_at,
            )
        )
    return found


def in_force(overrides: Sequence[Override], provider: str, used_at: datetime) -> Overrides:
    """What applies to a use: the one that names the provider, then the one created last."""
    return _by_kind([one for one in overrides if one.applies(provider, used_at)])


def named(overrides: Sequence[Override], ids: Iterable[str]) -> Overrides:
    """What an earlier calculation was made with."""
    wanted = set(ids)
    return _by_kind([one for one in overrides if one.public_id in wanted])


def _by_kind(overrides: Sequence[Override]) -> Overrides:
    ranked = sorted(overrides, key=lambda one: one.provider != "")  # stable: later ones stay later
    best = {one.kind: one for one in ranked}
    return Overrides(
        pue=best.get(Kind.PUE), tariff=best.get(Kind.TARIFF), place=best.get(Kind.PLACE)
    )
