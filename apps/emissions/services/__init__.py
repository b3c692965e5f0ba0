"""What the emissions app does: load, seed and publish factors, and estimate with them."""

from apps.emissions.services.catalogue import NEWEST, load_catalogue
from apps.emissions.services.changes import TableChange, catalogue_changes
from apps.emissions.services.estimates import estimate
from apps.emissions.services.factor_sets import (
    SeedResult,
    publish_factor_set,
    seed_factor_set,
)

__all__ = [
    "NEWEST",
    "SeedResult",
    "TableChange",
    "catalogue_changes",
    "estimate",
    "load_catalogue",
    "publish_factor_set",
    "seed_factor_set",
]
