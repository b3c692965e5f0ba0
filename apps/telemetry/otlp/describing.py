"""Whose usage it was, of what and where: the parts that spans, events and points share."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from apps.telemetry.otlp.agents import OPENROUTER, Tool, tool_of_service
from apps.telemetry.otlp.attributes import (
    CONVERSATION,
    DEVELOPER,
    PROJECT,
    PROVIDER,
    REGION,
    REQUEST_MODEL,
    RESPONSE_MODEL,
    SERVER,
    SESSION,
    Attributes,
    facts,
    text,
)
from apps.telemetry.otlp.counts import Counts
from apps.telemetry.otlp.messages import Sender
from apps.telemetry.pushed import PushedUsage, Source

UNKNOWN: Final = "unknown"
_TELLING_HOSTS: Final = (  # those that carry the region they stand in
    re.compile(r"bedrock-runtime(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com"),
    re.compile(r"([a-z]+-[a-z]+[0-9]+)-aiplatform\.googleapis\.com"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """Everything about a usage but its name, its time and its counts."""

    tool: str
    provider: str
    model: str | None
    session_id: str | None
    session: str | None  # without conversations, which a tool's metrics do not name
    developer_id: str | None
    project_name: str | None
    region: str | None
    facts: dict[str, str]


def described(sender: Sender, attributes: Attributes, tool: Tool | None) -> Description:
    """`tool` is whose names the item uses, if they are not the general ones."""
    known = tool or tool_of_service(sender.service)
    provider = text(attributes, *PROVIDER) or text(sender.attributes, *PROVIDER)
    kept = facts(attributes, sender.attributes)
    if known and known.name == OPENROUTER:
        if provider:
            kept["upstream"] = provider.lower()
        provider = OPENROUTER
    session = _first(sender, attributes, SESSION)
    return Description(
        tool=sender.service or (known.name if known else UNKNOWN),
        provider=(provider or (known.provider if known else UNKNOWN)).lower(),
        model=model(attributes, tool),
        session_id=session or _first(sender, attributes, *CONVERSATION),
        session=session,
        developer_id=_first(sender, attributes, *DEVELOPER),
        project_name=text(sender.attributes, *PROJECT),
        region=_region(sender, attributes),
        facts=kept,
    )


def called(
    about: Description,
    tokens: Counts,
    *,
    source: Source,
    name: str,
    used_at: datetime,
    used_until: datetime,
) -> PushedUsage:
    """One finished call."""
    return PushedUsage(
        source=source,
        name=name,
        provider=about.provider,
        model=about.model,
        used_at=used_at,
        used_until=used_until,
        input_uncached=tokens.input_uncached,
        input_cache_read=tokens.input_cache_read,
        input_cache_write=tokens.input_cache_write,
        output=tokens.output,
        reasoning=tokens.reasoning,
        region=about.region,
        session_id=about.session_id,
        developer_id=about.developer_id,
        project_name=about.project_name,
        facts=about.facts,
        flags=tokens.flags,
    )


def model(attributes: Attributes, tool: Tool | None) -> str | None:
    """What answered, else what was asked for."""
    names = (RESPONSE_MODEL, REQUEST_MODEL, "model") if tool else (RESPONSE_MODEL, REQUEST_MODEL)
    return text(attributes, *names)


def _first(sender: Sender, attributes: Attributes, *names: str) -> str | None:
    """The first of the names that says something, on the item or else on its sender."""
    for name in names:
        if found := text(attributes, name) or text(sender.attributes, name):
            return found
    return None


def _region(sender: Sender, attributes: Attributes) -> str | None:
    if found := _first(sender, attributes, REGION):
        return found.lower()
    host = (text(attributes, SERVER) or "").lower()
    matches = (telling.fullmatch(host) for telling in _TELLING_HOSTS)
    return next((match[1] for match in matches if match), None)
