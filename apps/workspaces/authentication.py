"""Who is asking: an API key in a header, or a signed-in person's session."""

import hmac
import re
from datetime import datetime
from typing import Final

from django.contrib.auth.models import AnonymousUser
from rest_framework import authentication
from rest_framework.request import Request

from apps.common import clock
from apps.workspaces import keys, selectors, services
from apps.workspaces.errors import AmbiguousCredentialError, CredentialError
from apps.workspaces.models import ApiKey

_LOOKS_LIKE_A_KEY: Final = re.compile(r"isv_(live|test)_sk_")
_NOBODY: Final = bytes(32)  # compared with when there is no such key: the same work, the same time


class ApiKeyAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer isv_…` or `X-API-Key: isv_…`; `request.auth` is the ApiKey."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKey] | None:
        text = _presented(request)
        if text is None:
            return None
        now = clock.now()
        key = _opened(text, now=now)
        services.mark_key_used(key, now=now)
        return AnonymousUser(), key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class SessionAuthentication(authentication.SessionAuthentication):
    """A Django session; whatever changes something must carry the CSRF token."""


def _presented(request: Request) -> str | None:
    values = (value for _, found in request.query_params.lists() for value in found)
    if any(_LOOKS_LIKE_A_KEY.search(value) for value in values):
        raise AmbiguousCredentialError(
            "A key belongs in a header. This one may stand in logs now: revoke it.",
            reason="key_in_query",
        )
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    found = {request.headers["X-API-Key"]} if "X-API-Key" in request.headers else set()
    if scheme.lower() == "bearer":
        found.add(bearer)
    if len(found) > 1:
        raise AmbiguousCredentialError(
            "Authorization and X-API-Key carry different keys. Send one.", reason="two_keys"
        )
    return found.pop() if found else None


def _opened(text: str, *, now: datetime) -> ApiKey:
    """The stored key. Unknown, revoked and expired ones get one and the same answer."""
    try:
        presented = keys.parse(text)
    except keys.MalformedKeyError:
        raise CredentialError(
            "This is not an API key, or it has a typo.", reason="malformed_key"
        ) from None
    stored = selectors.key_by_lookup_id(presented.lookup_id)
    expected = bytes(stored.sha256) if stored else _NOBODY
    if (
        not hmac.compare_digest(presented.sha256, expected)
        or stored is None
        or stored.revoked_at is not None
        or (stored.expires_at is not None and stored.expires_at <= now)
    ):
        raise CredentialError("This API key does not open anything.")
    return stored
