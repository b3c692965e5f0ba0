"""The factor set of this repository, read once, and the expected numbers."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from apps.emissions.calc.factors import FactorDocument
from apps.emissions.services import NEWEST, load_catalogue


@pytest.fixture(scope="session")
def catalogue() -> dict[str, Any]:
    return load_catalogue(NEWEST)


@pytest.fixture(scope="session")
def document(catalogue: dict[str, Any]) -> FactorDocument:
    return FactorDocument.from_dict(catalogue)


@pytest.fixture
def newer(catalogue: dict[str, Any]) -> dict[str, Any]:
    document = copy.deepcopy(catalogue)
    document["version"] = "2026.12.1"
    document["coefficients"]["server_factor"]["value"] = 1.7
    return document


def expected(part: str) -> Any:
    path = Path(__file__).parent / "data" / "expected.json"
    return json.loads(path.read_text(encoding="utf-8"))[part]
