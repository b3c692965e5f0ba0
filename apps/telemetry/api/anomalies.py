"""The HTTP API of unusual days."""

from datetime import timedelta
from typing import Final

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common import clock
from apps.common.errors import InvalidError
from apps.common.figures import BoundsOutput
from apps.telemetry.api.figures import SpanOutput
from apps.telemetry.api.instants import InstantField
from apps.telemetry.selectors.anomalies import anomalies
from apps.telemetry.selectors.figures import Span
from apps.workspaces.access import WorkspaceApi

DEFAULT_SPAN: Final = timedelta(days=30)
LONGEST_SPAN: Final = timedelta(days=92)


class AnomaliesApi(WorkspaceApi):
    """GET /telemetry/anomalies: days far above the same weekday of the eight weeks before.

    A day is named when at least 6 of those 8 days were used, and its CO2e lies more than 5 spreads
    above their median (a spread is 1.4826 times their MAD, at least a tenth of the median), is at
    least twice the median, and at least 100 g above it. Language-model use, live, central estimate.
    """

    class Query(serializers.Serializer):
        """Half-open, with offset; by default the last 30 days. A day that is touched is judged."""

        start_time = InstantField(required=False)
        end_time = InstantField(required=False)

    class Output(serializers.Serializer):
        class Day(serializers.Serializer):
            day = serializers.DateField(help_text="UTC.")
            scope = serializers.ChoiceField(choices=("workspace", "project", "model"))
            key = serializers.CharField(allow_null=True)
            label = serializers.CharField()  # type: ignore[assignment] # as in GroupOutput
            co2e_grams = BoundsOutput()
            usual_co2e_grams = serializers.FloatField(help_text="The median it is judged by.")
            is_unfinished = serializers.BooleanField(help_text="Today, until now.")

        time_range = SpanOutput()
        anomalies = Day(many=True)

    @extend_schema(operation_id="telemetry_anomalies")
    def get(self, request: Request) -> Response:
        query, now = self.valid_query(self.Query), clock.now()
        end = query.get("end_time") or now
        span = Span(query.get("start_time") or end - DEFAULT_SPAN, end)
        _refuse_unfit(span)
        found = anomalies(self.workspace, span, now=now)
        return Response(self.Output({"time_range": span, "anomalies": found}).data)


def _refuse_unfit(span: Span) -> None:
    if span.start >= span.end:
        sentence = "The start must be before the end."
    elif span.end - span.start > LONGEST_SPAN:
        sentence = f"The range may span at most {LONGEST_SPAN.days} days."
    else:
        return
    raise InvalidError(f"start_time: {sentence}", fields={"start_time": [sentence]})
