"""What the database itself refuses of receipts, keys and the log, each tried in SQL."""

# ruff: noqa: S608 - SQL written by hand around numbers of our own is what these tests are about

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction

from apps.receipts.models import CarbonReceipt
from apps.receipts.services import receipts
from tests.receipts import issuing
from tests.receipts.issuing import NOW

INSERT_RECEIPT = """
INSERT INTO receipts_carbonreceipt (public_id, workspace_id, period_id, payload, payload_sha256,
    signature, key_id, issued_at)
SELECT 'rcp_other', workspace_id, {period}, {payload}, sha256(convert_to({payload}, 'UTF8')),
    signature, key_id, issued_at FROM receipts_carbonreceipt WHERE public_id <> 'rcp_other'
"""
OTHER_ID = "replace(payload, public_id, 'rcp_other')"


@pytest.fixture
def receipt(platform: Path) -> CarbonReceipt:  # noqa: ARG001 - wanted for what it prepares
    issued = receipts.issue(issuing.closed_period().pk, now=NOW)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return issued


@pytest.fixture
def refused(receipt: CarbonReceipt) -> Callable[[str], str]:  # noqa: ARG001 - there to be tampered with
    """Run SQL that must fail, and say why it did."""

    def run(sql: str) -> str:
        with (
            pytest.raises(DatabaseError) as refusal,
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(sql)
        return str(refusal.value)

    return run


@pytest.mark.parametrize("table", ["carbonreceipt", "logentry", "lognode", "checkpoint"])
def test_what_was_proven_is_never_changed_or_removed(
    refused: Callable[[str], str], table: str
) -> None:
    columns = {"carbonreceipt": "issued_at", "logentry": "kind", "lognode": "index"}
    column = columns.get(table, "note")

    assert "append-only" in refused(f"UPDATE receipts_{table} SET {column} = {column}")
    assert "append-only" in refused(f"DELETE FROM receipts_{table}")
    assert "append-only" in refused(f"TRUNCATE receipts_{table} CASCADE")


def test_a_stored_document_is_never_replaced(
    refused: Callable[[str], str], receipt: CarbonReceipt
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO receipts_receiptdocument VALUES (%s, 'name', 'hash', 1, now(), %s)",
            [receipt.pk, receipt.workspace_id],
        )

    assert "append-only" in refused("UPDATE receipts_receiptdocument SET size = 2")


def test_a_receipts_hash_is_of_its_payload(refused: Callable[[str], str]) -> None:
    sql = INSERT_RECEIPT.format(period="period_id", payload=OTHER_ID)

    assert "receipt_hash_is_of_payload" in refused(sql.replace("sha256(convert", "sha224(convert"))


def test_a_period_has_one_original_receipt(refused: Callable[[str], str]) -> None:
    sql = INSERT_RECEIPT.format(period="period_id", payload=OTHER_ID)

    assert "receipt_one_original" in refused(sql)


def test_a_receipt_states_what_its_period_settled(refused: Callable[[str], str]) -> None:
    less = f'replace({OTHER_ID}, \'"co2e_grams":"\', \'"co2e_grams":"1\')'

    message = refused(INSERT_RECEIPT.format(period="period_id", payload=less))

    assert "states what its period settled" in message


def test_a_receipt_states_a_closed_period(refused: Callable[[str], str]) -> None:
    settled = issuing.settled_period(retires_credits=False)

    message = refused(INSERT_RECEIPT.format(period=settled.pk, payload=OTHER_ID))

    assert "states a closed period" in message


@pytest.mark.parametrize("index", [1, 3])
def test_the_log_has_no_holes_and_no_second_entry_at_a_place(
    refused: Callable[[str], str], index: int
) -> None:
    message = refused(
        "INSERT INTO receipts_logentry (index, kind, data, leaf_hash, receipt_id, appended_at) "
        f"SELECT {index}, kind, data, leaf_hash, receipt_id, now() FROM receipts_logentry LIMIT 1"
    )

    assert f"the next index of the log is 2, not {index}" in message


def test_a_leaf_hash_is_the_hash_of_its_entry(refused: Callable[[str], str]) -> None:
    message = refused(
        "INSERT INTO receipts_logentry (index, kind, data, leaf_hash, receipt_id, appended_at) "
        "SELECT 2, kind, data, sha256(data), receipt_id, now() FROM receipts_logentry LIMIT 1"
    )

    assert "a leaf hash is the hash of its entry" in message


@pytest.mark.parametrize(("level", "index"), [(1, 5), (2, 0)])
def test_a_node_is_the_hash_of_its_two_children(
    refused: Callable[[str], str], level: int, index: int
) -> None:
    message = refused(
        "INSERT INTO receipts_lognode (level, index, hash) "
        f"SELECT {level}, {index}, hash FROM receipts_lognode LIMIT 1"
    )

    assert "a node is the hash of its two children" in message


@pytest.mark.parametrize(
    ("size", "reason"), [(2, "larger than every earlier"), (3, "only what is in the log")]
)
def test_a_checkpoint_grows_and_covers_what_is_there(
    refused: Callable[[str], str], size: int, reason: str
) -> None:
    message = refused(
        "INSERT INTO receipts_checkpoint (size, root, note, signed_at) "
        f"SELECT {size}, root, note, now() FROM receipts_checkpoint"
    )

    assert reason in message


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE receipts_signingkey SET public_key = sha256('other')",
        "UPDATE receipts_signingkey SET valid_from = now()",
        "DELETE FROM receipts_signingkey",
    ],
)
def test_a_published_key_keeps_its_meaning(refused: Callable[[str], str], sql: str) -> None:
    assert "a published key keeps its version" in refused(sql)


def test_a_revoked_key_stays_revoked(refused: Callable[[str], str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE receipts_signingkey SET status = 'revoked'")

    assert "keeps its version" in refused("UPDATE receipts_signingkey SET status = 'active'")
