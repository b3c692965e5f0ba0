"""The simulator itself: all that it knows, and what of it is kept."""

import threading
from pathlib import Path

from devstack.simulator.clock import Clock
from devstack.simulator.faults import FaultPlan
from devstack.simulator.fixtures import Fixtures
from devstack.simulator.history import DAY
from devstack.simulator.journal import Journal
from devstack.simulator.ledger import Ledger
from devstack.simulator.retirements import Registry
from devstack.simulator.state import StateFile
from devstack.simulator.stripe_account import StripeAccount
from devstack.simulator.webhooks import Deliverer

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
        self.registry = Registry(kept.get("registry", {}), self._save, lock)

    def _save(self) -> None:
        """Called by what is kept, under its lock, whenever it changed."""
        self._state.save(
            lambda: {
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
