"""The dashboard's models page: what each model used and cost the air, and the same as CSV."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.common import clock
from apps.emissions.selectors import current_factors
from apps.telemetry import selectors
from apps.telemetry.models import BOUNDED, TOKENS
from apps.telemetry.selectors.figures import Bounds, Span
from apps.telemetry.selectors.model_usage import ModelUsage, model_usage
from apps.telemetry.services.exporting_columns import GUARDED
from apps.telemetry.views.last_days import last_days
from apps.workspaces.access import WorkspacePage

DAYS: Final = (7, 30, 90)
USUAL_DAYS: Final = 30
MODELS_SHOWN: Final = 100
MOST_EXPLAINED: Final = 10**12
"""The largest count that the page which explains a figure takes."""
ASKED_BY_KIND: Final = dict(
    zip(("input", "cached_input", "cache_write", "output"), TOKENS, strict=True)
)
"""Kinds of tokens, as that page names them and as they are stored."""
RATE: Final = "co2e_grams_per_1000_tokens"
HEADER: Final = (
    *("model", "provider", "start_time", "end_time"),
    *TOKENS,
    *("requests", "cost_usd"),
    *(f"{name}{bound}" for name in (*BOUNDED, RATE) for bound in ("_low", "", "_high")),
    *("share_of_total", "matched_pattern", "tier", "is_specific", "confidence", "is_simulated"),
)


@dataclass(frozen=True, slots=True)
class ShownModel:
    """A model as its row of the table says it."""

    usage: ModelUsage
    factor_version: str

    @property
    def co2e(self) -> Bounds:
        return self.usage.totals.bounds("co2e_grams")

    @property
    def energy(self) -> Bounds:
        return self.usage.totals.bounds("energy_kwh")

    @property
    def percent(self) -> str | None:
        """Of the CO2e of all models; None where there is none."""
        share = self.usage.share_of_total
        return None if share is None else f"{100 * share:.1f}"

    @property
    def share(self) -> str:
        """The same in words: little is not nothing."""
        is_little = self.percent == "0.0" and self.co2e.central > 0
        return "under 0.1 %" if is_little else f"{self.percent} %"

    @property
    def kinds(self) -> list[tuple[str, int]]:
        names = ("Uncached", "Cache read", "Cache written", "Output")
        counts = map(self.usage.totals.count, TOKENS)
        return list(zip(names, counts, strict=True))

    @property
    def explanation(self) -> str | None:
        """The query that explains these tokens; None where that page cannot be asked."""
        totals, model = self.usage.totals, self.usage.model
        counts = {asked: totals.count(name) for asked, name in ASKED_BY_KIND.items()}
        counts["requests"] = totals.requests or 0
        if not model or max(counts.values()) > MOST_EXPLAINED:
            return None
        given = {"model": model, "provider": self.usage.provider, **counts}
        asked = {name: value for name, value in given.items() if value}
        return urlencode(asked | {"factors": self.factor_version})


class ModelsPage(WorkspacePage):
    """GET /dashboard/models/?days={7|30|90}&format=csv: models, the heaviest first."""

    def get(self, request: HttpRequest) -> HttpResponse:
        days = _chosen_days(request.GET.get("days"))
        span, factors = last_days(clock.now(), days), current_factors()
        found = model_usage(self.workspace, span, factors)
        if request.GET.get("format") == "csv":
            return self._file(span, found)
        shown = [ShownModel(one, factors.version) for one in found[:MODELS_SHOWN]]
        context: dict[str, Any] = {
            "workspace": self.workspace,
            "is_simulated": self.workspace.is_simulated,
            "models": shown,
            "left_out": len(found) - len(shown),
            "most": max((one.co2e.high for one in shown), default=0),
            "span": span,
            "days": days,
            "choices": DAYS,
            "longest": DAYS[-1],
            "factor_version": factors.version,
            "is_connected": bool(found) or selectors.connections(self.workspace).exists(),
        }
        return render(request, "dashboard/models.html", context)

    def _file(self, span: Span, found: Sequence[ModelUsage]) -> HttpResponse:
        """Every model, with exact sums, named like the exports: whose, which, from when to when."""
        is_simulated = self.workspace.is_simulated
        name = f"{self.workspace.slug}-models-{span.start:%Y%m%d}-{span.end:%Y%m%d}"
        response = HttpResponse(content_type="text/csv; charset=utf-8; header=present")
        response["Content-Disposition"] = (
            f'attachment; filename="{name}{"-simulated" * is_simulated}.csv"'
        )
        writer = csv.writer(response)
        writer.writerow(HEADER)
        writer.writerows(tuple(_cells(one, span, is_simulated=is_simulated)) for one in found)
        return response


def _cells(one: ModelUsage, span: Span, *, is_simulated: bool) -> Iterator[str]:
    """In the order of HEADER. What nobody told is empty."""
    totals, rate = one.totals, one.grams_per_1000_tokens
    yield _text(one.model)
    yield _text(one.provider)
    yield f"{span.start:%Y-%m-%dT%H:%M:%SZ}"
    yield f"{span.end:%Y-%m-%dT%H:%M:%SZ}"
    yield from (str(totals.count(name)) for name in TOKENS)
    yield "" if totals.requests is None else str(totals.requests)
    yield "" if totals.cost_usd is None else _exact(totals.cost_usd)
    for name in BOUNDED:
        yield from map(_exact, _three(totals.bounds(name)))
    yield from ("", "", "") if rate is None else map(_rounded, _three(rate))
    yield "" if one.share_of_total is None else _rounded(one.share_of_total)
    yield _text(one.row.pattern)
    yield one.row.tier
    yield str(one.row.is_specific).lower()
    yield one.row.confidence
    yield str(is_simulated).lower()


def _text(text: str | None) -> str:
    """What others wrote, so that no spreadsheet takes it for a formula; as in the exports."""
    return f"'{text}" if text and text[0] in GUARDED else text or ""


def _three(bounds: Bounds) -> tuple[Decimal, Decimal, Decimal]:
    return bounds.low, bounds.central, bounds.high


def _exact(amount: Decimal) -> str:
    return format(amount, "f")


def _rounded(quotient: Decimal) -> str:
    """A quotient has no end; twelve digits are more than its interval tells."""
    return f"{quotient:.12g}"


def _chosen_days(asked: str | None) -> int:
    return int(asked) if asked in {str(option) for option in DAYS} else USUAL_DAYS
