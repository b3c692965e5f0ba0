"""manage.py seed_factors: store a catalogue as a factor set, and publish it on request."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.common import clock
from apps.common.errors import DomainError
from apps.emissions import services
from apps.emissions.errors import FactorVersionTakenError
from apps.emissions.selectors import current_document

_SHOWN = 10
_INVALID, _CONFLICT = 1, 3  # 2 is argparse's


class Command(BaseCommand):
    help = (
        "Store a factor catalogue as a factor set. Safe to repeat. Exit code 1: the catalogue "
        "is incomplete or altered; 3: its version exists with other content. What would change is "
        "shown row by row and field by field; --verbosity 2 shows all of it, 0 nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--file", type=Path, default=services.NEWEST, metavar="DIR", help="catalogue directory"
        )
        parser.add_argument("--publish", action="store_true", help="make it the current set")
        parser.add_argument("--dry-run", action="store_true", help="only show what would change")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            document = services.load_catalogue(options["file"])
            if options["verbosity"]:
                self._show_changes(document, most=_SHOWN if options["verbosity"] == 1 else None)
            if options["dry_run"]:
                self.stdout.write("Dry run: nothing was written.")
                return
            result = services.seed_factor_set(document, publish=options["publish"], now=clock.now())
        except FactorVersionTakenError as refusal:
            raise CommandError(refusal.message, returncode=_CONFLICT) from refusal
        except DomainError as refusal:
            raise CommandError(refusal.message, returncode=_INVALID) from refusal
        stored = "stored" if result.is_new else "already stored"
        published = ", published as current" if result.is_published_now else ""
        self.stdout.write(f"{result.version} ({result.sha256[:12]}) {stored}{published}.")

    def _show_changes(self, document: dict[str, Any], most: int | None) -> None:
        current = current_document()
        changes = services.catalogue_changes(current, document)
        if current is None:  # everything is new: counts say more than names
            counts = ", ".join(f"{len(change.added)} {change.table}" for change in changes)
            self.stdout.write(f"Catalogue {document['version']}, the first: {counts}.")
            return
        self.stdout.write(f"Catalogue {document['version']} against {current['version']}:")
        for change in changes:
            self.stdout.write(f"  {change.summary}")
            for line in change.lines(most):
                self.stdout.write(f"    {line}")
