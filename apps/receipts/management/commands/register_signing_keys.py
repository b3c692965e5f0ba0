"""manage.py register_signing_keys: publish the public halves of the configured signing keys."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.common import clock
from apps.common.errors import DomainError
from apps.receipts.services import keys


class Command(BaseCommand):
    help = "Publish the configured receipt signing keys; the highest version signs. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            published = keys.register(now=clock.now())
        except DomainError as refusal:
            raise CommandError(refusal.message) from refusal
        for key in published:
            self.stdout.write(f"published {key}")
        if not published:
            self.stdout.write("signing keys: nothing new")
