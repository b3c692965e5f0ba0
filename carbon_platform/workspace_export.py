"""The whole of a workspace as one zip file: its rows, its ledger, its receipts, and their sums."""

import hashlib
import json
import os
import zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Model

from apps.common import storage
from apps.receipts.models import CarbonReceipt
from apps.receipts.selectors import receipt_file
from apps.telemetry.services.exporting import rows_of
from apps.telemetry.services.exporting_statements import Format, Subject, Wanted
from apps.workspaces.models import Workspace
from carbon_platform.workspace_tables import KEPT_BACK, owned_models, rows_statement

MANIFEST: Final = "manifest.json"
_BLOCK: Final = 1 << 16
_EVER: Final = (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))


def export_workspace(workspace: Workspace, file: Path, *, now: datetime) -> dict[str, Any]:
    """Write the file, whole or not at all, of one moment's state; answer its manifest."""
    draft = file.with_name(f".{file.name}.unfinished")
    try:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as pack, transaction.atomic():
            with connection.cursor() as cursor:  # one snapshot for all tables, and no writing
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            manifest = _filled(_Pack(pack, now), workspace, now)
        os.replace(draft, file)  # noqa: PTH105 - says that an older file is replaced
    finally:
        draft.unlink(missing_ok=True)
    return manifest


class _Pack:
    """A zip file under way, with the length and the SHA-256 of every member."""

    def __init__(self, pack: zipfile.ZipFile, now: datetime) -> None:
        self._pack = pack
        self._at = now.astimezone(UTC).timetuple()[:6]
        self.files: dict[str, dict[str, Any]] = {}

    def add(self, name: str, blocks: Iterable[bytes]) -> None:
        """Block by block; nothing is held."""
        member = zipfile.ZipInfo(name, self._at)
        member.compress_type = zipfile.ZIP_DEFLATED
        digest, size = hashlib.sha256(), 0
        with self._pack.open(member, "w", force_zip64=True) as into:
            for block in blocks:
                into.write(block)
                digest.update(block)
                size += len(block)
        self.files[name] = {"bytes": size, "sha256": digest.hexdigest()}


def _filled(pack: _Pack, workspace: Workspace, now: datetime) -> dict[str, Any]:
    models: list[type[Model]] = [Workspace, *owned_models()]
    for model in models:
        pack.add(f"tables/{model._meta.db_table}.ndjson", _rows(model, workspace))  # noqa: SLF001 - Django documents it as its interface
    for subject in Subject:
        wanted = Wanted(subject, Format.CSV, *_EVER, include_test=True)
        pack.add(f"ledger/{subject.value}.csv", rows_of(workspace, wanted, most_seconds=0))
    missing = list(_receipts(pack, workspace))
    manifest = {
        "workspace": {"id": str(workspace.public_id), "slug": workspace.slug},
        "exported_at": now.isoformat(timespec="seconds"),
        "files": pack.files,
        "not_exported": KEPT_BACK,
        "missing_documents": missing,
    }
    pack.add(MANIFEST, [json.dumps(manifest, indent=1, ensure_ascii=False).encode()])
    return manifest


def _rows(model: type[Model], workspace: Workspace) -> Iterator[bytes]:
    with connection.cursor() as cursor:
        asked = {"workspace": workspace.pk}
        with cursor.copy(rows_statement(model), asked) as rows:
            block = bytearray()
            for row in rows:
                block += row
                if len(block) >= _BLOCK:
                    yield bytes(block)
                    block.clear()
            yield bytes(block)


def _receipts(pack: _Pack, workspace: Workspace) -> Iterator[str]:
    """Add each receipt's file and PDF; the names of PDFs that the store does not give."""
    receipts = CarbonReceipt.objects.filter(workspace=workspace).order_by("pk")
    for receipt in receipts.select_related("document").iterator(chunk_size=100):
        pack.add(f"receipts/{receipt.public_id}.json", [receipt_file(receipt)])
        if not hasattr(receipt, "document"):
            continue
        try:
            pdf = storage.read(receipt.document.storage_name)
        except (FileNotFoundError, storage.DamagedArtifactError):
            yield receipt.document.storage_name
        else:
            pack.add(f"receipts/{receipt.public_id}.pdf", [pdf])
