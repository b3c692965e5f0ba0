"""Software carbon intensity, SCI = (E x I + M) per R (ISO/IEC 21031:2024), location-based.

E x I is the operational footprint: each entry's energy, PUE included, by the intensity of its own
grid; M the share of making the hardware. Agreed tariffs and credits have no place in either.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

from django.db.models import Count

from apps.emissions.calc.compute_factors import EXACT
from apps.telemetry.errors import UnitNotCountedError
from apps.telemetry.models import SUMMED, TOKENS, CarbonEntry, TelemetryEvent
from apps.telemetry.selectors.figures import Bounds, Span, Totals
from apps.telemetry.selectors.lines import COLUMNS, Line, added, lines
from apps.telemetry.selectors.model_usage import THOUSAND, per
from apps.telemetry.selectors.parts import Filters, OpenSpan, Part, parts
from apps.workspaces.models import Workspace

Unit = Literal["request", "1k_tokens", "1k_output_tokens", "session", "developer", "customer"]
LABELS: Final = {"session": "session_id", "developer": "developer", "customer": "customer"}
"""The units that only events know, and by which column."""
REQUESTS: Final = SUMMED.index("requests")


@dataclass(frozen=True, slots=True)
class Intensity:
    """A score with the parts it is made of. What does not tell the unit is in none of them."""

    units: Decimal
    energy_kwh: Bounds
    operational_co2e_grams: Bounds
    embodied_co2e_grams: Bounds
    operational_per_unit: Bounds
    embodied_per_unit: Bounds
    score: Bounds
    tokens: int
    excluded_tokens: int

    @property
    def gco2e_per_kwh(self) -> Decimal | None:
        """I, as it follows from the sums."""
        energy = self.energy_kwh.central
        return EXACT.divide(self.operational_co2e_grams.central, energy) if energy else None


def intensity(
    workspace: Workspace, span: Span, unit: Unit | Decimal, **narrowed_to: Any
) -> Intensity:
    """Grams per functional unit; a number is the caller's own count of them.

    Raises UnitNotCountedError where nothing tells how many there were: no score is given then.
    """
    filters = Filters(**narrowed_to)
    found = lines(parts(workspace, span, filters), COLUMNS)
    if isinstance(unit, Decimal):
        own, units = added(found), unit
    elif unit in LABELS:
        own, units = _labelled(workspace, span, filters, LABELS[unit])
    else:
        own, units = _counted(found, unit)
    if not units:
        raise UnitNotCountedError(
            "Nothing in this span tells how many there were, so there is no score.", unit=str(unit)
        )
    return _intensity(own, units, excluded_tokens=added(found).tokens - own.tokens)


def _counted(found: list[Line], unit: Unit) -> tuple[Totals, Decimal]:
    """By what the rollups count. Whoever tells no requests is left out of a score per request."""
    if unit == "request":
        own = added([line for line in found if line.sums[REQUESTS] is not None])
        return own, Decimal(own.requests or 0)
    own = added(found)
    tokens = own.tokens if unit == "1k_tokens" else own.count(TOKENS[-1])
    return own, tokens / THOUSAND


def _labelled(
    workspace: Workspace, span: Span, filters: Filters, label: str
) -> tuple[Totals, Decimal]:
    """By the events that carry the label; no rollup knows it."""
    inside = OpenSpan(span.start, span.end).of("used_at")
    narrowed = filters.narrowed(workspace)
    is_labelled = {f"event__{label}__isnull": False}
    entries = CarbonEntry.objects.filter(narrowed, inside, **is_labelled)
    counting = TelemetryEvent.objects.filter(
        narrowed, inside, is_counted=True, is_withdrawn=False, **{f"{label}__isnull": False}
    )
    counted = counting.aggregate(units=Count(label, distinct=True))["units"]
    return added(lines([Part(entries, "used_at")], ())), Decimal(counted)


def _intensity(totals: Totals, units: Decimal, *, excluded_tokens: int) -> Intensity:
    operational = totals.bounds("operational_co2e_grams")
    embodied = totals.bounds("embodied_co2e_grams")
    both = Bounds(
        EXACT.add(operational.low, embodied.low),
        EXACT.add(operational.central, embodied.central),
        EXACT.add(operational.high, embodied.high),
    )
    return Intensity(
        units=units,
        energy_kwh=totals.bounds("energy_kwh"),
        operational_co2e_grams=operational,
        embodied_co2e_grams=embodied,
        operational_per_unit=per(operational, units),
        embodied_per_unit=per(embodied, units),
        score=per(both, units),
        tokens=totals.tokens,
        excluded_tokens=excluded_tokens,
    )
