"""POST /track and /track/batch: calls are stored with their value before they are answered."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from apps.common import clock
from apps.common.errors import InvalidError
from apps.common.typed import RowFault, TypedApi, fault_below, fault_in, read_row
from apps.emissions.api.estimate.answer import usage_of
from apps.telemetry.api.idempotency import IDEMPOTENCY_KEY, idempotency_key
from apps.telemetry.api.tracking_answer import batch_output, tracked_output
from apps.telemetry.api.tracking_shapes import (
    TrackBatchInput,
    TrackBatchOutput,
    TrackBatchParts,
    TrackInput,
    TrackOutput,
)
from apps.telemetry.pushed import PushedUsage
from apps.telemetry.selectors.projects import project_ids
from apps.telemetry.services import tracking
from apps.telemetry.services.tracking import Tracked, TrackedCall
from apps.workspaces.access import WorkspaceApi
from apps.workspaces.services import default_project

OLDEST: Final = timedelta(days=90)
SKEW: Final = timedelta(minutes=10)
"""How far a sender's clock may be ahead of ours."""
EVENT_ID: Final = OpenApiParameter(
    "X-Event-Id",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="`event_id` of the answer.",
    response=[202],
)
REFUSALS: Final = {
    402: OpenApiResponse(description="More live events than the plan includes this month"),
    409: OpenApiResponse(description="The Idempotency-Key came before with another body"),
}


class TrackingApi(TypedApi, WorkspaceApi):
    """What one call and a batch of them share."""

    unreadable_is_invalid = True
    allows_any_origin = True
    required_scope = "track"

    def stored(self, calls: Sequence[PushedUsage], *, now: datetime) -> Tracked:
        default = default_project(self.workspace, now=now).pk
        return tracking.track(
            self.workspace,
            [
                TrackedCall(call, self._project_ids[name.lower()] if name else default)
                for call in calls
                for name in [call.project_name]
            ],
            idempotency_key=idempotency_key(self.request),
            is_test=self.is_test,
            now=now,
        )

    def usage(self, asked: TrackInput, now: datetime) -> PushedUsage:
        """Raises InvalidError, naming the member, where the call cannot be meant."""
        if asked.project and asked.project.lower() not in self._project_ids:
            raise fault_in("project", "No such project.")
        return _usage(asked, now)

    @cached_property
    def _project_ids(self) -> dict[str, int]:
        return project_ids(self.workspace)


class TrackApi(TrackingApi):
    """POST /track: one call."""

    Input = TrackInput
    Output = TrackOutput

    @extend_schema(
        operation_id="track",
        parameters=[IDEMPOTENCY_KEY, EVENT_ID],
        responses={202: TrackOutput, **REFUSALS},
    )
    def post(self, request: Request) -> HttpResponse:
        now = clock.now()
        usage = self.usage(self.typed(TrackInput), now)
        tracked = self.stored([usage], now=now)
        output = tracked_output(tracked, is_test=self.is_test)
        answer = self.answer(output, status=202)
        answer["X-Event-Id"] = output.event_id
        return answer


class TrackBatchApi(TrackingApi):
    """POST /track/batch: up to a thousand calls, all of them or none.

    With `?partial=true` a bad call is refused in its place and the others are stored.
    """

    Input = TrackBatchInput
    Output = TrackBatchOutput

    class Options(serializers.Serializer):
        partial = serializers.BooleanField(default=False)  # type: ignore[assignment] # DRF takes fields off the class

    @extend_schema(
        operation_id="track_batch",
        parameters=[IDEMPOTENCY_KEY, Options],
        responses={202: TrackBatchOutput, **REFUSALS},
    )
    def post(self, request: Request) -> HttpResponse:
        now = clock.now()
        if self.valid_query(self.Options)["partial"]:
            given = self.typed(TrackBatchParts).events
            rows = [self._row_or_refusal(index, row, now) for index, row in enumerate(given)]
        else:
            rows = [self._row(index, row, now) for index, row in enumerate(self._whole())]
        tracked = self.stored([row for row in rows if isinstance(row, PushedUsage)], now=now)
        return self.answer(batch_output(rows, tracked, is_test=self.is_test), status=202)

    def _whole(self) -> Sequence[TrackInput]:
        return self.typed(TrackBatchInput).events

    def _row(self, index: int, asked: TrackInput, now: datetime) -> PushedUsage:
        try:
            return self.usage(asked, now)
        except InvalidError as fault:
            raise fault_below(f"events.{index}", fault) from None

    def _row_or_refusal(self, index: int, row: object, now: datetime) -> PushedUsage | RowFault:
        try:
            return self._row(index, read_row(f"events.{index}", row, TrackInput), now)
        except InvalidError as fault:
            return RowFault.of(fault)


def _usage(asked: TrackInput, now: datetime) -> PushedUsage:
    counts = usage_of(asked)
    used_at = _moment(asked.timestamp, now)
    return PushedUsage(
        source="track",
        name="",  # by the idempotency key, or at random
        provider=(asked.provider or "").strip().lower(),
        model=asked.model,
        used_at=used_at,
        used_until=used_at,
        input_uncached=counts.input,
        input_cache_read=counts.cached_input,
        input_cache_write=counts.cache_write,
        output=counts.output,
        reasoning=counts.reasoning,
        requests=counts.requests,
        region=asked.region,
        country=asked.country and asked.country.upper(),
        is_batch=bool(asked.batch),
        customer=asked.tenant_id,
        session_id=asked.session_id,
        developer_id=asked.developer_id,
        project_name=asked.project,
    )


def _moment(timestamp: datetime | None, now: datetime) -> datetime:
    if timestamp is None:
        return now
    if timestamp > now + SKEW:
        raise fault_in("timestamp", "This is in the future.")
    if timestamp < now - OLDEST:
        raise fault_in("timestamp", f"This is more than {OLDEST.days} days ago.")
    return timestamp.astimezone(UTC)
