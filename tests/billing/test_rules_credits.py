"""What PostgreSQL itself refuses of credits, orders, allocations and deliveries."""

# ruff: noqa: S608, ARG001 - SQL of this file's own words; rows made by fixtures

from datetime import timedelta

import pytest

from apps.billing.models import (
    BillingPeriod,
    CreditAllocation,
    CreditBatch,
    RetirementOrder,
    Settlement,
    StripeEvent,
)
from apps.billing.services import closing, events
from apps.billing.stripe_facts import Delivery
from apps.workspaces.models import Workspace
from apps.workspaces.tenancy import acting_for
from tests.billing.refusing import refused, run
from tests.billing.stock import DUE, NOVEMBER, closing_period, load
from tests.factories import WorkspaceFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("factors")]

PERIOD = "billing_billingperiod"


def test_batches_are_append_only(workspace: Workspace) -> None:
    load()
    refused("UPDATE billing_creditbatch SET tonnes = 1", because="append-only")
    refused("DELETE FROM billing_creditbatch", because="append-only")


BATCH = [
    str(field.column)
    for field in CreditBatch._meta.local_fields
    if field.name not in {"id", "grams"}
]


@pytest.mark.parametrize(
    ("changes", "grams", "because"),
    [
        ({}, "int8range(20000000, 40000000)", "batch_serials_once"),
        ({"serial_stem": "'other'"}, "int8range(19000000, 39000000)", "batch_grams_once"),
        ({"serial_stem": "'other'"}, "int8range(20000000, 39000000)", "batch_grams_match_tonnes"),
        ({"serial_stem": "'other'"}, "int8range(20000001, 40000001)", "batch_grams_match_tonnes"),
        ({"serial_stem": "'other'"}, "'empty'", "batch_grams_match_tonnes"),
        ({"serial_last": "99"}, "int8range(20000000, 40000000)", "batch_serials_match_tonnes"),
        ({"tonnes": "0"}, "int8range(20000000, 40000000)", "batch_not_empty|match_tonnes"),
        ({"vintage_end": "'2001-01-01'"}, "int8range(20000000, 40000000)", "vintage_forward"),
        ({"corresponding_adjustment": "'x'"}, "int8range(20000000, 40000000)", "adjustment_known"),
    ],
)
def test_a_batch_that_makes_no_sense_is_refused(
    workspace: Workspace, changes: dict[str, str], grams: str, because: str
) -> None:
    load()
    values = {name: name for name in BATCH} | {"public_id": "'bat_x'"} | changes
    refused(
        f"INSERT INTO billing_creditbatch ({', '.join(BATCH)}, grams)"
        f" SELECT {', '.join(values[name] for name in BATCH)}, {grams} FROM billing_creditbatch",
        because=because,
    )


ORDER = (
    "INSERT INTO billing_retirementorder (public_id, batch_id, grams, status, beneficiary, reason,"
    " requested_at, retirement_id, registry_url, evidence_sha256, problem)"
    " SELECT 'ord_x', id, {grams}, {status}, 'b', 'r', now(), '', '', '', ''"
    " FROM billing_creditbatch"
)


@pytest.mark.parametrize(
    ("grams", "status", "because"),
    [
        ("int8range(0, 1000000)", "'requested'", "order_grams_once"),
        ("int8range(1000000, 1500000)", "'requested'", "order_whole_tonnes"),
        ("'empty'::int8range", "'requested'", "order_whole_tonnes"),
        ("int8range(19000000, 21000000)", "'requested'", "inside its batch"),
        ("int8range(1000000, 2000000)", "'confirmed'", "order_confirmed_has_evidence"),
    ],
)
@pytest.mark.usefixtures("allocated")
def test_an_order_that_makes_no_sense_is_refused(grams: str, status: str, because: str) -> None:
    refused(ORDER.format(grams=grams, status=status), because=because)


@pytest.mark.usefixtures("allocated")
def test_an_order_only_moves_from_requested_to_confirmed() -> None:
    table = "billing_retirementorder"
    for change in ("beneficiary = 'x'", "reason = 'x'", "public_id = 'x'", "requested_at = now()"):
        refused(f"UPDATE {table} SET {change}", because="only moves from requested")
    refused(f"DELETE FROM {table}", because="never deleted")
    run(
        f"UPDATE {table} SET status = 'confirmed', retirement_id = 'R', registry_url = 'u',"
        " retired_on = now(), confirmed_at = now()"
    )
    refused(f"UPDATE {table} SET retirement_id = 'R2'", because="only moves from requested")


ALLOCATE = (
    "INSERT INTO billing_creditallocation"
    " (workspace_id, period_id, batch_id, order_id, grams, created_at)"
    " SELECT workspace_id, {period}, batch_id, order_id, {grams}, now()"
    " FROM billing_creditallocation"
)


def test_a_gram_is_given_once_and_for_good(allocated: BillingPeriod) -> None:
    table = "billing_creditallocation"
    again = ALLOCATE.format(period="period_id", grams="int8range(0, 1)")
    empty = ALLOCATE.format(period="period_id", grams="'empty'::int8range")
    outside = ALLOCATE.format(period="period_id", grams="int8range(1000000, 1000001)")
    refused(again, because="allocation_grams_once")
    refused(empty, because="allocation_not_empty")
    refused(outside, because="inside its batch and its retirement order")
    refused(f"UPDATE {table} SET grams = int8range(0, 1)", because="append-only")
    refused(f"DELETE FROM {table}", because="append-only")


def test_only_a_settled_period_that_retires_takes_grams(allocated: BillingPeriod) -> None:
    later = closing_period(allocated.workspace, NOVEMBER, NOVEMBER + timedelta(days=30))
    free = ALLOCATE.format(period=later.pk, grams="int8range(999999, 1000000)")
    refused(free, because="takes allocations")


def test_an_allocation_stays_in_its_workspace(allocated: BillingPeriod) -> None:
    other = closing_period(WorkspaceFactory.create())
    closing.settle(other.pk, now=DUE)
    stray = ALLOCATE.format(period=other.pk, grams="int8range(999999, 1000000)")
    refused(stray, because="same_workspace")


def test_a_delivered_event_is_kept_as_it_came() -> None:
    told = Delivery("evt_1", "some.type", "v", is_livemode=False, created_at=DUE)
    events.store(told, b"body", now=DUE)
    table = "billing_stripeevent"
    for change in ("body = ''", "type = 'x'", "is_livemode = true", "received_at = now()"):
        refused(f"UPDATE {table} SET {change}", because="kept as it came")
    refused(f"DELETE FROM {table}", because="kept as it came")
    StripeEvent.objects.update(outcome="noted")


def test_a_tenant_sees_only_the_credits_that_were_given_to_it(allocated: BillingPeriod) -> None:
    load(name="DEMO-2", year=2025)
    other = WorkspaceFactory.create()
    with acting_for(allocated.workspace):
        assert CreditBatch.objects.count() == RetirementOrder.objects.count() == 1
        assert Settlement.objects.count() == CreditAllocation.objects.count() == 1
    with acting_for(other):
        assert CreditBatch.objects.count() == RetirementOrder.objects.count() == 0
        assert BillingPeriod.objects.count() == 0


def test_a_tenant_writes_nothing_of_billing(allocated: BillingPeriod) -> None:
    with acting_for(allocated.workspace):
        for table in (PERIOD, "billing_settlement", "billing_creditbatch", "billing_stripeevent"):
            refused(f"DELETE FROM {table}", because="permission denied")
        refused(f"UPDATE {PERIOD} SET plan = 'free'", because="permission denied")
