"""The door for Stripe's deliveries: what is let in, what is stored, what is answered."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import Settings

from apps.billing import tasks
from apps.billing.models import StripeEvent, Subscription
from apps.workspaces.models import Workspace
from tests.billing.deliveries import URL, event, post, signed

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def body(workspace: Workspace) -> bytes:
    return json.dumps(event("customer.subscription.updated.active", workspace), indent=2).encode()


def test_a_signed_event_is_stored_as_it_came_and_acknowledged(body: bytes) -> None:
    answer = post(body, signed(body, NOW.timestamp()))

    assert (answer.status_code, json.loads(answer.content)) == (200, {"received": True})
    stored = StripeEvent.objects.get()
    assert bytes(stored.body) == body
    assert (stored.type, stored.api_version) == (
        "customer.subscription.updated",
        "2026-10-28.endive",
    )
    assert (stored.received_at, stored.processed_at) == (NOW, None)


def test_the_second_delivery_of_an_event_changes_nothing(body: bytes) -> None:
    for _ in range(5):
        assert post(body, signed(body, NOW.timestamp())).status_code == 200

    assert StripeEvent.objects.count() == 1


def test_the_queued_task_acts_on_the_event(body: bytes, workspace: Workspace) -> None:
    post(body, signed(body, NOW.timestamp()))

    outcome = tasks.process_event(json.loads(body)["id"])

    assert outcome == "applied"
    assert Subscription.objects.get().workspace == workspace


@pytest.mark.parametrize("away", [timedelta(seconds=-300), timedelta(seconds=300)])
def test_a_clock_may_be_five_minutes_off(body: bytes, away: timedelta) -> None:
    assert post(body, signed(body, (NOW + away).timestamp())).status_code == 200


def refused_headers(body: bytes) -> dict[str, str | None]:
    good = signed(body, NOW.timestamp())
    old = NOW.timestamp() - 301
    return {
        "none": None,
        "empty": "",
        "another secret": signed(body, NOW.timestamp(), "whsec_other"),
        "too old": signed(body, old),
        "too far ahead": signed(body, NOW.timestamp() + 301),
        "of another body": signed(body + b" ", NOW.timestamp()),
        "only the old scheme": good.replace("v1=", "v0="),
        "cut off": good[:-1],
        "no time": good.split(",")[1],
        "not a time": "t=now," + good.split(",")[1],
        "replayed under a second time": signed(body, old).replace(
            f"t={int(old)}", f"t=+{int(old)},t={int(NOW.timestamp())}"
        ),
    }


@pytest.mark.parametrize("name", sorted(refused_headers(b"")))
def test_a_wrong_signature_is_refused_and_nothing_stored(body: bytes, name: str) -> None:
    answer = post(body, refused_headers(body)[name])

    assert answer.status_code == 400
    assert json.loads(answer.content)["error"]["code"] == "validation_error"
    assert StripeEvent.objects.count() == 0


@pytest.mark.parametrize(
    "broken",
    [b"", b"{", b"[]", b'"text"', b"{}", b'{"id": "evt_1"}', b'{"id":"e","type":"t","created":[]}',
     b'{"id":"a\\u0000b","type":"t","created":1}', b'{"id":"e","type":"t","created":1e99}'],
)  # fmt: skip
def test_a_signed_body_that_is_no_event_is_refused(broken: bytes) -> None:
    answer = post(broken, signed(broken, NOW.timestamp()))

    assert answer.status_code == 400
    assert StripeEvent.objects.count() == 0


def test_bytes_that_are_no_text_are_refused() -> None:
    assert post(b"\xff\xfe", "t=1,v1=aa").status_code == 400


def test_a_body_over_the_cap_is_refused_before_it_is_read() -> None:
    large = b" " * (256 * 1024 + 1)

    assert post(large, signed(large, NOW.timestamp())).status_code == 413


def test_while_a_secret_is_rolled_either_signature_will_do(body: bytes) -> None:
    new, old = (signed(body, NOW.timestamp(), secret) for secret in (None, "whsec_old"))

    assert post(body, f"{old},{new.split(',')[1]}").status_code == 200


def test_without_a_secret_nothing_is_taken(body: bytes, settings: Settings) -> None:
    header = signed(body, NOW.timestamp())
    settings.STRIPE_WEBHOOK_SECRET = ""

    assert post(body, header).status_code == 503
    assert StripeEvent.objects.count() == 0


def test_the_door_takes_posts_only(client: Client) -> None:
    assert client.get(URL).status_code == 405
