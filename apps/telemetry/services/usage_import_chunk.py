"""Some thousand lines of a billing export, turned into samples that were not stored before."""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from apps.emissions.cloud import catalogue
from apps.telemetry.billing_exports.amounts import BELOW, exact, rounded
from apps.telemetry.billing_exports.identity import Ordinals, external_id
from apps.telemetry.billing_exports.lines import BilledLine, Line, Metered, Unused
from apps.telemetry.billing_exports.understanding import Meaning, Measure, shown, understand
from apps.telemetry.errors import InvalidSampleError
from apps.telemetry.models import UsageSample
from apps.telemetry.selectors.samples import SampleRow
from apps.telemetry.services.samples import NewSample, value
from apps.telemetry.services.samples_intensity import intensities_for
from apps.telemetry.services.usage_import_tally import Counted, Tally
from apps.workspaces.models import Workspace

ZERO: Final = "amounts of zero"
NEGATIVE: Final = "negative amounts"
COMPARED: Final = (
    "external_id",
    "provider",
    "region",
    "resource_type",
    "instance_type",
    "usage_amount",
    "measured_at",
)


class Found(NamedTuple):
    """A sample that a line stands for, and the line."""

    sample: NewSample
    line: BilledLine


@dataclass(slots=True)
class Chunk:
    """The samples of some lines; what is no sample went into the tally."""

    workspace: Workspace
    prefix: str
    tally: Tally

    def samples(self, lines: Iterable[Line], ordinals: Ordinals, *, after: int) -> list[Found]:
        """Of the lines after the given one; the others are only numbered, where they are alike."""
        meant = [(line, meaning_of(line.metered)) for line in lines]
        measured = [
            line for line, meaning in meant if isinstance(line, BilledLine) and meaning.measures
        ]
        numbers = ordinals.number([line.identity for line in measured])
        ordinal_of = dict(zip((line.number for line in measured), numbers, strict=True))
        found: list[Found] = []
        for line, meaning in meant:
            if line.number > after:
                self.tally.lines += 1
                billed = self._measured(line, meaning)
                if billed is not None:
                    found += self._of_line(billed, meaning.measures, ordinal_of[line.number])
        return found

    def new(self, found: Sequence[Found]) -> list[Found]:
        """Those that nobody stored before. What came with another amount is counted, not stored."""
        stored = {
            row[0]: row
            for row in UsageSample.objects.filter(
                workspace=self.workspace,
                is_test=False,
                external_id__in=[one.sample.external_id for one in found],
            ).values_list(*COMPARED)
        }
        new = []
        for one in found:
            earlier = stored.get(one.sample.external_id)
            if earlier is None:
                new.append(one)
            elif earlier == tuple(getattr(one.sample, name) for name in COMPARED):
                self.tally.known += 1
            else:
                name = shown(one.line.metered)
                self.tally.changed.setdefault(name, Counted()).add(one.line.number)
        return new

    def valued(self, found: Sequence[Found], *, now: datetime) -> list[SampleRow]:
        """With their intensities, which may be looked up outside: not within a transaction."""
        intensity_for = intensities_for([one.sample for one in found], now=now)
        rows, refused = [], 0
        for one in found:
            try:
                rows.append(value(one.sample, intensity_for, is_test=False, now=now))
            except InvalidSampleError as fault:
                if one.line.number != refused:  # a line with two measures is one line
                    self.tally.refuse(_refusal(one.sample, fault), one.line.number)
                refused = one.line.number
        return rows

    def _measured(self, line: Line, meaning: Meaning) -> BilledLine | None:
        """The line, if there is a sample in it; if not, the tally knows why."""
        if meaning.unknown is not None:
            self.tally.refuse(meaning.unknown, line.number)
        elif meaning.skipped is not None:
            self.tally.skip(meaning.skipped, line.number)
        elif isinstance(line, Unused):
            self.tally.skip(line.metered.line_kind, line.number)
        elif not isinstance(line, BilledLine):
            self.tally.refuse(line.reason, line.number)
        elif line.amount <= 0:
            self.tally.skip(NEGATIVE if line.amount else ZERO, line.number)
        elif not line.region:
            self.tally.refuse(f"no region: {shown(line.metered)}", line.number)
        else:
            return line
        return None

    def _of_line(
        self, line: BilledLine, measures: Sequence[Measure], ordinal: int
    ) -> Iterable[Found]:
        for measure in measures:
            amount = exact(line.amount, measure)
            held = rounded(amount)
            if not held:
                self.tally.leave_out(measure.unit, amount)
            elif held >= BELOW:
                self.tally.refuse(f"amount too large: {shown(line.metered)}", line.number)
            else:
                yield Found(self._sample(line, measure, held, ordinal), line)

    def _sample(
        self, line: BilledLine, measure: Measure, amount: Decimal, ordinal: int
    ) -> NewSample:
        return NewSample(
            provider=line.metered.provider,
            region=line.region,
            resource_type=measure.resource_type,
            usage_amount=amount,
            usage_unit=measure.unit,
            measured_at=line.start,
            external_id=external_id(self.prefix, line.identity, ordinal, measure.resource_type),
            instance_type=measure.instance_type,
        )


@functools.lru_cache(maxsize=65_536)
def meaning_of(metered: Metered) -> Meaning:
    """By the rules and the catalogue of this release."""
    return understand(metered, known_instance)


def known_instance(provider: str, name: str) -> str | None:
    """The catalogue's name of an instance type; Azure bills "D4s v3 Spot" for Standard_D4s_v3."""
    plain = name.removesuffix(" Spot").removesuffix(" Low Priority")
    for tried in (name, f"Standard_{plain.replace(' ', '_')}"):
        found = catalogue().instance(tried) if tried else None
        if found is not None and found.provider == provider:
            return found.instance_type
    return None


def _refusal(sample: NewSample, fault: InvalidSampleError) -> str:
    place = f"{sample.provider} {sample.region}"
    return {
        "provider": f"unknown provider: {sample.provider}",
        "region": f"unknown region: {place}",
    }.get(next(iter(fault.details.get("fields", {})), ""), fault.message)
