"""What an alert says: a plain email, and the body of a webhook."""

import json
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse

from apps.common.quantities import ENERGY, MASS, shown
from apps.common.webhooks import Message
from apps.telemetry.models import AlertDelivery, Budget, BudgetAlert

SCALES: Final = {Budget.Unit.CO2E_GRAMS: (MASS, " CO2e"), Budget.Unit.ENERGY_KWH: (ENERGY, "")}
TYPE: Final = "budget.threshold_crossed"


def email(delivery: AlertDelivery) -> EmailMessage:
    """The mail of one delivery. Its Message-ID is the same at every attempt."""
    alert = delivery.alert
    budget = alert.budget
    scale, what = SCALES[Budget.Unit(budget.unit)]
    told = {
        "alert": alert,
        "budget": budget,
        "used": shown(alert.used_amount, scale) + what,
        "amount": shown(alert.monthly_amount, scale) + what,
        "percent": alert.used_amount * 100 / alert.monthly_amount,
        "link": settings.PUBLIC_URL + reverse("budgets"),
    }
    host = urlsplit(settings.PUBLIC_URL).hostname
    return EmailMessage(
        subject=(
            f"{budget.name}: {alert.threshold} % of the budget for {alert.month:%B %Y} used"
            f" ({told['used']} of {told['amount']})"
        ),
        body=render_to_string("telemetry/budget_alert.txt", told),
        to=[delivery.target],
        headers={
            "Message-ID": f"<{delivery.public_id}@{host}>",
            "Auto-Submitted": "auto-generated",
        },
    )


def webhook(delivery: AlertDelivery) -> Message:
    """The message of one delivery, its id the delivery's. Amounts are decimal strings, exact."""
    alert = delivery.alert
    document = {
        "type": TYPE,
        "timestamp": alert.crossed_at.isoformat(),
        "data": _facts(alert),
    }
    return Message(delivery.public_id, json.dumps(document, ensure_ascii=False).encode())


def _facts(alert: BudgetAlert) -> dict[str, object]:
    budget = alert.budget
    return {
        "alert_id": alert.public_id,
        "budget_id": budget.public_id,
        "budget_name": budget.name,
        "workspace_id": str(budget.workspace.public_id),
        "project_id": None if budget.project is None else str(budget.project.public_id),
        "month": f"{alert.month:%Y-%m}",
        "unit": budget.unit,
        "threshold": alert.threshold,
        "used_amount": format(alert.used_amount.normalize(), "f"),
        "monthly_amount": format(alert.monthly_amount.normalize(), "f"),
        "crossed_at": alert.crossed_at.isoformat(),
    }
