"""gunicorn reads this file by itself: our log lines from the first one, metrics that add up."""

import gc
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from carbon_platform.logging import configure

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_is_ours = not os.environ.get(_FOLDER)
if _is_ours:
    os.environ[_FOLDER] = tempfile.mkdtemp(prefix="carbon-metrics-")
for left_over in Path(os.environ[_FOLDER]).glob("*.db"):
    left_over.unlink()  # counts of processes that ended with the last start


class logger_class(Logger):  # type: ignore[misc]  # noqa: N801 - the setting's name; no types there
    """No lines of its own shape: everything goes the product's way."""

    def setup(self, cfg: Any) -> None:
        self.error_log.setLevel("INFO")
        configure(os.environ.get("LOG_FORMAT", "json"), os.environ.get("LOG_LEVEL", "INFO"))


def post_worker_init(_worker: Any) -> None:
    """What stays for good is loaded, then left alone: a full collection of it took 100 ms."""
    from apps.emissions import cloud  # noqa: PLC0415 - not before the worker has its own memory

    cloud.catalogue()
    cloud.shortlists()
    gc.collect()
    gc.freeze()


def child_exit(_server: Any, worker: Any) -> None:
    from prometheus_client import multiprocess  # noqa: PLC0415 - not before the folder is named

    mark_dead: Any = multiprocess.mark_process_dead
    mark_dead(worker.pid)


def on_exit(_server: Any) -> None:
    if _is_ours:
        shutil.rmtree(os.environ[_FOLDER], ignore_errors=True)
