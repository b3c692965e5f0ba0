"""The log's signed checkpoints outside the database, on the storage of artifacts.

`log/<key id>/<size divided by 1000>/<size>-<sha256>.txt`: the newest is found by two listings, and
a log with another key or name has a folder of its own.
"""

from django.core.files.storage import storages

from apps.common import storage
from apps.receipts.checkpoint import Checkpoint, VerifierKey

_FOLDER = "log"
_PER_FOLDER = 1000
_DIGITS = 19


def keep(key: VerifierKey, checkpoint: Checkpoint, note: str) -> None:
    """Store a signed checkpoint. Safe to repeat."""
    folder = f"{checkpoint.size // _PER_FOLDER:0{_DIGITS}}"
    name = f"{_FOLDER}/{key.key_id.hex()}/{folder}/{checkpoint.size:0{_DIGITS}}.txt"
    storage.store(name, note.encode())


def latest(key: VerifierKey) -> str | None:
    """The note of the largest checkpoint that was kept."""
    root = f"{_FOLDER}/{key.key_id.hex()}"
    folders, _ = _listed(root)
    for folder in sorted(folders, reverse=True):  # a process killed early leaves an empty one
        _, files = _listed(f"{root}/{folder}")
        if names := [name for name in files if name.endswith(".txt")]:
            return storage.read(f"{root}/{folder}/{max(names)}").decode()
    return None


def _listed(path: str) -> tuple[list[str], list[str]]:
    try:
        folders, files = storages["artifacts"].listdir(path)
    except FileNotFoundError:
        return [], []
    return folders, files
