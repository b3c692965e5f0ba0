"""manage.py bootstrap: from an empty database to one that serves. Safe to repeat, quick then."""

from typing import Any

from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from apps.workspaces import services

STEPS = ("register_signing_keys",)
"""Commands of apps above this one, in order; each is safe to repeat."""


class Command(BaseCommand):
    help = (
        "Migrate, publish the factors, set the operator's login, register the signing keys: "
        "what is done already is skipped."
    )
    requires_system_checks = []  # the web process runs them; here they cost a second

    def handle(self, *args: Any, **options: Any) -> None:
        if _has_pending_migrations():
            call_command("migrate", interactive=False, verbosity=0, stdout=self.stdout)
            self.stdout.write("Migrated.")
        call_command("seed_factors", publish=True, verbosity=0, stdout=self.stdout)
        if settings.ADMIN_EMAIL and settings.ADMIN_PASSWORD:
            services.ensure_operator(settings.ADMIN_EMAIL, settings.ADMIN_PASSWORD)
            self.stdout.write(f"The operator signs in as {settings.ADMIN_EMAIL}.")
        for step in STEPS:
            if step in get_commands():
                call_command(step, stdout=self.stdout)


def _has_pending_migrations() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
