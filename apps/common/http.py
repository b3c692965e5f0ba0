"""The way out: JSON over HTTP with deadlines, and two families of failure, busy and refused.

The only user of `requests`. Failures are kept as values until every exception of the library is
gone, because those carry the request, and the request carries the key.
"""

import json
import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, NoReturn
from urllib.parse import urlsplit

import requests
import requests.adapters

from apps.common.deadline import POOLS, Deadline
from apps.common.outside import (
    BusyError,
    OutsideError,
    RefusedError,
    RefusedKind,
    retry_after_s,
)
from apps.common.secrets import Secret

__all__ = [
    "BusyError",
    "Credential",
    "Limits",
    "OutsideError",
    "RefusedError",
    "Reply",
    "Wait",
    "get_json",
    "pause",
    "post_json",
]

Wait = Callable[[float], None]

USER_AGENT = "carbon-platform/0.1.0"
_LONGEST_MESSAGE = 300
_CHUNK_BYTES = 64 * 1024
_REFUSALS: Mapping[int, RefusedKind] = {
    401: "auth",
    402: "billing",
    403: "permission",
    404: "not_found",
}
_TRANSIENT_4XX = frozenset({408, 425})
_KEY_SHAPED = re.compile(r"\b(?:sk|rk|whsec|isv)[-_][A-Za-z0-9_-]{16,}")
_jitter = random.SystemRandom()
pause: Wait = time.sleep


@dataclass(frozen=True, slots=True)
class Credential:
    """The header that carries the key; revealed only while a request is being sent."""

    header: str
    secret: Secret
    prefix: str = ""

    def is_sendable(self) -> bool:
        text = self.secret.reveal()
        return text.isascii() and text.isprintable() and text == text.strip() != ""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how large one call may be, all its tries and waits together."""

    connect_s: float = 5.0
    read_s: float = 30.0
    total_s: float = 60.0
    max_bytes: int = 8 * 1024 * 1024
    tries: int = 3
    longest_wait_s: float = 4.0


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    json: Any  # numbers with a fraction are Decimal
    headers: Mapping[str, str]  # names in lower case
    request_id: str | None


@dataclass(frozen=True, slots=True)
class _Ask:
    method: Literal["GET", "POST"]
    url: str
    headers: Mapping[str, str]
    params: Sequence[tuple[str, str]]
    body: bytes | None
    credential: Credential | None
    limits: Limits

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or "the service"

    def sent_headers(self) -> dict[str, str]:
        sent = {"User-Agent": USER_AGENT, "Accept": "application/json", **self.headers}
        if self.credential is not None:
            key = self.credential.secret.reveal()
            sent[self.credential.header] = f"{self.credential.prefix}{key}"
        return sent

    def scrubbed(self, text: str) -> str:
        """Without the key, anything shaped like one, or control characters; and not too long."""
        if self.credential is not None:
            text = text.replace(self.credential.secret.reveal(), "***")
        text = _KEY_SHAPED.sub("***", text)
        text = "".join(character if character.isprintable() else " " for character in text)
        return text if len(text) <= _LONGEST_MESSAGE else f"{text[: _LONGEST_MESSAGE - 1]}…"


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


def get_json(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    params: Sequence[tuple[str, str]] = (),
    credential: Credential | None = None,
    limits: Limits = Limits(),
    wait: Wait = pause,
) -> Reply:
    """GET and decode. Transient failures are tried again, with waits of a few seconds at most."""
    return _call(_Ask("GET", url, headers or {}, params, None, credential, limits), wait)


def post_json(
    url: str,
    body: Any,
    *,
    headers: Mapping[str, str] | None = None,
    credential: Credential | None = None,
    limits: Limits = Limits(tries=1),
    wait: Wait = pause,
) -> Reply:
    """POST and decode. Tried once unless `limits` says that the call may be repeated safely."""
    headers = {"Content-Type": "application/json", **(headers or {})}
    return _call(
        _Ask("POST", url, headers, (), json.dumps(body).encode(), credential, limits), wait
    )


def _call(ask: _Ask, wait: Wait) -> Reply:
    if ask.credential is not None and not ask.credential.is_sendable():
        raise RefusedError("auth", "The key is empty or has characters that no key has")
    with Deadline(ask.limits.total_s) as deadline:
        attempt = 0
        while True:
            attempt += 1
            outcome = _attempt(ask, deadline)
            if isinstance(outcome, Reply):
                return outcome
            pause_s = _pause_s(outcome, attempt, ask.limits)
            if pause_s is None or pause_s >= deadline.remaining_s:
                raise outcome
            wait(pause_s)


def _pause_s(failure: OutsideError, attempt: int, limits: Limits) -> float | None:
    """How long to wait before another try within this call; None when it has to end here."""
    if not isinstance(failure, BusyError) or attempt >= limits.tries:
        return None
    if failure.retry_after is not None:
        return failure.retry_after if failure.retry_after <= limits.longest_wait_s else None
    if failure.kind == "rate_limited":
        return None  # a limit without a date (a spend cap, say) only gets worse by hammering
    return min(limits.longest_wait_s, 2.0 ** (attempt - 2)) * _jitter.uniform(0.5, 1.0)


def _attempt(ask: _Ask, deadline: Deadline) -> Reply | OutsideError:
    answer: _Answer | OutsideError
    try:
        answer = _exchange(ask, deadline)
    except (requests.RequestException, OSError) as fault:
        answer = _transport_failure(ask, fault)
    if deadline.is_over:
        return BusyError("transient", f"{ask.host} took longer than {ask.limits.total_s:g} s")
    if isinstance(answer, OutsideError):
        return answer
    if not requests.codes.ok <= answer.status < requests.codes.multiple_choices:
        return _status_failure(ask, answer)
    decoded, document = _decoded(answer.body)
    if not decoded:
        return _malformed(ask, answer, "answered with something that is not JSON")
    return Reply(answer.status, document, answer.headers, _request_id(answer, document))


def _exchange(ask: _Ask, deadline: Deadline) -> _Answer | OutsideError:
    with requests.Session() as session:
        session.trust_env = False  # no proxy, no .netrc
        adapter = requests.adapters.HTTPAdapter()
        adapter.poolmanager.pool_classes_by_scheme = POOLS
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        with session.request(
            ask.method,
            ask.url,
            params=list(ask.params),
            data=ask.body,
            headers=ask.sent_headers(),
            timeout=(ask.limits.connect_s, min(ask.limits.read_s, deadline.remaining_s + 1)),
            allow_redirects=False,  # the key goes nowhere but where it was sent
            stream=True,
        ) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            body = bytearray()
            for chunk in response.iter_content(_CHUNK_BYTES):
                body += chunk
                if len(body) > ask.limits.max_bytes:
                    answer = _Answer(response.status_code, headers, b"")
                    return _malformed(ask, answer, f"sent more than {ask.limits.max_bytes} bytes")
            return _Answer(response.status_code, headers, bytes(body))


def _transport_failure(ask: _Ask, fault: Exception) -> OutsideError:
    # The fault's own text is never used: it may quote the request.
    if isinstance(fault, ValueError):
        return RefusedError("bad_request", "The address is not one that can be called")
    if isinstance(
        fault, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError
    ):
        return BusyError("malformed_response", f"{ask.host} broke its answer off")
    if isinstance(fault, requests.Timeout | TimeoutError):
        return BusyError("transient", f"{ask.host} did not answer in time")
    return BusyError("transient", f"{ask.host} could not be reached")


def _status_failure(ask: _Ask, answer: _Answer) -> OutsideError:
    _, document = _decoded(answer.body)
    error = document.get("error") if isinstance(document, dict) else None
    detail: dict[str, Any] = error if isinstance(error, dict) else {"message": error}
    message, code, param = (_text(detail.get(name)) for name in ("message", "code", "param"))
    text = f"{ask.host} answered {answer.status}"
    about: dict[str, Any] = {
        "status": answer.status,
        "request_id": _request_id(answer, document),
        "code": None if code is None else ask.scrubbed(code),
        "param": None if param is None else ask.scrubbed(param),
    }
    text = ask.scrubbed(text if message is None else f"{text}: {message}")
    status = answer.status
    if status == requests.codes.too_many_requests:
        return BusyError("rate_limited", text, retry_after=retry_after_s(answer.headers), **about)
    if status >= requests.codes.server_error or status in _TRANSIENT_4XX:
        return BusyError("transient", text, retry_after=retry_after_s(answer.headers), **about)
    if status < requests.codes.bad_request:
        return _malformed(ask, answer, "answered with a redirect, which is not followed")
    return RefusedError(_REFUSALS.get(status, "bad_request"), text, **about)


def _malformed(ask: _Ask, answer: _Answer, what: str) -> BusyError:
    return BusyError(
        "malformed_response",
        f"{ask.host} {what}",
        status=answer.status,
        request_id=_request_id(answer, None),
    )


def _request_id(answer: _Answer, document: Any) -> str | None:
    headers = answer.headers
    named = headers.get("x-request-id") or headers.get("request-id")
    if named is None and isinstance(document, dict):
        named = _text(document.get("request_id"))
    return named[:100] if named else None


def _decoded(body: bytes) -> tuple[bool, Any]:
    """Whether it is JSON, and the value. NaN is not; a number with a fraction becomes a Decimal."""
    try:
        return True, json.loads(body, parse_float=Decimal, parse_constant=_not_json)
    except (ValueError, RecursionError):
        return False, None


def _not_json(text: str) -> NoReturn:
    raise ValueError(text)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
