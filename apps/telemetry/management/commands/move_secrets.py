"""manage.py move_secrets: provider keys to another store, or under the current master key."""

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.common import clock
from apps.common.aws_secrets import SecretStoreUnavailableError
from apps.common.secret_stores import STORES
from apps.common.secrets import SecretsError
from apps.telemetry.services import moving_secrets

EVERY = 100


class Command(BaseCommand):
    help = (
        "Move every stored provider key to a store, and wrap keys in the keyring under its first "
        "master key. Safe to repeat; what is there already is left."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--to", choices=STORES, required=True, help="where the keys shall lie")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be moved, move nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        total, done = moving_secrets.to_move(), Counter[str]()
        if options["to"] != settings.SECRET_STORE:
            self.stderr.write(
                f"SECRET_STORE is {settings.SECRET_STORE}: new keys go on being written there."
            )
        try:
            for outcome in moving_secrets.move(options["to"], is_dry_run=options["dry_run"]):
                done[outcome.what] += 1
                if done.total() % EVERY == 0:
                    self.stdout.write(f"{done.total()} of {total}")
            left = self._leftovers(is_dry_run=options["dry_run"], store=options["to"])
        except (SecretStoreUnavailableError, SecretsError) as failure:
            reason = getattr(failure, "reason", failure)
            raise CommandError(f"stopped after {done.total()} of {total}: {reason}") from None
        would = "would be: " if options["dry_run"] else ""
        said = ", ".join(f"{number} {what}" for what, number in sorted(done.items())) or "no key"
        self.stdout.write(f"{would}{said}; {left} left behind at AWS by interrupted writes")

    def _leftovers(self, *, is_dry_run: bool, store: str) -> int:
        if "aws" not in (store, settings.SECRET_STORE):
            return 0
        return moving_secrets.discard_leftovers(now=clock.now(), is_dry_run=is_dry_run)
