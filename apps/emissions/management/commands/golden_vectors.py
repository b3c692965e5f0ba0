"""manage.py golden_vectors: what the newest catalogue answers, for other implementations."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from apps.emissions.services import NEWEST
from apps.emissions.services.vectors import catalogue_vectors


class Command(BaseCommand):
    help = "Show the golden vectors of the newest catalogue. Needs no database."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--write", action="store_true", help="replace the copy beside the catalogue"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        text = json.dumps(catalogue_vectors(NEWEST), indent=1, ensure_ascii=False)
        if not options["write"]:
            self.stdout.write(text)
            return
        path = NEWEST / "vectors.json"
        path.write_text(f"{text}\n", encoding="utf-8")
        self.stdout.write(f"{path.name} of {NEWEST.name} written.")
