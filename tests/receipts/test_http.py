"""Receipts over HTTP: the API, the pages, the log as others read it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.receipts import selectors
from apps.receipts.canonical import MAX_BYTES
from apps.receipts.checkpoint import open_note, parse_checkpoint
from apps.receipts.merkle import Tree, leaf_hash
from apps.receipts.models import CarbonReceipt
from apps.receipts.seeds import log_key
from apps.receipts.selectors import log_tree
from apps.receipts.services import documents, receipts
from tests.contract import ContractClient
from tests.factories import MembershipFactory, UserFactory, WorkspaceFactory, new_key
from tests.receipts import issuing
from tests.receipts.issuing import NOW

pytestmark = pytest.mark.usefixtures("platform")

Api = Callable[..., ContractClient]


@pytest.fixture
def receipt(platform: Path) -> CarbonReceipt:  # noqa: ARG001 - wanted for what it prepares
    workspace = WorkspaceFactory.create(name="Acme Robotics GmbH")
    issued = receipts.issue(issuing.closed_period(workspace).pk, now=NOW)
    return selectors.receipt_by_id(issued.public_id)


def post_file(api: Api, data: bytes, query: str = "") -> Any:
    return api().post(f"/api/v1/public/receipts/verify{query}", data)


def test_a_workspace_lists_its_receipts_and_nobody_elses(api: Api, receipt: CarbonReceipt) -> None:
    own = api(new_key(receipt.workspace))
    other = api(new_key(WorkspaceFactory.create()))

    mine = own.get("/api/v1/receipts").json()["results"]
    theirs = other.get("/api/v1/receipts").json()["results"]

    assert [row["id"] for row in mine] == [receipt.public_id]
    assert mine[0]["period"]["id"] == receipt.period.public_id
    assert theirs == []
    path = f"/api/v1/receipts/{receipt.public_id}"
    assert own.get(path).json()["receipt"] == selectors.envelope_of(receipt)
    refused = other.get(path)
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "receipt_not_found")


def test_the_pdf_is_pending_until_it_is_drawn_and_then_served_as_stored(
    api: Api, receipt: CarbonReceipt
) -> None:
    path, own = f"/api/v1/receipts/{receipt.public_id}/pdf", api(new_key(receipt.workspace))

    pending = own.get(path)
    documents.render_due(now=NOW)
    served = own.get(path)

    assert pending.status_code == 503
    assert pending.json()["error"]["code"] == "receipt_document_pending"
    assert served["Content-Type"] == "application/pdf"
    assert served.content.startswith(b"%PDF-")


def test_anybody_with_the_id_gets_the_receipt_and_its_checks(
    api: Api, receipt: CarbonReceipt
) -> None:
    answer = api().get(f"/api/v1/public/receipts/{receipt.public_id}").json()

    assert answer["receipt"] == selectors.envelope_of(receipt)
    assert answer["verification"]["valid"] is True
    assert answer["verification"]["not_checked"] == []
    assert {step["outcome"] for step in answer["verification"]["steps"]} == {"passed"}


def test_a_file_is_checked_as_the_bytes_it_is(api: Api, receipt: CarbonReceipt) -> None:
    file = selectors.receipt_file(receipt)

    good = post_file(api, file)
    forged = post_file(api, file.replace(b"Acme", b"Acne"))

    assert (good.status_code, good.json()["valid"]) == (200, True)
    assert (forged.status_code, forged.json()["reason"]) == (200, "hash_mismatch")


def test_whoever_asks_strictly_is_refused_with_the_contracts_code(
    api: Api, receipt: CarbonReceipt
) -> None:
    envelope = selectors.envelope_of(receipt)
    envelope["signature"] = "A" * 86 + "=="

    refused = post_file(api, json.dumps(envelope).encode(), "?strict=true")

    assert refused.status_code == 422
    assert refused.json()["error"]["code"] == "receipt_signature_invalid"
    assert refused.json()["error"]["details"]["reason"] == "signature_invalid"


def test_what_is_no_receipt_file_is_a_malformed_question(api: Api) -> None:
    malformed = post_file(api, b'{"payload": 1, "payload": 2}')
    too_large = post_file(api, b" " * (MAX_BYTES + 1))

    assert (malformed.status_code, malformed.json()["error"]["details"]["reason"]) == (
        400,
        "malformed",
    )
    assert too_large.status_code == 413


def test_the_published_keys_name_every_version_and_the_logs_key(api: Api) -> None:
    answer = api().get("/api/v1/public/keys").json()

    assert [key["key_version"] for key in answer["keys"]] == [1]
    assert answer["keys"][0]["status"] == "active"
    assert answer["log"] == {"origin": "testserver/log", "vkey": str(log_key())}


def test_the_page_of_a_receipt_shows_each_check_and_the_figures(
    client: Client, receipt: CarbonReceipt
) -> None:
    page = client.get(f"/verify/{receipt.public_id}").content.decode()

    assert "This receipt is valid" in page
    assert page.count('class="badge good">passed') == 10
    assert "Acme Robotics GmbH" in page
    assert "0 witnesses" in page
    assert client.get(f"/verify/{receipt.public_id}/receipt.json").content == (
        selectors.receipt_file(receipt)
    )
    assert client.get("/verify/rcp_unknown").status_code == 404
    assert client.get("/verify/rcp_%00").status_code == 404


def test_an_uploaded_file_is_checked_and_a_forged_one_shows_no_figures(
    client: Client, receipt: CarbonReceipt
) -> None:
    file = selectors.receipt_file(receipt)

    good = client.post("/verify/", {"file": SimpleUploadedFile("r.json", file)})
    forged = client.post(
        "/verify/", {"file": SimpleUploadedFile("r.json", file.replace(b"Acme", b"Acne"))}
    )
    large = client.post("/verify/", {"file": SimpleUploadedFile("r.json", b" " * 2 * MAX_BYTES)})
    nothing = client.post("/verify/", {})

    assert "This receipt is valid" in good.content.decode()
    assert "hash_mismatch" in forged.content.decode()
    assert "Acne" not in forged.content.decode()
    assert large.status_code == 413
    assert nothing.status_code == 400


def test_a_workspaces_name_cannot_become_markup(client: Client) -> None:
    workspace = WorkspaceFactory.create(name="<script>alert(1)</script>")

    receipt = receipts.issue(issuing.closed_period(workspace).pk, now=NOW)

    page = client.get(f"/verify/{receipt.public_id}").content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script" not in page


def test_simulated_data_are_signed_and_shown_as_such(client: Client) -> None:
    workspace = WorkspaceFactory.create(is_simulated=True)

    receipt = receipts.issue(issuing.closed_period(workspace).pk, now=NOW)

    assert '"boundary":"SIMULATED DATA' in receipt.payload
    assert "Simulated data." in client.get(f"/verify/{receipt.public_id}").content.decode()


def test_a_member_sees_the_receipts_of_the_workspace(
    client: Client, receipt: CarbonReceipt
) -> None:
    member = UserFactory.create()
    MembershipFactory.create(user=member, workspace=receipt.workspace)
    client.force_login(member)

    page = client.get("/dashboard/receipts/").content.decode()

    assert f"/verify/{receipt.public_id}" in page


def test_the_log_can_be_followed_from_its_public_addresses_alone(client: Client) -> None:
    for month in (1, 2, 3):
        start = issuing.START.replace(month=month)
        period = issuing.closed_period(
            tokens=9_000_000, starts_at=start, ends_at=start.replace(month=month + 1)
        )
        receipts.issue(period.pk, now=NOW)

    note = client.get("/log/checkpoint")
    checkpoint = parse_checkpoint(open_note(note.content.decode(), [log_key()]).text)
    bundle = client.get(f"/log/tile/entries/000.p/{checkpoint.size}").content
    hashes = client.get(f"/log/tile/0/000.p/{checkpoint.size}")

    entries = []
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        entries.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
    leaves = [leaf_hash(entry) for entry in entries]
    assert Tree(leaves).root() == checkpoint.root
    assert hashes.content == b"".join(leaves)
    assert hashes["Cache-Control"] == "public, max-age=31536000, immutable"
    assert note["Cache-Control"] == "public, max-age=5"
    assert client.get(f"/log/tile/0/000.p/{checkpoint.size + 1}").status_code == 404
    assert client.get("/log/tile/0/000").status_code == 404
    assert client.get("/log/tile/00/000.p/1").status_code == 404
    assert client.get("/log/").status_code == 200
    assert log_tree.published_size() == checkpoint.size == 6
