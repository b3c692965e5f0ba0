"""POST, GET /workspaces/{id}/usage-samples: samples of compute, one or ten thousand at a time."""

from http import HTTPStatus
from typing import ClassVar, Final

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request

from apps.common import clock
from apps.common.errors import InvalidError, PayloadTooLargeError
from apps.common.pagination import PageQuery, page
from apps.common.typed import TypedApi
from apps.telemetry.api.idempotency import IDEMPOTENCY_KEY, idempotency_key
from apps.telemetry.api.sample_answer import SampleResults, sample_output, samples_output
from apps.telemetry.api.sample_rows import Valuing
from apps.telemetry.api.sample_shapes import OneOrManyInput, OneOrManyOutput, UsageSamplePage
from apps.telemetry.errors import InvalidSampleError
from apps.telemetry.selectors.samples import SampleRow
from apps.telemetry.selectors.samples import samples as stored_samples
from apps.telemetry.services import samples
from apps.workspaces.access import WorkspaceApi
from apps.workspaces.roles import RIGHT_OF_SCOPE, Right

MOST_BYTES: Final = 8 * 1024 * 1024


class UsageSamplesApi(TypedApi, WorkspaceApi):
    """Samples are valued and stored before they are answered; the database keeps them for ever.

    With `?partial=true` a bad row of a list is refused in its place and the others are stored.
    """

    invalid_status: ClassVar[int] = HTTPStatus.UNPROCESSABLE_ENTITY
    write_right: ClassVar[Right] = RIGHT_OF_SCOPE["track"]

    Input = OneOrManyInput

    class Options(serializers.Serializer):
        partial = serializers.BooleanField(default=False)  # type: ignore[assignment] # DRF takes fields off the class

    class Query(PageQuery):
        include_test = serializers.BooleanField(default=False, help_text="Test samples as well.")

    @extend_schema(operation_id="usage_samples_list", responses={200: UsageSamplePage})
    def get(self, request: Request, workspace_id: str) -> HttpResponse:
        query = self.valid_query(self.Query)
        rows = stored_samples(self.workspace, include_test=query["include_test"])
        found = page(
            request,
            rows,
            SampleResults,  # type: ignore[arg-type] # as much of a serializer as a page asks for
            ordering=("-measured_at", "-id"),
        )
        return self.answer(UsageSamplePage(**found))

    @extend_schema(
        operation_id="usage_samples_create",
        parameters=[IDEMPOTENCY_KEY, Options],
        responses={
            201: OneOrManyOutput,
            409: OpenApiResponse(description="A name came before with another body"),
            422: OpenApiResponse(description="No sample, or units that do not fit"),
        },
    )
    def post(self, request: Request, workspace_id: str) -> HttpResponse:
        is_partial = self.valid_query(self.Options)["partial"]
        valuing = Valuing(is_test=self.is_test, is_partial=is_partial, now=clock.now())
        try:
            key = idempotency_key(request)
            body = _body(request)
            is_list = body.lstrip()[:1] == b"["
            rows = valuing.rows(body) if is_list else [valuing.row(body)]
        except InvalidError as fault:
            raise InvalidSampleError(fault.message, **fault.details) from None
        kept = [row if isinstance(row, SampleRow) else None for row in rows]
        stored = samples.record(self.workspace, kept, idempotency_key=key, is_test=self.is_test)
        if is_list:
            output = samples_output(self.workspace, rows, stored, is_test=self.is_test)
            return self.answer(output, status=201)
        return self.answer(sample_output(self.workspace, stored[0]), status=201)


def _body(request: Request) -> bytes:
    """All of the body: a list of ten thousand is longer than what other doors take."""
    media_type = request.content_type or ""
    if media_type.partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType(media_type)
    try:
        body: bytes = request.read(MOST_BYTES + 1)
    except OSError:
        raise InvalidSampleError("The body ended too early.") from None
    if len(body) > MOST_BYTES:
        raise PayloadTooLargeError("The body is too large.", most_bytes=MOST_BYTES)
    return body
