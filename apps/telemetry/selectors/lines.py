"""Sums by what they are grouped by, as the database gives them, and sums of such sums."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from functools import reduce
from typing import Any, Final, NamedTuple

from django.db import connection as database
from django.db import transaction
from django.db.models import DateTimeField, F, Manager, Sum
from django.db.models.functions import Trunc

from apps.emissions.calc.compute_factors import EXACT
from apps.emissions.calc.factors import FactorDocument
from apps.emissions.calc.resolve import resolve
from apps.telemetry.models import SUMMED, TOKENS, ProviderConnection
from apps.telemetry.selectors.figures import CONFIDENCE_ORDER, Group, Step, Totals
from apps.telemetry.selectors.parts import Part
from apps.workspaces.models import Project

COLUMNS: Final = ("model", "provider", "project_id", "connection_id", "region")
NAMED: Final[Mapping[str, Manager[Any]]] = {
    "project_id": Project.objects,
    "connection_id": ProviderConnection.objects,
}
ANY_TOKENS: Final = len(TOKENS)
GROUPING_MEMORY: Final = "64MB"


@dataclass(frozen=True, slots=True)
class Line:
    """The sums of the rows that agree in the columns of the key, in the order they were asked."""

    key: tuple[Any, ...]
    sums: tuple[Decimal | None, ...]


def lines(
    parts: Iterable[Part], columns: Sequence[str], summed: Sequence[str] = SUMMED
) -> list[Line]:
    """One query a part; lines of several parts may have the same key."""
    with _room_to_group() if columns else nullcontext():
        found = [line for part in parts for line in _lines(part, columns, summed)]
    return [line for line in found if line.sums[0] is not None]  # a sum of no rows at all


@contextmanager
def _room_to_group() -> Iterator[None]:
    """Sums by group are kept in memory instead of sorting every row on disk.

    The planner expects every project with every connection and every model, hundreds of times as
    many groups as there are, and takes the slow way for fear of their size.
    """
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute(f"SET LOCAL work_mem = '{GROUPING_MEMORY}'")
        yield


def _lines(part: Part, columns: Sequence[str], summed: Sequence[str]) -> Iterator[Line]:
    totals = {f"sum_{name}": Sum(name) for name in summed}
    if not columns:
        yield Line((), tuple(part.rows.aggregate(**totals).values()))
        return
    count = len(columns)
    rows = part.rows.order_by().values(*columns).annotate(**totals)
    for row in rows.values_list(*columns, *totals):
        yield Line(row[:count], row[count:])


def stepped(part: Part, step: Step) -> Part:
    """With a column `step`, the beginning of the hour, day, ISO week or month in UTC."""
    if part.moment == step:  # the rows are of that grain
        return Part(part.rows.annotate(step=F(step)), step)
    start = Trunc(part.moment, step, output_field=DateTimeField(), tzinfo=UTC)
    return Part(part.rows.annotate(step=start), part.moment)


def added(found: Sequence[Line], summed: Sequence[str] = SUMMED) -> Totals:
    """Exact, whatever the number of digits. What is unknown in every line stays unknown."""
    if len(found) == 1:
        return Totals(dict(zip(summed, found[0].sums, strict=True)))
    columns = zip(*(line.sums for line in found), strict=True)
    return Totals({name: _added(column) for name, column in zip(summed, columns, strict=False)})


def _added(numbers: Iterable[Decimal | None]) -> Decimal | None:
    known = [number for number in numbers if number is not None]
    return reduce(EXACT.add, known) if known else None


def tokens_of(line: Line) -> Decimal:
    """Of lines that sum SUMMED."""
    return _added(line.sums[:ANY_TOKENS]) or Decimal()


class Naming(NamedTuple):
    """How a value of a column is told: its key outside, and its label."""

    key: str | None
    label: str


NOBODY: Final = Naming(None, "not named")


def naming(column: str, values: Iterable[Any]) -> dict[Any, Naming]:
    """Every value's name; one query for projects and connections, none for the others."""
    known = {value for value in values if value is not None}
    if (kind := NAMED.get(column)) is not None:
        rows = kind.filter(pk__in=known).values_list("pk", "public_id", "name")
        found = {key: Naming(str(public_id), name) for key, public_id, name in rows}
    else:
        found = {value: Naming(value, value) for value in known}
    return found | {None: NOBODY, "": Naming("", NOBODY.label)}


def grouped(
    found: Sequence[Line],
    column: str,
    document: FactorDocument,
    label: Callable[[Naming], str] = lambda name: name.label,
) -> list[Group]:
    """Lines of COLUMNS by one of them, heaviest first; what was withdrawn is in no group."""
    place = COLUMNS.index(column)
    names = naming(column, (line.key[place] for line in found))
    members: dict[Naming, list[Line]] = {}
    for line in found:
        members.setdefault(names[line.key[place]], []).append(line)
    groups = [
        Group(name.key, label(name), total, confidence(own, document))
        for name, own in members.items()
        if any((total := added(own)).sums.values())
    ]
    return sorted(
        groups, key=lambda group: (-group.totals.bounds("co2e_grams").central, group.label)
    )


def confidence(found: Iterable[Line], document: FactorDocument) -> str:
    """A sum is as sure as its least sure part. Of lines of COLUMNS."""
    grades = {
        resolve(document, model, provider).row.confidence
        for model, provider in {line.key[:2] for line in found}
    }
    return max(grades, key=CONFIDENCE_ORDER.index, default="estimated")
