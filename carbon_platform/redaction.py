"""Keeps secrets out of log lines: by the name of a member, and by the look of a text."""

import functools
import re
from collections.abc import Mapping
from typing import Any

from structlog.typing import EventDict

HIDDEN = "***"

_SECRET_WORDS = frozenset(
    {
        *("authorization", "cookie", "credential", "credentials", "keyring", "passphrase"),
        *("password", "secret", "seed", "signature", "token"),
    }
)
_SECRET_PAIRS = ("api_key", "apikey", "private_key", "signing_key")
_SECRET_TEXTS = re.compile(
    r"\bisv_(?:live|test)_sk_\w+"  # our own keys
    r"|\bsk-[\w-]{8,}"  # OpenAI, Anthropic (sk-ant-), OpenRouter (sk-or-)
    r"|\b[srp]k_(?:live|test)_\w+"  # Stripe
    r"|\bwhsec_[\w+/=-]+"
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JSON Web Token
    r"|\bAKIA[0-9A-Z]{12,}"  # AWS
    r"|(?i:\bbearer\s+)(?!\*)[\w.~+/=-]{8,}"
    r"|-----BEGIN [A-Z ]+-----.*?(?:-----END [A-Z ]+-----|\Z)",
    re.DOTALL,
)
_PASSWORD_IN_URL = re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]+@")
_DEEPEST = 8


def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """A structlog processor; it runs last before the renderer, when tracebacks are texts."""
    return {name: _member(name, value, _DEEPEST) for name, value in event.items()}


def redacted_text(text: str) -> str:
    text = _SECRET_TEXTS.sub(HIDDEN, text)
    return _PASSWORD_IN_URL.sub(rf"\1:{HIDDEN}@", text) if "://" in text else text


@functools.lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """`input_tokens` counts, `api_key_id` points; `access_token` and `X-API-Key` are the thing."""
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])|[^a-zA-Z0-9]+", "_", name).lower()
    if plain.endswith(("_id", "_at", "_count")):
        return False
    return any(pair in plain for pair in _SECRET_PAIRS) or not _SECRET_WORDS.isdisjoint(
        plain.split("_")
    )


def _member(name: str, value: Any, depth: int) -> Any:
    if value is not None and not isinstance(value, bool) and is_secret_name(name):
        return HIDDEN
    return _value(value, depth)


def _value(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return redacted_text(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth and isinstance(value, Mapping):
        return {str(name): _member(str(name), inner, depth - 1) for name, inner in value.items()}
    if depth and isinstance(value, list | tuple | set | frozenset):
        return [_value(inner, depth - 1) for inner in value]
    return redacted_text(str(value))
