"""Reading the public log out of its tables: nodes, roots, proofs, tiles, a few rows at a time."""

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from django.db import connection as database

from apps.receipts.merkle import (
    HASH_BYTES,
    TILE_WIDTH,
    NodeAt,
    consistency_proof,
    entry_bundle,
    inclusion_proof,
    root_hash,
)
from apps.receipts.models import Checkpoint, LogEntry

LOG_LOCK: Final = "receipts-log"
"""Whoever appends to the log, or changes which key signs, holds this lock."""
_TILE_HEIGHT = 8

_NODES: Final = """
WITH wanted AS (SELECT * FROM unnest(%s::int[], %s::bigint[]) AS wanted(level, index))
SELECT wanted.level, wanted.index, entry.leaf_hash FROM wanted
JOIN receipts_logentry AS entry ON wanted.level = 0 AND entry.index = wanted.index
UNION ALL
SELECT wanted.level, wanted.index, node.hash FROM wanted
JOIN receipts_lognode AS node ON node.level = wanted.level AND node.index = wanted.index
"""
T = TypeVar("T")


def nodes(wanted: Iterable[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    """The hashes of these `(level, index)`, level 0 being the leaves, in one query."""
    places = list(wanted)
    with database.cursor() as cursor:
        cursor.execute(_NODES, [[level for level, _ in places], [index for _, index in places]])
        return {(level, index): bytes(value) for level, index, value in cursor.fetchall()}


def committed_size() -> int:
    """How many entries the log has, those included that no checkpoint covers yet."""
    last = LogEntry.objects.order_by("-index").values_list("index", flat=True).first()
    return 0 if last is None else last + 1


def latest_checkpoint() -> Checkpoint | None:
    return Checkpoint.objects.order_by("-size").first()


def published_size() -> int:
    """How many entries the latest checkpoint covers; only these are shown to anybody."""
    checkpoint = latest_checkpoint()
    return checkpoint.size if checkpoint else 0


def root_at(size: int) -> bytes:
    return _computed(lambda node: root_hash(size, node))


def inclusion(index: int, size: int) -> list[bytes]:
    return _computed(lambda node: inclusion_proof(index, size, node))


def consistency(first: int, second: int) -> list[bytes]:
    return _computed(lambda node: consistency_proof(first, second, node))


def tile(level: int, index: int, width: int) -> bytes | None:
    """A tile's hashes one after the other; None where the published log has no such tile."""
    span = TILE_WIDTH**level
    start = index * TILE_WIDTH
    if (start + width) * span > published_size():
        return None
    places = [(_TILE_HEIGHT * level, start + offset) for offset in range(width)]
    found = nodes(places)
    return b"".join(found[place] for place in places)


def bundle(index: int, width: int) -> bytes | None:
    """The entries of a bundle; None where the published log has no such bundle."""
    start = index * TILE_WIDTH
    if start + width > published_size():
        return None
    entries = LogEntry.objects.filter(index__gte=start, index__lt=start + width).order_by("index")
    return entry_bundle(bytes(data) for data in entries.values_list("data", flat=True))


def _computed(compute: Callable[[NodeAt], T]) -> T:
    """Run a computation over nodes twice: to learn which it asks for, then with all of them."""
    asked: list[tuple[int, int]] = []

    def note(level: int, index: int) -> bytes:
        asked.append((level, index))
        return bytes(HASH_BYTES)

    compute(note)
    found = nodes(asked)
    return compute(lambda level, index: found[level, index])
