"""The samples of a request: read and checked one by one, valued when all are known."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from apps.common.errors import InvalidError
from apps.common.strict_json import parse
from apps.common.typed import RowFault, decode, fault_below, fault_in
from apps.telemetry.api.sample_shapes import MOST_SAMPLES, UsageSampleInput
from apps.telemetry.errors import InvalidSampleError
from apps.telemetry.selectors.samples import IntensityFor, SampleRow
from apps.telemetry.services import samples
from apps.telemetry.services.samples import NewSample
from apps.telemetry.services.samples_intensity import intensities_for

LABEL_LENGTH: Final = 64
EXTERNAL_ID_LENGTH: Final = 200
AMOUNT_BELOW, AMOUNT_STEP = Decimal(10) ** 12, Decimal("0.000001")
INTENSITY_BELOW, INTENSITY_STEP = Decimal(10) ** 8, Decimal("0.0001")
ABOVE_ALL_LOADS, UTILIZATION_STEP = Decimal(2), Decimal("0.0001")
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
Row = TypeVar("Row")


class Valuing:
    """From the body of a request to rows that can be stored.

    Raises InvalidError or InvalidSampleError for a bad row; of a list where only the good ones are
    wanted, it stands in its place.
    """

    def __init__(self, *, is_test: bool, is_partial: bool, now: datetime) -> None:
        self._is_test, self._is_partial, self._now = is_test, is_partial, now
        self._names: set[str] = set()

    def row(self, body: bytes) -> SampleRow:
        """Of a body that is one sample."""
        sample = _sample(body)
        return self._valued(sample, intensities_for([sample], now=self._now))

    def rows(self, body: bytes) -> list[SampleRow | RowFault]:
        """Of a body that is a list: every intensity is looked up when all rows are read."""
        asked = [self._placed(index, _sample, part) for index, part in enumerate(_parts(body))]
        good = [sample for sample in asked if isinstance(sample, NewSample)]
        intensity_for = intensities_for(good, now=self._now)
        return [
            self._placed(index, self._valued, sample, intensity_for)
            if isinstance(sample, NewSample)
            else sample
            for index, sample in enumerate(asked)
        ]

    def _placed(self, index: int, read: Callable[..., Row], *given: Any) -> Row | RowFault:
        """What is read, or the fault in it with its place in the list."""
        try:
            return read(*given)
        except (InvalidError, InvalidSampleError) as fault:
            placed = fault_below(str(index), InvalidError(fault.message, **fault.details))
            if not self._is_partial:
                raise placed from None
            return RowFault.of(placed)

    def _valued(self, sample: NewSample, intensity_for: IntensityFor) -> SampleRow:
        if sample.external_id is not None and sample.external_id in self._names:
            raise fault_in("external_id", "Another row has this name.")
        row = samples.value(sample, intensity_for, is_test=self._is_test, now=self._now)
        if sample.external_id is not None:
            self._names.add(sample.external_id)
        return row


def _sample(body: bytes) -> NewSample:
    asked = decode(bytes(body), UsageSampleInput)
    intensity = asked.carbon_intensity_grams_co2e_per_kwh
    name, instance, load = asked.external_id, asked.instance_type, asked.utilization
    return NewSample(
        provider=_label("provider", asked.provider, LABEL_LENGTH),
        region=_label("region", asked.region, LABEL_LENGTH),
        resource_type=asked.resource_type,
        usage_amount=_amount(asked.usage_amount),
        usage_unit=asked.usage_unit,
        measured_at=_moment(asked.measured_at),
        intensity=None if intensity is None else _intensity(intensity),
        factor_set=asked.factor_set,
        external_id=None if name is None else _label("external_id", name, EXTERNAL_ID_LENGTH),
        instance_type=None if instance is None else _label("instance_type", instance, LABEL_LENGTH),
        utilization=None if load is None else _utilization(load),
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


def _utilization(load: Decimal) -> Decimal:
    if not load.is_finite() or not 0 <= load <= 1:
        raise fault_in("utilization", "A number from 0 to 1.")
    _check_digits("utilization", load, ABOVE_ALL_LOADS, UTILIZATION_STEP)
    return load or Decimal()  # -0 is 0


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
