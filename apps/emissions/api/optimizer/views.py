"""Where, on what and when to run a job for the least carbon. Open to everybody, stores nothing."""

from datetime import datetime

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from apps.common import clock
from apps.common.api import PublicApi
from apps.common.errors import NotFoundError
from apps.common.typed import TypedApi, fault_in
from apps.emissions import cloud
from apps.emissions.api.optimizer.answer import optimized
from apps.emissions.api.optimizer.others import calculated, compared, detailed, listed, scheduled
from apps.emissions.api.optimizer.outputs import (
    CalculateOutput,
    CompareOutput,
    OptimizeOutput,
    RegionOutput,
    RegionsOutput,
    ScheduleOutput,
)
from apps.emissions.api.optimizer.reading import (
    CLOUDS,
    job_of,
    pair_of,
    pairs_of,
    region_called,
    timing_of,
    wish_of,
)
from apps.emissions.api.optimizer.shapes import (
    CalculateInput,
    CompareInput,
    OptimizeInput,
    ScheduleInput,
)
from apps.emissions.services.optimizing import calculate, optimize
from apps.emissions.services.regions import region_now, regions_now
from apps.emissions.services.scheduling import schedule


def _now() -> datetime:
    """To the second, as the answers tell it."""
    return clock.now().replace(microsecond=0)


class OptimizeApi(TypedApi, PublicApi):
    """POST /optimize: regions and instances for a job, the best first."""

    unreadable_is_invalid = True
    Input = OptimizeInput
    Output = OptimizeOutput

    @extend_schema(operation_id="optimize", responses={200: OptimizeOutput})
    def post(self, request: Request) -> HttpResponse:
        now = _now()
        wish = wish_of(self.typed(OptimizeInput), now)
        return self.answer(optimized(optimize(wish, now=now)))


class RegionsApi(TypedApi, PublicApi):
    """GET /regions: the operating regions of AWS, or of the cloud asked for, by intensity."""

    Output = RegionsOutput

    class Query(serializers.Serializer):
        cloud = serializers.ChoiceField([*CLOUDS, "all"], default="aws")

    @extend_schema(operation_id="regions")
    def get(self, request: Request) -> HttpResponse:
        now = _now()
        asked = self.valid_query(self.Query)["cloud"]
        return self.answer(listed(regions_now(CLOUDS if asked == "all" else [asked], now=now), now))


class RegionApi(TypedApi, PublicApi):
    """GET /regions/{region}: one region with its next day. `aws:us-east-1` is a name too."""

    Output = RegionOutput

    @extend_schema(operation_id="region")
    def get(self, request: Request, region: str) -> HttpResponse:
        now = _now()
        found = cloud.catalogue().region(region)
        if found is None:
            raise NotFoundError(f"No region is called {region[:60]!r}.")
        return self.answer(detailed(region_now(found, now=now), now))


class CalculateApi(TypedApi, PublicApi):
    """POST /calculate: one instance in one region."""

    unreadable_is_invalid = True
    Input = CalculateInput
    Output = CalculateOutput

    @extend_schema(operation_id="calculate", responses={200: CalculateOutput})
    def post(self, request: Request) -> HttpResponse:
        asked = self.typed(CalculateInput)
        (figure,) = calculate([pair_of(asked)], job_of(asked), now=_now())
        if figure is None:
            raise fault_in("region", "Nothing is known of its grid.")
        return self.answer(calculated(figure))


class CompareApi(TypedApi, PublicApi):
    """POST /compare: up to 500 places for the same hours."""

    unreadable_is_invalid = True
    Input = CompareInput
    Output = CompareOutput

    @extend_schema(operation_id="compare", responses={200: CompareOutput})
    def post(self, request: Request) -> HttpResponse:
        asked = self.typed(CompareInput)
        return self.answer(compared(calculate(pairs_of(asked), job_of(asked), now=_now())))


class ScheduleApi(TypedApi, PublicApi):
    """POST /schedule: the best time for a job in a region."""

    unreadable_is_invalid = True
    Input = ScheduleInput
    Output = ScheduleOutput

    @extend_schema(operation_id="schedule", responses={200: ScheduleOutput})
    def post(self, request: Request) -> HttpResponse:
        now = _now()
        asked = self.typed(ScheduleInput)
        region, timing = region_called(asked.region, "region"), timing_of(asked, now)
        return self.answer(scheduled(region, timing, schedule(region.zone, timing, now=now)))
