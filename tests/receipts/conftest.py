"""Every test that issues has a storage of its own: the log keeps its checkpoints there."""

from pathlib import Path

import pytest
from pytest_django import Settings

from tests.receipts import issuing


@pytest.fixture
def artifacts(tmp_path: Path, settings: Settings) -> Path:
    backend = "django.core.files.storage.FileSystemStorage"
    options = {"location": tmp_path / "artifacts", "base_url": None}
    settings.STORAGES = {**settings.STORAGES, "artifacts": {"BACKEND": backend, "OPTIONS": options}}
    return tmp_path / "artifacts"


@pytest.fixture
def platform(db: None, artifacts: Path) -> Path:  # noqa: ARG001 - the database, open
    """An installed platform: factors and keys published, credits in stock."""
    issuing.ready()
    issuing.batch()
    return artifacts


@pytest.fixture
def committed_platform(transactional_db: None, artifacts: Path) -> Path:  # noqa: ARG001 - as above
    """The same, with rows that other connections see."""
    issuing.ready()
    issuing.batch()
    return artifacts
