"""The attributes that are looked at, and reading them as what they should be.

An allow-list: prompts, answers, arguments of tools and whatever else senders attach is passed over
while a message is read, and so can never be stored.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Final

from apps.telemetry.connectors.fields import UnusableRowError, storable
from apps.telemetry.connectors.fields import count as whole_count

Value = str | int | float | bool
Attributes = Mapping[str, Value]

LONGEST_TEXT: Final = 200
MOST_ATTRIBUTES: Final = 1024
"""On one item. Long conversations written out as attributes have hundreds."""

DEEPEST: Final = 8
"""Lists and maps within each other, in a value that takes part in an identity."""

OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = ("gen_ai.provider.name", "gen_ai.system")
REQUEST_MODEL: Final = "gen_ai.request.model"
RESPONSE_MODEL: Final = "gen_ai.response.model"
INPUT: Final = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")
CACHE_READ: Final = (
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",  # OpenLLMetry's spelling
)
CACHE_WRITE: Final = (
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
)
OUTPUT: Final = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")
REASONING: Final = ("gen_ai.usage.reasoning.output_tokens",)
TYPE_OF_TOKENS: Final = "gen_ai.token.type"
SERVICE: Final = "service.name"
DEVELOPER: Final = (
    "developer.id",
    "enduser.id",
    "user.email",
    "user.account_uuid",
    "user.account_id",
    "user.id",
)
PROJECT: Final = ("project.name", "project")
SESSION: Final = "session.id"
CONVERSATION: Final = ("gen_ai.conversation.id", "conversation.id")
REGION: Final = "cloud.region"
SERVER: Final = "server.address"
FACTS: Final = {
    OPERATION: "operation",
    REQUEST_MODEL: "request_model",
    "gen_ai.response.id": "response_id",
    "gen_ai.agent.name": "agent",
    SERVER: "server",
    SERVICE: "service",
    "service.version": "service_version",
    "app.version": "app_version",
    "deployment.environment.name": "environment",
    "deployment.environment": "environment",
    "team.id": "team",
    "team": "team",
    "query_source": "query_source",
    "speed": "speed",
    "effort": "effort",
    "duration_ms": "duration_ms",
    "cost_usd": "cost_usd",
    "terminal.type": "terminal",
}
"""What is kept for reading only, and under which name. Nobody is named in it."""
OF_TOOLS: Final = (
    "type",
    "model",
    "event.name",
    "event.kind",
    "event.timestamp",
    "request_id",
    "client_request_id",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_creation_tokens",
    "input_token_count",
    "output_token_count",
    "cached_token_count",
    "cached_content_token_count",
    "reasoning_token_count",
    "thoughts_token_count",
)
ALLOWED: Final = frozenset(
    {
        *PROVIDER,
        RESPONSE_MODEL,
        *INPUT,
        *CACHE_READ,
        *CACHE_WRITE,
        *OUTPUT,
        *REASONING,
        TYPE_OF_TOKENS,
        *DEVELOPER,
        *PROJECT,
        SESSION,
        *CONVERSATION,
        REGION,
        *FACTS,
        *OF_TOOLS,
    }
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")  # what PostgreSQL's text cannot hold


def text(attributes: Attributes, *names: str) -> str | None:
    """The first of the attributes that says something, cut to `LONGEST_TEXT`."""
    for name in names:
        value = attributes.get(name)
        if value is None or isinstance(value, bool | float):
            continue
        found = _UNSTORABLE.sub("\ufffd", str(value)[:LONGEST_TEXT]).strip()
        if found:
            return found
    return None


def count(attributes: Attributes, *names: str) -> int | None:
    """The first of the attributes that is there, as a count; they are names of one quantity.

    Raises UnusableRowError where it is negative, fractional or not a number at all.
    """
    for name in names:
        value = attributes.get(name)
        if value is not None:
            return whole(value, name)
    return None


def whole(value: Value, name: str) -> int:
    """A count, however it was written: `12`, `12.0`, `"12"`."""
    if isinstance(value, float):
        if not isfinite(value):
            raise UnusableRowError("not_a_count", name, value)
        return whole_count({name: Decimal(value)}, name)
    return whole_count({name: value}, name)


def moment(nanoseconds: int, *, now: datetime) -> datetime:
    """Raises UnusableRowError for a time that is missing or more than a day ahead."""
    if nanoseconds <= 0:
        raise UnusableRowError("no_time", "time", nanoseconds)
    # Compared as a number first: a calendar ends, 64 bits go on.
    if nanoseconds > ((now - _EPOCH) // timedelta(microseconds=1) + _DAY_AHEAD) * 1000:
        raise UnusableRowError("time_in_the_future", "time", nanoseconds)
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


_DAY_AHEAD: Final = 24 * 60 * 60 * 1_000_000  # microseconds


def written_moment(written: str | None) -> int | None:
    """Nanoseconds since 1970 of an ISO 8601 time with an offset; None for anything else."""
    try:
        found = datetime.fromisoformat(written or "")
    except ValueError:
        return None
    if found.tzinfo is None:
        return None
    return (found - _EPOCH) // timedelta(microseconds=1) * 1000


def facts(*sources: Attributes) -> dict[str, str]:
    """What is kept for reading, the first source before the others."""
    found: dict[str, str] = {}
    for source in sources:
        for name, kept in FACTS.items():
            if name in source and kept not in found:
                found[kept] = storable(str(source[name])[:LONGEST_TEXT])
    return found


def chosen(pairs: Iterable[tuple[str, Value | None]]) -> dict[str, Value]:
    """Those that are allowed, and are one plain value."""
    return {name: value for name, value in pairs if value is not None and name in ALLOWED}


def below(deeper: int) -> int:
    """How much deeper the members of a value may go that may itself go so deep."""
    if deeper == 0:
        raise UnusableRowError("nested_too_deeply", "value", None)
    return deeper - 1
