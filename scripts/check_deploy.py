"""What can be known about the deployment files without a container engine: `make check-deploy`.

One line per check: ok, FAILED with what the tool said, or skipped with the reason. Exit code 1
when one failed.
"""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable


@dataclass(frozen=True)
class Check:
    """A command that must succeed; without its tool it is skipped."""

    name: str
    command: Sequence[str]
    folder: Path = ROOT
    environment: Mapping[str, str] = field(default_factory=dict)


def main() -> int:
    failed = sum(not _passes(check) for check in _checks())
    print("skipped  the production packages alone in a fresh environment: CI does that")
    print("skipped  building and running the image: that needs a container engine")
    return 1 if failed else 0


def _checks() -> list[Check]:
    prometheus = ROOT / "deploy" / "prometheus"
    compose = ["-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    deployable = ["manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    return [
        Check("Dockerfile", [_beside_python("hadolint"), "Dockerfile"]),
        Check("docker-compose.yml", [PYTHON, *compose, "docker-compose.yml"]),
        Check("rules and dashboards", [PYTHON, "scripts/check_monitoring.py"]),
        Check("Prometheus", ["promtool", "check", "config", "prometheus.yml"], prometheus),
        Check("alerts", ["promtool", "test", "rules", "alerts_test.yml"], prometheus),
        Check("Django", [PYTHON, *deployable], environment=_like_production()),
    ]


def _passes(check: Check) -> bool:
    if shutil.which(check.command[0]) is None:
        print(f"skipped  {check.name}: {check.command[0]} is not installed")
        return True
    done = subprocess.run(
        check.command,
        cwd=check.folder,
        env={**os.environ, **check.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        print(f"ok       {check.name}")
        return True
    print(f"FAILED   {check.name}\n{done.stdout}{done.stderr}", end="")
    return False


def _beside_python(tool: str) -> str:
    return str(Path(PYTHON).parent / tool)


def _like_production() -> dict[str, str]:
    """Settings as docker-compose.yml gives them; the secrets are made for this one check."""
    return {
        "ENV_FILE": os.devnull,
        "ENVIRONMENT": "production",
        "DEBUG": "false",
        "PUBLIC_URL": "https://carbon.example",
        "ALLOWED_HOSTS": "carbon.example,web,127.0.0.1",
        "TRUSTED_PROXY_COUNT": "1",
        "DATABASE_URL": "postgresql://carbon@127.0.0.1:1/carbon",
        "REDIS_URL": "redis://127.0.0.1:1",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "SECRET_KEYRING": f"kid1:{_random_key()}",
        "RECEIPT_SIGNING_KEYS": f"1:{_random_key()}",
        "LOG_SIGNING_KEY": _random_key(),
        "STRIPE_API_KEY": "sk_live_checked_and_never_used",
        "STRIPE_WEBHOOK_SECRET": secrets.token_urlsafe(24),
    }


def _random_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


if __name__ == "__main__":
    sys.exit(main())
