"""Reading factor sets: the current one, or the one that an older calculation names."""

import functools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from apps.emissions.calc.factors import FactorDocument
from apps.emissions.errors import FactorSetNotFoundError, NoCurrentFactorsError
from apps.emissions.models import FactorSet

LIFE_SECONDS = 5
_KEPT_VERSIONS = 8


@dataclass(frozen=True, slots=True)
class CurrentFactors:
    """A published factor set, read and checked."""

    id: int
    version: str
    sha256: str
    document: FactorDocument


def current_factors() -> CurrentFactors:
    """The current factor set. One small query a call; the document is read once a process."""
    row = FactorSet.objects.filter(is_current=True).values_list("id", "sha256").first()
    if row is None:
        raise NoCurrentFactorsError("No factor set is published")
    return _read(*row)


def recent_factors() -> CurrentFactors:
    """What was current within the last seconds: for answers of which nothing is stored."""
    return _current_in(int(time.monotonic() // LIFE_SECONDS))


@functools.lru_cache(maxsize=1)
def _current_in(_window: int) -> CurrentFactors:
    return current_factors()


def forget_recent_factors() -> None:
    """In this process; others notice within LIFE_SECONDS."""
    _current_in.cache_clear()


def factors_by_version(version: str) -> CurrentFactors:
    """The published factor set of this version, current or not."""
    return _published("version", version=version)


def factors_by_id(factor_set_id: int) -> CurrentFactors:
    """The published factor set that an entry of the ledger names."""
    return _published("number", pk=factor_set_id)


def _published(name: str, **which: Any) -> CurrentFactors:
    published = FactorSet.objects.filter(status=FactorSet.Status.PUBLISHED, **which)
    row = published.values_list("id", "sha256").first()
    if row is None:
        raise FactorSetNotFoundError(f"No factor set is published under this {name}")
    return _read(*row)


@dataclass(frozen=True, slots=True)
class FactorSetSummary:
    """A published set in a list, with the number of rows in each table."""

    version: str
    sha256: str
    effective_from: date
    published_at: datetime
    is_current: bool
    counts: Mapping[str, int]


def published_factor_sets() -> list[FactorSetSummary]:
    """The newest first. One query; documents are counted once a process."""
    published = FactorSet.objects.filter(status=FactorSet.Status.PUBLISHED)
    rows = published.values_list(
        "id", "version", "sha256", "effective_from", "published_at", "is_current"
    )
    return [
        FactorSetSummary(version, sha256, since, published_at, is_current, _counts(pk, sha256))
        for pk, version, sha256, since, published_at, is_current in rows
        if published_at is not None  # a published set has one, says a constraint
    ]


def canonical_json(document: Mapping[str, Any]) -> bytes:
    """What a factor set's SHA-256 is taken over: sorted keys, no spaces, UTF-8."""
    text = json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


@functools.lru_cache(maxsize=_KEPT_VERSIONS)
def published_json(factor_set_id: int, sha256: str) -> bytes:
    """A published document as the bytes that its digest was taken over. Read once a process."""
    documents = FactorSet.objects.filter(pk=factor_set_id, sha256=sha256)
    return canonical_json(documents.values_list("document", flat=True).get())


def current_document() -> dict[str, Any] | None:
    """The document of the current factor set as it is stored, if there is one."""
    return FactorSet.objects.filter(is_current=True).values_list("document", flat=True).first()


@functools.lru_cache(maxsize=_KEPT_VERSIONS)
def _counts(factor_set_id: int, sha256: str) -> Mapping[str, int]:
    document = json.loads(published_json(factor_set_id, sha256))
    return {table: len(rows) for table, rows in document.items() if not isinstance(rows, str)}


@functools.lru_cache(maxsize=_KEPT_VERSIONS)
def _read(factor_set_id: int, sha256: str) -> CurrentFactors:
    # a published row never changes, so its id and digest are enough to remember it by
    version, document = FactorSet.objects.values_list("version", "document").get(
        pk=factor_set_id, sha256=sha256
    )
    return CurrentFactors(factor_set_id, version, sha256, FactorDocument.from_dict(document))
