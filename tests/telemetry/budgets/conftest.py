"""A program of the workspace, on a Wednesday in the middle of a month."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.workspaces.models import Workspace
from tests.factories import new_key


@pytest.fixture
def client(api: Callable[..., Any], workspace: Workspace) -> Any:
    return api(new_key(workspace))
