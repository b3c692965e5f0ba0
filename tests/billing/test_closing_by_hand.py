"""An operator closes a period, and records what the registry shows."""

from datetime import timedelta
from typing import Any

import pytest

from apps.billing.models import (
    RetirementOrder,
)
from apps.billing.services import closing, retirements
from apps.common.errors import DomainError, InvalidError
from apps.workspaces.models import Workspace
from tests.billing.stock import (
    DUE,
    NOVEMBER,
    OCTOBER,
    closing_period,
    load,
)
from tests.billing.usage import use

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("factors")]

DAY = timedelta(days=1)
MUCH = 100_000_000


def test_by_hand_only_a_closing_period_after_its_end_can_be_closed(workspace: Workspace) -> None:
    period = closing_period(workspace, plan="free")
    for now, is_early in ((NOVEMBER - DAY, True), (NOVEMBER + DAY, False)):
        with pytest.raises(DomainError, match="can close from"):
            closing.close_by_hand(period, now=now, registry_url="", is_early=is_early)

    after = closing.close_by_hand(period, now=NOVEMBER, registry_url="", is_early=True)

    assert after.status == "closed"
    with pytest.raises(DomainError, match="only a closing period"):
        closing.close_by_hand(after, now=DUE, registry_url="")


EVIDENCE: dict[str, Any] = {
    "retirement_id": "R-1",
    "retired_on": DUE.date(),
    "registry_url": "https://registry.example.com/R-1",
    "evidence_sha256": "ab" * 32,
}


def test_an_operators_record_confirms_an_order_once(workspace: Workspace) -> None:
    load()
    use(workspace, MUCH, OCTOBER + DAY)
    period = closing_period(workspace)
    closing.run(now=DUE, registry_url="")
    order = RetirementOrder.objects.get()

    retirements.confirm_by_hand(order, **EVIDENCE, now=DUE)

    assert closing.run(now=DUE, registry_url="") == [period]
    with pytest.raises(DomainError, match="before"):
        retirements.confirm_by_hand(order, **{**EVIDENCE, "retirement_id": "R-2"}, now=DUE)
    assert RetirementOrder.objects.get().retirement_id == "R-1"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("retirement_id", " "),
        ("retired_on", DUE.date() + DAY),
        ("registry_url", "javascript:alert(1)"),
        ("evidence_sha256", "AB" * 32),
    ],
)
def test_a_record_without_proper_evidence_is_refused(
    workspace: Workspace, field: str, value: object
) -> None:
    load()
    use(workspace, MUCH, OCTOBER + DAY)
    closing_period(workspace)
    closing.run(now=DUE, registry_url="")

    with pytest.raises(InvalidError) as refusal:
        retirements.confirm_by_hand(
            RetirementOrder.objects.get(), **{**EVIDENCE, field: value}, now=DUE
        )

    assert refusal.value.details["field"] == field
    assert RetirementOrder.objects.get().status == "requested"
