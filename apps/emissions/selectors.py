"""Reading factor sets: the current one, or the one that an older calculation names."""

import functools
from dataclasses import dataclass
from typing import Any

from apps.emissions.calc.factors import FactorDocument
from apps.emissions.errors import FactorSetNotFoundError, NoCurrentFactorsError
from apps.emissions.models import FactorSet

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


def factors_by_version(version: str) -> CurrentFactors:
    """The published factor set of this version, current or not."""
    published = FactorSet.objects.filter(status=FactorSet.Status.PUBLISHED, version=version)
    row = published.values_list("id", "sha256").first()
    if row is None:
        raise FactorSetNotFoundError("No factor set is published under this version")
    return _read(*row)


def factors_by_id(factor_set_id: int) -> CurrentFactors:
    """The published factor set that an entry of the ledger names."""
    published = FactorSet.objects.filter(status=FactorSet.Status.PUBLISHED, pk=factor_set_id)
    row = published.values_list("id", "sha256").first()
    if row is None:
        raise FactorSetNotFoundError("No factor set is published under this number")
    return _read(*row)


def current_document() -> dict[str, Any] | None:
    """The document of the current factor set as it is stored, if there is one."""
    return FactorSet.objects.filter(is_current=True).values_list("document", flat=True).first()


@functools.lru_cache(maxsize=_KEPT_VERSIONS)
def _read(factor_set_id: int, sha256: str) -> CurrentFactors:
    # a published row never changes, so its id and digest are enough to remember it by
    version, document = FactorSet.objects.values_list("version", "document").get(
        pk=factor_set_id, sha256=sha256
    )
    return CurrentFactors(factor_set_id, version, sha256, FactorDocument.from_dict(document))
