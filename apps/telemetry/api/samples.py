"""POST, GET /workspaces/{id}/usage-samples: samples of compute, one or ten thousand at a time."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import ClassVar, Final

import msgspec
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request

from apps.common import clock
from apps.common.errors import InvalidError, PayloadTooLargeError
from apps.common.pagination import PageQuery, page
from apps.common.strict_json import parse
from apps.common.typed import RowFault, TypedApi, decode, fault_below, fault_in
from apps.telemetry.api.idempotency import IDEMPOTENCY_KEY, idempotency_key
from apps.telemetry.api.sample_answer import SampleResults, sample_output, samples_output
from apps.telemetry.api.sample_shapes import (
    MOST_SAMPLES,
    OneOrManyInput,
    OneOrManyOutput,
    UsageSampleInput,
    UsageSamplePage,
)
from apps.telemetry.errors import InvalidSampleError
from apps.telemetry.selectors.samples import SampleRow, country_intensities
from apps.telemetry.selectors.samples import samples as stored_samples
from apps.telemetry.services import samples
from apps.telemetry.services.samples import NewSample
from apps.workspaces.access import WorkspaceApi
from apps.workspaces.roles import RIGHT_OF_SCOPE, Right

MOST_BYTES: Final = 8 * 1024 * 1024
LABEL_LENGTH: Final = 64
EXTERNAL_ID_LENGTH: Final = 200
AMOUNT_BELOW, AMOUNT_STEP = Decimal(10) ** 12, Decimal("0.000001")
INTENSITY_BELOW, INTENSITY_STEP = Decimal(10) ** 8, Decimal("0.0001")
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)


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
        reading = _Reading(is_test=self.is_test, now=clock.now())
        try:
            key = idempotency_key(request)
            body = _body(request)
            is_list = body.lstrip()[:1] == b"["
            rows = reading.rows(body, is_partial=is_partial) if is_list else [reading.row(body)]
        except InvalidError as fault:
            raise InvalidSampleError(fault.message, **fault.details) from None
        kept = [row if isinstance(row, SampleRow) else None for row in rows]
        stored = samples.record(self.workspace, kept, idempotency_key=key, is_test=self.is_test)
        if is_list:
            output = samples_output(self.workspace, rows, stored, is_test=self.is_test)
            return self.answer(output, status=201)
        return self.answer(sample_output(self.workspace, stored[0]), status=201)


class _Reading:
    """The rows of one request, read, checked and valued."""

    def __init__(self, *, is_test: bool, now: datetime) -> None:
        self._is_test, self._now = is_test, now
        self._intensity_for = country_intensities()
        self._names: set[str] = set()

    def rows(self, body: bytes, *, is_partial: bool) -> list[SampleRow | RowFault]:
        """Raises InvalidError for the first bad row, unless only the good ones are wanted."""
        found: list[SampleRow | RowFault] = []
        for index, part in enumerate(_parts(body)):
            try:
                found.append(self.row(bytes(part)))
            except (InvalidError, InvalidSampleError) as fault:
                placed = fault_below(str(index), InvalidError(fault.message, **fault.details))
                if not is_partial:
                    raise placed from None
                found.append(RowFault.of(placed))
        return found

    def row(self, body: bytes) -> SampleRow:
        asked = decode(body, UsageSampleInput)
        sample = _sample(asked)
        if sample.external_id is not None and sample.external_id in self._names:
            raise fault_in("external_id", "Another row has this name.")
        row = samples.value(sample, self._intensity_for, is_test=self._is_test, now=self._now)
        if sample.external_id is not None:
            self._names.add(sample.external_id)
        return row


def _sample(asked: UsageSampleInput) -> NewSample:
    intensity = asked.carbon_intensity_grams_co2e_per_kwh
    name = asked.external_id
    amount = _amount(asked.usage_amount)
    return NewSample(
        provider=_label("provider", asked.provider, LABEL_LENGTH),
        region=_label("region", asked.region, LABEL_LENGTH),
        resource_type=asked.resource_type,
        usage_amount=amount,
        usage_unit=asked.usage_unit,
        measured_at=_moment(asked.measured_at),
        intensity=None if intensity is None else _intensity(intensity),
        factor_set=asked.factor_set,
        external_id=None if name is None else _label("external_id", name, EXTERNAL_ID_LENGTH),
    )


def _label(name: str, text: str, most: int) -> str:
    trimmed = text.strip()
    if not 1 <= len(trimmed) <= most:
        raise fault_in(name, f"From 1 to {most} characters, not blank.")
    return trimmed


def _amount(amount: Decimal) -> Decimal:
    if not amount.is_finite() or amount <= 0:
        raise fault_in("usage_amount", "A number above 0.")
    _check_digits("usage_amount", amount, AMOUNT_BELOW, AMOUNT_STEP)
    return amount


def _intensity(intensity: Decimal) -> Decimal:
    name = "carbon_intensity_grams_co2e_per_kwh"
    if not intensity.is_finite() or intensity < 0:
        raise fault_in(name, "A number, 0 or more.")
    _check_digits(name, intensity, INTENSITY_BELOW, INTENSITY_STEP)
    return intensity or Decimal()  # -0 is 0


def _check_digits(name: str, value: Decimal, below: Decimal, step: Decimal) -> None:
    """What the columns hold, and no rounding on the way into them."""
    if value >= below:
        raise fault_in(name, f"Less than {below:,}.")
    if value and (value < step or value % step):
        raise fault_in(name, f"A multiple of {step}.")


def _moment(moment: datetime) -> datetime:
    try:
        utc = moment.astimezone(UTC)
    except OverflowError:
        raise fault_in("measured_at", "Not a moment of our calendar in UTC.") from None
    if utc < EARLIEST:
        raise fault_in("measured_at", f"Not before {EARLIEST:%Y}.")
    return utc


def _parts(body: bytes) -> Sequence[msgspec.Raw]:
    """The members of a list, each as it was sent."""
    try:
        parts = msgspec.json.decode(body, type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        parse(body)  # says what is wrong, and where
        raise InvalidError("The body is not valid JSON.") from None
    if not 1 <= len(parts) <= MOST_SAMPLES:
        raise InvalidError(f"The body must be a list of 1 to {MOST_SAMPLES} samples, or one.")
    return parts


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
