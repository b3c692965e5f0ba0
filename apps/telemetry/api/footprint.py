"""The HTTP API of the whole footprint: AI and compute side by side."""

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from msgspec import Struct
from rest_framework.request import Request

from apps.common import clock
from apps.common.typed import TypedApi
from apps.telemetry.api.figure_shapes import QuantityBounds, TimeRange, bounds_output, range_output
from apps.telemetry.api.report_queries import SpanQuery, span_of
from apps.telemetry.selectors.footprint import QUANTITIES, Share, footprint
from apps.workspaces.access import WorkspaceApi


class FootprintShare(Struct, frozen=True, kw_only=True):
    """Energy and mass of one kind of use, or of both."""

    energy_kwh: QuantityBounds
    co2e_grams: QuantityBounds
    operational_co2e_grams: QuantityBounds
    embodied_co2e_grams: QuantityBounds


class FootprintReport(Struct, frozen=True, kw_only=True):
    """AI and compute side by side: what is metered in tokens, in samples, and the sum of both."""

    time_range: TimeRange
    is_simulated: bool
    ai: FootprintShare
    compute: FootprintShare
    total: FootprintShare


class FootprintApi(TypedApi, WorkspaceApi):
    """GET /telemetry/footprint: what tokens and samples of compute cost the air, and together."""

    Query = SpanQuery

    @extend_schema(operation_id="telemetry_footprint", responses={200: FootprintReport})
    def get(self, request: Request) -> HttpResponse:
        query = self.valid_query(SpanQuery)
        span = span_of(query, clock.now())
        found = footprint(self.workspace, span, include_test=query["include_test"])
        return self.answer(
            FootprintReport(
                time_range=range_output(span),
                is_simulated=self.workspace.is_simulated,
                ai=_share(found.ai),
                compute=_share(found.compute),
                total=_share(found.total),
            )
        )


def _share(share: Share) -> FootprintShare:
    return FootprintShare(**{name: bounds_output(getattr(share, name)) for name in QUANTITIES})
