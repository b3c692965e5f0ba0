"""manage.py add_member: let a person log in to a workspace."""

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.common import clock
from apps.common.errors import DomainError
from apps.workspaces import selectors, services
from apps.workspaces.errors import AlreadyMemberError
from apps.workspaces.models import Membership

ACTOR = "command:add_member"


class Command(BaseCommand):
    help = "Give a person a role in a workspace. Safe to repeat. Exit code 1: refused."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", metavar="SLUG|UUID", required=True)
        parser.add_argument("--email", required=True, help="also the login")
        parser.add_argument("--role", choices=Membership.Role.values, required=True)
        parser.add_argument(
            "--password-env",
            metavar="NAME",
            help="the environment variable that holds the password; without it nobody can log in",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        password = os.environ.get(options["password_env"] or "")
        if options["password_env"] and not password:
            raise CommandError(f"The environment has no {options['password_env']}.")
        try:
            workspace = selectors.workspace_by_slug_or_id(options["workspace"])
            person = services.ensure_person(options["email"], password)
            services.add_member(workspace, person, options["role"], actor=ACTOR, now=clock.now())
        except AlreadyMemberError as found:
            self.stdout.write(found.message)
        except DomainError as refusal:
            raise CommandError(refusal.message) from refusal
