import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def home() -> Iterator[Path]:
    """Not `tmp_path`: that lies below a closed folder, which the server's own user cannot enter."""
    folder = Path(tempfile.mkdtemp(prefix="carbon-test-devstack-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
