"""manage.py close_workspace: end a workspace; its ledger and its receipts stay."""

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.common import clock
from apps.common.errors import DomainError
from apps.workspaces.selectors import workspace_by_slug_or_id
from carbon_platform.workspace_closing import close_workspace, remaining

ACTOR = "command:close_workspace"


class Command(BaseCommand):
    help = (
        "Revoke keys and connections, archive budgets, remove members and names of people. Ledger, "
        "receipts, public log and audit trail stay; an open period is closed by billing as usual. "
        "It cannot be undone: export_workspace comes first. Safe to run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", required=True, help="slug or id")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what is open, close nothing"
        )
        parser.add_argument("--yes", action="store_true", help="it is meant")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            workspace = workspace_by_slug_or_id(options["workspace"])
        except DomainError as refusal:
            raise CommandError(refusal.message) from refusal
        for name, count in asdict(remaining(workspace)).items():
            self.stdout.write(f"{count:>9}  {name.replace('_', ' ')}")
        if options["dry_run"]:
            return
        if not options["yes"]:
            raise CommandError("nothing was closed: say --yes, it cannot be undone")
        closed = close_workspace(workspace, actor=ACTOR, now=clock.now())
        self.stdout.write(f"closed at {closed.closed_at:%Y-%m-%dT%H:%M:%SZ}")
