"""What a recalculation found and changed: per workspace, and per period that will state it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from apps.billing.models import BillingPeriod
from apps.telemetry.models import SUMMED
from apps.telemetry.services.ledger import Appended
from apps.workspaces.models import Workspace

SHOWN: Final = ("co2e_grams_low", "co2e_grams", "co2e_grams_high", "energy_kwh", "water_litres")
"""What is shown before and after."""


@dataclass(frozen=True, slots=True)
class Change:
    """One quantity of some events, before and after."""

    before: Decimal = Decimal()
    after: Decimal = Decimal()

    @property
    def difference(self) -> Decimal:
        return self.after - self.before

    @property
    def percent(self) -> Decimal | None:
        """Of what it was; None where that was nothing."""
        return self.difference / self.before * 100 if self.before else None

    def __add__(self, other: "Change") -> "Change":
        return Change(self.before + other.before, self.after + other.after)


NO_CHANGE: Final = Change()


@dataclass(slots=True)
class Share:
    """The events that one period will state; of those that none will, `period` is None.

    `left` are events of which a receipt states a part already: they are in no total. A model's
    change is that of its central CO2e. `versions` are of the changed events, before and after.
    """

    period: BillingPeriod | None
    looked_at: int = 0
    changed: int = 0
    left: int = 0
    totals: dict[str, Change] = field(default_factory=lambda: dict.fromkeys(SHOWN, NO_CHANGE))
    models: dict[str, Change] = field(default_factory=dict)
    versions: Counter[tuple[str, str]] = field(default_factory=Counter)
    overrides: Counter[str] = field(default_factory=Counter)

    @property
    def title(self) -> str:
        return f"{self.period.public_id}  {self.period}" if self.period else "no period"

    def leave(self) -> None:
        self.looked_at += 1
        self.left += 1

    def add(self, one: Appended, version_before: str) -> None:
        changes = dict(_changes(one))
        for name, change in changes.items():
            self.totals[name] += change
        model = one.state.metered.model or "unnamed model"
        self.models[model] = self.models.get(model, NO_CHANGE) + changes["co2e_grams"]
        self.overrides.update(one.valued.calculation.get("overrides", ()))
        self.looked_at += 1
        if one.is_entered:
            self.changed += 1
            self.versions[version_before, one.factors.version] += 1

    def heaviest(self, number: int) -> list[tuple[str, Change]]:
        """The models whose CO2e changed most, the largest difference first."""
        changed = [(model, change) for model, change in self.models.items() if change.difference]
        changed.sort(key=lambda item: (-abs(item[1].difference), item[0]))
        return changed[:number]


@dataclass(slots=True)
class Report:
    """What a recalculation found and changed in one workspace.

    `stated` events are on receipts with all of their entries, and are not looked at.
    """

    workspace: Workspace
    stated: int
    shares: dict[BillingPeriod | None, Share] = field(default_factory=dict)

    @property
    def changed(self) -> int:
        return sum(share.changed for share in self.shares.values())

    def share(self, period: BillingPeriod | None) -> Share:
        return self.shares.setdefault(period, Share(period))

    def in_order(self) -> list[Share]:
        """By time; what no period will state comes last."""
        ended = [(period.starts_at, share) for period, share in self.shares.items() if period]
        none = [share for period, share in self.shares.items() if not period]
        return [share for _, share in sorted(ended, key=lambda pair: pair[0])] + none


def _changes(one: Appended) -> Iterator[tuple[str, Change]]:
    differences = dict(zip(SUMMED, one.difference, strict=True))
    for name in SHOWN:
        after = one.valued.quantities[name] or Decimal()
        yield name, Change(after - (differences[name] or Decimal()), after)
