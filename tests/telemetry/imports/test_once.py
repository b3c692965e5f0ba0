"""A use counts once, however often and in whichever file it is billed."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from threading import Thread

import pytest
from django.core.management import CommandError
from django.db import connection

from apps.telemetry.models import UsageImport, UsageSample
from apps.workspaces.models import Workspace
from tests.factories import NOW
from tests.holding import held, is_waited_for
from tests.telemetry.imports.bills import Row, as_csv, cur2, focus
from tests.telemetry.imports.conftest import Import
from tests.telemetry.waiting import until

pytestmark = pytest.mark.django_db


def hours(count: int, first: int = 0) -> list[Row]:
    """One line an hour, with ids of a new delivery."""
    return [
        cur2(
            line_item_usage_start_date=f"2026-10-05T{hour:02}:00:00.000Z",
            line_item_usage_end_date=f"2026-10-05T{hour + 1:02}:00:00.000Z",
        )
        for hour in range(first, first + count)
    ]


def test_the_same_file_again_reads_and_stores_nothing(tmp_path: Path, run_import: Import) -> None:
    path = as_csv(tmp_path / "a.csv", hours(3))
    first = run_import(path)

    again = run_import(path)

    assert UsageSample.objects.count() == 3
    assert "was imported on" in again.said
    assert again.said.splitlines()[1:] == first.said.splitlines()[2:]


def test_the_same_content_under_another_name_is_the_same_file(
    tmp_path: Path, run_import: Import
) -> None:
    rows = hours(2)

    run_import(as_csv(tmp_path / "a.csv", rows))
    run_import(as_csv(tmp_path / "b.csv", rows))

    assert UsageImport.objects.get().file_name == "a.csv"


def test_another_delivery_that_overlaps_adds_only_what_is_new(
    tmp_path: Path, run_import: Import
) -> None:
    run_import(as_csv(tmp_path / "first.csv", hours(3)))

    run = run_import(as_csv(tmp_path / "later.csv", [*reversed(hours(3)), *hours(2, first=3)]))

    assert UsageSample.objects.count() == 5
    assert "Samples stored: 2\n" in run.said
    assert "Samples known before: 3\n" in run.said


def test_lines_that_are_alike_in_one_file_all_count(tmp_path: Path, run_import: Import) -> None:
    run_import(as_csv(tmp_path / "first.csv", [focus(), focus(), focus()]))
    run_import(as_csv(tmp_path / "later.csv", [focus(), focus(), focus(), focus()]))

    assert UsageSample.objects.count() == 4


@pytest.mark.parametrize(
    "changes",
    [
        {"line_item_usage_account_id": "210987654322"},
        {"line_item_resource_id": "i-1"},
        {"line_item_usage_start_date": "2026-10-05T11:00:00.000Z"},
        {"line_item_usage_end_date": "2026-10-06T00:00:00.000Z"},
        {"line_item_usage_type": "EUC1-SpotUsage:m5.large"},
        {"line_item_operation": "RunInstances:0002"},
        {"product_region_code": "eu-west-1"},
        {"line_item_line_item_type": "DiscountedUsage"},
        {"savings_plan_savings_plan_a_r_n": "arn:1"},
        {"line_item_line_item_description": "the second tier"},
    ],
)
def test_a_line_that_differs_in_what_identifies_it_is_another(
    tmp_path: Path, run_import: Import, changes: dict[str, str]
) -> None:
    run_import(as_csv(tmp_path / "a.csv", [cur2()]))
    run_import(as_csv(tmp_path / "b.csv", [cur2(**changes)]))

    assert UsageSample.objects.count() == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"identity_line_item_id": "another"},
        {"bill_invoice_id": "2026-1"},
        {"line_item_unblended_cost": "0.1"},
        {"resource_tags": '{"user_team":"web"}'},
    ],
)
def test_what_is_revised_or_added_later_makes_no_other_line(
    tmp_path: Path, run_import: Import, changes: dict[str, str]
) -> None:
    run_import(as_csv(tmp_path / "a.csv", [cur2()]))
    run_import(as_csv(tmp_path / "b.csv", [cur2(**changes)]))

    assert UsageSample.objects.count() == 1


def test_tags_tell_lines_apart_that_name_no_resource(tmp_path: Path, run_import: Import) -> None:
    rows = [
        cur2(line_item_resource_id="", resource_tags=f'{{"user_team":"{team}"}}')
        for team in ("web", "shop")
    ]

    run_import(as_csv(tmp_path / "a.csv", rows[:1]))
    run_import(as_csv(tmp_path / "b.csv", rows[1:]))

    assert UsageSample.objects.count() == 2


def test_a_changed_amount_is_named_and_not_stored(tmp_path: Path, run_import: Import) -> None:
    run_import(as_csv(tmp_path / "a.csv", [cur2()]))

    run = run_import(as_csv(tmp_path / "b.csv", [cur2(line_item_usage_amount="0.5")]))

    assert UsageSample.objects.get().usage_amount == Decimal(1)
    assert "Changed since imported: 1\n  1  AmazonEC2 EUC1-BoxUsage:m5.large" in run.said
    assert run.code == 0


def test_each_workspace_has_its_own(tmp_path: Path, run_import: Import, theirs: Workspace) -> None:
    path = as_csv(tmp_path / "a.csv", hours(2))

    run_import(path)
    run_import(path, into=theirs)

    assert UsageSample.objects.filter(workspace=theirs).count() == 2
    assert UsageSample.objects.count() == 4


def test_newer_rules_read_the_file_again(tmp_path: Path, run_import: Import) -> None:
    path = as_csv(tmp_path / "a.csv", hours(2))
    run_import(path)
    UsageImport.objects.update(rules="billing-2020.1.1", lines_not_understood=7)

    run = run_import(path)

    row = UsageImport.objects.get()
    assert (row.samples_stored, row.samples_known, row.lines_not_understood) == (0, 2, 0)
    assert "Samples known before: 2\n" in run.said


def test_a_dry_run_writes_nothing(tmp_path: Path, run_import: Import) -> None:
    path = as_csv(tmp_path / "a.csv", hours(2))

    run = run_import(path, "--dry-run")

    assert "Samples to store: 2\n" in run.said
    assert not UsageImport.objects.exists()
    assert not UsageSample.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_second_import_is_refused_while_one_runs(tmp_path: Path, run_import: Import) -> None:
    path = as_csv(tmp_path / "a.csv", hours(2))
    other = as_csv(tmp_path / "b.csv", hours(2, first=5))

    with running(run_import, path), pytest.raises(CommandError, match="is running"):
        run_import(other, "--dry-run")  # which would not wait for the table

    assert UsageSample.objects.count() == 2


def test_nothing_is_imported_into_a_closed_workspace(tmp_path: Path, run_import: Import) -> None:
    Workspace.objects.update(closed_at=NOW)

    with pytest.raises(CommandError, match="closed"):
        run_import(as_csv(tmp_path / "a.csv", hours(2)))

    assert not UsageSample.objects.exists()


@contextmanager
def running(run_import: Import, path: Path) -> Iterator[None]:
    """An import in another thread that waits before it stores anything, until this ends."""

    def run() -> None:
        try:
            run_import(path)
        finally:
            connection.close()

    thread = Thread(target=run)
    with held("telemetry_usagesample"):
        thread.start()
        until(lambda: is_waited_for("telemetry_usagesample"))
        yield
    thread.join()
