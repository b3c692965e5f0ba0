"""manage.py poll: read meters now, in this process."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.common import clock
from apps.common.errors import DomainError
from apps.common.outside import OutsideError
from apps.telemetry.models import ProviderConnection
from apps.telemetry.services import polling


class Command(BaseCommand):
    help = "Read the meters of connections now and record what changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "connections", nargs="*", help="connection ids (con_…); none means all active ones"
        )
        parser.add_argument("--workspace", help="only this workspace's connections (slug)")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be read, read nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = ProviderConnection.objects.filter(status=ProviderConnection.Status.ACTIVE)
        if options["workspace"]:
            chosen = chosen.filter(workspace__slug=options["workspace"])
        if options["connections"]:
            chosen = chosen.filter(public_id__in=options["connections"])
            missing = set(options["connections"]) - set(chosen.values_list("public_id", flat=True))
            if missing:
                raise CommandError(f"no active connection: {', '.join(sorted(missing))}")
        failures = 0
        for connection in chosen.order_by("pk"):
            failures += not self._poll(connection, is_dry_run=options["dry_run"])
        if failures:
            raise CommandError(f"{failures} connection(s) could not be read")

    def _poll(self, connection: ProviderConnection, *, is_dry_run: bool) -> bool:
        if is_dry_run:
            self.stdout.write(f"{connection.public_id}  {connection}  would be read")
            return True
        try:
            runs = polling.poll(connection.pk, now=clock.now(), clock=clock.now)
        except (DomainError, OutsideError, polling.ProviderBusyError) as failure:
            self.stderr.write(f"{connection.public_id}  {connection}  {failure}")
            return False
        for run in runs:
            seconds = (run.finished_at - run.started_at).total_seconds()
            self.stdout.write(
                f"{connection.public_id}  {run.source}  {run.window_start:%Y-%m-%d %H:%M} to "
                f"{run.window_end:%Y-%m-%d %H:%M}  {run.rows_read} rows, "
                f"{run.rows_changed} changed, {run.rows_withdrawn} withdrawn  {seconds:.1f} s"
            )
        return True
