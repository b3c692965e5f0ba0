"""manage.py reconcile: read a connection's last days again and record what was revised."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from apps.common import clock
from apps.telemetry.management.reading import READING_FAILURES, line_of, read_since
from apps.telemetry.models import ProviderConnection

DEFAULT_DAYS: Final = 3
MOST_DAYS: Final = 366


class Command(BaseCommand):
    help = "Read the last days of one connection again and record what the provider has revised."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("connection", help="connection id (con_…)")
        parser.add_argument(
            "--days", type=int, default=DEFAULT_DAYS, help=f"how many; {DEFAULT_DAYS} by default"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be read, read nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        days: int = options["days"]
        if not 1 <= days <= MOST_DAYS:
            raise CommandError(f"--days is 1 to {MOST_DAYS}")
        connection = ProviderConnection.objects.filter(
            public_id=options["connection"], status=ProviderConnection.Status.ACTIVE
        ).first()
        if connection is None:
            raise CommandError(f"no active connection: {options['connection']}")
        today = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        since = today - timedelta(days=days)
        if options["dry_run"]:
            self.stdout.write(f"{connection}  would be read again since {since:%Y-%m-%d %H:%M} UTC")
            return
        try:
            runs = read_since(connection, since)
        except READING_FAILURES as failure:
            raise CommandError(f"{connection} could not be read: {failure}") from failure
        for run in runs:
            self.stdout.write(line_of(connection, run))
        if not runs:
            self.stdout.write("Another process is reading this connection now; nothing was done.")
