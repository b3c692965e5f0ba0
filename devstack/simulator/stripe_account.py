"""One Stripe account: its objects by kind, its events, its idempotency keys."""

import copy
import threading
from collections.abc import Callable

from devstack.simulator.stripe_objects import PLANS, price
from devstack.simulator.wire import JsonObject

KINDS = ("customers", "checkout_sessions", "portal_sessions", "subscriptions", "invoices", "events")


class StripeAccount:
    """Readers get copies, so that nobody changes what is stored. Safe for several threads."""

    def __init__(
        self, kept: JsonObject, changed: Callable[[], None], lock: threading.RLock
    ) -> None:
        self.lock = lock  # hold it to read, decide and put as one step
        self._changed = changed
        self._objects: dict[str, dict[str, JsonObject]] = {
            kind: kept.get("objects", {}).get(kind, {}) for kind in KINDS
        }
        self._answers: dict[str, JsonObject] = kept.get("answers", {})
        self._metadata: dict[str, JsonObject] = kept.get("metadata", {})

    def dump(self) -> JsonObject:
        with self.lock:
            objects, answers, metadata = self._objects, self._answers, self._metadata
            return copy.deepcopy({"objects": objects, "answers": answers, "metadata": metadata})

    def reset(self) -> None:
        with self.lock:
            self._objects = {kind: {} for kind in KINDS}
            self._answers, self._metadata = {}, {}
            self._changed()

    def put(self, kind: str, *objects: JsonObject) -> None:
        with self.lock:
            for one in objects:
                self._objects[kind][one["id"]] = copy.deepcopy(one)
            self._changed()

    def get(self, kind: str, object_id: str) -> JsonObject | None:
        if kind == "prices":
            return next((p for p in self.every("prices") if p["id"] == object_id), None)
        with self.lock:
            return copy.deepcopy(self._objects[kind].get(object_id))

    def every(self, kind: str) -> list[JsonObject]:
        """Newest first, as Stripe lists."""
        if kind == "prices":
            return [price(plan) for plan in PLANS]
        with self.lock:
            last_first = copy.deepcopy(list(self._objects[kind].values()))[::-1]
        return sorted(last_first, key=lambda one: int(one["created"]), reverse=True)

    def note_subscription_metadata(self, session_id: str, metadata: JsonObject) -> None:
        """What the subscription of a checkout session will carry once it is paid."""
        with self.lock:
            self._metadata[session_id] = dict(metadata)
            self._changed()

    def subscription_metadata(self, session_id: str) -> JsonObject:
        with self.lock:
            return dict(self._metadata.get(session_id, {}))

    def once(
        self, key: str | None, asked: JsonObject, act: Callable[[], tuple[int, JsonObject]]
    ) -> tuple[int, JsonObject, bool] | None:
        """Act, or replay what the same key was answered; None when it asked something else."""
        if key is None:
            return *act(), False
        with self.lock:
            before = self._answers.get(key)
            if before is None:
                status, body = act()
                self._answers[key] = {"asked": asked, "status": status, "body": body}
                self._changed()
                return status, body, False
            if before["asked"] != asked:
                return None
            return before["status"], before["body"], True
