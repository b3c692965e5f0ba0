"""A throw-away PostgreSQL with the product's tables, as the tests have it."""

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django
from django.core.management import call_command

from devstack.ports import any_free
from devstack.postgres import Postgres


@contextmanager
def database() -> Iterator[str]:
    """Start it, migrate, publish the factors; answer which PostgreSQL it is."""
    with tempfile.TemporaryDirectory(prefix="carbon-bench-") as folder:
        postgres = Postgres(Path(folder), port=any_free(), durable=False)
        postgres.start()
        try:
            os.environ["DATABASE_URL"] = postgres.url
            os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
            django.setup()
            call_command("migrate", verbosity=0)
            call_command("seed_factors", publish=True, stdout=io.StringIO())
            yield f"PostgreSQL {postgres.major}"
        finally:
            postgres.stop()
