"""Deliveries of Stripe's events, checked by a real receiver with Stripe's own library."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import stripe

from devstack.simulator.testing import CommandError, RunningSimulator
from tests.simulator.schemas import errors

SECRET = "whsec_test_secret_of_the_endpoint"
SIGNUP = ["checkout.session.completed", "customer.subscription.created", "invoice.paid"]
RENEWAL = ["customer.subscription.updated", "invoice.paid", "invoice.payment_succeeded"]


class Receiver(HTTPServer):
    """Answers each call with the next status it was told, then with 200."""

    statuses: list[int]
    received: list[tuple[bytes, str | None]]

    def types(self) -> list[str]:
        return [self.verified(index).type for index in range(len(self.received))]

    def verified(self, index: int) -> stripe.Event:
        body, signature = self.received[index]
        return stripe.StripeClient("sk_test_x").construct_event(body, str(signature), SECRET)


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((body, self.headers.get("Stripe-Signature")))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Silent."""


@contextmanager
def _receiver() -> Iterator[Receiver]:
    with Receiver(("127.0.0.1", 0), _Handler) as server:
        server.statuses, server.received = [], []
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def receiver(simulator: RunningSimulator) -> Iterator[Receiver]:
    with _receiver() as server:
        simulator.deliver_to(f"http://127.0.0.1:{server.server_port}/hooks?x=1", SECRET)
        yield server


def _signup(simulator: RunningSimulator, **more: Any) -> dict[str, Any]:
    return simulator.stripe("signup", **{"client_reference_id": "ws_1", "plan": "starter", **more})


def test_a_sign_up_is_delivered_signed_and_in_order(
    simulator: RunningSimulator, receiver: Receiver
) -> None:
    told = _signup(simulator)

    assert receiver.types() == SIGNUP
    assert [delivery["statuses"] for delivery in told["deliveries"]] == [[200]] * 3
    session = receiver.verified(0).data.object
    assert session["client_reference_id"] == "ws_1"
    assert session["subscription"] == told["subscription"]
    assert receiver.verified(2).data.object["billing_reason"] == "subscription_create"


def test_a_renewal_and_an_end_are_delivered(
    simulator: RunningSimulator, receiver: Receiver
) -> None:
    told = _signup(simulator, deliver=False)
    assert receiver.received == []

    simulator.stripe("renew", subscription=told["subscription"])
    simulator.stripe("cancel", subscription=told["subscription"])

    assert receiver.types() == [*RENEWAL, "customer.subscription.deleted"]
    assert all(errors("stripe", "Event", receiver.verified(i).to_dict()) == [] for i in range(4))


def test_a_delivery_that_fails_is_tried_again_and_the_answer_says_so(
    simulator: RunningSimulator, receiver: Receiver
) -> None:
    receiver.statuses = [500, 503, 200, 500, 500, 500]

    told = _signup(simulator)

    assert [delivery["statuses"] for delivery in told["deliveries"]] == [
        [500, 503, 200],
        [500, 500, 500],
        [200],
    ]
    assert len({body for body, _ in receiver.received[:3]}) == 1


def test_events_are_delivered_as_often_and_in_the_order_asked_for(
    simulator: RunningSimulator, receiver: Receiver
) -> None:
    events = _signup(simulator, deliver=False)["events"]

    simulator.stripe("deliver", events=events, order="reversed")
    simulator.stripe("deliver", events=events, times=2)
    shuffled = simulator.stripe("deliver", events=events, times=3, order="shuffled", shuffle_seed=1)

    types = receiver.types()
    assert types[:3] == SIGNUP[::-1]
    assert types[3:9] == [name for name in SIGNUP for _ in range(2)]
    assert sorted(types[9:]) == sorted(SIGNUP * 3)
    assert types[9:] != [name for name in SIGNUP for _ in range(3)]
    assert len(shuffled["deliveries"]) == 9


@pytest.mark.parametrize("signature", ["wrong", "old", "missing"])
def test_a_bad_signature_is_refused_by_the_library(
    simulator: RunningSimulator, receiver: Receiver, signature: str
) -> None:
    _signup(simulator, signature=signature)

    assert len(receiver.received) == 3
    with pytest.raises(stripe.SignatureVerificationError):
        receiver.verified(0)


def test_any_body_can_be_delivered(simulator: RunningSimulator, receiver: Receiver) -> None:
    body = {"id": "evt_1", "object": "event", "type": "invoice.upcoming", "data": {"object": {}}}

    simulator.stripe("deliver", events=[body])

    assert receiver.verified(0).id == "evt_1"


def test_a_receiver_that_is_down_is_reported(simulator: RunningSimulator) -> None:
    with _receiver() as gone:
        port = gone.server_port
    simulator.deliver_to(f"http://127.0.0.1:{port}/hooks", SECRET)

    told = _signup(simulator)

    assert told["deliveries"][0]["statuses"] == ["ConnectionRefusedError"] * 3


def test_a_story_about_nobody_is_refused(simulator: RunningSimulator) -> None:
    with pytest.raises(CommandError):
        simulator.stripe("renew", subscription="sub_none")
    with pytest.raises(CommandError):
        simulator.stripe("deliver", events=["evt_none"])
    with pytest.raises(CommandError):
        _signup(simulator, plan="free")
