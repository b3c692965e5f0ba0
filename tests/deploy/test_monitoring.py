"""Alerts and dashboards ask only for metrics that the code exports; the check says which do not."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devstack import places

DASHBOARD = "deploy/grafana/dashboards/web.json"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("deploy", "scripts", "carbon_platform"):
        shutil.copytree(places.ROOT / name, tmp_path / name)
    shutil.copy(places.ROOT / "docker-compose.yml", tmp_path)
    (tmp_path / "apps").mkdir()
    return tmp_path


def _check(checkout: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "scripts/check_monitoring.py"],
        cwd=checkout,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def _edit_dashboard(checkout: Path, change: Callable[[Any], None]) -> None:
    file = checkout / DASHBOARD
    dashboard = json.loads(file.read_text())
    change(dashboard)
    file.write_text(json.dumps(dashboard))


def test_what_is_shipped_has_no_fault(checkout: Path) -> None:
    assert _check(checkout).stderr == ""
    assert _check(checkout).returncode == 0


def test_a_metric_that_was_renamed_in_the_code_is_found_wherever_it_is_asked_for(
    checkout: Path,
) -> None:
    metrics = checkout / "carbon_platform" / "metrics.py"
    _edit(metrics, "carbon_api_http_request_duration_seconds", "carbon_seconds")
    done = _check(checkout)
    assert done.returncode == 1
    assert "rule SlowAnswers: nothing exports carbon_api_http_request_duration_s" in done.stderr
    assert "web.json, Time to answer, API: nothing exports" in done.stderr


def test_a_broken_expression_and_two_panels_with_one_id_are_found(checkout: Path) -> None:
    def spoil(dashboard: Any) -> None:
        dashboard["panels"][0]["targets"][0]["expr"] = "sum(up"
        dashboard["panels"][2]["id"] = dashboard["panels"][1]["id"]

    _edit_dashboard(checkout, spoil)
    done = _check(checkout)
    assert done.returncode == 1
    assert "web.json, Web processes up: " in done.stderr
    assert "web.json: two panels share an id" in done.stderr


def test_a_target_that_is_no_service_and_an_alert_without_words_are_found(checkout: Path) -> None:
    prometheus = checkout / "deploy" / "prometheus"
    _edit(prometheus / "prometheus.yml", "web:8000", "website:8000")
    _edit(prometheus / "alerts.yml", "summary: The web process", "description: The web process")
    done = _check(checkout)
    assert "website:8000 is no service" in done.stderr
    assert "rule WebDown: no summary" in done.stderr
