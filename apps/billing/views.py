"""The billing page: the plan, what is used of it, and the periods."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.billing import selectors
from apps.billing.models import BillingPeriod
from apps.billing.plans import PLANS
from apps.common import clock
from apps.telemetry.selectors.figures import Bounds
from apps.telemetry.selectors.quota import live_events_of_month
from apps.workspaces.access import WorkspacePage

SHOWN: Final = 24


class BillingPage(WorkspacePage):
    """GET /dashboard/billing/: where a refusal for quota leads."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "dashboard/billing.html", self._context())

    def _context(self) -> dict[str, Any]:
        periods = list(selectors.periods_of(self.workspace).order_by("-starts_at")[:SHOWN])
        figures = [_bounds(period) for period in periods]
        return {
            "workspace": self.workspace,
            "plan": selectors.current_plan(self.workspace),
            "plans": list(PLANS.values()),
            "subscription": selectors.subscription_of(self.workspace),
            "limit": self.workspace.live_events_per_month,
            "used": live_events_of_month(self.workspace, now=clock.now()),
            "periods": list(zip(periods, figures, strict=True)),
            "most": max((bounds.high for bounds in figures if bounds), default=0),
        }


def _bounds(period: BillingPeriod) -> Bounds | None:
    """A period's figures stand once its entries are settled."""
    low, central, high = period.co2e_grams_low, period.co2e_grams, period.co2e_grams_high
    if low is None or central is None or high is None:
        return None
    return Bounds(low, central, high)
