"""manage.py load_credits: add credits that were bought, all or nothing."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.billing.errors import CreditFileError
from apps.billing.services import credits as stock
from apps.common import clock

_INVALID, _UNREADABLE = 1, 3  # 2 is argparse's


class Command(BaseCommand):
    help = (
        "Load a CSV of credit batches (docs/examples/credits.csv shows the columns). Exit code 1: "
        "the file is wrong or was loaded before, nothing was written; 3: it cannot be read."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--dry-run", action="store_true", help="check everything, write nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            content = options["file"].read_bytes()
        except OSError as fault:
            raise CommandError(
                f"{options['file']}: {fault.strerror}", returncode=_UNREADABLE
            ) from fault
        try:
            loaded = stock.load(content, now=clock.now(), is_dry_run=options["dry_run"])
        except CreditFileError as refusal:
            for found in refusal.details.get("faults", []):
                self.stderr.write(f"line {found['line']}  {found['column']}  {found['message']}")
            raise CommandError(refusal.message, returncode=_INVALID) from refusal
        verb = "would be loaded" if options["dry_run"] else "loaded"
        self.stdout.write(f"{loaded.batches} batches, {loaded.tonnes} t {verb}.")
