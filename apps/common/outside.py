"""What an outside service can do instead of answering: be busy, or refuse. Pure.

Busy may be asked again later; refused stays refused until somebody changes something.
"""

import email.utils
import re
from collections.abc import Mapping
from typing import Any, Literal

BusyKind = Literal["transient", "rate_limited", "malformed_response", "incomplete_response"]
RefusedKind = Literal[
    "auth", "permission", "billing", "not_found", "bad_request", "out_of_retention"
]
LONGEST_RETRY_AFTER_S = 3600.0  # an absurd header must not park a connection for ever


class OutsideError(Exception):
    """An outside service did not give what was asked. `str()` is fit to be shown and stored."""

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(kind, message)
        self.kind = kind
        self.message = message
        self.status = status
        self.request_id = request_id
        self.code = code
        self.param = param

    def __str__(self) -> str:
        return self.message


class BusyError(OutsideError):
    """Nothing was learnt: ask again, not before `retry_after` seconds when that is given."""

    def __init__(
        self, kind: BusyKind, message: str, *, retry_after: float | None = None, **details: Any
    ) -> None:
        super().__init__(kind, message, **details)
        self.retry_after = retry_after


class RefusedError(OutsideError):
    """Asking again the same way will be refused again."""

    def __init__(self, kind: RefusedKind, message: str, **details: Any) -> None:
        super().__init__(kind, message, **details)

    def as_kind(self, kind: RefusedKind) -> "RefusedError":
        """The same refusal under a better name, where the status says less than the body."""
        return RefusedError(
            kind,
            self.message,
            status=self.status,
            request_id=self.request_id,
            code=self.code,
            param=self.param,
        )


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The wait that an answer asks for, in either form of RFC 9110 10.2.3.

    `headers` has lower-case names. A date is measured against the answer's own `Date`.
    """
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,3})?", text):
        return min(float(text), LONGEST_RETRY_AFTER_S)
    try:
        at = email.utils.parsedate_to_datetime(text)
        sent = email.utils.parsedate_to_datetime(headers.get("date", ""))
        seconds = (at - sent).total_seconds()
    except (ValueError, TypeError):
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_S)
