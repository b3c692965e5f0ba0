"""Usage that no receipt has stated is valued anew; what was stated never changes."""

from datetime import timedelta
from decimal import Decimal

import pytest

from apps.billing import check as billing
from apps.billing.models import BillingPeriod, Settlement
from apps.billing.services import closing
from apps.telemetry import check as telemetry
from apps.telemetry.models import FactorOverride, Rollup, TelemetryEvent
from apps.workspaces.models import Workspace
from tests.billing.recalculating import (
    NEW,
    OLD,
    SHOWN,
    contents,
    counts,
    publish_new_factors,
    recalculate,
    shares,
    stated,
    sums,
    told,
    trail,
)
from tests.billing.stock import DECEMBER, DUE, LATER_DUE, NOVEMBER, OCTOBER, closing_period
from tests.billing.usage import revise, use
from tests.factories import WorkspaceFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("factors")]

DAY = timedelta(days=1)
MUCH, LITTLE = 10_000_000, 3_000


@pytest.fixture
def october(workspace: Workspace) -> BillingPeriod:
    """Closed, with one event and its receipt's figures."""
    use(workspace, MUCH, OCTOBER + DAY)
    closing_period(workspace, plan="free")
    (closed,) = closing.run(now=DUE, registry_url="")
    return closed


@pytest.fixture
def november(workspace: Workspace, october: BillingPeriod) -> BillingPeriod:  # noqa: ARG001 - it comes first
    """The next period, that has stated nothing."""
    return closing_period(workspace, NOVEMBER, DECEMBER, plan="free")


def assert_sound() -> None:
    assert telemetry.invariant_violations() == []
    assert billing.invariant_violations() == []


def test_an_unstated_event_costs_what_it_would_have_cost_by_the_new_factors(
    workspace: Workspace, november: BillingPeriod
) -> None:
    for number in range(1, 4):
        use(workspace, number * LITTLE, NOVEMBER + number * DAY)
    stated_before, settled_before = stated(november), sums(workspace)
    publish_new_factors()
    fresh = WorkspaceFactory.create()
    for number in range(1, 4):
        use(fresh, number * LITTLE, NOVEMBER + number * DAY)

    report, _ = recalculate("--workspace", workspace.slug)

    (share,) = shares(report, workspace).values()
    assert share["period"] == november.public_id
    assert counts(share) == (3, 3, 0)
    assert stated(november) == stated_before
    expected = sums(fresh)
    for name in SHOWN:
        assert Decimal(share["totals"][name]["after"]) == expected[f"all_{name}"]
        difference = Decimal(share["totals"][name]["difference"])
        assert sums(workspace)[f"all_{name}"] - settled_before[f"all_{name}"] == difference
    assert Decimal(share["totals"]["co2e_grams"]["difference"]) > 0
    assert sums(workspace, Rollup) == sums(workspace)
    closing.run(now=LATER_DUE, registry_url="")
    november.refresh_from_db()
    assert november.co2e_grams == expected["all_co2e_grams"]
    assert november.co2e_grams_high == expected["all_co2e_grams_high"]
    assert_sound()


def test_what_a_receipt_states_is_not_touched(workspace: Workspace, october: BillingPeriod) -> None:
    before, entries, settled = stated(october), contents(workspace), Settlement.objects.count()
    publish_new_factors()

    report, printed = recalculate()

    assert report["workspaces"] == [{"workspace": workspace.slug, "stated": 1, "periods": []}]
    assert (stated(october), contents(workspace)) == (before, entries)
    assert Settlement.objects.count() == settled
    assert "Nothing to change" in printed
    assert told(workspace) == []
    assert_sound()


def test_an_event_of_which_a_receipt_states_a_part_is_left_and_counted(
    workspace: Workspace, november: BillingPeriod
) -> None:
    event = TelemetryEvent.objects.get()
    revise(event, MUCH + LITTLE, DUE + DAY)
    entries = contents(workspace)
    publish_new_factors()

    report, printed = recalculate()

    share = shares(report, workspace)[november.public_id]
    assert counts(share) == (1, 0, 1)
    assert "1 left: already stated on a receipt" in printed
    assert share["totals"]["co2e_grams"]["before"] == "0"
    assert contents(workspace) == entries
    closing.run(now=LATER_DUE, registry_url="")
    assert_sound()


def test_the_entries_of_an_event_tell_both_factor_sets(workspace: Workspace) -> None:
    event = use(workspace, MUCH, OCTOBER + DAY)
    publish_new_factors()

    recalculate()

    assert trail(event) == [("measured", OLD), ("recalculated", NEW)]


def test_counts_revised_later_are_valued_by_the_recalculated_factor_set(
    workspace: Workspace,
) -> None:
    event = use(workspace, MUCH, OCTOBER + DAY)
    publish_new_factors()
    recalculate()
    publish_new_factors("2027.1.1", us_grid=10.0)

    revise(event, 2 * MUCH, OCTOBER + 2 * DAY)

    assert trail(event)[1:] == [("recalculated", NEW), ("revised", NEW)]


def test_a_second_run_changes_nothing_and_says_so(workspace: Workspace) -> None:
    use(workspace, MUCH, OCTOBER + DAY)
    publish_new_factors()
    recalculate()
    entries, audited = contents(workspace), told(workspace)

    report, printed = recalculate()

    assert counts(shares(report, workspace)[None]) == (1, 0, 0)
    assert "Nothing to change" in printed
    assert (contents(workspace), told(workspace)) == (entries, audited)


def test_a_dry_run_writes_nothing_and_shows_what_the_real_one_does(
    workspace: Workspace, november: BillingPeriod
) -> None:
    use(workspace, MUCH, NOVEMBER + DAY)
    use(workspace, LITTLE, DECEMBER + DAY)
    publish_new_factors()
    entries = contents(workspace)

    tried, said = recalculate("--dry-run")

    assert (contents(workspace), told(workspace)) == (entries, [])
    assert "Events that would change: 2.\nDry run: nothing was written." in said
    done, printed = recalculate()
    assert tried["workspaces"] == done["workspaces"]
    assert set(shares(done, workspace)) == {november.public_id, None}
    assert said.split("Events that")[0] == printed.split("Events that")[0]


def test_only_the_chosen_workspace_is_touched_and_by_default_every_one(
    workspace: Workspace,
) -> None:
    other = WorkspaceFactory.create()
    for each in (workspace, other):
        use(each, MUCH, OCTOBER + DAY)
    publish_new_factors()
    entries = contents(other)

    recalculate("--workspace", workspace.slug)
    assert contents(other) == entries
    report, _ = recalculate()

    assert counts(shares(report, workspace)[None]) == (1, 0, 0)
    assert counts(shares(report, other)[None]) == (1, 1, 0)
    assert sums(workspace) == sums(other)
    assert len(told(workspace)) == len(told(other)) == 1
    assert_sound()


def test_late_usage_belongs_to_the_period_that_will_state_it(
    workspace: Workspace, november: BillingPeriod
) -> None:
    use(workspace, LITTLE, OCTOBER + 2 * DAY)
    publish_new_factors()

    report, _ = recalculate()

    assert counts(shares(report, workspace)[november.public_id]) == (1, 1, 0)
    closing.run(now=LATER_DUE, registry_url="")
    november.refresh_from_db()
    assert november.adjustments_grams == november.co2e_grams
    assert_sound()


def test_test_usage_is_valued_anew_and_belongs_to_no_period(
    workspace: Workspace, november: BillingPeriod
) -> None:
    use(workspace, MUCH, NOVEMBER + DAY, is_test=True)
    publish_new_factors()

    report, _ = recalculate()

    assert list(shares(report, workspace)) == [None]
    assert november.public_id not in shares(report, workspace)
    assert counts(shares(report, workspace)[None]) == (1, 1, 0)


def test_the_audit_trail_tells_versions_counts_and_totals(workspace: Workspace) -> None:
    use(workspace, MUCH, OCTOBER + DAY)
    use(workspace, 0, OCTOBER + DAY)
    before = sums(workspace)
    publish_new_factors()

    recalculate()

    (details,) = told(workspace)
    assert details["events"] == 1
    assert details["factor_versions"] == {"before": [OLD], "after": [NEW]}
    for name in SHOWN:
        assert Decimal(details["before"][name]) == before[f"all_{name}"]
        assert Decimal(details["after"][name]) == sums(workspace)[f"all_{name}"]


def test_an_override_that_came_later_is_applied_and_named(workspace: Workspace) -> None:
    event = use(workspace, MUCH, OCTOBER + DAY)
    use(workspace, MUCH, OCTOBER + 3 * DAY)
    override = FactorOverride.objects.create(
        workspace=workspace,
        kind="pue",
        value=2,
        evidence="Annual report of the site, page 3",
        starts_at=OCTOBER,
        ends_at=OCTOBER + 2 * DAY,
        created_by="tests",
        created_at=DUE,
    )

    report, printed = recalculate()

    share = shares(report, workspace)[None]
    assert counts(share) == (2, 1, 0)
    assert share["overrides"] == {override.public_id: 1}
    assert f"override {override.public_id} (events: 1)" in printed
    assert share["factor_versions"] == [{"before": OLD, "after": OLD, "events": 1}]
    assert trail(event) == [("measured", OLD), ("recalculated", OLD)]
    assert counts(shares(recalculate()[0], workspace)[None]) == (2, 0, 0)
