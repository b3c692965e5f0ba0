"""Stripe's deliveries as tests make them: bodies by name, signed, and posted to the front door."""

import json
from pathlib import Path
from typing import Any

import stripe
from django.conf import settings
from django.test import Client

from apps.workspaces.models import Workspace

FOLDER = Path(__file__).parents[1] / "data" / "stripe"
EVENTS: dict[str, Any] = json.loads((FOLDER / "events.json").read_text())
SEQUENCES: list[dict[str, Any]] = json.loads((FOLDER / "sequences.json").read_text())
URL = "/api/v1/webhooks/stripe"


def event(name: str, workspace: Workspace) -> dict[str, Any]:
    text = json.dumps(EVENTS[name]).replace("{workspace}", str(workspace.public_id))
    found: dict[str, Any] = json.loads(text)
    return found


def sequence(name: str) -> dict[str, Any]:
    return next(one for one in SEQUENCES if one["name"] == name)


def signed(body: bytes, at: float, secret: str | None = None) -> str:
    secret = secret or settings.STRIPE_WEBHOOK_SECRET
    return str(stripe.WebhookSignature.generate_signature_header(body.decode(), secret, int(at)))


def post(body: bytes, header: str | None) -> Any:
    headers = {} if header is None else {"Stripe-Signature": header}
    return Client(enforce_csrf_checks=True).post(
        URL, data=body, content_type="application/json", headers=headers
    )
