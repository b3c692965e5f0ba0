"""Storing factor sets: seeding a version once, and making one current."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction

from apps.emissions.calc.factors import FactorDocument
from apps.emissions.calc.rows import InvalidFactorsError
from apps.emissions.errors import CatalogueError, FactorSetNotFoundError, FactorVersionTakenError
from apps.emissions.models import FactorSet
from apps.emissions.selectors import canonical_json, forget_recent_factors


@dataclass(frozen=True, slots=True)
class SeedResult:
    """What seeding found and did."""

    factor_set_id: int
    version: str
    sha256: str
    is_new: bool
    is_published_now: bool


def document_sha256(document: Mapping[str, Any]) -> str:
    """Of the document as JSON with sorted keys and no spaces, in UTF-8."""
    return hashlib.sha256(canonical_json(document)).hexdigest()


@transaction.atomic
def seed_factor_set(document: Mapping[str, Any], *, publish: bool, now: datetime) -> SeedResult:
    """Store this version as a draft, or as the current one. Safe to repeat.

    The same version with the same content is left alone: a set that was published before,
    and replaced since, does not become current again. Other content is a conflict.
    """
    try:
        FactorDocument.from_dict(document)
        effective_from = date.fromisoformat(document["effective_from"])
    except InvalidFactorsError as problem:
        raise CatalogueError(str(problem)) from problem
    except ValueError as problem:
        raise CatalogueError(f"effective_from is not a date: {problem}") from problem
    sha256 = document_sha256(document)
    factor_set, is_new = FactorSet.objects.get_or_create(
        version=document["version"],
        defaults={
            "effective_from": effective_from,
            "document": document,
            "sha256": sha256,
            "created_at": now,
        },
    )
    if factor_set.sha256 != sha256:
        raise FactorVersionTakenError(
            f"Version {factor_set.version} exists with other content",
            stored=factor_set.sha256,
            given=sha256,
        )
    is_published_now = publish and factor_set.status == FactorSet.Status.DRAFT
    if is_published_now:
        publish_factor_set(factor_set.id, now=now)
    return SeedResult(factor_set.id, factor_set.version, sha256, is_new, is_published_now)


@transaction.atomic
def publish_factor_set(factor_set_id: int, *, now: datetime) -> FactorSet:
    """Publish this set if it is a draft, and make it the current one. Safe to repeat.

    Publishing an older set again makes it current again; nothing else about it changes.
    """
    # every set is locked, in one order: two publications at once follow each other
    locked = FactorSet.objects.select_for_update().order_by("id").values_list("id", flat=True)
    if factor_set_id not in list(locked):
        raise FactorSetNotFoundError("No such factor set")
    FactorSet.objects.filter(is_current=True).exclude(pk=factor_set_id).update(is_current=False)
    FactorSet.objects.filter(pk=factor_set_id, status=FactorSet.Status.DRAFT).update(
        status=FactorSet.Status.PUBLISHED, published_at=now
    )
    FactorSet.objects.filter(pk=factor_set_id).update(is_current=True)
    forget_recent_factors()
    return FactorSet.objects.get(pk=factor_set_id)
