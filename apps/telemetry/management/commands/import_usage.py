"""manage.py import_usage: a cloud's billing export becomes samples of compute."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from apps.common import clock
from apps.common.errors import DomainError
from apps.telemetry.billing_exports.errors import ExportError
from apps.telemetry.billing_exports.formats import AUTO, FORMATS
from apps.telemetry.services.usage_import import import_usage
from apps.telemetry.services.usage_import_report import report
from apps.workspaces.selectors import workspace_by_slug_or_id

NOT_UNDERSTOOD: Final = 3
BAR_WIDTH: Final = 40


class Command(BaseCommand):
    help = (
        "Import a billing export of AWS (CUR 2.0) or of any cloud (FOCUS) as samples of compute. "
        "Run it again after an interruption: it goes on where it stopped, and counts nothing "
        "twice. Exit code 0: every line was understood or left out on purpose; 3: imported, but "
        "some lines were not understood; 1: refused or broken off."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a .csv, .csv.gz or .parquet file")
        parser.add_argument("--workspace", metavar="SLUG|UUID", required=True)
        parser.add_argument("--format", choices=(AUTO, *FORMATS), default=AUTO)
        parser.add_argument(
            "--dry-run", action="store_true", help="read, value and report; store nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        progress = _Progress(self.stdout)
        try:
            imported = import_usage(
                workspace_by_slug_or_id(options["workspace"]),
                options["file"],
                format_name=options["format"],
                is_dry_run=options["dry_run"],
                clock=clock.now,
                progress=progress.show,
            )
        except DomainError as refusal:
            raise CommandError(refusal.message) from refusal
        except ExportError as problem:
            raise CommandError(str(problem)) from problem
        finally:
            progress.end()
        for line in report(imported):
            self.stdout.write(line)
        if imported.tally.not_understood:
            sys.exit(NOT_UNDERSTOOD)


class _Progress:
    """A bar on a terminal; elsewhere a line for each tenth of the file."""

    def __init__(self, out: Any) -> None:
        self._out = out
        self._is_terminal = out.isatty()
        self._tenth = 0

    def show(self, done: int, total: int) -> None:
        share = min(1.0, done / total) if total else 1.0
        if self._is_terminal:
            bar = "#" * int(share * BAR_WIDTH)
            self._out.write(f"\r[{bar:<{BAR_WIDTH}}] {share:4.0%}  {done:,} lines", ending="")
            self._out.flush()
        elif int(share * 10) > self._tenth:
            self._tenth = int(share * 10)
            self._out.write(f"{share:.0%}  {done:,} lines")

    def end(self) -> None:
        if self._is_terminal:
            self._out.write("")
