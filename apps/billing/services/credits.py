"""Loading credits that were bought: a CSV of batches, checked as a whole, all or nothing.

A batch takes the next stretch of the gram space that all batches share; 1,000,000 grams a serial.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from django.db import IntegrityError, transaction
from psycopg.types.range import Int8Range

from apps.billing.allocation import GRAMS_PER_TONNE
from apps.billing.credit_rows import COLUMNS, BatchRow, Fault, read_row
from apps.billing.errors import CreditFileError
from apps.billing.models import CreditBatch
from apps.billing.selectors import highest_gram, overlapping_batches
from apps.common.locks import transaction_lock

log = structlog.get_logger(__name__)

MOST_BYTES: Final = 2_000_000
MOST_ROWS: Final = 5_000
MOST_FAULTS: Final = 50


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load added; of a dry run, what it would add."""

    batches: int
    tonnes: int


def load(content: bytes, *, now: datetime, is_dry_run: bool = False) -> Loaded:
    """Add every batch of the file, or none and say what is wrong with which line."""
    rows = _rows(content)
    with transaction.atomic():
        transaction_lock("credit-gram-space")
        _refuse_known(rows)
        loaded = Loaded(len(rows), sum(row.tonnes for row in rows))
        if is_dry_run:
            return loaded
        _append(rows, now)
    log.info("credits_loaded", batches=loaded.batches, tonnes=loaded.tonnes)
    return loaded


def _rows(content: bytes) -> list[BatchRow]:
    """The file's rows, each right in itself and none overlapping another."""
    reader = csv.reader(io.StringIO(_text(content), newline=""), strict=True)
    rows: list[BatchRow] = []
    faults: list[Fault] = []
    try:
        _check_header(next(reader, []))
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            row, found = read_row(reader.line_num, cells)
            faults += found
            if row is not None:
                rows.append(row)
            if len(rows) > MOST_ROWS:
                raise _refusal([Fault(reader.line_num, "", f"more than {MOST_ROWS} batches")])
    except csv.Error as fault:
        raise _refusal([Fault(reader.line_num, "", f"not CSV: {fault}")]) from None
    faults += _overlaps_within(rows)
    if faults:
        raise _refusal(sorted(faults, key=lambda fault: fault.line))
    if not rows:
        raise _refusal([Fault(1, "", "the file has no batches")])
    return rows


def _text(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise CreditFileError(f"A file of credits has at most {MOST_BYTES} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = content[: fault.start].count(b"\n") + 1
        raise _refusal([Fault(line, "", "not UTF-8 text")]) from None


def _check_header(header: Sequence[str]) -> None:
    if tuple(header) == COLUMNS:
        return
    missing = [name for name in COLUMNS if name not in header]
    unknown = [name for name in header if name not in COLUMNS]
    if missing or unknown:
        what = [f"no column {name}" for name in missing] + [
            f"unknown column {n!r}" for n in unknown
        ]
        raise _refusal([Fault(1, "", "; ".join(what))])
    raise _refusal([Fault(1, "", f"the columns are in this order: {','.join(COLUMNS)}")])


def _overlaps_within(rows: Sequence[BatchRow]) -> list[Fault]:
    """Ranges of one stem, in order of their first serial, each against the furthest before it."""
    faults = []
    furthest: dict[tuple[str, str], BatchRow] = {}
    for row in sorted(rows, key=lambda row: (row.registry, row.stem, row.first, row.line)):
        before = furthest.get((row.registry, row.stem))
        if before is not None and row.first <= before.last:
            faults.append(Fault(row.line, "serial_range", f"overlaps line {before.line}"))
        if before is None or row.last > before.last:
            furthest[row.registry, row.stem] = row
    return faults


def _refuse_known(rows: Sequence[BatchRow]) -> None:
    """Serials that were loaded before, whole or in part."""
    faults, repeated = [], 0
    for row in rows:
        for batch in overlapping_batches(row.registry, row.stem, row.first, row.last):
            repeated += batch.serial_range == row.serial_range
            faults.append(
                Fault(row.line, "serial_range", f"overlaps batch {batch.public_id}, loaded before")
            )
    if faults and repeated == len(rows):
        raise CreditFileError(
            "This file was loaded before: all its serials are known", faults=_told(faults)
        )
    if faults:
        raise _refusal(faults)


def _append(rows: Sequence[BatchRow], now: datetime) -> None:
    start = highest_gram()
    for row in rows:
        end = start + row.tonnes * GRAMS_PER_TONNE
        try:
            with transaction.atomic():
                CreditBatch.objects.create(
                    grams=Int8Range(start, end), loaded_at=now, **row.as_columns()
                )
        except IntegrityError as fault:  # the database's own rules see what the checks above missed
            raise _refusal([Fault(row.line, "", f"refused by the database: {fault}")]) from fault
        start = end


def _refusal(faults: Sequence[Fault]) -> CreditFileError:
    first = faults[0]
    column = f", {first.column}" if first.column else ""
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return CreditFileError(
        f"line {first.line}{column}: {first.message}{more}", faults=_told(faults)
    )


def _told(faults: Sequence[Fault]) -> list[dict[str, object]]:
    return [
        {"line": fault.line, "column": fault.column, "message": fault.message}
        for fault in faults[:MOST_FAULTS]
    ]
