"""Two endpoints in the words of the Carbon Aware SDK, for who has a client of it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common import clock
from apps.common.api import PublicApi
from apps.emissions.services.carbon_aware import Rated, Rolling, cleanest, rolling, zone_of
from apps.emissions.services.grid_forecast import LONGEST_HOURS

MOST_LOCATIONS = 20
_FARTHEST = timedelta(hours=LONGEST_HOURS)
_DAY = timedelta(hours=24)
_MINUTE = timedelta(minutes=1)


class Locations(serializers.Serializer):
    location = serializers.ListField(
        child=serializers.CharField(max_length=100), min_length=1, max_length=MOST_LOCATIONS
    )


class BestLocationsApi(PublicApi):
    """GET: of these regions or zones those with the lowest intensity, now or in past hours.

    `time` alone is the hour it lies in. Nothing known: 204.
    """

    class Query(Locations):
        time = serializers.DateTimeField(required=False)
        toTime = serializers.DateTimeField(required=False)  # noqa: N815 - the SDK's name

        def validate(self, given: dict[str, Any]) -> dict[str, Any]:
            if "toTime" in given and "time" not in given:
                raise ValidationError({"time": ["This field is required beside toTime."]})
            if "toTime" in given and given["toTime"] < given["time"]:
                raise ValidationError({"toTime": ["It lies before time."]})
            return given

    class Output(serializers.Serializer):
        location = serializers.CharField()
        time = serializers.DateTimeField()
        rating = serializers.FloatField(help_text="g CO2e per kWh, life cycle")
        duration = serializers.CharField(help_text="hh:mm:ss")

    @extend_schema(
        operation_id="carbon_aware_best_locations",
        responses={200: Output(many=True), 204: OpenApiResponse(description="Nothing is known.")},
    )
    def get(self, request: Request) -> Response:
        asked = self.valid_query(self.Query)
        rows = cleanest(
            _zones(asked["location"]),
            since=asked.get("time"),
            until=asked.get("toTime"),
            now=clock.now(),
        )
        if not rows:
            return Response(status=204)
        return Response(self.Output([_rated(row) for row in rows], many=True).data)


class CurrentForecastsApi(PublicApi):
    """GET: rolling means over `windowSize` minutes, and the lowest of them, for each place.

    Without a range the next 24 hours. `isPattern` is ours: the values are means of past days.
    """

    class Query(Locations):
        dataStartAt = serializers.DateTimeField(required=False)  # noqa: N815 - the SDK's name
        dataEndAt = serializers.DateTimeField(required=False)  # noqa: N815 - the SDK's name
        windowSize = serializers.IntegerField(  # noqa: N815 - the SDK's name
            required=False, min_value=1, max_value=LONGEST_HOURS * 60
        )

    class Output(serializers.Serializer):
        class Point(serializers.Serializer):
            location = serializers.CharField()
            timestamp = serializers.DateTimeField()
            duration = serializers.IntegerField(help_text="minutes")
            value = serializers.FloatField(help_text="g CO2e per kWh, life cycle")

        generatedAt = serializers.DateTimeField()  # noqa: N815 - the SDK's name
        requestedAt = serializers.DateTimeField()  # noqa: N815 - the SDK's name
        location = serializers.CharField()
        dataStartAt = serializers.DateTimeField()  # noqa: N815 - the SDK's name
        dataEndAt = serializers.DateTimeField()  # noqa: N815 - the SDK's name
        windowSize = serializers.IntegerField(help_text="minutes")  # noqa: N815 - the SDK's name
        optimalDataPoints = Point(many=True)  # noqa: N815 - the SDK's name
        forecastData = Point(many=True)  # noqa: N815 - the SDK's name
        isPattern = serializers.BooleanField()  # noqa: N815 - in the SDK's manner
        reason = serializers.CharField()

    @extend_schema(operation_id="carbon_aware_current_forecasts", responses=Output(many=True))
    def get(self, request: Request) -> Response:
        now = clock.now()
        asked = self.valid_query(self.Query)
        start = asked.get("dataStartAt", now)
        if start - now > _FARTHEST:
            raise ValidationError({"dataStartAt": [f"At most {LONGEST_HOURS} hours ahead."]})
        end = asked.get("dataEndAt", max(start, now) + _DAY)
        if end <= max(start, now):
            raise ValidationError({"dataEndAt": ["It lies before dataStartAt, or has passed."]})
        width = timedelta(minutes=asked["windowSize"]) if "windowSize" in asked else None
        rows = [
            _forecast(
                location, rolling(zone, start=start, end=end, width=width, now=now), requested=now
            )
            for location, zone in _zones(asked["location"]).items()
        ]
        return Response(self.Output(rows, many=True).data)


def _zones(locations: list[str]) -> dict[str, str]:
    """By the caller's names; ValidationError for one that nobody knows."""
    zones = {name: zone_of(name) for name in locations}
    if unknown := [name for name, zone in zones.items() if zone is None]:
        told = f"No region or grid zone is called {unknown[0]!r}."
        raise ValidationError({"location": [told]})
    return {name: zone for name, zone in zones.items() if zone is not None}


def _rated(row: Rated) -> Mapping[str, Any]:
    return {
        "location": row.location,
        "time": row.at,
        "rating": row.gco2e_per_kwh,
        "duration": "01:00:00",
    }


def _forecast(location: str, found: Rolling, *, requested: Any) -> Mapping[str, Any]:
    ahead = found.outlook.forecast
    minutes = int(found.width / _MINUTE)

    def points(rows: tuple[tuple[Any, float], ...]) -> list[dict[str, Any]]:
        return [
            {"location": location, "timestamp": at, "duration": minutes, "value": value}
            for at, value in rows
        ]

    return {
        "generatedAt": ahead.generated_at if ahead else requested,
        "requestedAt": requested,
        "location": location,
        "dataStartAt": found.start,
        "dataEndAt": found.end,
        "windowSize": minutes,
        "optimalDataPoints": points(found.optimal),
        "forecastData": points(found.values),
        "isPattern": ahead is not None and ahead.kind == "pattern",
        "reason": found.outlook.reason,
    }
