"""Budgets: set one, change it, archive it, and the secret that signs its webhooks."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from apps.common.errors import refuse_fields
from apps.common.locks import transaction_lock
from apps.common.secrets import Keyring, Secret
from apps.common.webhooks import new_secret
from apps.telemetry.errors import (
    BudgetArchivedError,
    BudgetExistsError,
    BudgetNotFoundError,
    BudgetWithoutWebhookError,
    TooManyBudgetsError,
)
from apps.telemetry.models import Budget
from apps.telemetry.services.budget_terms import DEFAULT_THRESHOLDS, Stated, checked
from apps.workspaces.models import Workspace
from apps.workspaces.services import audit, projects

MOST_BUDGETS: Final = 100
"""Open ones in a workspace: each may write to twenty people."""
CHANGEABLE: Final = ("name", "monthly_amount", "thresholds", "emails", "webhook_url")
"""The unit and the project are what its alerts speak of, and stay."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A budget as it is kept now, and the webhook secret where one was just made."""

    budget: Budget
    webhook_secret: Secret | None = None


def create_budget(
    workspace: Workspace,
    *,
    name: str,
    unit: str,
    monthly_amount: Decimal,
    thresholds: list[int] | None = None,
    emails: list[str] | None = None,
    webhook_url: str = "",
    project_id: UUID | None = None,
    actor: str,
    now: datetime,
) -> Kept:
    """Keep a budget for every calendar month (UTC) from this one on."""
    wanted = list(DEFAULT_THRESHOLDS) if thresholds is None else thresholds
    stated = checked(Stated(name, monthly_amount, tuple(wanted), tuple(emails or ()), webhook_url))
    if unit not in Budget.Unit.values:
        refuse_fields([("unit", f"One of {', '.join(Budget.Unit.values)}.")])
    with _name_once(), transaction.atomic():
        transaction_lock(f"budgets|{workspace.pk}")
        if Budget.objects.filter(workspace=workspace, archived_at=None).count() >= MOST_BUDGETS:
            raise TooManyBudgetsError(
                f"A workspace keeps {MOST_BUDGETS} budgets at most; archive one first"
            )
        budget = Budget(
            workspace=workspace,
            project=None
            if project_id is None
            else projects.open_project(workspace, project_id, now=now),
            unit=unit,
            created_at=now,
        )
        secret = _state(budget, stated, now=now)
        budget.save()
        _write_down("budget_created", budget, _facts(budget), actor=actor, now=now)
    return Kept(budget, secret)


def change_budget(
    workspace: Workspace,
    public_id: str,
    changes: Mapping[str, Any],
    *,
    actor: str,
    now: datetime,
) -> Kept:
    """Change some of `CHANGEABLE`. Alerts of the month stay, and none is sent a second time."""
    with _name_once(), transaction.atomic():
        budget = _open_budget(workspace, public_id)
        before = _facts(budget)
        stated = Stated(
            budget.name,
            budget.monthly_amount,
            tuple(budget.thresholds),
            tuple(budget.emails),
            budget.webhook_url,
        )
        given = {name: changes[name] for name in CHANGEABLE if name in changes}
        secret = _state(budget, checked(replace(stated, **given)), now=now)
        budget.save()
        after = _facts(budget)
        changed = {
            name: [before[name], after[name]] for name in after if before[name] != after[name]
        }
        _write_down("budget_changed", budget, changed, actor=actor, now=now)
    return Kept(budget, secret)


def archive_budget(workspace: Workspace, public_id: str, *, actor: str, now: datetime) -> Budget:
    """Watch it no more; what waits to be delivered is given up. Safe to repeat."""
    with transaction.atomic():
        budget = _locked(workspace, public_id)
        if budget.archived_at is None:
            budget.archived_at = budget.updated_at = now
            budget.save(update_fields=["archived_at", "updated_at"])
            _write_down("budget_archived", budget, {}, actor=actor, now=now)
    return budget


def rotate_secret(workspace: Workspace, public_id: str, *, actor: str, now: datetime) -> Kept:
    """Sign with a new secret from now on; the old one signs nothing more."""
    with transaction.atomic():
        budget = _open_budget(workspace, public_id)
        if not budget.webhook_url:
            raise BudgetWithoutWebhookError("This budget has no webhook")
        secret = _seal_new(budget)
        budget.updated_at = now
        budget.save(update_fields=["sealed_webhook_secret", "updated_at"])
        _write_down("budget_secret_rotated", budget, {}, actor=actor, now=now)
    return Kept(budget, secret)


def reveal_webhook_secret(budget: Budget) -> Secret:
    """The signing secret in clear, for the length of one delivery."""
    return _keyring().open(budget.sealed_webhook_secret or {}, aad=_bound_to(budget))


def _state(budget: Budget, stated: Stated, *, now: datetime) -> Secret | None:
    """Take it all over; the secret where a webhook came that had none before."""
    budget.name, budget.monthly_amount = stated.name, stated.monthly_amount
    budget.thresholds, budget.emails = list(stated.thresholds), list(stated.emails)
    budget.webhook_url, budget.updated_at = stated.webhook_url, now
    if not budget.webhook_url:
        budget.sealed_webhook_secret = None
        return None
    return None if budget.sealed_webhook_secret else _seal_new(budget)


def _seal_new(budget: Budget) -> Secret:
    secret = new_secret()
    budget.sealed_webhook_secret = _keyring().seal(secret, aad=_bound_to(budget))
    return secret


def _locked(workspace: Workspace, public_id: str) -> Budget:
    budget = (
        Budget.objects.select_for_update(of=("self",))
        .select_related("workspace", "project")
        .filter(workspace=workspace, public_id=public_id)
        .first()
    )
    if budget is None:
        raise BudgetNotFoundError("No such budget in this workspace")
    return budget


def _open_budget(workspace: Workspace, public_id: str) -> Budget:
    budget = _locked(workspace, public_id)
    if budget.archived_at is not None:
        raise BudgetArchivedError("This budget is archived")
    return budget


def _facts(budget: Budget) -> dict[str, Any]:
    """What the audit trail is told: of people their number only."""
    return {
        "name": budget.name,
        "unit": budget.unit,
        "project": None if budget.project is None else str(budget.project.public_id),
        "monthly_amount": format(budget.monthly_amount.normalize(), "f"),
        "thresholds": budget.thresholds,
        "emails": len(budget.emails),
        "has_webhook": bool(budget.webhook_url),
    }


def _write_down(
    action: str, budget: Budget, facts: dict[str, Any], *, actor: str, now: datetime
) -> None:
    audit(budget.workspace, actor, action, budget.public_id, now=now, details=facts)


@contextmanager
def _name_once() -> Iterator[None]:
    try:
        yield
    except IntegrityError as refusal:
        if "budget_name_once" not in str(refusal):
            raise
        raise BudgetExistsError("A budget of this name is kept already") from refusal


def _keyring() -> Keyring:
    return Keyring.from_text(settings.SECRET_KEYRING)


def _bound_to(budget: Budget) -> str:
    """A sealed secret opens only in the row it was sealed for."""
    return f"budget-webhook|{budget.workspace.public_id}|{budget.public_id}"
