"""Which keys exist. A key's number is its organisation: every four digits are another one."""

import re
from dataclasses import dataclass

PATTERNS = {
    "openai": [
        ("admin", r"sk-admin-simulated-(\d{4})[a-z]?"),
        ("project", r"sk-proj-simulated-(\d{4})[a-z]?"),
        ("unscoped", r"sk-admin-unscoped-(\d{4})"),
        ("revoked", r"sk-admin-revoked-(\d{4})"),
    ],
    "anthropic": [
        ("admin", r"sk-ant-admin01-simulated-(\d{4})[a-z]?"),
        ("workspace", r"sk-ant-api03-simulated-(\d{4})[a-z]?"),
        ("expired", r"sk-ant-admin01-expired-(\d{4})"),
    ],
    "openrouter": [
        ("management", r"sk-or-v1-simulated-management-(\d{4})[a-z]?"),
        ("inference", r"sk-or-v1-simulated-inference-(\d{4})[a-z]?"),
        ("expired", r"sk-or-v1-simulated-expired-(\d{4})"),
    ],
    "litellm": [
        ("admin", r"sk-litellm-simulated-(\d{4})[a-z]?"),
        ("user", r"sk-litellm-user-(\d{4})"),
        ("revoked", r"sk-litellm-revoked-(\d{4})"),
    ],
    "electricitymaps": [
        ("paid", r"em-simulated-paid-(\d{4})[a-z]?"),
        ("free", r"em-simulated-free-(\d{4})[a-z]?"),
        ("sandbox", r"em-simulated-sandbox-(\d{4})"),
        ("revoked", r"em-simulated-revoked-(\d{4})"),
    ],
}


@dataclass(frozen=True, slots=True)
class Key:
    kind: str
    organisation: str


def known_key(provider: str, key: str) -> Key | None:
    for kind, pattern in PATTERNS[provider]:
        if match := re.fullmatch(pattern, key):
            return Key(kind, match[1])
    return None


def masked(key: str) -> str:
    """The last four characters: enough to tell keys apart, too little to use one."""
    return "****" + key[-4:]
