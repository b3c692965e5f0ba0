"""Factor overrides: agree on a PUE, a tariff or a place with its evidence, and end it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.db import transaction

from apps.common.errors import refuse_fields
from apps.emissions.calc.factors import ANY, WORLD, FactorDocument, OperatorRow
from apps.emissions.selectors import current_factors
from apps.telemetry.errors import OverrideEndedError, OverrideNotFoundError
from apps.telemetry.models import FactorOverride
from apps.workspaces.models import Workspace
from apps.workspaces.services import audit

Kind = FactorOverride.Kind
LEAST_EVIDENCE: Final = 10
BOUNDS: Final = {
    Kind.PUE: (Decimal(1), Decimal(5), ""),
    Kind.TARIFF: (Decimal(0), Decimal(3000), " g CO2e per kWh"),
}
"""Least, most and the unit."""
FACTS: Final = (
    "kind",
    "provider",
    "value",
    "operator",
    "region",
    "country",
    "evidence",
    "starts_at",
    "ends_at",
)
"""What an override says: all of it goes into the audit trail."""
Fault = tuple[str, str]
"""A field and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Stated:
    """An override as it is asked for."""

    kind: str
    provider: str
    value: Decimal | None
    operator: str
    region: str
    country: str
    evidence: str
    starts_at: datetime
    ends_at: datetime | None


def create_override(
    workspace: Workspace,
    *,
    kind: str,
    provider: str = "",
    value: Decimal | None = None,
    operator: str = "",
    region: str = "",
    country: str = "",
    evidence: str,
    starts_at: datetime,
    ends_at: datetime | None = None,
    actor: str,
    now: datetime,
) -> FactorOverride:
    """Store what was agreed. It decides the value of what is recorded from now on.

    What the ledger holds already stays as it was valued, though it was used after `starts_at`.
    """
    stated = _checked(
        Stated(kind, provider, value, operator, region, country, evidence, starts_at, ends_at)
    )
    with transaction.atomic():
        override = FactorOverride.objects.create(
            workspace=workspace,
            created_by=actor,
            created_at=now,
            **{name: getattr(stated, name) for name in FACTS},
        )
        _write_down("override_created", override, actor=actor, now=now)
    return override


def end_override(
    workspace: Workspace,
    public_id: str,
    *,
    actor: str,
    now: datetime,
    ends_at: datetime | None = None,
) -> FactorOverride:
    """Let it end at `ends_at`, by default now, once and for good.

    Never earlier than now, for what was used until now may be valued with it, and never later than
    was agreed. One that has not begun ends as it begins: it will never have been in force.
    """
    with transaction.atomic():
        locked = (
            FactorOverride.objects.select_for_update()
            .filter(workspace=workspace, public_id=public_id)
            .first()
        )
        if locked is None:
            raise OverrideNotFoundError("No such override in this workspace")
        agreed = locked.ends_at
        if locked.ended_at is not None or (agreed is not None and agreed <= now):
            raise OverrideEndedError("This override is over, or its end is settled")
        end = max(ends_at or now, locked.starts_at)
        refuse_fields(_end_faults(end, agreed, now))
        locked.ends_at, locked.ended_at, locked.ended_by = end, now, actor
        locked.save(update_fields=["ends_at", "ended_at", "ended_by"])
        _write_down("override_ended", locked, actor=actor, now=now)
    return locked


def _checked(stated: Stated) -> Stated:
    """The same in the catalogue's spelling. Raises InvalidError with every fault by its field."""
    document = current_factors().document
    tidied = replace(
        stated,
        provider=stated.provider.strip().lower(),
        operator=stated.operator.strip().lower(),
        region=stated.region.strip().lower(),
        country=stated.country.strip().upper(),
        evidence=stated.evidence.strip(),
    )
    refuse_fields([*_faults(tidied), *_place_faults(tidied, document)])
    operator, grid = document.operator_row(tidied.operator), document.grid_row(tidied.country)
    return replace(
        tidied,
        operator=operator.operator if operator else "",
        country=grid.iso2 if grid else "",
    )


def _faults(stated: Stated) -> Iterator[Fault]:
    """What is wrong whatever the catalogue says."""
    if stated.kind not in Kind.values:
        yield "kind", f"One of {', '.join(Kind.values)}."
    yield from _value_faults(stated)
    if len(stated.evidence) < LEAST_EVIDENCE:
        yield "evidence", f"Say where it is agreed, in {LEAST_EVIDENCE} characters or more."
    times = {"starts_at": stated.starts_at, "ends_at": stated.ends_at}
    naive = [name for name, at in times.items() if at is not None and at.utcoffset() is None]
    for name in naive:
        yield name, "A time carries its offset, such as Z."
    if not naive and stated.ends_at is not None and stated.ends_at <= stated.starts_at:
        yield "ends_at", "The end must be after the start."


def _value_faults(stated: Stated) -> Iterator[Fault]:
    if stated.kind == Kind.PLACE and stated.value is not None:
        yield "value", "A place has no value."
    if stated.kind not in BOUNDS:
        return
    least, most, unit = BOUNDS[Kind(stated.kind)]
    if stated.value is None or not least <= stated.value <= most:
        yield "value", f"A number from {least} to {most}{unit}."


def _place_faults(stated: Stated, document: FactorDocument) -> Iterator[Fault]:
    """A place names something, and the catalogue knows all that it names."""
    named = [name for name in ("operator", "region", "country") if getattr(stated, name)]
    if stated.kind != Kind.PLACE:
        yield from ((name, "Only an own region names a place.") for name in named)
        return
    if not named:
        yield "operator", "Name an operator, a region or a country."
    if stated.operator and _operator(document, stated.operator) is None:
        yield "operator", "Not an operator of the catalogue."
    elif stated.region:
        yield from _region_faults(stated, document)
    if stated.country:
        row = document.grid_row(stated.country)
        if row is None or row.iso2 == WORLD:
            yield "country", "Not a country of the catalogue."


def _region_faults(stated: Stated, document: FactorDocument) -> Iterator[Fault]:
    """A name alone says nothing: regions are an operator's, `eu-west-1` of aws."""
    operator = _operator(document, stated.operator or stated.provider)
    if operator is None or operator.regions_of is None:
        yield "region", "Name an operator that has regions in the catalogue."
    elif f"{operator.regions_of}:{stated.region}" not in document.operators:
        yield "region", f"Not a region of {operator.operator} in the catalogue."


def _operator(document: FactorDocument, name: str) -> OperatorRow | None:
    """Who can run machines: no router, no single region, not everybody."""
    row = document.operator_row(name)
    is_one = row is not None and row.operator != ANY and row.kind not in ("router", "region")
    return row if is_one else None


def _end_faults(end: datetime, agreed: datetime | None, now: datetime) -> Iterator[Fault]:
    if end < now:
        yield "ends_at", "The end must not be before now."
    if agreed is not None and end > agreed:
        yield "ends_at", "The end must not be later than was agreed."


def _write_down(action: str, override: FactorOverride, *, actor: str, now: datetime) -> None:
    facts: dict[str, Any] = {name: getattr(override, name) for name in FACTS}
    if override.value is not None:
        facts["value"] = format(override.value, "f")
    for name in ("starts_at", "ends_at"):
        facts[name] = facts[name] and facts[name].isoformat()
    audit(override.workspace, actor, action, override.public_id, now=now, details=facts)
