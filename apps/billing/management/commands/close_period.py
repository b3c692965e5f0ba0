"""manage.py close_period: take one closing period through all its steps now."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.billing.models import BillingPeriod
from apps.billing.selectors import first_closing_period, period_by_id
from apps.billing.services import closing
from apps.common import clock
from apps.common.errors import DomainError

_REFUSED, _UNFINISHED = 1, 3  # 2 is argparse's


class Command(BaseCommand):
    help = (
        "Settle, allocate, retire and close one billing period. Safe to repeat. Exit code 1: it "
        "cannot be closed now; 3: it went on but waits for credits or for a confirmation."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        chosen = parser.add_mutually_exclusive_group(required=True)
        chosen.add_argument("period", nargs="?", help="a period's id (per_…)")
        chosen.add_argument("--workspace", help="a slug: its earliest closing period")
        parser.add_argument(
            "--early", action="store_true", help="do not wait for usage that arrives late"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="show the figures, write nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            period = self._period(options)
            if options["dry_run"]:
                self._show(closing.preview(period, now=clock.now(), is_early=options["early"]))
                return
            after = closing.close_by_hand(
                period,
                now=clock.now(),
                registry_url=settings.REGISTRY_URL,
                is_early=options["early"],
            )
        except DomainError as refusal:
            raise CommandError(refusal.message, returncode=_REFUSED) from refusal
        if after.status != BillingPeriod.Status.CLOSED:
            waiting = after.problem or "The retirement is not confirmed yet."
            raise CommandError(f"{after.public_id}: {waiting}", returncode=_UNFINISHED)
        self.stdout.write(
            f"{after.public_id} closed: {after.entries_count} entries, "
            f"{after.co2e_grams:.6f} g CO2e, {after.retired_grams} g retired."
        )

    def _period(self, options: dict[str, Any]) -> BillingPeriod:
        if options["workspace"]:
            return first_closing_period(options["workspace"])
        return period_by_id(options["period"])

    def _show(self, figures: closing.Preview) -> None:
        self.stdout.write(
            f"{figures.period_id}: {figures.entries} entries, "
            f"{figures.low:.6f} to {figures.high:.6f} g CO2e, central {figures.central:.6f}; "
            f"{figures.owed_grams} g to retire, {figures.free_grams} g in stock. "
            "Dry run: nothing was written."
        )
