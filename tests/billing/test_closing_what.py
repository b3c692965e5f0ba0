"""What a close settles: late usage, revisions, test events, free periods, the order."""

from datetime import timedelta
from decimal import Decimal

import pytest

from apps.billing import check
from apps.billing.models import (
    Settlement,
)
from apps.billing.services import closing
from apps.workspaces.models import Workspace
from tests.billing.stock import (
    DECEMBER,
    DUE,
    LATER_DUE,
    NOVEMBER,
    OCTOBER,
    closing_period,
    load,
)
from tests.billing.usage import grams, revise, use
from tests.factories import WorkspaceFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("factors")]

DAY = timedelta(days=1)
MUCH = 100_000_000


def test_late_usage_is_settled_by_the_next_period_as_its_adjustment(
    workspace: Workspace, registry: str
) -> None:
    load()
    use(workspace, MUCH, OCTOBER + DAY)
    october = closing_period(workspace)
    closing.run(now=DUE, registry_url=registry)
    late = use(workspace, MUCH, OCTOBER + 2 * DAY)
    use(workspace, MUCH, NOVEMBER + DAY)
    november = closing_period(workspace, NOVEMBER, DECEMBER)

    closing.run(now=LATER_DUE, registry_url=registry)

    november.refresh_from_db()
    assert Settlement.objects.get(entry__event=late).period == november
    assert Settlement.objects.get(entry__event=late).is_adjustment
    assert november.entries_count == 2
    assert november.adjustments_grams == late.entries.get().co2e_grams
    assert Settlement.objects.filter(period=october).count() == 1


def test_adjustments_that_would_go_below_zero_wait_for_a_period_that_can_carry_them(
    workspace: Workspace, registry: str
) -> None:
    load()
    event = use(workspace, MUCH, OCTOBER + DAY)
    closing_period(workspace)
    closing.run(now=DUE, registry_url=registry)
    stated = grams(workspace)
    revise(event, 0, NOVEMBER + DAY)
    november = closing_period(workspace, NOVEMBER, DECEMBER)
    closing.run(now=LATER_DUE, registry_url=registry)
    november.refresh_from_db()
    assert (november.status, november.entries_count, november.retired_grams) == ("closed", 0, 0)
    use(workspace, 3 * MUCH, DECEMBER + DAY)
    january = DECEMBER + timedelta(days=31)
    december = closing_period(workspace, DECEMBER, january)

    closing.run(now=january + 2 * DAY, registry_url=registry)

    december.refresh_from_db()
    assert december.entries_count == 2
    assert december.co2e_grams == grams(workspace) - stated
    assert check.invariant_violations() == []


def test_test_events_and_usage_after_the_end_are_left_out(
    workspace: Workspace, registry: str
) -> None:
    use(workspace, MUCH, OCTOBER + DAY, is_test=True)
    use(workspace, MUCH, NOVEMBER)
    use(WorkspaceFactory.create(), MUCH, OCTOBER + DAY)
    period = closing_period(workspace, plan="free")

    closing.run(now=DUE, registry_url=registry)

    period.refresh_from_db()
    assert period.entries_count == 0
    assert period.co2e_grams == Decimal()


def test_a_free_period_states_a_footprint_and_retires_nothing(workspace: Workspace) -> None:
    use(workspace, MUCH, OCTOBER + DAY)
    period = closing_period(workspace, plan="free")

    closing.run(now=DUE, registry_url="")

    period.refresh_from_db()
    assert (period.status, period.retired_grams) == ("closed", 0)
    assert period.co2e_grams == grams(workspace)


def test_periods_of_a_workspace_close_in_order_within_one_run(
    workspace: Workspace, registry: str
) -> None:
    november = closing_period(workspace, NOVEMBER, DECEMBER, plan="free")
    october = closing_period(workspace, plan="free")

    assert closing.run(now=LATER_DUE, registry_url=registry) == [october, november]
