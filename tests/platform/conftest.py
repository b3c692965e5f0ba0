"""A plain client on the probe's site, and the log lines of a test."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from carbon_platform import logging as product_logging


@pytest.fixture
def probe(settings: Any) -> Client:
    settings.ROOT_URLCONF = "tests.platform.probe"
    return Client(raise_request_exception=False)


@pytest.fixture
def log_lines(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """The JSON lines written to standard output since last asked."""
    product_logging.configure("json")
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Wait until it is so, at most ten seconds."""

    def wait(is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not is_so():
            assert time.monotonic() < deadline, "it did not happen"
            threading.Event().wait(0.01)

    return wait
