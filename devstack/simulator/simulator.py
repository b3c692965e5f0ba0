"""The simulator itself: finds the service a request is for and lets faults strike on the way."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from devstack.simulator import anthropic, control, openai, openrouter, registry, stripe_api
from devstack.simulator.clock import Clock
from devstack.simulator.faults import FaultPlan, answer_instead, spoil
from devstack.simulator.fixtures import Fixtures
from devstack.simulator.history import DAY
from devstack.simulator.journal import Journal
from devstack.simulator.ledger import Ledger
from devstack.simulator.state import StateFile
from devstack.simulator.stripe_account import StripeAccount
from devstack.simulator.webhooks import Deliverer
from devstack.simulator.wire import Effect, RefusedError, Reply, Request, json_reply

Door = Callable[[Request, str, "Simulator"], Reply]

SERVICES: dict[str, tuple[str, Door, Callable[[int], Reply]]] = {
    "openai": ("/openai/v1", openai.answer, openai.error),
    "anthropic": ("/anthropic", anthropic.answer, anthropic.error),
    "openrouter": ("/openrouter/api/v1", openrouter.answer, openrouter.error),
    "stripe": ("/stripe", stripe_api.answer, stripe_api.error),
    "registry": ("/registry", registry.answer, registry.error),
}
SHAPES = {
    "openai": ("current", "older", "newer"),
    "anthropic": ("inclusive", "exclusive"),
    "openrouter": ("current", "older"),
}


class Simulator:
    """All state of one simulator process. Several threads ask it at once."""

    def __init__(
        self,
        *,
        seed: int = 7,
        days: int = 60,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
        state: Path | None = None,
    ) -> None:
        self.clock = Clock()
        self.days = days
        self.stopped = threading.Event()
        self._state = StateFile(state)
        kept = self._state.load()
        begins_at = self.clock.now() // DAY * DAY - days * DAY
        self.ledger = Ledger(seed=seed, begins_at=min(begins_at, kept.get("begins_at", begins_at)))
        self.faults = FaultPlan()
        self.journal = Journal()
        self.fixtures = Fixtures()
        self.webhooks = Deliverer(webhook_url, webhook_secret, self.stopped)
        self.shapes = {service: shapes[0] for service, shapes in SHAPES.items()}
        self.latency: dict[str, float] = {}
        lock = threading.RLock()  # one for all that is kept: the file never falls behind
        self.stripe = StripeAccount(kept.get("stripe", {}), self._save, lock)
        self.registry = registry.Registry(kept.get("registry", {}), self._save, lock)

    def _save(self) -> None:
        """Called by what is kept, under its lock, whenever it changed."""
        self._state.save(
            {
                "begins_at": self.ledger.begins_at,
                "stripe": self.stripe.dump(),
                "registry": self.registry.dump(),
            }
        )

    def reset(self) -> None:
        """As freshly started with an empty state file."""
        self.clock.reset()
        self.ledger.reset()
        self.faults.reset()
        self.journal.reset()
        self.fixtures.reset()
        self.shapes = {service: shapes[0] for service, shapes in SHAPES.items()}
        self.latency = {}
        self.stripe.reset()
        self.registry.reset()

    def reply_to(self, request: Request) -> Reply:
        if request.path == "/healthz":
            return json_reply({"status": "ok"})
        if request.path.startswith("/control/"):
            return control.answer(request, request.path.removeprefix("/control"), self)
        for service, (prefix, door, error) in SERVICES.items():
            if request.path.startswith(prefix + "/"):
                return self._serve(service, request, prefix, door, error)
        reply = json_reply({"error": {"message": "nothing is here"}}, 404)
        self.journal.note("elsewhere", request, reply, None)
        return reply

    def _serve(
        self,
        service: str,
        request: Request,
        prefix: str,
        door: Door,
        error: Callable[[int], Reply],
    ) -> Reply:
        path = request.path.removeprefix(prefix)
        fault = self.faults.striking(service, path)
        reply = answer_instead(fault, request, error, self.clock.now()) if fault else None
        if reply is None:
            try:
                reply = self.fixtures.find(request) or door(request, path, self)
            except RefusedError as refused:
                reply = refused.reply
            if fault:
                reply = spoil(fault, request, reply)
        wait = self.latency.get(service, self.latency.get("*", 0.0))
        if wait and reply.effect is None:
            reply = replace(reply, effect=Effect("slow", wait))
        self.journal.note(service, request, reply, fault.kind if fault else None)
        return reply
