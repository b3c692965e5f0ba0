"""Fills the demo workspace through the product's own doors, once the stack answers.

Everything happens as a customer and an operator would do it: HTTP with an API key, manage.py, and
the simulator playing the providers, Stripe and the registry. After a run that broke off, the next
one goes on where it ended.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import requests

from devstack import places
from devstack.errors import DevstackError
from devstack.summary import DEMO

NAME: Final = "Demo"
SLUG: Final = "demo"
LOGIN: Final = "demo@localhost"
CREDITS: Final = places.ROOT / "devstack" / "demo_credits.csv"
ACCOUNTS: Final = (
    ("openai", "OpenAI, production", "sk-admin-simulated-0001"),
    ("anthropic", "Anthropic, production", "sk-ant-admin01-simulated-0001"),
    ("openrouter", "OpenRouter, experiments", "sk-or-v1-simulated-management-0001"),
)
LATE_ARRIVALS: Final = timedelta(hours=48)
PATIENCE_SECONDS: Final = 120.0
LOOK_SECONDS: Final = 0.2


class Product:
    """The running product, as a client with a key sees it."""

    def __init__(self, site: str, key: str) -> None:
        self._site = site
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {key}"

    def get(self, path: str) -> Any:
        return self._answer("GET", path, None)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self._answer("POST", path, body)

    def _answer(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        answer = self._session.request(method, f"{self._site}/api/v1{path}", json=body, timeout=60)
        if not answer.ok:
            raise DevstackError(
                f"demo: {method} {path} answered {answer.status_code}: {answer.text[:300]}"
            )
        return answer.json()


def main() -> int:
    settings = os.environ
    site = settings["PUBLIC_URL"]
    if settings.get("SIMULATED_PROVIDERS") != "true":
        return 0
    started = time.monotonic()
    try:
        _fill(site, settings["STRIPE_API_BASE"].removesuffix("/stripe"))
    except (DevstackError, requests.RequestException) as failure:
        print(f"the demo workspace could not be filled: {failure}", file=sys.stderr)
        return 1
    print(f"demo workspace filled in {time.monotonic() - started:.1f} s")
    return 0


def _fill(site: str, simulator: str) -> None:
    workspace_id, key = _ready_workspace(site)
    product = Product(site, key)
    connected = {connection["provider"] for connection in product.get("/connections")["results"]}
    for provider, name, secret in ACCOUNTS:
        if provider not in connected:
            product.post("/connections", {"provider": provider, "name": name, "api_key": secret})
    print("reading 60 days of three simulated providers")
    _wait(lambda: _all_read(product), "the first readings")
    _pay(product, workspace_id, simulator)
    _manage("load_credits", str(CREDITS), accepted=(0, 1))  # 1: a run that broke off loaded them
    if _is_closing(product):
        _manage("close_period", "--workspace", SLUG)
    _manage("issue_receipts")
    _remember(api_key=key, login=LOGIN, receipt=f"/verify/{_receipt_id(product)}")


def _receipt_id(product: Product) -> str:
    receipts = product.get("/receipts")["results"]
    if not receipts:
        raise DevstackError("demo: the period closed and no receipt was issued; see the logs")
    return str(receipts[0]["id"])


def _ready_workspace(site: str) -> tuple[str, str]:
    """The demo workspace's id and a fresh key for it; a person can log in to it."""
    setup_key = _manage("create_api_key", "--platform", "--mode", "live", "--name", "demo setup")
    platform = Product(site, setup_key)
    known = {workspace["name"]: workspace["id"] for workspace in platform.get("/workspaces")}
    workspace_id = known.get(NAME) or platform.post("/workspaces", {"name": NAME})["id"]
    person = ("--email", LOGIN, "--role", "owner", "--password-env", "DEMO_PASSWORD")
    _manage("add_member", "--workspace", SLUG, *person)
    key = _manage("create_api_key", "--workspace", SLUG, "--mode", "live", "--name", "demo")
    return workspace_id, key


def _all_read(product: Product) -> bool:
    connections = product.get("/connections")["results"]
    for connection in connections:
        if connection["failure"]:
            raise DevstackError(f"{connection['name']}: {connection['failure']['message']}")
    return all(connection["last_succeeded_at"] for connection in connections)


def _pay(product: Product, workspace_id: str, simulator: str) -> None:
    """Subscribed at the start of the latest month that can be closed, and renewed at its end."""
    if any(period["status"] != "open" for period in product.get("/billing/periods")["results"]):
        return
    start, end = latest_closable_month(datetime.now(UTC))
    customer = {"client_reference_id": workspace_id, "plan": "growth", "email": LOGIN}
    signed_up = _control(simulator, "signup", {**customer, "starts_at": _text(start)})
    span = {"period_start": _text(start), "period_end": _text(end)}
    _control(simulator, "renew", {"subscription": signed_up["subscription"], **span})
    _wait(lambda: _is_closing(product), "the paid period to begin closing")


def _is_closing(product: Product) -> bool:
    return any(
        period["status"] == "closing" for period in product.get("/billing/periods")["results"]
    )


def latest_closable_month(now: datetime) -> tuple[datetime, datetime]:
    """The newest calendar month whose late-arrival window has passed, `[start, end)`."""
    end = (now - LATE_ARRIVALS).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (end - timedelta(days=1)).replace(day=1), end


def _control(simulator: str, story: str, body: dict[str, Any]) -> Any:
    answer = requests.post(f"{simulator}/control/stripe/{story}", json=body, timeout=60)
    if not answer.ok:
        raise DevstackError(f"demo: the simulator refused {story}: {answer.text[:300]}")
    return answer.json()


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _manage(*arguments: str, accepted: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=places.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in accepted:
        raise DevstackError(f"demo: manage.py {arguments[0]} failed: {done.stderr[-500:]}")
    return done.stdout.strip()


def _wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise DevstackError(f"demo: waited {PATIENCE_SECONDS:.0f} s for {what}")
        time.sleep(LOOK_SECONDS)


def _remember(**facts: str) -> None:
    draft = DEMO.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(facts))
    draft.replace(DEMO)


if __name__ == "__main__":
    raise SystemExit(main())
