"""manage.py create_api_key: a new key, alone on standard output, for people and for scripts."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from apps.common import clock
from apps.common.errors import DomainError
from apps.workspaces import selectors, services
from apps.workspaces.keys import MODES
from apps.workspaces.roles import PLATFORM_SCOPE, SCOPES, WORKSPACE_SCOPES

ACTOR = "command:create_api_key"
PLATFORM_SCOPES = ("track", "read", "write", PLATFORM_SCOPE)


class Command(BaseCommand):
    help = (
        "Create an API key and print it, once and alone, on standard output. "
        "Exit code 1: refused, and nothing was stored."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", metavar="SLUG|UUID", help="the key's workspace")
        parser.add_argument(
            "--platform", action="store_true", help="the operator's key instead of a workspace's"
        )
        parser.add_argument("--mode", choices=MODES, required=True)
        parser.add_argument("--name", default="Command line", help="how lists call it")
        parser.add_argument(
            "--scopes",
            metavar="A,B",
            help=f"of {', '.join(SCOPES)}; by default {', '.join(WORKSPACE_SCOPES)}, "
            f"with --platform {', '.join(PLATFORM_SCOPES)}",
        )
        parser.add_argument("--dry-run", action="store_true", help="check, and store nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        if not (options["platform"] or options["workspace"]):
            raise CommandError("Name a workspace, or say --platform.")
        try:
            with transaction.atomic():
                text = _create(options)
                transaction.set_rollback(options["dry_run"])
        except DomainError as refusal:
            raise CommandError(refusal.message) from refusal
        if options["dry_run"]:
            self.stderr.write("Dry run: the key could be created; nothing was stored.")
        else:
            self.stdout.write(text)


def _create(options: dict[str, Any]) -> str:
    is_platform = options["platform"]
    workspace = None if is_platform else selectors.workspace_by_slug_or_id(options["workspace"])
    scopes = PLATFORM_SCOPES if is_platform else WORKSPACE_SCOPES
    _, text = services.create_api_key(
        workspace,
        mode=options["mode"],
        name=options["name"],
        scopes=options["scopes"].split(",") if options["scopes"] else scopes,
        is_platform=is_platform,
        actor=ACTOR,
        now=clock.now(),
    )
    return text
