"""manage.py check_invariants: audit a live database against what must always hold."""

from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from apps.billing import check as billing
from apps.receipts import check as receipts
from apps.telemetry import check as telemetry

CHECKS: tuple[tuple[str, Callable[[], list[str]]], ...] = (
    ("telemetry: entries, events, rollups", telemetry.invariant_violations),
    ("billing: periods, settlements, grams", billing.invariant_violations),
    ("receipts: figures, signatures, log", receipts.invariant_violations),
)


class Command(BaseCommand):
    help = (
        "Check that ledger, rollups, periods, credits, receipts and log agree. Exit code 1 if not."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        broken = 0
        with transaction.atomic():
            with connection.cursor() as cursor:  # one snapshot for all checks, and no writing
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            for title, check in CHECKS:
                violations = check()
                broken += len(violations)
                self.stdout.write(f"{'ok    ' if not violations else 'BROKEN'}  {title}")
                for violation in violations:
                    self.stderr.write(f"        {violation}")
        if broken:
            raise CommandError(f"{broken} violation(s)")
