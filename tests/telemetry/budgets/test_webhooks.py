"""Alerts by webhook, against a receiver that answers, refuses, stalls and leads elsewhere."""

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection as database

from apps.common import webhooks
from apps.common.secrets import Secret
from apps.telemetry.models import AlertDelivery, Budget, BudgetAlert
from apps.telemetry.selectors.budgets import due_delivery_ids
from apps.telemetry.services.alert_delivery import LEASE, MOST_ATTEMPTS, WAITS, deliver
from apps.telemetry.services.budget_alerts import check_budgets
from apps.workspaces.models import Workspace
from devstack.ports import any_free
from tests.telemetry.budgets.keeping import NOW, URL, kept, use
from tests.telemetry.budgets.receiving import opened
from tests.telemetry.recorded import Answer, RecordedServer
from tests.telemetry.waiting import until

pytestmark = pytest.mark.usefixtures("at_half_past_ten")
PATH = "/carbon"
Put = Callable[..., AlertDelivery]


@pytest.fixture
def receiver(settings: Any) -> Iterator[RecordedServer]:
    settings.WEBHOOKS_MAY_BE_LOCAL = True
    with RecordedServer() as server:
        server.plays(PATH, Answer({}))
        yield server


@pytest.fixture
def put_by(client: Any, workspace: Workspace, receiver: RecordedServer) -> Put:
    """One delivery that is due, of a budget whose secret stands in `put_by.secret`."""

    def put(url: str = "") -> AlertDelivery:
        body = kept(client, emails=[], thresholds=[80], webhook_url=url or receiver.url + PATH)
        put.secret = body["webhook_secret"]  # type: ignore[attr-defined]
        put.budget = f"{URL}/{body['id']}"  # type: ignore[attr-defined]
        use(workspace, 900)
        check_budgets(now=NOW)
        return AlertDelivery.objects.get()

    return put


def tried(delivery: AlertDelivery, at: datetime = NOW) -> AlertDelivery:
    deliver(delivery.pk, now=at, clock=lambda: at)
    delivery.refresh_from_db()
    return delivery


def test_a_webhook_says_what_was_reached_and_is_signed_as_the_standard_says(
    put_by: Any, receiver: RecordedServer
) -> None:
    delivery = tried(put_by())

    (received,) = receiver.requests
    alert = BudgetAlert.objects.get()
    assert opened(received, put_by.secret) == {
        "type": "budget.threshold_crossed",
        "timestamp": "2026-11-18T10:30:00+00:00",
        "data": {
            "alert_id": alert.public_id,
            "budget_id": Budget.objects.get().public_id,
            "budget_name": "Inference",
            "workspace_id": str(alert.workspace.public_id),
            "project_id": None,
            "month": "2026-11",
            "unit": "co2e_grams",
            "threshold": 80,
            "used_amount": "900",
            "monthly_amount": "1000",
            "crossed_at": "2026-11-18T10:30:00+00:00",
        },
    }
    assert received.headers["webhook-id"] == delivery.public_id
    assert received.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert received.headers["content-type"] == "application/json"
    assert (delivery.state, delivery.delivered_at, delivery.attempts) == ("delivered", NOW, 1)


def test_an_altered_body_does_not_carry_the_signature(
    put_by: Any, receiver: RecordedServer
) -> None:
    tried(put_by())

    (received,) = receiver.requests
    changed = received.body.replace(b"900", b"901")
    with pytest.raises(AssertionError):
        opened(type(received)(**{**vars(received), "body": changed}), put_by.secret)


def test_the_published_example_has_its_published_signature() -> None:
    """The vector of the Standard Webhooks specification's reference libraries."""
    secret = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    message = webhooks.Message("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}')

    signed = webhooks.signature(message, secret, 1614265330)

    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer({}, 500), "answered 500"),
        (Answer({}, 404), "answered 404"),
        (Answer({}, 429), "answered 429"),
        (Answer({}, 302, {"Location": "/elsewhere"}), "answered 302"),
        (Answer(fault="reset"), "broke off"),
    ],
)
def test_what_fails_is_tried_again_with_the_same_id_and_another_timestamp(
    put_by: Any, receiver: RecordedServer, answer: Answer, said: str
) -> None:
    receiver.plays(PATH, answer, Answer({}))
    delivery = tried(put_by())

    assert said in delivery.last_error
    assert (delivery.state, delivery.next_attempt_at) == ("waiting", NOW + WAITS[0])
    assert due_delivery_ids(NOW + WAITS[0] - timedelta(seconds=1)) == []
    assert due_delivery_ids(NOW + WAITS[0]) == [delivery.pk]

    tried(delivery, NOW + WAITS[0])

    first, second = receiver.requests
    assert (delivery.state, delivery.last_error, delivery.attempts) == ("delivered", "", 2)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 60
    opened(second, put_by.secret)


@pytest.mark.parametrize("fault", ["stall", "trickle_headers"])
def test_a_receiver_that_takes_too_long_is_cut_off(
    put_by: Any, receiver: RecordedServer, monkeypatch: pytest.MonkeyPatch, fault: Any
) -> None:
    monkeypatch.setattr(webhooks, "TOTAL_S", 0.3)
    monkeypatch.setattr(webhooks, "READ_S", 0.2)
    receiver.plays(PATH, Answer(fault=fault))

    assert tried(put_by()).state == "waiting"


def test_a_body_of_any_size_is_not_read(put_by: Any, receiver: RecordedServer) -> None:
    receiver.plays(PATH, Answer(b"x" * 10_000_000, fault="stall_in_body"))

    assert tried(put_by()).state == "delivered"


def test_nobody_listening_is_a_failure_like_others(put_by: Any) -> None:
    delivery = tried(put_by(f"http://127.0.0.1:{any_free()}/"))

    assert delivery.state == "waiting"
    assert "could not be reached" in delivery.last_error


def test_gone_ends_it_at_once(put_by: Any, receiver: RecordedServer, client: Any) -> None:
    receiver.plays(PATH, Answer({}, 410))

    delivery = tried(put_by())

    assert (delivery.state, delivery.attempts) == ("given_up", 1)
    assert tried(delivery, NOW + timedelta(days=2)).attempts == 1
    (shown,) = client.get(put_by.budget).json()["alerts"][0]["deliveries"]
    assert (shown["state"], shown["next_attempt_at"]) == ("given_up", None)
    assert shown["last_error"] == "The receiver answered 410."


def test_after_about_a_day_it_is_given_up(put_by: Any, receiver: RecordedServer) -> None:
    receiver.plays(PATH, Answer({}, 503))
    delivery, at = put_by(), NOW
    for wait in WAITS:
        assert tried(delivery, at).next_attempt_at == at + wait
        at += wait

    assert tried(delivery, at).state == "given_up"

    assert len(receiver.requests) == MOST_ATTEMPTS == 8
    assert timedelta(hours=20) < at - NOW < timedelta(hours=30)
    assert len({one.headers["webhook-id"] for one in receiver.requests}) == 1


def test_one_that_is_not_due_or_told_already_is_left(put_by: Any, receiver: RecordedServer) -> None:
    delivery = put_by()
    tried(delivery, NOW - timedelta(seconds=1))
    assert (receiver.requests, delivery.attempts) == ([], 0)

    tried(delivery)
    tried(delivery, NOW + timedelta(days=1))

    assert len(receiver.requests) == 1


def test_a_worker_that_was_killed_leaves_it_to_the_next_after_its_lease(
    put_by: Any, receiver: RecordedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    delivery = put_by()
    with monkeypatch.context() as patched:
        patched.setattr("urllib3.connectionpool.HTTPConnectionPool.urlopen", killed)
        with pytest.raises(KeyboardInterrupt):
            tried(delivery)

    assert due_delivery_ids(NOW + LEASE - timedelta(seconds=1)) == []
    assert tried(delivery, NOW + LEASE).state == "delivered"
    assert len(receiver.requests) == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_send_one(put_by: Any, receiver: RecordedServer) -> None:
    receiver.plays(PATH, Answer({}, fault="trickle_headers"))
    delivery = put_by()

    def work() -> None:
        try:
            deliver(delivery.pk, now=NOW, clock=lambda: NOW)
        finally:
            database.close()

    first = threading.Thread(target=work)
    first.start()
    until(lambda: bool(receiver.requests))
    work()
    first.join()

    assert len(receiver.requests) == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("delivered", 1)


@pytest.mark.parametrize("change", ["archive", "other", "none"])
def test_a_recipient_that_is_named_no_more_is_not_told(
    put_by: Any, receiver: RecordedServer, client: Any, change: str
) -> None:
    delivery = put_by()
    if change == "archive":
        client.delete(put_by.budget)
    else:
        url = "https://other.example.com/" if change == "other" else ""
        client.patch(put_by.budget, {"webhook_url": url})

    assert tried(delivery).state == "given_up"
    assert receiver.requests == []


def test_after_rotation_the_new_secret_signs(
    put_by: Any, receiver: RecordedServer, client: Any
) -> None:
    delivery = put_by()
    secret = client.post(f"{put_by.budget}/rotate-secret").json()["webhook_secret"]

    tried(delivery)

    opened(receiver.requests[0], secret)


def test_a_secret_that_does_not_open_is_said_and_nothing_is_sent(
    put_by: Any, receiver: RecordedServer, settings: Any
) -> None:
    delivery = put_by()
    settings.SECRET_KEYRING = "other:" + "RERE" * 10 + "REQ="

    assert "cannot be opened" in tried(delivery).last_error
    assert receiver.requests == []


def test_no_log_line_has_the_secret_the_address_or_the_body(
    put_by: Any, receiver: RecordedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.plays(PATH, Answer({}, 500), Answer({}))

    delivery = tried(put_by())
    tried(delivery, NOW + WAITS[0])

    for event in ("alert_put_off", "alert_delivered"):
        assert event in caplog.text
    for secret in (put_by.secret, receiver.url, "Inference", "v1,"):
        assert secret not in caplog.text
