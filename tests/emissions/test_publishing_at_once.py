"""Two publications at the same moment, on two connections."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from apps.emissions import services
from apps.emissions.models import FactorSet

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)


@pytest.fixture
def committed(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Rows of this test are committed, so that two connections see them, and removed after.

    Not by Django's flush: tables that may only grow refuse it.
    """
    with django_db_blocker.unblock():
        yield
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE emissions_factorset DISABLE TRIGGER USER")
            cursor.execute("DELETE FROM emissions_factorset")
            cursor.execute("ALTER TABLE emissions_factorset ENABLE TRIGGER USER")
        connection.close()


@pytest.mark.usefixtures("django_db_setup", "committed")
def test_two_publications_at_once_leave_one_current(
    catalogue: dict[str, Any], newer: dict[str, Any]
) -> None:
    ids = [
        services.seed_factor_set(document, publish=False, now=NOW).factor_set_id
        for document in (catalogue, newer)
    ]
    problems: list[Exception] = []

    def run(publish: Callable[[], object]) -> None:
        try:
            publish()
        except Exception as problem:  # noqa: BLE001 - told to the main thread
            problems.append(problem)
        finally:
            connection.close()

    for _ in range(5):
        threads = [
            threading.Thread(
                target=run, args=(lambda pk=pk: services.publish_factor_set(pk, now=NOW),)
            )
            for pk in ids
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert problems == []
    assert FactorSet.objects.filter(is_current=True).count() == 1
    assert FactorSet.objects.filter(status="published").count() == 2
