"""What goes over the wire: a request as it was read, a reply as it will be written."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

JsonObject = dict[str, Any]

HTML = "text/html; charset=utf-8"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Effect:
    """How the reply misbehaves below HTTP: `reset`, `slow`, `stall` or `gzip`."""

    kind: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    effect: Effect | None = None

    def with_headers(self, **extra: str) -> "Reply":
        """Add headers; an underscore in a name stands for a hyphen."""
        named = {name.replace("_", "-"): value for name, value in extra.items()}
        return replace(self, headers={**self.headers, **named})


def json_reply(body: Any, status: int = 200) -> Reply:
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return Reply(status, text.encode(), {"Content-Type": JSON})


def html_reply(body: str, status: int = 200) -> Reply:
    return Reply(status, body.encode(), {"Content-Type": HTML})


class RefusedError(Exception):
    """The service says no; the reply is its answer."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    base_url: str

    def last(self, name: str) -> str | None:
        values = self.every(name)
        return values[-1] if values else None

    def every(self, name: str) -> list[str]:
        """Values of an array parameter, sent as `name=` or `name[]=`, repeated."""
        return [value for key, value in self.query if key.removesuffix("[]") == name]

    def bearer(self) -> str | None:
        scheme, _, key = self.headers.get("authorization", "").partition(" ")
        return key.strip() if scheme.lower() == "bearer" and key.strip() else None

    def json(self) -> Any:
        """The body as JSON; ValueError when it is none."""
        return json.loads(self.body or b"{}")

    def form(self) -> JsonObject:
        """The body as a nested form: `a[b]=1&c[0]=2` is `{"a": {"b": "1"}, "c": ["2"]}`."""
        return nested(parse_qsl(self.body.decode(), keep_blank_values=True))


def nested(pairs: Sequence[tuple[str, str]]) -> JsonObject:
    root: JsonObject = {}
    for name, value in pairs:
        steps = name.replace("]", "").split("[")
        here = root
        for step in steps[:-1]:
            here = here.setdefault(step, {})
        here[steps[-1] or str(len(here))] = value
    lists: JsonObject = _lists(root)
    return lists


def _lists(node: Any) -> Any:
    """Turn objects whose names are 0, 1, 2 … into lists."""
    if not isinstance(node, dict):
        return node
    values = {name: _lists(value) for name, value in node.items()}
    if values and all(name.isdigit() for name in values):
        return [values[name] for name in sorted(values, key=int)]
    return values
