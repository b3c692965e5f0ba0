"""A receiver of webhooks that has never seen our code: it checks a signature by the standard."""

import base64
import hashlib
import hmac
import json
from typing import Any

from tests.telemetry.recorded import Received


def opened(received: Received, secret: str) -> dict[str, Any]:
    """The body, after what docs.standardwebhooks.com asks of a receiver. Raises AssertionError."""
    signed = f"{received.headers['webhook-id']}.{received.headers['webhook-timestamp']}."
    key = base64.b64decode(secret[len("whsec_") :])
    code = hmac.new(key, signed.encode() + received.body, hashlib.sha256).digest()
    assert received.headers["webhook-signature"] == f"v1,{base64.b64encode(code).decode()}"
    document: dict[str, Any] = json.loads(received.body)
    return document
