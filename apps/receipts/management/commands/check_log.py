"""manage.py check_log: derive the whole log again from its entries and compare."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from apps.receipts.check import log_violations
from apps.receipts.selectors.log_tree import committed_size, published_size


class Command(BaseCommand):
    help = "Re-derive every leaf, node and checkpoint of the log. Exits 1 if anything differs."

    def handle(self, *args: Any, **options: Any) -> None:
        violations = list(log_violations())
        for violation in violations:
            self.stdout.write(violation)
        if violations:
            sys.exit(1)
        self.stdout.write(f"{committed_size()} entries, {published_size()} under a checkpoint: ok")
