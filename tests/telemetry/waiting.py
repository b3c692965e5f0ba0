"""Waiting for something that another thread or process does."""

import time
from collections.abc import Callable

PATIENCE_S = 20.0
LOOK_EVERY_S = 0.02


def until(is_so: Callable[[], bool]) -> None:
    """Look again and again, and fail when it takes too long."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > deadline:
            raise AssertionError("waited too long")
        time.sleep(LOOK_EVERY_S)
