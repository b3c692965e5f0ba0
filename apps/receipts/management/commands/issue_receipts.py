"""manage.py issue_receipts: receipts, checkpoint and PDFs of every closed period, now."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.common import clock
from apps.common.errors import DomainError
from apps.receipts.services import documents, receipts


class Command(BaseCommand):
    help = "Issue the receipts of closed periods and draw their PDFs. Prints the new ids."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            for receipt_id in receipts.issue_due(now=clock.now()):
                self.stdout.write(receipt_id)
        except DomainError as refusal:
            raise CommandError(refusal.message) from refusal
        documents.render_due(now=clock.now())
        if reason := documents.why_pending():
            self.stderr.write(reason)
