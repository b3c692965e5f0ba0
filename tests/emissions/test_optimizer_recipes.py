"""The recipes of the documentation: readable, and their scripts are scripts."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def recipe(name: str) -> Any:
    return yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))


def scripts() -> list[tuple[str, str]]:
    pod = recipe("carbon-aware-cronjob.yaml")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    jobs = recipe("carbon-aware-workflow.yml")["jobs"].values()
    steps = [step["run"] for job in jobs for step in job["steps"]]
    return [("sh", pod["initContainers"][0]["command"][2]), *(("bash", step) for step in steps)]


@pytest.mark.parametrize(("shell", "script"), scripts())
def test_the_scripts_can_be_read_by_their_shell(shell: str, script: str) -> None:
    subprocess.run([shell, "-n", "-c", script], check=True)
