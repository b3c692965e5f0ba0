"""Importing a billing export: its lines become samples of compute, each exactly once.

A chunk of lines is read and valued outside any transaction and stored in one, together with how
far the file is done: an import that was killed anywhere goes on behind its last whole chunk, and
ends with the numbers that it would have had. A line is known by what it says was used, so another
file with the same lines adds nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from django.db import transaction

from apps.common.locks import try_session_lock
from apps.telemetry.billing_exports.formats import Format, detect
from apps.telemetry.billing_exports.identity import Ordinals
from apps.telemetry.billing_exports.lines import Line
from apps.telemetry.billing_exports.reading import ExportFile, batches, inspect
from apps.telemetry.billing_exports.understanding import rules
from apps.telemetry.errors import ImportRunningError
from apps.telemetry.models import UsageImport
from apps.telemetry.selectors.samples import SampleRow
from apps.telemetry.services.samples import record
from apps.telemetry.services.usage_import_chunk import Chunk
from apps.telemetry.services.usage_import_tally import RAGGED, Counted, Tally
from apps.workspaces.models import Workspace
from apps.workspaces.services import refuse_closed

AT_ONCE: Final = 10_000
"""Samples stored by one statement."""

Clock = Callable[[], datetime]
Progress = Callable[[int, int], None]
"""Told the lines that are done, and about how many there are."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, in the numbers of its report."""

    file_name: str
    format: str
    tally: Tally
    is_dry_run: bool
    went_on_after: int
    """The line behind which it went on; 0 where it began."""
    finished_before: datetime | None
    """When this very file was imported; nothing was read again then."""


def import_usage(
    workspace: Workspace,
    path: Path,
    *,
    format_name: str,
    is_dry_run: bool,
    clock: Clock,
    progress: Progress,
) -> Imported:
    """Store what the file says was used. Safe to repeat and to kill.

    Raises ExportError for a file that cannot be read, WorkspaceClosedError, and ImportRunningError
    while another import of the workspace runs.
    """
    refuse_closed(workspace)
    with try_session_lock(f"usage_import:{workspace.pk}") as is_mine:
        if not is_mine:
            raise ImportRunningError("Another import of this workspace is running.")
        export = inspect(path)
        found = detect(export.header, format_name)
        run = _started(workspace, export, found, is_dry_run=is_dry_run, now=clock())
        tally = Tally.from_json(
            run.tally,
            lines=run.lines_done,
            stored=run.samples_stored,
            known=run.samples_known,
        )
        done, finished_before = run.lines_done, run.finished_at
        if finished_before is None:
            job = _Job(run, export, found, tally, clock, is_dry_run)
            job.run_through(progress)
        return Imported(path.name, found.title, tally, is_dry_run, done, finished_before)


@dataclass(slots=True)
class _Job:
    """One run of one import."""

    row: UsageImport
    export: ExportFile
    format: Format
    tally: Tally
    clock: Clock
    is_dry_run: bool

    def run_through(self, progress: Progress) -> None:
        """Chunk by chunk from the first line; those that are done are only numbered again."""
        chunk = Chunk(self.row.workspace, self.format.name, self.tally)
        ordinals, ragged = Ordinals(), Counted()
        for lines in self._chunks(ragged):
            found = chunk.samples(lines, ordinals, after=self.row.lines_done)
            if lines[-1].number > self.row.lines_done:
                now = self.clock()
                rows = chunk.valued(chunk.new(found), now=now)
                if ragged.count:
                    self.tally.not_understood[RAGGED] = ragged
                self._store(rows, now)
            progress(lines[-1].number, self.export.lines)
        if ragged.count:
            self.tally.not_understood[RAGGED] = ragged
        self._store([], self.clock(), is_finished=True)

    def _chunks(self, ragged: Counted) -> Iterator[list[Line]]:
        """The lines of a batch at a time. `ragged` counts what is no line at all."""
        before = 0
        columns = self.format.columns(self.export.header)
        for batch in batches(self.export, columns, ragged.add):
            lines = list(self.format.lines(batch, before))
            before += len(lines)
            if lines:
                yield lines

    def _store(
        self, rows: Sequence[SampleRow], now: datetime, *, is_finished: bool = False
    ) -> None:
        """The samples of a chunk and how far that is, or neither."""
        self.tally.store(rows)
        row, tally = self.row, self.tally
        row.lines_done = tally.lines
        row.samples_stored, row.samples_known = tally.stored, tally.known
        row.samples_changed = tally.samples_changed
        row.lines_without_usage = tally.lines_without_usage
        row.lines_not_understood = tally.lines_not_understood
        row.tally = tally.as_json()
        row.updated_at = now
        row.finished_at = now if is_finished else None
        if self.is_dry_run:
            return
        with transaction.atomic():
            for start in range(0, len(rows), AT_ONCE):
                some = rows[start : start + AT_ONCE]
                record(row.workspace, some, idempotency_key=None, is_test=False)
            row.save(force_update=True)


def _started(
    workspace: Workspace, export: ExportFile, found: Format, *, is_dry_run: bool, now: datetime
) -> UsageImport:
    """The import of this content: as far as it came, or from its beginning by other rules."""
    fresh = UsageImport(
        workspace=workspace,
        file_name=export.path.name[-255:],
        sha256=export.sha256,
        format=found.name,
        rules=rules().name,
        started_at=now,
        updated_at=now,
    )
    earlier = UsageImport.objects.filter(workspace=workspace, sha256=export.sha256).first()
    if earlier is not None and (earlier.format, earlier.rules) == (fresh.format, fresh.rules):
        return earlier
    if earlier is not None:
        fresh.pk, fresh.public_id = earlier.pk, earlier.public_id
    if not is_dry_run:
        fresh.save(force_update=earlier is not None, force_insert=earlier is None)
    return fresh
