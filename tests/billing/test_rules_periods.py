"""What PostgreSQL itself refuses of periods and settlements."""

# ruff: noqa: S608, E501, ARG001, FBT001 - SQL of this file's own words; rows made by fixtures

from datetime import timedelta

import pytest

from apps.billing.models import (
    BillingPeriod,
    CreditAllocation,
)
from apps.billing.services import closing
from apps.workspaces.models import Workspace
from tests.billing.refusing import refused, run
from tests.billing.stock import DUE, NOVEMBER, OCTOBER, closing_period
from tests.billing.usage import use
from tests.factories import WorkspaceFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("factors")]

PERIOD = "billing_billingperiod"


@pytest.fixture
def closed(factors: None, workspace: Workspace) -> BillingPeriod:
    use(workspace, 100_000_000, OCTOBER + timedelta(days=1))
    period = closing_period(workspace, plan="free")
    closing.run(now=DUE, registry_url="")
    period.refresh_from_db()
    return period


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ("status = 'closing'", "closed and never changes"),
        ("problem = 'none'", "closed and never changes"),
    ],
)
def test_a_closed_period_never_changes(closed: BillingPeriod, change: str, because: str) -> None:
    refused(f"UPDATE {PERIOD} SET {change} WHERE id = %s", closed.pk, because=because)


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ("status = 'open'", "moves forward only"),
        ("workspace_id = workspace_id + 1", "never changes"),
        ("public_id = 'per_other'", "never changes"),
        ("starts_at = starts_at - interval '1 day'", "never changes"),
        ("ends_at = ends_at + interval '1 day'", "never changes"),
        ("retires_credits = false", "never changes"),
        ("retirement_basis = 'high'", "never changes"),
        ("plan = 'scale'", "never changes"),
        ("settled_at = null", "never changes"),
        ("entries_count = 0", "never changes"),
        ("co2e_grams = 0", "never changes"),
        ("co2e_grams_low = 0", "never changes"),
        ("co2e_grams_high = 0", "never changes"),
        ("energy_kwh = 0", "never changes"),
        ("adjustments_grams = 1", "never changes"),
        ("status = 'closed', closed_at = now(), retired_grams = 1", "do not sum to its retired"),
        ("status = 'closed', closed_at = now(), retired_grams = {owed}", "waits for a retirement"),
        ("closes_at = ends_at - interval '1 day'", "never changes"),
    ],
)
def test_what_a_settled_period_stated_never_changes(
    allocated: BillingPeriod, change: str, because: str
) -> None:
    given = CreditAllocation.objects.get().grams
    change = change.format(owed=given.upper - given.lower)
    refused(f"UPDATE {PERIOD} SET {change} WHERE id = %s", allocated.pk, because=because)


def test_a_period_is_never_deleted(closed: BillingPeriod) -> None:
    refused(f"DELETE FROM {PERIOD} WHERE id = %s", closed.pk, because="never deleted")


def test_an_open_period_cannot_be_closed_at_once(workspace: Workspace) -> None:
    period = closing_period(workspace, plan="free")
    opened = BillingPeriod.objects.create(
        workspace=workspace,
        starts_at=NOVEMBER,
        ends_at=NOVEMBER + timedelta(days=30),
        closes_at=NOVEMBER + timedelta(days=32),
        plan="free",
        created_at=NOVEMBER,
    )
    whole = (
        "settled_at = now(), entries_count = 0, co2e_grams_low = 0, co2e_grams = 0,"
        " co2e_grams_high = 0, energy_kwh = 0, adjustments_grams = 0"
    )
    sql = f"UPDATE {PERIOD} SET {whole} WHERE id = %s"
    refused(sql, opened.pk, because="settled while it is closing")
    closed_too = f"{whole}, status = 'closed', closed_at = now(), retired_grams = 0"
    refused(
        f"UPDATE {PERIOD} SET {closed_too} WHERE id = %s", opened.pk, because="while it is closing"
    )
    run(f"UPDATE {PERIOD} SET status = 'closing' WHERE id = %s", opened.pk)
    run(sql, opened.pk)
    refused(
        f"UPDATE {PERIOD} SET status = 'closed', closed_at = now(), retired_grams = 0 WHERE id = %s",
        opened.pk,
        because="close in order",
    )
    assert period.status == "closing"


def test_the_figures_have_to_be_those_of_the_settled_entries(workspace: Workspace) -> None:
    period = closing_period(workspace, plan="free")
    stated = (
        "settled_at = now(), entries_count = 1, co2e_grams_low = 0, co2e_grams = 0,"
        " co2e_grams_high = 0, energy_kwh = 0, adjustments_grams = 0"
    )
    run(f"UPDATE {PERIOD} SET {stated} WHERE id = %s", period.pk)
    refused(
        f"UPDATE {PERIOD} SET status = 'closed', closed_at = now(), retired_grams = 0 WHERE id = %s",
        period.pk,
        because="do not sum to its footprint",
    )


def test_a_period_that_owes_credits_cannot_close_without_them(workspace: Workspace) -> None:
    use(workspace, 100_000_000, OCTOBER + timedelta(days=1))
    period = closing_period(workspace)
    closing.run(now=DUE, registry_url="")
    refused(
        f"UPDATE {PERIOD} SET status = 'closed', closed_at = now(), retired_grams = 0 WHERE id = %s",
        period.pk,
        because="period_retired_is_owed",
    )


INSERT = (
    f"INSERT INTO {PERIOD} (public_id, workspace_id, starts_at, ends_at, closes_at, status, plan,"
    " retires_credits, retirement_basis, stripe_invoice_id, problem, created_at, settled_at)"
    " SELECT 'per_x', workspace_id, {starts}, {ends}, {closes}, {status}, plan, retires_credits,"
    " {basis}, '', '', created_at, {settled} FROM billing_billingperiod LIMIT 1"
)
NEXT = {
    "starts": "ends_at",
    "ends": "ends_at + interval '30 days'",
    "closes": "ends_at + interval '32 days'",
    "status": "'closing'",
    "basis": "'central'",
    "settled": "null",
}


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"starts": "starts_at + interval '1 day'"}, "period_no_overlap"),
        ({"ends": "ends_at"}, "period_has_span"),
        ({"closes": "ends_at"}, "period_closes_after_its_end"),
        ({"basis": "'low'"}, "period_basis_known"),
        ({"status": "'closed'"}, "begins with nothing settled"),
        ({"settled": "now()"}, "begins with nothing settled"),
    ],
)
def test_a_period_that_makes_no_sense_is_refused(
    workspace: Workspace, changes: dict[str, str], because: str
) -> None:
    closing_period(workspace, plan="free")
    run(INSERT.format(**NEXT) + " OFFSET 1")
    refused(INSERT.format(**{**NEXT, **changes}), because=because)


def test_a_workspace_has_one_open_period(workspace: Workspace) -> None:
    closing_period(workspace, plan="free")
    run(INSERT.format(**{**NEXT, "status": "'open'"}))
    later = {
        "starts": "ends_at + interval '60 days'",
        "ends": "ends_at + interval '90 days'",
        "closes": "ends_at + interval '92 days'",
        "status": "'open'",
    }
    twice = INSERT.replace("'per_x'", "'per_y'").format(**{**NEXT, **later})
    refused(twice, because="period_one_open")


SETTLE = "INSERT INTO billing_settlement (entry_id, workspace_id, period_id, is_adjustment) "


def test_an_entry_is_settled_once_and_for_good(closed: BillingPeriod) -> None:
    run("SET CONSTRAINTS ALL IMMEDIATE")
    refused("UPDATE billing_settlement SET is_adjustment = true", because="append-only")
    refused("DELETE FROM billing_settlement", because="append-only")
    refused("TRUNCATE billing_settlement", because="append-only")
    again = "SELECT entry_id, workspace_id, period_id, is_adjustment FROM billing_settlement"
    refused(SETTLE + again, because="duplicate key")


def test_only_a_closing_period_that_stated_nothing_takes_settlements(
    allocated: BillingPeriod,
) -> None:
    late = use(allocated.workspace, 10, OCTOBER + timedelta(days=2)).entries.get()
    refused(
        SETTLE + "VALUES (%s, %s, %s, false)",
        late.pk,
        allocated.workspace_id,
        allocated.pk,
        because="takes settlements",
    )


@pytest.mark.parametrize(
    ("at", "is_test", "is_adjustment"),
    [
        (NOVEMBER, False, False),
        (OCTOBER, True, False),
        (OCTOBER, False, True),
        (OCTOBER - timedelta(days=1), False, False),
    ],
)
def test_an_entry_is_settled_only_where_it_fits(
    workspace: Workspace, at: object, is_test: bool, is_adjustment: bool
) -> None:
    period = closing_period(workspace, plan="free")
    entry = use(workspace, 10, at, is_test=is_test).entries.get()  # type: ignore[arg-type]
    refused(
        SETTLE + "VALUES (%s, %s, %s, %s)",
        entry.pk,
        workspace.pk,
        period.pk,
        is_adjustment,
        because="live entries used before the end",
    )


def test_an_entry_is_settled_in_its_own_workspace(workspace: Workspace) -> None:
    period = closing_period(WorkspaceFactory.create(), plan="free")
    entry = use(workspace, 10, OCTOBER).entries.get()
    for owner in (workspace.pk, period.workspace_id):
        refused(
            SETTLE + "VALUES (%s, %s, %s, false)",
            entry.pk,
            owner,
            period.pk,
            because="same_workspace",
        )
