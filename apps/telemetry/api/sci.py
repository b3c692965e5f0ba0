"""The HTTP API of software carbon intensity: grams per functional unit, with its parts."""

from decimal import Decimal
from typing import Any, Final, Literal

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from msgspec import Struct
from rest_framework import serializers
from rest_framework.request import Request

from apps.common import clock
from apps.common.typed import TypedApi
from apps.emissions.selectors import current_factors
from apps.telemetry.api.figure_shapes import (
    QuantityBounds,
    TimeRange,
    bounds_output,
    number,
    range_output,
)
from apps.telemetry.api.report_queries import (
    LONGEST_HOURLY_SPAN,
    LONGEST_SPAN,
    ReportQuery,
    invalid,
    narrowing,
    span_of,
)
from apps.telemetry.selectors.sci import LABELS, Intensity, Unit, intensity
from apps.workspaces.access import WorkspaceApi

UNITS: Final = (
    "request",
    "1k_tokens",
    "1k_output_tokens",
    "session",
    "developer",
    "customer",
)
IN_WORDS: Final = "SCI = ((E x I) + M) per R: grams of CO2e for one functional unit"
BOUNDARY: Final = (
    "Operation of the model as its consumer sees it: the share of servers and data centre, "
    "overhead (PUE) included, and the share of making that hardware."
)


class SciExclusion(Struct, frozen=True, kw_only=True):
    """What is in no part of the score, and why. `tokens` where it was metered here."""

    code: str
    reason: str
    tokens: int | None = None


class SciFormula(Struct, frozen=True, kw_only=True):
    """The parts of ((E x I) + M) per R. `i_gco2e_per_kwh` follows from the sums."""

    e_kwh: QuantityBounds
    i_gco2e_per_kwh: float | None
    e_times_i_grams: QuantityBounds
    m_grams: QuantityBounds
    r_units: float
    in_words: str


class SciReport(Struct, frozen=True, kw_only=True):
    """Software carbon intensity, location-based, of the use of models (ISO/IEC 21031:2024)."""

    time_range: TimeRange
    is_simulated: bool
    factor_version: str
    functional_unit: Unit | Literal["given"]
    score_grams_per_unit: QuantityBounds
    operational_grams_per_unit: QuantityBounds
    embodied_grams_per_unit: QuantityBounds
    formula: SciFormula
    boundary: str
    method: Literal["location-based"]
    tokens: int
    excluded: list[SciExclusion]


NEVER_INCLUDED: Final = (
    SciExclusion(
        code="market_based_measures",
        reason="Tariffs, certificates and credits: the score is location-based.",
    ),
    SciExclusion(
        code="provider_stages",
        reason="Training and retirement of the models: they belong to the provider's score.",
    ),
    SciExclusion(
        code="other_components",
        reason="Network, devices and the caller's own compute; samples have /telemetry/footprint.",
    ),
)


class SciApi(TypedApi, WorkspaceApi):
    """GET /telemetry/sci: operational and embodied grams for one of what the software does.

    `unit` is counted here; `units` is your own count of what you serve. Sessions, developers and
    customers are known of the usage that names them, which alone is in their score; such a range
    spans 92 days at most.
    """

    class Query(ReportQuery):
        unit = serializers.ChoiceField(choices=UNITS, required=False)
        units = serializers.DecimalField(
            max_digits=24, decimal_places=6, min_value=Decimal("0.000001"), required=False
        )

    @extend_schema(
        operation_id="telemetry_sci",
        responses={200: SciReport, 422: OpenApiResponse(description="Nobody counted the unit")},
    )
    def get(self, request: Request) -> HttpResponse:
        query = self.valid_query(self.Query)
        unit = _unit(query)
        longest = LONGEST_HOURLY_SPAN if unit in LABELS else LONGEST_SPAN
        span = span_of(query, clock.now(), longest=longest)
        found = intensity(self.workspace, span, unit, **narrowing(query))
        return self.answer(
            SciReport(
                time_range=range_output(span),
                is_simulated=self.workspace.is_simulated,
                factor_version=current_factors().version,
                functional_unit="given" if isinstance(unit, Decimal) else unit,
                score_grams_per_unit=bounds_output(found.score),
                operational_grams_per_unit=bounds_output(found.operational_per_unit),
                embodied_grams_per_unit=bounds_output(found.embodied_per_unit),
                formula=_formula(found),
                boundary=BOUNDARY,
                method="location-based",
                tokens=found.tokens,
                excluded=_excluded(found, unit),
            )
        )


def _unit(query: dict[str, Any]) -> Unit | Decimal:
    unit: Unit | None = query.get("unit")
    units: Decimal | None = query.get("units")
    if (unit is None) == (units is None):
        raise invalid("unit", "Either a unit, or your own number of units.")
    return unit if unit is not None else units  # type: ignore[return-value] # one of them is given


def _formula(found: Intensity) -> SciFormula:
    return SciFormula(
        e_kwh=bounds_output(found.energy_kwh),
        i_gco2e_per_kwh=number(found.gco2e_per_kwh),
        e_times_i_grams=bounds_output(found.operational_co2e_grams),
        m_grams=bounds_output(found.embodied_co2e_grams),
        r_units=float(found.units),
        in_words=IN_WORDS,
    )


def _excluded(found: Intensity, unit: Unit | Decimal) -> list[SciExclusion]:
    if not found.excluded_tokens:
        return list(NEVER_INCLUDED)
    reason = f"Usage that does not tell its {unit}: it is in none of the parts."
    own = SciExclusion(code="unit_not_told", reason=reason, tokens=found.excluded_tokens)
    return [own, *NEVER_INCLUDED]
