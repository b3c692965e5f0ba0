"""The overview page, the one view that joins all apps."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.billing.selectors import open_period
from apps.common import clock
from apps.emissions.selectors import current_factors
from apps.receipts.selectors import receipts_of
from apps.telemetry import selectors as telemetry
from apps.telemetry.models import ProviderConnection
from apps.telemetry.selectors.footprint import footprint_of
from apps.telemetry.selectors.parts import OpenSpan
from apps.telemetry.selectors.sample_reports import sample_summary
from apps.telemetry.views.last_days import last_days
from apps.workspaces.access import WorkspacePage

DAYS: Final = (7, 30, 60)
TOP_MODELS: Final = 12


class OverviewPage(WorkspacePage):
    """GET /dashboard/: what the workspace's AI use cost the air, and how sure that is."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "dashboard/overview.html", self._context(request))

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        days = _chosen_days(request.GET.get("days"))
        split = "project" if request.GET.get("by") == "project" else "model"
        span = last_days(clock.now(), days)  # whole ones, as the chart's steps are
        factors = current_factors()
        found = telemetry.summary(self.workspace, span, factors)
        compute = sample_summary(self.workspace, OpenSpan(span.start, span.end)).total
        both = footprint_of(found.total, compute)
        connections = list(telemetry.connections(self.workspace))
        groups = found.by_model if split == "model" else found.by_project
        return {
            "workspace": self.workspace,
            "is_simulated": self.workspace.is_simulated,
            "summary": found,
            "footprint": both,
            "shares": (("AI", both.ai), ("Compute", both.compute), ("Together", both.total)),
            "co2e": found.total.bounds("co2e_grams"),
            "operational": found.total.bounds("operational_co2e_grams"),
            "embodied": found.total.bounds("embodied_co2e_grams"),
            "energy": found.total.bounds("energy_kwh"),
            "water": found.total.bounds("water_litres"),
            "output": found.total.count("output_tokens"),
            "uncached": found.total.count("input_uncached_tokens"),
            "cached": found.total.count("input_cache_read_tokens"),
            "written": found.total.count("input_cache_write_tokens"),
            "groups": [(group, group.totals.bounds("co2e_grams")) for group in groups[:TOP_MODELS]],
            "groups_left_out": max(0, len(groups) - TOP_MODELS),
            "most": max((group.totals.bounds("co2e_grams").high for group in groups), default=0),
            "factor_version": factors.version,
            "choices": DAYS,
            "days": days,
            "split": split,
            "connections": connections,
            "in_trouble": [
                connection
                for connection in connections
                if connection.status == ProviderConnection.Status.ERROR
            ],
            "open_period": open_period(self.workspace),
            "latest_receipt": receipts_of(self.workspace).first(),
        }


def _chosen_days(asked: str | None) -> int:
    return int(asked) if asked in {str(option) for option in DAYS} else 30
