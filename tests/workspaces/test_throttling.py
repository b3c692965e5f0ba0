"""How often one caller may ask, with Redis and without."""

from typing import Any

import pytest
from redis import Redis
from rest_framework.test import APIClient, APIRequestFactory

from apps.workspaces import throttling
from apps.workspaces.models import Workspace
from tests.factories import bearer, new_key

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.workspaces.site")]


@pytest.fixture(autouse=True)
def two_a_minute(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two calls per window, in a window that does not end while a test runs, and no old counts."""
    settings.THROTTLE_KEY_PER_MINUTE = settings.THROTTLE_ADDRESS_PER_MINUTE = 2
    monkeypatch.setattr(throttling, "WINDOW_SECONDS", 86_400)
    monkeypatch.setattr(throttling._Throttle, "_silent_until", 0.0)
    Redis.from_url(settings.THROTTLE_REDIS_URL).flushdb()


def test_the_third_call_of_a_key_is_429_and_says_when_to_come_back(
    api: APIClient, mine: Workspace
) -> None:
    key, other = bearer(new_key(mine)), bearer(new_key(mine))

    statuses = [api.get("/probe", headers=key).status_code for _ in range(2)]
    response = api.get("/probe", headers=key)

    assert statuses == [200, 200]
    assert response.status_code == 429
    assert response.json()["error"]["code"] == "rate_limit_exceeded"
    assert 1 <= int(response["Retry-After"]) <= 86_400
    assert api.get("/probe", headers=other).status_code == 200


def test_public_views_count_addresses(api: APIClient) -> None:
    statuses = [api.get("/anybody", REMOTE_ADDR="192.0.2.1").status_code for _ in range(3)]

    assert statuses == [200, 200, 429]
    assert api.get("/anybody", REMOTE_ADDR="192.0.2.2").status_code == 200


def test_an_invented_forwarding_does_not_help(api: APIClient) -> None:
    calls = [
        api.get("/anybody", headers={"X-Forwarded-For": f"198.51.100.{number}"}).status_code
        for number in range(3)
    ]

    assert calls == [200, 200, 429]


def test_without_redis_everybody_gets_through_and_the_log_says_so_once(
    api: APIClient, mine: Workspace, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.THROTTLE_REDIS_URL = "redis://127.0.0.1:1/1"
    key = bearer(new_key(mine))

    statuses = {api.get("/probe", headers=key).status_code for _ in range(4)}

    assert statuses == {200}
    assert caplog.text.count("throttle_skipped") == 1


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "198.51.100.1", "192.0.2.1"),
        (1, "198.51.100.1", "198.51.100.1"),
        (1, "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        (2, "6.6.6.6, 198.51.100.1, 10.0.0.1", "198.51.100.1"),
        (2, "198.51.100.1", "192.0.2.1"),
        (1, "", "unknown"),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        (1, "::ffff:198.51.100.1", "198.51.100.1"),
        (1, "rubbish", "unknown"),
    ],
)
def test_an_address_is_what_our_own_proxies_saw(
    settings: Any, proxies: int, forwarded: str, address: str
) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies
    request = APIRequestFactory().get(
        "/", headers={"X-Forwarded-For": forwarded}, REMOTE_ADDR="192.0.2.1"
    )

    assert throttling.address_of(request) == address
