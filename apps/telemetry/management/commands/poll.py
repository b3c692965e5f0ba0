"""manage.py poll: read meters now, in this process; or a connection's past again since a day."""

from argparse import ArgumentParser
from datetime import UTC, date, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.common import clock
from apps.telemetry.management.reading import READING_FAILURES, line_of, read_since
from apps.telemetry.models import PollRun, ProviderConnection
from apps.telemetry.services import polling


class Command(BaseCommand):
    help = "Read the meters of connections now and record what changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "connections", nargs="*", help="connection ids (con_…); none means all active ones"
        )
        parser.add_argument("--workspace", help="only this workspace's connections (slug)")
        parser.add_argument(
            "--since",
            type=date.fromisoformat,
            metavar="YYYY-MM-DD",
            help="read everything from this day of UTC on again, as far as the provider serves it",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be read, read nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        since: date | None = options["since"]
        if since is not None and since > clock.now().date():
            raise CommandError("--since lies in the future")
        failures = 0
        for connection in self._chosen(options):
            failures += not self._poll(connection, since, is_dry_run=options["dry_run"])
        if failures:
            raise CommandError(f"{failures} connection(s) could not be read")

    def _chosen(self, options: dict[str, Any]) -> list[ProviderConnection]:
        chosen = ProviderConnection.objects.filter(status=ProviderConnection.Status.ACTIVE)
        if options["workspace"]:
            chosen = chosen.filter(workspace__slug=options["workspace"])
        if named := set(options["connections"]):
            chosen = chosen.filter(public_id__in=named)
            missing = named - set(chosen.values_list("public_id", flat=True))
            if missing:
                raise CommandError(f"no active connection: {', '.join(sorted(missing))}")
        return list(chosen.order_by("pk"))

    def _poll(
        self, connection: ProviderConnection, since: date | None, *, is_dry_run: bool
    ) -> bool:
        if is_dry_run:
            suffix = f" since {since}" if since else ""
            self.stdout.write(f"{connection.public_id}  {connection}  would be read{suffix}")
            return True
        try:
            runs = self._runs(connection, since)
        except READING_FAILURES as failure:
            self.stderr.write(f"{connection.public_id}  {connection}  {failure}")
            return False
        for run in runs:
            self.stdout.write(line_of(connection, run))
        return True

    def _runs(self, connection: ProviderConnection, since: date | None) -> list[PollRun]:
        if since is None:
            return polling.poll(connection.pk, now=clock.now(), clock=clock.now)
        start = datetime(since.year, since.month, since.day, tzinfo=UTC)
        return read_since(connection, start)
