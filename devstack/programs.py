"""The product's processes as command lines, and the addresses they are told."""

import sys
from collections.abc import Mapping

from devstack.ports import LOOPBACK, RememberedPorts

PYTHON = sys.executable
STRIPE_WEBHOOK = "/api/v1/webhooks/stripe"
TRUE = {"1", "true", "yes", "on"}

FOR_A_TERMINAL = {"PYTHONUNBUFFERED": "1", "LOG_FORMAT": "console"}

# A worker warns at length when it is root; on a developer's machine that is no news.
CALM = ["-W", "ignore:You're running the worker with superuser privileges"]
CELERY = [PYTHON, *CALM, "-m", "celery", "--quiet", "-A", "carbon_platform"]
BOOTSTRAP = [PYTHON, "manage.py", "bootstrap"]
DEMO = [PYTHON, "-m", "devstack.demo"]
WORKER = [*CELERY, "worker", "-c", "2", "--without-gossip", "--without-mingle"]
BEAT = [*CELERY, "beat", "-s", ".local/beat-schedule"]


def web(port: int) -> list[str]:
    return [
        *(PYTHON, "-m", "gunicorn", "carbon_platform.wsgi", "--bind", f"{LOOPBACK}:{port}"),
        *("-w", "2", "-k", "gthread", "--threads", "4", "--preload", "--no-control-socket"),
    ]


def simulator(port: int, settings: Mapping[str, str]) -> list[str]:
    """It keeps what it has sold and retired, or the product's own rows would refer to nothing."""
    return [
        *(PYTHON, "-m", "devstack.simulator", "--port", str(port)),
        *("--webhook-url", f"{settings['PUBLIC_URL']}{STRIPE_WEBHOOK}"),
        *("--webhook-secret", settings.get("STRIPE_WEBHOOK_SECRET", "")),
        *("--state", ".local/simulator.json"),
    ]


def is_simulated(settings: Mapping[str, str]) -> bool:
    return settings.get("SIMULATE", "").lower() in TRUE


def addresses(settings: Mapping[str, str], ports: RememberedPorts) -> dict[str, str]:
    """Where the simulated outside services listen; an address of your own stays yours."""
    if not is_simulated(settings):
        return {}
    base = f"http://{LOOPBACK}:{ports.get('simulator')}"
    simulated = {
        "OPENAI_BASE_URL": f"{base}/openai/v1",
        "ANTHROPIC_BASE_URL": f"{base}/anthropic",
        "OPENROUTER_BASE_URL": f"{base}/openrouter/api/v1",
        "LITELLM_BASE_URL": f"{base}/litellm",
        "STRIPE_API_BASE": f"{base}/stripe",
        "REGISTRY_URL": f"{base}/registry",
        "SIMULATED_PROVIDERS": "true",
    }
    return {key: settings.get(key) or value for key, value in simulated.items()}
