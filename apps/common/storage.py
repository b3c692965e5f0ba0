"""Write-once artifacts: PDFs, packs and proofs, on Django's storage named `artifacts`.

The SHA-256 of the bytes is part of the name, so one name can only ever mean one content: storing
again is harmless, and damage is noticed when reading.
"""

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.core.files.utils import validate_file_name

_HASH_IN_NAME = re.compile(r".*-([0-9a-f]{64})(?:\.[^.]*)?")


class DamagedArtifactError(RuntimeError):
    """The bytes under a name are not those that were stored there."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """Where an artifact lies, and what its bytes hash to."""

    name: str
    sha256: str
    size: int


def store(name: str, data: bytes) -> Artifact:
    """Store `data` under `name`, to which its hash is added. Safe to repeat; never overwrites."""
    sha256 = hashlib.sha256(data).hexdigest()
    artifact = Artifact(_name_with_hash(name, sha256), sha256, len(data))
    storage = storages["artifacts"]
    if not storage.exists(artifact.name):
        if isinstance(storage, FileSystemStorage):
            _write_file(storage, artifact.name, data)
        else:
            _write_object(storage, artifact.name, data)
    _read_checked(storage, artifact.name, sha256)
    return artifact


def read(name: str) -> bytes:
    """The bytes of an artifact. Missing: FileNotFoundError. Changed: DamagedArtifactError."""
    found = _HASH_IN_NAME.fullmatch(PurePosixPath(name).name)
    if found is None:
        raise ValueError("not the name of an artifact")
    return _read_checked(storages["artifacts"], name, found[1])


def _name_with_hash(name: str, sha256: str) -> str:
    validate_file_name(name, allow_relative_path=True)
    path = PurePosixPath(name)
    return str(path.with_name(f"{path.stem}-{sha256}{path.suffix}"))


def _write_file(storage: FileSystemStorage, name: str, data: bytes) -> None:
    """Write beside the place and link it in: a process that is killed leaves no half file."""
    target = Path(storage.path(name))
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".unfinished-") as draft:
        draft.write(data)
        draft.flush()
        os.fchmod(draft.fileno(), storage.file_permissions_mode or 0o644)
        os.fsync(draft.fileno())
        try:
            os.link(draft.name, target)
        except FileExistsError:
            return  # Another process stored the same bytes; the caller checks that they are.
    _sync_directory(target.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_object(storage: Storage, name: str, data: bytes) -> None:
    """An object store shows an object whole or not at all."""
    stored_as = storage.save(name, ContentFile(data))
    if stored_as != name:
        storage.delete(stored_as)  # Someone was quicker; the caller checks what stands there.


def _read_checked(storage: Storage, name: str, sha256: str) -> bytes:
    with storage.open(name, "rb") as file:
        data: bytes = file.read()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DamagedArtifactError(f"{name} does not hold the bytes it was stored with")
    return data
