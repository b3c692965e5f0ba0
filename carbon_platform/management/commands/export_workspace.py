"""manage.py export_workspace: everything of a workspace in one zip file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.common import clock
from apps.common.errors import DomainError
from apps.workspaces.selectors import workspace_by_slug_or_id
from carbon_platform.workspace_export import export_workspace


class Command(BaseCommand):
    help = (
        "Write every row of a workspace as JSON lines, its ledger as CSV, its receipts and a "
        "manifest of SHA-256 sums into a zip file. No credentials are in it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", required=True, help="slug or id")
        parser.add_argument("--out", required=True, type=Path, help="the zip file to write")

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["out"]
        try:
            workspace = workspace_by_slug_or_id(options["workspace"])
            manifest = export_workspace(workspace, file, now=clock.now())
        except DomainError as refusal:
            raise CommandError(refusal.message) from refusal
        except OSError as fault:
            raise CommandError(f"{file} cannot be written: {fault.strerror}") from fault
        for name in manifest["missing_documents"]:
            self.stderr.write(f"missing in the store: {name}")
        self.stdout.write(f"{len(manifest['files'])} files in {file}")
