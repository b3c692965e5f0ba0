"""Closing a period from usage to confirmed retirement, against a registry over HTTP."""

from collections.abc import Callable
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Any

import pytest
from django.db import transaction

from apps.billing import check
from apps.billing.models import (
    BillingPeriod,
    CreditAllocation,
    CreditBatch,
    RetirementOrder,
    Settlement,
)
from apps.billing.services import closing, retirements
from apps.workspaces.models import Workspace
from devstack.simulator.testing import RunningSimulator
from tests.billing.stock import (
    DECEMBER,
    DUE,
    LATER_DUE,
    NOVEMBER,
    OCTOBER,
    closing_period,
    given_grams,
    load,
)
from tests.billing.usage import grams, use
from tests.factories import WorkspaceFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("factors")]

DAY = timedelta(days=1)
MUCH = 100_000_000


def whole(value: Decimal) -> int:
    return int(value.to_integral_value(rounding=ROUND_CEILING))


def rows() -> dict[str, list[dict[str, Any]]]:
    """What a close writes, without what is random."""
    models = (BillingPeriod, Settlement, RetirementOrder, CreditAllocation)
    hidden = {"id", "public_id", "retirement_id", "registry_url", "evidence_sha256", "order_id"}
    return {
        model.__name__: [
            {name: value for name, value in row.items() if name not in hidden}
            for row in model.objects.order_by("pk").values()
        ]
        for model in models
    }


def test_a_period_is_settled_allocated_retired_and_closed(
    workspace: Workspace, registry: str, simulator: RunningSimulator
) -> None:
    load()
    use(workspace, MUCH, OCTOBER + DAY)
    period = closing_period(workspace)

    closed = closing.run(now=DUE, registry_url=registry)

    period.refresh_from_db()
    assert closed == [period]
    assert (period.status, period.entries_count, period.co2e_grams) == (
        "closed", 1, grams(workspace),
    )  # fmt: skip
    assert period.retired_grams == given_grams(period) == whole(grams(workspace))
    order = RetirementOrder.objects.get()
    assert (order.status, str(order.retired_on)) == ("confirmed", "2026-11-03")
    asked = simulator.journal("registry")
    assert [call["status"] for call in asked] == [201]
    assert check.invariant_violations() == []


def test_nothing_happens_before_the_late_usage_had_its_time(
    workspace: Workspace, registry: str
) -> None:
    closing_period(workspace, plan="free")

    assert closing.run(now=DUE - timedelta(seconds=1), registry_url=registry) == []
    assert len(closing.run(now=DUE, registry_url=registry)) == 1


def test_running_again_writes_nothing(workspace: Workspace, registry: str) -> None:
    load()
    use(workspace, MUCH, OCTOBER + DAY)
    closing_period(workspace)
    closing.run(now=DUE, registry_url=registry)
    before = rows()

    assert closing.run(now=DUE + DAY, registry_url=registry) == []

    assert rows() == before


STEPS: dict[str, Callable[[str], object]] = {
    "settle": lambda _: closing.settle_due(now=DUE),
    "allocate": lambda _: closing.allocate(now=DUE),
    "retire": lambda url: retirements.request_pending(url, now=DUE),
    "finish": lambda _: closing.finish(now=DUE),
}


@pytest.mark.parametrize("steps_before_the_end", range(5))
def test_a_process_that_dies_after_any_step_leaves_what_the_next_run_goes_on_from(
    workspace: Workspace, registry: str, simulator: RunningSimulator, steps_before_the_end: int
) -> None:
    load()
    use(workspace, MUCH, OCTOBER + DAY)
    closing_period(workspace)
    with transaction.atomic():
        closing.run(now=DUE, registry_url=registry)
        undisturbed = rows()
        transaction.set_rollback(True)
    simulator.reset()
    simulator.set_clock("2026-11-03T00:00:00Z")

    for step in list(STEPS.values())[:steps_before_the_end]:
        step(registry)
    closing.run(now=DUE, registry_url=registry)

    assert rows() == undisturbed
    assert len(simulator.journal("registry")) == 1


def test_a_confirmation_that_was_lost_on_the_way_is_asked_for_under_the_same_id(
    workspace: Workspace, registry: str
) -> None:
    load()
    use(workspace, MUCH, OCTOBER + DAY)
    closing_period(workspace)
    closing.settle_due(now=DUE)
    closing.allocate(now=DUE)
    with transaction.atomic():
        retirements.request_pending(registry, now=DUE)
        lost = RetirementOrder.objects.get().retirement_id
        transaction.set_rollback(True)

    closing.run(now=DUE, registry_url=registry)

    assert RetirementOrder.objects.get().retirement_id == lost


def test_a_registry_that_fails_is_noted_and_asked_again(
    workspace: Workspace, registry: str, simulator: RunningSimulator
) -> None:
    load()
    use(workspace, MUCH, OCTOBER + DAY)
    period = closing_period(workspace)
    simulator.add_fault("registry", 422)

    assert closing.run(now=DUE, registry_url=registry) == []
    assert RetirementOrder.objects.get().problem
    simulator.clear_faults()

    assert closing.run(now=DUE, registry_url=registry) == [period]
    assert RetirementOrder.objects.get().problem == ""


def test_a_demonstration_registry_cannot_retire_real_credits(
    workspace: Workspace, registry: str
) -> None:
    load(name="SOME", registry="isometric", is_demonstration="false")
    use(workspace, MUCH, OCTOBER + DAY)
    closing_period(workspace)

    assert closing.run(now=DUE, registry_url=registry) == []

    order = RetirementOrder.objects.get()
    assert (order.status, order.retirement_id) == ("requested", "")
    assert "demonstration" in order.problem


def test_too_few_credits_leave_nothing_half_done_and_a_load_lets_it_go_on(
    workspace: Workspace, registry: str
) -> None:
    use(workspace, 100 * MUCH, OCTOBER + DAY)
    period = closing_period(workspace)
    load(2)
    assert whole(grams(workspace)) > CreditBatch.objects.get().tonnes * 1_000_000

    assert closing.run(now=DUE, registry_url=registry) == []
    period.refresh_from_db()
    assert period.settled_at == DUE
    assert "Too few credits" in period.problem
    assert (CreditAllocation.objects.count(), RetirementOrder.objects.count()) == (0, 0)
    load(5, name="DEMO-2", year=2025)

    assert closing.run(now=DUE + DAY, registry_url=registry) == [period]
    period.refresh_from_db()
    assert (period.problem, given_grams(period)) == ("", whole(grams(workspace)))
    assert CreditAllocation.objects.count() == 2
    assert check.invariant_violations() == []


def test_a_period_that_wants_too_much_does_not_stop_a_smaller_one(
    workspace: Workspace, registry: str
) -> None:
    load(1)
    modest = WorkspaceFactory.create()
    use(workspace, 10_000 * MUCH, OCTOBER + DAY)
    use(modest, MUCH, OCTOBER + DAY)
    closing_period(workspace)
    small = closing_period(modest)

    assert closing.run(now=DUE, registry_url=registry) == [small]


def test_the_high_bound_is_retired_where_the_workspace_chose_so(
    workspace: Workspace, registry: str
) -> None:
    load()
    use(workspace, MUCH, OCTOBER + DAY)
    period = closing_period(workspace, basis="high")

    closing.run(now=DUE, registry_url=registry)

    period.refresh_from_db()
    assert period.co2e_grams_high
    assert period.retired_grams == whole(period.co2e_grams_high) > whole(grams(workspace))


def test_the_rest_of_a_retired_tonne_is_given_out_before_a_new_one_is_ordered(
    workspace: Workspace, registry: str
) -> None:
    load()
    for start, end in ((OCTOBER, NOVEMBER), (NOVEMBER, DECEMBER)):
        use(workspace, MUCH, start + DAY)
        closing_period(workspace, start, end)

    closing.run(now=LATER_DUE, registry_url=registry)

    assert [order.grams.upper for order in RetirementOrder.objects.all()] == [1_000_000]
    first, second = CreditAllocation.objects.order_by("pk")
    assert first.grams.upper == second.grams.lower


def test_the_oldest_vintage_goes_first(workspace: Workspace, registry: str) -> None:
    load(name="DEMO-NEW", year=2025)
    load(name="DEMO-OLD", year=2019)
    use(workspace, MUCH, OCTOBER + DAY)
    closing_period(workspace)

    closing.run(now=DUE, registry_url=registry)

    assert CreditAllocation.objects.get().batch.vintage_start.year == 2019
