"""Settings: what production refuses, and that every variable is written down."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from carbon_platform.checks import check_settings

ROOT = Path(__file__).resolve().parents[2]
SEEDS = {name: f"{name * 43}=" for name in "ABC"}
PRODUCTION = {
    "ENV_FILE": os.devnull,
    "ENVIRONMENT": "production",
    "DEBUG": "false",
    "PUBLIC_URL": "https://carbon.example",
    "SECRET_KEY": "".join(chr(65 + number * 7 % 58) for number in range(60)),
    "SECRET_KEYRING": f"kid1:{SEEDS['A']}",
    "RECEIPT_SIGNING_KEYS": f"1:{SEEDS['A']}",
    "LOG_SIGNING_KEY": SEEDS["B"][:-2] + "A=",
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1",
    "TRUSTED_PROXY_COUNT": "1",
    "STRIPE_API_KEY": "sk_live_x",
    "STRIPE_WEBHOOK_SECRET": "whsec_x",
}


def run(*arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **PRODUCTION, **changed}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_deployment_check_is_clean_in_production_and_needs_no_database() -> None:
    checked = run("manage.py", "check", "--deploy", "--fail-level", "WARNING")

    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEYRING"])
def test_nothing_starts_without_what_has_no_default(name: str) -> None:
    environment = {key: value for key, value in PRODUCTION.items() if key != name}
    environment["PATH"] = os.environ["PATH"]
    started = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert started.returncode != 0
    assert name in started.stderr


def test_the_web_process_does_not_start_on_refused_settings() -> None:
    # nothing was collected into the folder of static files, of which WhiteNoise would warn
    good = run("-W", "ignore::UserWarning", "-c", "import carbon_platform.wsgi")
    bad = run("-W", "ignore::UserWarning", "-c", "import carbon_platform.wsgi", DEBUG="true")

    assert (good.returncode, good.stderr) == (0, "")
    assert bad.returncode != 0
    assert "carbon.E001" in bad.stderr


@pytest.mark.parametrize(
    ("changed", "faults"),
    [
        ({"ENVIRONMENT": "production", "DEBUG": True}, ["E001", "E003"]),
        ({"AUTH_ENABLED": False}, ["E002"]),
        ({"AUTH_ENABLED": False, "DEBUG": True}, []),
        ({"ENVIRONMENT": "production", "PUBLIC_URL": "http://carbon.example"}, ["E003"]),
        ({"ENVIRONMENT": "production", "PUBLIC_URL": "http://localhost:8000"}, []),
        ({"SECRET_KEYRING": "kid1:short"}, ["E010"]),
        ({"SECRET_STORE": "drawer"}, ["E014"]),
        ({"RECEIPT_SIGNING_KEYS": ""}, ["E011"]),
        ({"RECEIPT_SIGNING_KEYS": "1:" + SEEDS["A"] + ",x"}, ["E011"]),
        ({"LOG_SIGNING_KEY": ""}, ["E012"]),
        ({"RECEIPT_SIGNING_KEYS": "1:" + SEEDS["A"], "LOG_SIGNING_KEY": SEEDS["A"]}, ["E013"]),
        ({"STRIPE_API_KEY": "sk_test_x", "STRIPE_WEBHOOK_SECRET": ""}, ["E020"]),
        ({"STRIPE_API_KEY": "sk_live_x", "DEBUG": True}, ["E021"]),
        ({}, []),
    ],
)
def test_settings_that_are_refused(
    settings: Any, changed: dict[str, Any], faults: list[str]
) -> None:
    for name, value in {"ENVIRONMENT": "local", "DEBUG": False, **changed}.items():
        setattr(settings, name, value)

    assert [fault.id for fault in check_settings()] == [f"carbon.{fault}" for fault in faults]


def variables_read() -> set[str]:
    """The first argument of every `env.kind("NAME")` in the settings."""
    settings_text = (ROOT / "carbon_platform/settings.py").read_text()
    return {"ENV_FILE", *re.findall(r'\benv\.\w+\(\s*"([A-Z_]+)"', settings_text)}


def test_every_variable_stands_in_the_example_and_nothing_else_does() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    written = [line.partition("=")[0] for line in lines if re.match(r"[A-Z_]+=", line)]

    assert sorted(written) == sorted(variables_read())


def test_every_variable_of_the_example_is_explained() -> None:
    groups = re.split(r"\n(?=#)", (ROOT / ".env.example").read_text())

    assert not [group for group in groups if re.match(r"[A-Z_]+=", group)]
