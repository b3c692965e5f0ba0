"""The HTTP API that follows a total down: its hours, their events, an event with its origin."""

from functools import partial
from typing import Any, Final

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from apps.common import clock
from apps.common.pagination import PageQuery, page
from apps.common.typed import TypedApi
from apps.telemetry.api.event_answer import EventResults, RollupResults, detail_output
from apps.telemetry.api.event_shapes import EventDetail, EventPage, RollupPage
from apps.telemetry.api.report_queries import (
    ReportQuery,
    invalid,
    narrowing,
    span_of,
    whole_hours_around,
)
from apps.telemetry.selectors import Span
from apps.telemetry.selectors import events as selectors
from apps.workspaces.access import WorkspaceApi

FACTS: Final = ("source", "customer", "session_id", "is_counted", "is_withdrawn")


class RollupsApi(TypedApi, WorkspaceApi):
    """GET /telemetry/rollups: the hourly sums that a total of whole hours is made of."""

    class Query(PageQuery, ReportQuery):
        """Whole UTC hours; by default those of the last 30 days."""

    @extend_schema(operation_id="telemetry_rollups_list", responses={200: RollupPage})
    def get(self, request: Request) -> HttpResponse:
        query = self.valid_query(self.Query)
        span = _whole_hours(query)
        rows = selectors.rollups(self.workspace, span, **narrowing(query))
        output: Any = partial(RollupResults, request=request)
        found = page(request, rows, output, ordering=("-hour", "-id"))
        return self.answer(RollupPage(**found))


class EventsApi(TypedApi, WorkspaceApi):
    """GET /telemetry/events: what was metered, as last known, the latest used first."""

    class Query(PageQuery, ReportQuery):
        source = serializers.CharField(max_length=64, required=False)  # type: ignore[assignment] # DRF takes fields off the class
        customer = serializers.CharField(max_length=200, required=False)
        session_id = serializers.CharField(max_length=200, required=False)
        is_counted = serializers.BooleanField(required=False, allow_null=True, default=None)
        is_withdrawn = serializers.BooleanField(required=False, allow_null=True, default=None)

    @extend_schema(operation_id="telemetry_events_list", responses={200: EventPage})
    def get(self, request: Request) -> HttpResponse:
        query = self.valid_query(self.Query)
        facts = {name: query[name] for name in FACTS if query.get(name) is not None}
        rows = selectors.events(
            self.workspace, span_of(query, clock.now()), facts, **narrowing(query)
        )
        output: Any = partial(EventResults, request=request)
        found = page(request, rows, output, ordering=("-used_at", "-id"))
        return self.answer(EventPage(**found))


class EventApi(TypedApi, WorkspaceApi):
    """GET /telemetry/events/{id}: one fact, all lines of the ledger about it, and its origin."""

    @extend_schema(operation_id="telemetry_events_retrieve", responses={200: EventDetail})
    def get(self, request: Request, event_id: str) -> HttpResponse:
        event = selectors.event_of(self.workspace, event_id)
        return self.answer(detail_output(request, event, now=clock.now()))


def _whole_hours(query: dict[str, Any]) -> Span:
    """As asked for; an end that is left out is the end of the present hour."""
    span = span_of(query, clock.now())
    hours = whole_hours_around(span)
    for name, given, whole in (
        ("start_time", span.start, hours.start),
        ("end_time", span.end, hours.end),
    ):
        if name in query and given != whole:
            raise invalid(name, "Rollups are of whole UTC hours.")
    return hours
