"""A workspace's key, published factors, and nobody counting."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from tests.factories import NOW, WorkspaceFactory, bearer, new_key
from tests.published import publish_newest_factors


@pytest.fixture
def _one_connection() -> Iterator[None]:
    """A request ends by closing connections, and with them the transaction of the test."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def headers(db: None, _one_connection: None, settings: Any, simulator: Any) -> dict[str, str]:  # noqa: ARG001 - fixtures are asked for by their names
    """What every request carries; the outside services that it may lead to are the simulator's."""
    publish_newest_factors(now=NOW)
    settings.THROTTLE_KEY_PER_MINUTE = settings.THROTTLE_ADDRESS_PER_MINUTE = 10**9
    settings.PROVIDER_BASE_URLS = {
        "openai": f"{simulator.url}/openai/v1",
        "anthropic": f"{simulator.url}/anthropic",
        "openrouter": f"{simulator.url}/openrouter/api/v1",
    }
    return bearer(new_key(WorkspaceFactory.create()))


@pytest.fixture
def platform_headers(headers: dict[str, str]) -> dict[str, str]:
    return headers | bearer(new_key(None))
