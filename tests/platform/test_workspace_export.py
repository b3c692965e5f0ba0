"""A workspace leaves as one file: everything of it, nothing of others, and nothing that opens."""

import csv
import hashlib
import io
import json
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command

from apps.common.secrets import Secret
from apps.receipts.models import CarbonReceipt
from apps.receipts.selectors import receipt_file
from apps.telemetry.models import CarbonEntry, ProviderConnection
from apps.workspaces.models import ApiKey, Workspace
from carbon_platform.workspace_tables import KEPT_BACK, SECRET_COLUMNS, owned_models, owner_of
from tests.factories import WorkspaceFactory, new_key
from tests.platform.leaving import leaving_workspace
from tests.telemetry.metering import KEYS, bucket, connected, row, take

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def workspace(transactional_db: None, settings: Any, tmp_path: Path) -> Workspace:  # noqa: ARG001 - the database, open
    return leaving_workspace(settings, tmp_path / "artifacts")


def exported(workspace: Workspace, folder: Path) -> zipfile.ZipFile:
    (folder / "out").mkdir()
    file = folder / "out" / "all.zip"
    call_command("export_workspace", workspace=workspace.slug, out=file, stdout=io.StringIO())
    assert [one.name for one in file.parent.iterdir()] == ["all.zip"]
    return zipfile.ZipFile(file)


def rows(pack: zipfile.ZipFile, table: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in pack.read(f"tables/{table}.ndjson").splitlines()]


def test_every_row_of_every_table_of_the_workspace_is_in_it(
    workspace: Workspace, tmp_path: Path
) -> None:
    with exported(workspace, tmp_path) as pack:
        for model in owned_models():
            column = owner_of(model)
            assert column is not None
            mine = model._default_manager.filter(**{column.name: workspace})
            assert len(rows(pack, model._meta.db_table)) == mine.count(), model
        (line,) = rows(pack, "workspaces_workspace")
        entries = rows(pack, "telemetry_carbonentry")

    assert line["slug"] == "leaving"
    stored = CarbonEntry.objects.filter(workspace=workspace).order_by("pk")
    assert [one["co2e_grams"] for one in entries] == [str(one.co2e_grams) for one in stored]
    assert [one["calculation"] for one in entries] == [one.calculation for one in stored]


def test_a_table_with_a_workspace_is_exported_or_kept_back_for_a_reason() -> None:
    with_workspace = {
        model._meta.label
        for model in apps.get_models()
        if any(field.related_model is Workspace for field in model._meta.concrete_fields)
    }
    exported_ones = {model._meta.label for model in owned_models()}

    assert exported_ones | set(KEPT_BACK) == with_workspace
    assert not exported_ones & set(KEPT_BACK)
    assert all(reason for reason in KEPT_BACK.values())


def test_every_column_that_holds_a_credential_is_kept_back() -> None:
    suspicious = ("sealed", "secret", "sha256", "password", "token_hash", "lookup", "webhook_url")
    harmless = {"telemetry.UsageImport.sha256", "receipts.ReceiptDocument.sha256"}

    for model in owned_models():
        for field in model._meta.concrete_fields:
            name = f"{model._meta.label}.{field.name}"
            if any(word in field.name for word in suspicious) and name not in harmless:
                kept_back = SECRET_COLUMNS.get(model._meta.label, set())
                assert field.name in kept_back or field.name == "payload_sha256", name


def test_nothing_in_it_opens_anything(workspace: Workspace, tmp_path: Path) -> None:
    text = new_key(workspace)
    sealed = ProviderConnection.objects.get(workspace=workspace).sealed_key
    hashed = [bytes(key.sha256).hex() for key in ApiKey.objects.filter(workspace=workspace)]
    assert sealed
    assert hashed

    with exported(workspace, tmp_path) as pack:
        everything = b"".join(pack.read(name) for name in pack.namelist()).decode(errors="replace")

    for secret in (text, KEYS["openai"], *hashed, *(str(part) for part in sealed.values())):
        if len(secret) > len("kid1"):
            assert secret not in everything
    assert Secret(text).hint
    assert "api_key" in everything


def test_nothing_of_another_workspace_is_in_it(workspace: Workspace, tmp_path: Path) -> None:
    other = WorkspaceFactory.create(name="Staying", slug="staying")
    take(connected(other), bucket(0, row("their-own-model")))

    with exported(workspace, tmp_path) as pack:
        everything = b"".join(pack.read(name) for name in pack.namelist())

    assert b"their-own-model" not in everything
    assert b"gpt-4.1" in everything


def test_the_ledger_and_the_receipts_are_in_it_as_they_are_given_out(
    workspace: Workspace, tmp_path: Path
) -> None:
    receipt = CarbonReceipt.objects.get(workspace=workspace)

    with exported(workspace, tmp_path) as pack:
        names = pack.namelist()
        ledger = csv.DictReader(io.StringIO(pack.read("ledger/calculations.csv").decode()))
        grams = sum(Decimal(line["co2e_grams"]) for line in ledger)
        file = pack.read(f"receipts/{receipt.public_id}.json")

    mine = CarbonEntry.objects.filter(workspace=workspace)
    assert grams == sum((entry.co2e_grams for entry in mine), Decimal())
    assert "ledger/telemetry.csv" in names
    assert file == receipt_file(receipt)
    assert (f"receipts/{receipt.public_id}.pdf" in names) is hasattr(receipt, "document")


def test_the_manifest_names_every_file_and_its_sum(workspace: Workspace, tmp_path: Path) -> None:
    with exported(workspace, tmp_path) as pack:
        manifest = json.loads(pack.read("manifest.json"))
        sums = {
            name: hashlib.sha256(pack.read(name)).hexdigest()
            for name in pack.namelist()
            if name != "manifest.json"
        }

    assert {name: one["sha256"] for name, one in manifest["files"].items()} == sums
    assert manifest["workspace"] == {"id": str(workspace.public_id), "slug": "leaving"}
    assert manifest["missing_documents"] == []


def test_an_unknown_workspace_and_a_folder_that_is_not_there_are_refused(tmp_path: Path) -> None:
    WorkspaceFactory.create(slug="leaving")

    with pytest.raises(CommandError, match="nobody"):
        call_command("export_workspace", workspace="nobody", out=tmp_path / "a.zip")
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_workspace", workspace="leaving", out=tmp_path / "none" / "a.zip")
    assert list(tmp_path.iterdir()) == []
