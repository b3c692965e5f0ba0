"""Importing a file the way an operator does."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from django.core.management import call_command

from apps.workspaces.models import Workspace


class Run(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    said: str


Import = Callable[..., Run]


@pytest.fixture
def run_import(workspace: Workspace) -> Import:
    """`manage.py import_usage FILE --workspace mine …`."""

    def run(path: Path, *options: str, into: Workspace = workspace) -> Run:
        out = io.StringIO()
        try:
            call_command("import_usage", str(path), "--workspace", into.slug, *options, stdout=out)
        except SystemExit as end:
            return Run(int(end.code or 0), out.getvalue())
        return Run(0, out.getvalue())

    return run
