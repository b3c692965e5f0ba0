"""A program of the workspace, on a Wednesday in the middle of a month."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine

from apps.workspaces.models import Workspace
from tests.factories import new_key
from tests.telemetry.budgets.keeping import NOW


@pytest.fixture
def at_half_past_ten() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def client(api: Callable[..., Any], workspace: Workspace) -> Any:
    return api(new_key(workspace))
