"""The factor sets of generic compute that come with the product, by name."""

import functools
import json
from typing import Final, Literal, get_args

from apps.emissions.calc.compute_factors import ComputeFactors
from apps.emissions.services.catalogue import CATALOGUE

FactorSetName = Literal["demo-static-v1", "compute-2026.11.1"]
"""A published set never changes: new factors are a new file and a new name."""
NAMES: Final = get_args(FactorSetName)
DEMO: Final = "demo-static-v1"
NEWEST: Final = "compute-2026.11.1"


@functools.cache
def compute_factors(name: str) -> ComputeFactors:
    """The set of this name, one of NAMES; read and checked once a process."""
    if name not in NAMES:
        raise KeyError(name)
    text = (CATALOGUE / "compute" / f"{name}.json").read_text(encoding="utf-8")
    return ComputeFactors.from_dict(json.loads(text))
