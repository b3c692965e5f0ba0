"""The two files of settings: `.env`, made once and then yours; `runtime.env`, true while we run."""

import base64
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from devstack import places
from devstack.errors import DevstackError

DOTENV = places.ROOT / ".env"
RUNTIME = places.LOCAL / "runtime.env"
SEED_BYTES = 32  # of an Ed25519 key, and of a SecretBox key


def read(file: Path) -> dict[str, str]:
    """KEY=VALUE lines; blank lines and comments are skipped, one pair of quotes is taken off."""
    try:
        lines = file.read_text().splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.split("=", 1) for line in map(str.strip, lines) if _is_setting(line))
    return {key.strip(): _unquoted(value.strip()) for key, value in pairs}


def create_missing() -> bool:
    """Write `.env` with fresh secrets, readable by its owner alone; never overwrite one."""
    try:
        handle = os.open(DOTENV, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    except OSError as refusal:
        raise DevstackError(
            f"Cannot write {DOTENV}: {refusal.strerror}. Make the checkout writable."
        ) from refusal
    with os.fdopen(handle, "w") as stream:
        stream.write("# Made for this checkout alone; no other machine knows these secrets.\n")
        stream.writelines(f"{key}={value}\n" for key, value in _fresh().items())
    return True


def write_runtime(values: Mapping[str, str]) -> None:
    """Replace the file in one step: a reader in another terminal never sees half of it."""
    fresh = RUNTIME.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.writelines(f"{key}={value}\n" for key, value in values.items())
    fresh.rename(RUNTIME)


def _fresh() -> dict[str, str]:
    return {
        "ENVIRONMENT": "local",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "SECRET_KEYRING": f"kid1:{_seed()}",
        "RECEIPT_SIGNING_KEYS": f"1:{_seed()}",
        "LOG_SIGNING_KEY": _seed(),
        "LOG_ORIGIN": "carbon.localhost/log",  # a log keeps its name when the port moves
        "ADMIN_EMAIL": "admin@localhost",
        "ADMIN_PASSWORD": secrets.token_urlsafe(12),
        "DEMO_PASSWORD": secrets.token_urlsafe(12),
        "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(16)}",
        "STRIPE_API_KEY": f"sk_test_{secrets.token_hex(16)}",
        "SIMULATE": "true",
    }


def _seed() -> str:
    return base64.b64encode(secrets.token_bytes(SEED_BYTES)).decode()


def _is_setting(line: str) -> bool:
    return "=" in line and not line.startswith("#")


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted else value
