"""What outlives the process: one small JSON file, replaced as a whole."""

import json
from collections.abc import Callable
from pathlib import Path

from devstack.simulator.wire import JsonObject


class StateFile:
    """Without a path nothing is kept. One caller at a time."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def load(self) -> JsonObject:
        if self._path is None or not self._path.exists():
            return {}
        kept: JsonObject = json.loads(self._path.read_text())
        return kept

    def save(self, state: Callable[[], JsonObject]) -> None:
        """The state is copied together only where there is a file for it."""
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps(state()))
        beside.replace(self._path)
