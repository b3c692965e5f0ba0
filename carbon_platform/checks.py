"""Settings that are refused. `manage.py check`, the worker and the web process all ask here."""

import base64
import binascii
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Error, register

from apps.common.secret_stores import STORES
from apps.common.secrets import Keyring, KeyringError

SEED_BYTES = 32
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@register("carbon")
def check_settings(**_: Any) -> list[Error]:
    return [*_doors(), *_keys(), *_stripe()]


def _doors() -> list[Error]:
    is_production = settings.ENVIRONMENT == "production"
    refused = {
        "E001": (is_production and settings.DEBUG, "DEBUG must be off in production"),
        "E002": (
            not settings.AUTH_ENABLED and not settings.DEBUG,
            "AUTH_ENABLED may be off only together with DEBUG",
        ),
        "E003": (
            is_production and not _is_safe_to_reach(settings.PUBLIC_URL),
            "PUBLIC_URL must begin with https:// in production, unless it is this machine",
        ),
    }
    return _faults(refused)


def _keys() -> list[Error]:
    receipt_seeds = [
        _seed(entry.partition(":")[2])
        for entry in settings.RECEIPT_SIGNING_KEYS.split(",")
        if entry.strip()
    ]
    log_seed = _seed(settings.LOG_SIGNING_KEY)
    refused = {
        "E010": (not _is_keyring(settings.SECRET_KEYRING), "SECRET_KEYRING is no keyring"),
        "E011": (
            not receipt_seeds or None in receipt_seeds,
            f"RECEIPT_SIGNING_KEYS must be version:base64 of {SEED_BYTES} bytes, by commas",
        ),
        "E012": (log_seed is None, f"LOG_SIGNING_KEY must be base64 of {SEED_BYTES} bytes"),
        "E013": (
            log_seed is not None and log_seed in receipt_seeds,
            "LOG_SIGNING_KEY must differ from every receipt signing key",
        ),
        "E014": (
            settings.SECRET_STORE not in STORES,
            f"SECRET_STORE must be one of {', '.join(STORES)}",
        ),
    }
    return _faults(refused)


def _stripe() -> list[Error]:
    key = settings.STRIPE_API_KEY
    is_live = key.startswith(("sk_live_", "rk_live_"))
    refused = {
        "E020": (
            bool(key) and not settings.STRIPE_WEBHOOK_SECRET,
            "STRIPE_WEBHOOK_SECRET is missing beside STRIPE_API_KEY",
        ),
        "E021": (is_live and settings.DEBUG, "a live Stripe key must not be used with DEBUG"),
    }
    return _faults(refused)


def _faults(refused: dict[str, tuple[bool, str]]) -> list[Error]:
    return [
        Error(sentence, id=f"carbon.{id_}") for id_, (is_so, sentence) in refused.items() if is_so
    ]


def _is_safe_to_reach(url: str) -> bool:
    address = urlsplit(url)
    return address.scheme == "https" or address.hostname in LOOPBACK


def _is_keyring(text: str) -> bool:
    try:
        Keyring.from_text(text)
    except KeyringError:
        return False
    return True


def _seed(text: str) -> bytes | None:
    try:
        seed = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    return seed if len(seed) == SEED_BYTES else None
