"""How often one caller may ask, counted in Redis; a Redis that is down lets everybody through."""

import time
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, ClassVar, Final

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from apps.common import clock
from apps.workspaces.models import ApiKey

WINDOW_SECONDS: Final = 60
PATIENCE_SECONDS: Final = 0.25
"""How long a request waits for Redis before it goes on without."""
REST_SECONDS: Final = 5.0
"""How long a Redis that failed is left alone, so that not every request waits for it."""

logger = structlog.get_logger(__name__)


class _Throttle(BaseThrottle):
    """A number of requests per minute and caller, by fixed windows."""

    name: ClassVar[str]
    setting: ClassVar[str]
    _silent_until: ClassVar[float] = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        now = clock.now().timestamp()
        self._window_ends = (now // WINDOW_SECONDS + 1) * WINDOW_SECONDS
        self._wait = self._window_ends - now
        count = self._count(self.caller(request))
        return count is None or count <= self.limit

    def wait(self) -> float:
        return self._wait

    @property
    def limit(self) -> int:
        return int(getattr(settings, self.setting))

    def caller(self, request: Request) -> str:
        raise NotImplementedError

    def _count(self, caller: str) -> int | None:
        """Requests in this window with this one; nothing when nobody counts."""
        if time.monotonic() < _Throttle._silent_until:
            return None
        key = f"throttle:{self.name}:{caller}:{self._window_ends:.0f}"
        try:
            counter = _redis(settings.THROTTLE_REDIS_URL)
            count = int(counter.incr(key))
            if count == 1:  # who dies in between leaves one small key behind
                counter.expire(key, 2 * WINDOW_SECONDS)
        except RedisError as fault:
            _Throttle._silent_until = time.monotonic() + REST_SECONDS
            logger.warning("throttle_skipped", reason=type(fault).__name__)
            return None
        return count


class CallerThrottle(_Throttle):
    """For views with a credential: each key and each person on their own."""

    name = "caller"
    setting = "THROTTLE_KEY_PER_MINUTE"

    def caller(self, request: Request) -> str:
        if isinstance(request.auth, ApiKey):
            return request.auth.public_id
        if isinstance(request.user, User):
            return f"user-{request.user.pk}"
        return address_of(request)


class PublicThrottle(_Throttle):
    """For views that anybody may ask: each address on its own."""

    name = "public"
    setting = "THROTTLE_ADDRESS_PER_MINUTE"

    def caller(self, request: Request) -> str:
        return address_of(request)


def address_of(request: Request) -> str:
    """The client's address; an IPv6 client is its /64, of which it has every address.

    X-Forwarded-For counts only as far as our own proxies wrote it: what the outermost of them added
    is the `TRUSTED_PROXY_COUNT`-th from the right, and what stands left of that is hearsay.
    """
    address = request.META.get("REMOTE_ADDR", "")
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
    if 0 < settings.TRUSTED_PROXY_COUNT <= len(hops):
        address = hops[-settings.TRUSTED_PROXY_COUNT]
    parsed = _parsed(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, 64), strict=False).network_address)
    return str(parsed or "unknown")


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


@cache
def _redis(url: str) -> Redis:
    return Redis.from_url(
        url,
        socket_timeout=PATIENCE_SECONDS,
        socket_connect_timeout=PATIENCE_SECONDS,
        retry=Retry(NoBackoff(), 0),  # its own would wait for seconds
    )
