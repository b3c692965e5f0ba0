"""The log: dense under concurrency, caught up after a kill, never a second history."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from apps.receipts import selectors
from apps.receipts.check import invariant_violations
from apps.receipts.errors import LogInconsistentError, SigningKeyError
from apps.receipts.merkle import Tree
from apps.receipts.models import CarbonReceipt, Checkpoint, LogEntry
from apps.receipts.seeds import log_trust
from apps.receipts.selectors import log_tree
from apps.receipts.services import receipts
from apps.receipts.services.log import sign_checkpoint
from apps.receipts.verification import verify
from tests.factories import WorkspaceFactory
from tests.receipts import issuing
from tests.receipts.issuing import NOW

AT_ONCE = 8


def together(work: Callable[[], Any], times: int = AT_ONCE) -> list[BaseException]:
    problems: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as problem:  # noqa: BLE001 - told to the main thread
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return problems


def behind_the_rules(*statements: str) -> None:
    """What a restored disk or an operator with bad intentions can do: no trigger is asked."""
    tables = ("checkpoint", "lognode", "logentry", "carbonreceipt")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE receipts_{table} DISABLE TRIGGER USER")
        for statement in statements:
            cursor.execute(statement)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE receipts_{table} ENABLE TRIGGER USER")


@pytest.mark.usefixtures("committed_platform")
def test_eight_issuers_at_once_make_one_receipt_a_period_in_a_dense_log() -> None:
    for _ in range(6):
        issuing.settled_period()
    issuing.retire_and_finish()

    problems = together(lambda: receipts.issue_due(now=NOW))

    assert problems == []
    assert CarbonReceipt.objects.count() == 6
    indexes = LogEntry.objects.order_by("index").values_list("index", flat=True)
    assert list(indexes) == list(range(len(indexes)))
    assert log_tree.published_size() == len(indexes)
    assert invariant_violations() == []
    for receipt in selectors.shown_receipts():
        file = selectors.receipt_file(receipt)
        assert verify(file, selectors.key_directory(), log_trust()).valid


@pytest.mark.usefixtures("platform")
def test_a_run_that_dies_before_the_checkpoint_is_caught_up(settings: Settings) -> None:
    period = issuing.closed_period()
    log_key, settings.LOG_SIGNING_KEY = settings.LOG_SIGNING_KEY, ""

    with pytest.raises(SigningKeyError):
        receipts.issue(period.pk, now=NOW)

    assert CarbonReceipt.objects.count() == 1
    assert selectors.shown_receipts().count() == 0
    settings.LOG_SIGNING_KEY = log_key
    assert receipts.issue_due(now=NOW) == []
    assert selectors.shown_receipts().count() == 1


@pytest.mark.usefixtures("platform")
def test_a_database_restored_from_an_older_copy_signs_nothing() -> None:
    receipts.issue(issuing.closed_period().pk, now=NOW)
    behind_the_rules(
        "DELETE FROM receipts_checkpoint",
        "DELETE FROM receipts_lognode",
        "DELETE FROM receipts_logentry",
        "DELETE FROM receipts_carbonreceipt",
    )

    with pytest.raises(LogInconsistentError, match="size 2"):
        sign_checkpoint(now=NOW)

    with pytest.raises(LogInconsistentError, match="not a continuation"):
        receipts.issue_due(now=NOW)
    assert Checkpoint.objects.count() == 0
    assert selectors.shown_receipts().count() == 0


@pytest.mark.usefixtures("platform")
def test_a_changed_history_stops_the_log_and_is_found_by_the_check() -> None:
    receipts.issue(issuing.closed_period().pk, now=NOW)
    behind_the_rules(
        "UPDATE receipts_logentry SET leaf_hash = sha256('other') WHERE index = 0",
        "UPDATE receipts_lognode SET hash = sha256('other')",
    )

    with pytest.raises(LogInconsistentError):
        sign_checkpoint(now=NOW)

    assert invariant_violations() == [
        "log: the leaf hash at 0 is not of its entry",
        "log: the node at level 1, index 0 is wrong",
    ]


@pytest.mark.usefixtures("platform")
def test_roots_and_proofs_from_the_tables_are_those_of_a_tree_in_memory() -> None:
    workspace = WorkspaceFactory.create()
    for month in range(1, 8):
        start = issuing.START.replace(month=month)
        end = issuing.START.replace(month=month + 1)
        period = issuing.closed_period(workspace, tokens=8_000_000, starts_at=start, ends_at=end)
        receipts.issue(period.pk, now=NOW)

    leaves = LogEntry.objects.order_by("index").values_list("leaf_hash", flat=True)
    tree = Tree(map(bytes, leaves))
    size = len(tree)

    assert size == 14
    assert [log_tree.root_at(n) for n in range(size + 1)] == [tree.root(n) for n in range(size + 1)]
    assert log_tree.inclusion(5, size) == tree.inclusion_proof(5, size)
    assert log_tree.consistency(3, size) == tree.consistency_proof(3, size)
    assert invariant_violations() == []
