"""What to do about each kind of failure: one table for the API, the page and the operator."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

ADVICE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "auth": (
            "The key no longer works. Make a new one at the provider and replace this one by it; "
            "reading goes on where it stopped."
        ),
        "permission": (
            "The key may not read the usage report. Give it that right at the provider, or replace "
            "it by an admin or management key; then resume."
        ),
        "billing": (
            "The provider asks for its account's billing to be settled. Settle it there, then "
            "resume."
        ),
        "not_found": (
            "The provider's report was not found where it used to be. Resume to try again; if it "
            "stays, tell the operator: the provider may have changed its API."
        ),
        "bad_request": (
            "The provider did not accept the question. Nothing is lost and it is asked again every "
            "hour; if it stays for a day, tell the operator."
        ),
        "out_of_retention": (
            "The provider no longer serves the oldest days that were asked for. What it still "
            "serves is read; nothing needs to be done."
        ),
        "rate_limited": (
            "The provider limits how often it is asked. It is asked again when it allows; nothing "
            "needs to be done."
        ),
        "transient": (
            "The provider, or the way to it, was disturbed. It is asked again by itself; if it "
            "stays for hours, look at the provider's status page."
        ),
        "malformed_response": (
            "The provider's answer could not be trusted, so nothing of it was stored. It is asked "
            "again by itself; if it stays for a day, tell the operator."
        ),
        "incomplete_response": (
            "The provider did not send its whole answer, so nothing of it was stored. It is asked "
            "again by itself; if it stays for a day, tell the operator."
        ),
    }
)


def advice(kind: str) -> str:
    """The sentence for a kind of failure; none where there is no failure."""
    return ADVICE.get(kind, "")
