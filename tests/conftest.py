"""What every test may use: API clients held to their contract, the simulator, clean services."""

import os
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import hypothesis
import pytest
import redis
from django.conf import settings

hypothesis.settings.register_profile("tests", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("tests")

# A flush truncates, which append-only tables refuse by trigger; only their owner may look away.
_SWITCH_TRIGGERS = """
DO $$
DECLARE guarded regclass;
BEGIN
    FOR guarded IN SELECT DISTINCT tgrelid FROM pg_trigger
        WHERE NOT tgisinternal AND tgtype & 32 <> 0
    LOOP
        EXECUTE format('ALTER TABLE %s {verb} TRIGGER USER', guarded);
    END LOOP;
END $$;
"""


@pytest.fixture(autouse=True, scope="session")
def _flush_append_only_tables() -> Iterator[None]:
    """Let `django_db(transaction=True)` empty the tables that nobody else can."""
    if "DJANGO_SETTINGS_MODULE" not in os.environ:
        yield
        return
    from django.db.backends.postgresql.operations import (  # noqa: PLC0415 - pure tests start without
        DatabaseOperations,
    )

    flush = DatabaseOperations.sql_flush

    def sql_flush(self: DatabaseOperations, *args: Any, **options: Any) -> list[str]:
        statements = flush(self, *args, **options)
        if not statements:
            return statements
        return [
            _SWITCH_TRIGGERS.format(verb="DISABLE"),
            *statements,
            _SWITCH_TRIGGERS.format(verb="ENABLE"),
        ]

    with mock.patch.object(DatabaseOperations, "sql_flush", sql_flush):
        yield


@pytest.fixture(autouse=True)
def _empty_redis() -> None:
    """Queues, counters and cache of the test before; nothing where no Redis was started."""
    if "DJANGO_SETTINGS_MODULE" not in os.environ:
        return
    for url in (
        settings.CELERY_BROKER_URL,
        settings.THROTTLE_REDIS_URL,
        str(settings.CACHES["default"]["LOCATION"]),
    ):
        try:
            with redis.Redis.from_url(url) as database:
                database.flushdb()
        except redis.ConnectionError:
            return


@pytest.fixture(autouse=True)
def _no_factors_of_the_test_before() -> None:
    if "DJANGO_SETTINGS_MODULE" in os.environ:
        from apps.emissions.selectors import (  # noqa: PLC0415 - pure tests start without
            forget_recent_factors,
        )

        forget_recent_factors()


@pytest.fixture
def api() -> Callable[..., Any]:
    """`api()` is nobody, `api(key_text)` a program: clients whose answers keep the contract."""
    from tests.contract import ContractClient  # noqa: PLC0415 - it needs the settings

    return ContractClient


@pytest.fixture(scope="session")
def _running_simulator() -> Iterator[Any]:
    from devstack.simulator.testing import running_simulator  # noqa: PLC0415 - few tests need it

    with running_simulator() as running:
        yield running


@pytest.fixture
def simulator(_running_simulator: Any) -> Any:
    """The outside services over a real socket, as they were at the beginning."""
    _running_simulator.reset()
    return _running_simulator
