"""What the database itself refuses of samples and their rollup, and what a tenant may see."""

# ruff: noqa: S608 - the names in these statements are our own

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError
from django.db import connection as database

from apps.telemetry.models import SAMPLE_SUMMED, UsageSample, UsageSampleRollup
from apps.workspaces.models import Workspace
from apps.workspaces.tenancy import acting_for
from tests.factories import new_key
from tests.telemetry.samples.conftest import samples_of
from tests.telemetry.samples.published import EXAMPLE
from tests.telemetry.statements import attempt, copy_of

pytestmark = pytest.mark.django_db
SAMPLE, ROLLUP = "telemetry_usagesample", "telemetry_usagesamplerollup"
NEW_ID = "gen_random_uuid()"


@pytest.fixture(autouse=True)
def _sample(send: Callable[..., Any]) -> None:
    send(EXAMPLE | {"external_id": "a"}, headers={"Idempotency-Key": "key-1"})
    with database.cursor() as cursor:  # as after a commit: nothing is left to be checked
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def refused(statement: str, *parameters: Any, because: str) -> None:
    with pytest.raises(DatabaseError, match=because):
        attempt(statement, *parameters)


@pytest.mark.parametrize("change", ["usage_amount = 11", "is_test = true", "external_id = 'b'"])
def test_a_sample_never_changes(change: str) -> None:
    refused(f"UPDATE {SAMPLE} SET {change}", because="append-only")


def test_a_sample_is_never_deleted() -> None:
    refused(f"DELETE FROM {SAMPLE}", because="append-only")
    refused(f"TRUNCATE {SAMPLE}", because="append-only")


@pytest.mark.parametrize(
    ("changed", "because"),
    [
        ({"external_id": "'a'", "request_hash": "NULL"}, "sample_external_id_once"),
        ({"request_hash": "request_hash"}, "sample_request_once"),
        ({"usage_amount": "0"}, "sample_amount_positive"),
        ({"carbon_intensity_grams_co2e_per_kwh": "-1"}, "sample_intensity_not_negative"),
        ({"energy_kwh_low": "energy_kwh + 1"}, "sample_bounds_in_order"),
        ({"embodied_co2e_grams_high": "-1"}, "sample_bounds_in_order"),
    ],
)
def test_an_impossible_sample_is_refused(changed: dict[str, str], because: str) -> None:
    usual = {"public_id": NEW_ID, "external_id": "'b'", "request_hash": "'\\x01'"}

    refused(copy_of(SAMPLE, **usual | changed), because=because)


@pytest.mark.parametrize(
    "statement",
    [f"UPDATE {ROLLUP} SET samples = 2", f"DELETE FROM {ROLLUP}", f"TRUNCATE {ROLLUP}"],
)
def test_nothing_but_samples_writes_the_rollup(statement: str) -> None:
    refused(statement, because="rollups follow the samples")


def test_every_summable_column_is_summed() -> None:
    names = {"public_id": NEW_ID, "external_id": "NULL", "request_hash": "NULL"}
    for _ in range(2):
        attempt(copy_of(SAMPLE, **names))

    rollup = UsageSampleRollup.objects.get()

    samples = list(UsageSample.objects.all())
    assert rollup.samples == len(samples) == 4
    for name in SAMPLE_SUMMED:
        assert getattr(rollup, name) == sum(getattr(sample, name) for sample in samples)


def test_a_tenant_sees_and_writes_its_own_rows_only(
    api: Callable[..., Any], workspace: Workspace, theirs: Workspace
) -> None:
    api(new_key(theirs)).post(samples_of(theirs), EXAMPLE)

    with acting_for(workspace):
        for kind in (UsageSample, UsageSampleRollup):
            assert set(kind.objects.values_list("workspace_id", flat=True)) == {workspace.pk}
        names = {"public_id": NEW_ID, "external_id": "NULL", "request_hash": "NULL"}
        refused(copy_of(SAMPLE, **names, workspace_id=str(theirs.pk)), because="row-level security")
        refused(f"UPDATE {ROLLUP} SET samples = 2", because="permission denied")
