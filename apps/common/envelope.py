"""The one shape of a refusal: `{"error": {code, message, details?, billing_url?, request_id}}`.

`refusal_of` is the one table that turns whatever was raised into a status and words that are safe
to show. The API's exception handler, the middleware and the error pages all ask it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import redis.exceptions
import structlog
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import InterfaceError, OperationalError
from django.http import Http404, JsonResponse
from kombu.exceptions import OperationalError as BrokerError
from rest_framework import exceptions

from apps.common.errors import DomainError

log = structlog.get_logger(__name__)

CODES = {
    400: "validation_error",
    401: "unauthorized",
    402: "payment_required",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "payload_too_large",
    415: "unsupported_media_type",
    422: "unprocessable",
    429: "rate_limit_exceeded",
    500: "internal_error",
    503: "service_unavailable",
}
"""What an answer is called that no domain error named."""

SENTENCES = {
    400: "The request cannot be understood.",
    403: "This is not allowed.",
    404: "There is nothing here.",
    405: "This method is not allowed here.",
    413: "The body is too large.",
    429: "Too many requests.",
    500: "Something went wrong on our side. It has been recorded.",
    503: "A service this answer needs is not available. Try again shortly.",
}

OF_DJANGO: dict[type[Exception], int] = {
    Http404: 404,
    PermissionDenied: 403,
    RequestDataTooBig: 413,  # a kind of the next one
    SuspiciousOperation: 400,
}
OUTAGES = (
    OperationalError,
    InterfaceError,
    BrokerError,
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer before it is written."""

    status: int
    code: str
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def plain(cls, status: int, **headers: str) -> "Refusal":
        return cls(status, CODES[status], SENTENCES[status], headers=headers)

    @property
    def body(self) -> dict[str, dict[str, Any]]:
        details = dict(self.details)
        billing_url = details.pop("billing_url", None)
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if details:
            error["details"] = details
        if billing_url:
            error["billing_url"] = billing_url
        error["request_id"] = structlog.contextvars.get_contextvars().get("request_id", "")
        return {"error": error}

    def as_response(self) -> JsonResponse:
        """For doors outside the API's framework."""
        return JsonResponse(self.body, status=self.status, headers=dict(self.headers))


def refusal_of(fault: Exception, *, invalid_status: int = 400) -> Refusal:
    """What the client is told. What nobody foresaw is logged whole and told as nothing."""
    if isinstance(fault, DomainError):
        return _of_domain(fault)
    if isinstance(fault, exceptions.APIException):
        return _of_framework(fault, invalid_status)
    for kind, status in OF_DJANGO.items():
        if isinstance(fault, kind):
            return Refusal.plain(status)
    if isinstance(fault, OUTAGES):
        log.warning("service_unavailable", reason=type(fault).__name__, exc_info=fault)
        return Refusal.plain(503, **{"Retry-After": "5"})
    log.error("request_failed", exc_info=fault)
    return Refusal.plain(500)


def domain_error_response(error: DomainError) -> JsonResponse:
    """For a plain view that answers a refusal itself."""
    return _of_domain(error).as_response()


def _of_domain(error: DomainError) -> Refusal:
    seconds = error.details.get("retry_after")
    headers = {} if seconds is None else {"Retry-After": str(math.ceil(seconds))}
    return Refusal(error.status, error.code, error.message, error.details, headers)


def _of_framework(error: exceptions.APIException, invalid_status: int) -> Refusal:
    if isinstance(error, exceptions.ValidationError):
        return _of_fields(_faults(error.detail), invalid_status)
    headers = {}
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        headers["WWW-Authenticate"] = getattr(error, "auth_header", None) or "Bearer"
    if isinstance(error, exceptions.Throttled):
        seconds = math.ceil(getattr(error, "wait", None) or 1)
        message = f"Too many requests. Try again in {seconds} s."
        headers["Retry-After"] = str(seconds)
        return Refusal(429, CODES[429], message, {"retry_after": seconds}, headers)
    status = error.status_code
    return Refusal(status, CODES.get(status, "error"), str(error.detail), headers=headers)


def _of_fields(faults: Mapping[str, list[str]], status: int) -> Refusal:
    name, sentences = next(iter(faults.items()), ("", [SENTENCES[400]]))
    message = f"{name}: {sentences[0]}" if name else sentences[0]
    fields = {name: told for name, told in faults.items() if name}
    return Refusal(status, "validation_error", message, {"fields": fields} if fields else {})


def _faults(detail: Any, path: str = "") -> dict[str, list[str]]:
    """A serializer's nested errors as `{"rows.3.model": ["…"]}`."""
    if isinstance(detail, Mapping):
        members = [
            ("" if name == "non_field_errors" else str(name), detail[name]) for name in detail
        ]
    elif isinstance(detail, list) and any(isinstance(member, Mapping) for member in detail):
        members = [(str(index), member) for index, member in enumerate(detail)]
    else:
        return {path: [str(sentence) for sentence in detail]} if detail else {}
    faults: dict[str, list[str]] = {}
    for name, inner in members:
        faults |= _faults(inner, ".".join(filter(None, (path, name))))
    return faults
