"""What each model cost the air: its sums, its rate, and the catalogue row it was valued by."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from apps.emissions.calc.compute_factors import EXACT
from apps.emissions.calc.factors import ModelRow
from apps.emissions.calc.resolve import resolve
from apps.emissions.selectors import CurrentFactors
from apps.telemetry.connectors import PROVIDER_LABELS
from apps.telemetry.selectors.figures import Bounds, Span, Totals
from apps.telemetry.selectors.lines import Line, added, lines
from apps.telemetry.selectors.parts import Filters, parts
from apps.workspaces.models import Workspace

THOUSAND: Final = Decimal(1000)


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """One model of one provider. `row` is today's row of the catalogue."""

    model: str | None
    provider: str
    provider_label: str
    totals: Totals
    grams_per_1000_tokens: Bounds | None
    share_of_total: Decimal | None
    row: ModelRow


def model_usage(
    workspace: Workspace, span: Span, factors: CurrentFactors, **narrowed_to: Any
) -> list[ModelUsage]:
    """Every model with usage in `[start, end)`, heaviest first."""
    found = lines(parts(workspace, span, Filters(**narrowed_to)), ("model", "provider"))
    whole = added(found).bounds("co2e_grams").central
    members: dict[tuple[Any, ...], list[Line]] = {}
    for line in found:
        members.setdefault(line.key, []).append(line)
    models = [
        _usage(model, provider, total, whole, factors)
        for (model, provider), own in members.items()
        if any((total := added(own)).sums.values())
    ]
    return sorted(models, key=_heaviest_first)


def _heaviest_first(one: ModelUsage) -> tuple[Decimal, str, str]:
    return -one.totals.bounds("co2e_grams").central, one.model or "", one.provider


def _usage(
    model: str | None, provider: str, totals: Totals, whole: Decimal, factors: CurrentFactors
) -> ModelUsage:
    grams = totals.bounds("co2e_grams")
    return ModelUsage(
        model=model,
        provider=provider,
        provider_label=PROVIDER_LABELS.get(provider, provider) or "not named",
        totals=totals,
        grams_per_1000_tokens=per(grams, totals.tokens / THOUSAND) if totals.tokens else None,
        share_of_total=EXACT.divide(grams.central, whole) if whole else None,
        row=resolve(factors.document, model, provider).row,
    )


def per(amount: Bounds, units: Decimal) -> Bounds:
    """The amount for one unit."""
    return Bounds(*(EXACT.divide(one, units) for one in (amount.low, amount.central, amount.high)))
