"""Asking a provider no oftener than it allows, over all workers: a moving window in Redis.

Counted per provider account, so two workspaces that connected the same one share its limit. The
window is ten minutes long: a first reading of months may come in one go, as providers say it may,
and over any ten minutes the account is asked no oftener than its connector says.
"""

import math
import time
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, cast

import structlog
from django.conf import settings
from limits import RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis import ConnectionPool, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from apps.common.outside import BusyError
from apps.common.secrets import Secret
from apps.telemetry.connectors import connector
from apps.telemetry.connectors.base import Connector, DayTotal, Page, Window
from apps.telemetry.models import ProviderConnection
from apps.telemetry.services.connections import base_url

log = structlog.get_logger(__name__)

PATIENCE_SECONDS: Final = 0.5
MINUTES: Final = 10
LONGEST_WAIT_SECONDS: Final = 60.0


class PacedError(BusyError):
    """The account has had its share for the moment. The provider was not asked."""

    def __init__(self, retry_after: float) -> None:
        message = "The provider's limit of requests is used up for the moment"
        super().__init__("rate_limited", message, retry_after=retry_after)
        self.seconds = retry_after


@dataclass(frozen=True, slots=True)
class PacedConnector:
    """A connector that takes its turn before each request; everything else is the connector's."""

    meter: Connector
    account: str

    def __getattr__(self, name: str) -> Any:
        return getattr(self.meter, name)

    def poll(self, key: Secret, source: str, window: Window, cursor: str | None, now: Any) -> Page:
        take_turn(self.account, self.meter.requests_per_minute)
        return self.meter.poll(key, source, window, cursor, now)

    def totals(self, key: Secret, window: Window, now: Any) -> tuple[DayTotal, ...]:
        asked = len(self.meter.group_by) + 1  # about one question a report, and one for the costs
        take_turn(self.account, self.meter.requests_per_minute, requests=asked)
        return self.meter.totals(key, window, now)


def meter_of(connection: ProviderConnection) -> Connector:
    """The connection's connector, keeping to the provider's limit."""
    meter = connector(connection.provider, base_url(connection.provider))
    return cast(Connector, PacedConnector(meter, account_of(connection)))


def account_of(connection: ProviderConnection) -> str:
    return f"{connection.provider}:{connection.account_ref or connection.public_id}"


def take_turn(account: str, requests_per_minute: int, *, requests: int = 1) -> None:
    """Count requests to the account; raises PacedError where it has had its share.

    A Redis that does not answer stops no reading: the provider's own 429 is heeded anyway.
    """
    limit = RateLimitItemPerMinute(requests_per_minute * MINUTES, MINUTES)
    try:
        limiter = _limiter(str(settings.CACHES["default"]["LOCATION"]))
        if limiter.hit(limit, account, cost=min(requests, limit.amount)):
            return
        free_at = limiter.get_window_stats(limit, account).reset_time
    except RedisError as fault:
        log.warning("pacing_skipped", reason=type(fault).__name__)
        return
    raise PacedError(min(max(1.0, math.ceil(free_at - time.time())), LONGEST_WAIT_SECONDS))


@cache
def _limiter(url: str) -> MovingWindowRateLimiter:
    pool: ConnectionPool = ConnectionPool.from_url(
        url,
        socket_timeout=PATIENCE_SECONDS,
        socket_connect_timeout=PATIENCE_SECONDS,
        retry=Retry(NoBackoff(), 0),  # its own would wait for seconds
    )
    return MovingWindowRateLimiter(RedisStorage(url, connection_pool=pool, key_prefix="pace"))
