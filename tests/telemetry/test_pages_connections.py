"""The connections page: what is done with a connection there, and what it says of the last days."""

from html import unescape
from typing import Any

import pytest
from django.test import Client

from apps.common import clock
from apps.emissions.selectors import current_factors
from apps.telemetry.connectors.base import BucketReading, Reading, Window
from apps.telemetry.models import ProviderConnection
from apps.telemetry.services.advice import ADVICE
from apps.telemetry.services.ingest import record
from apps.workspaces.models import Workspace
from tests.factories import MembershipFactory, UserFactory
from tests.telemetry.metering import HOUR, SOURCE
from tests.telemetry.test_pages import PAGE, text_of


@pytest.fixture
def person(workspace: Workspace) -> Client:
    client = Client()
    client.force_login(MembershipFactory.create(workspace=workspace).user)
    return client


def test_a_connection_is_paused_and_resumed_on_the_page(
    person: Client, connection: ProviderConnection
) -> None:
    paused = text_of(person.post(f"{PAGE}{connection.public_id}/pause/", follow=True))
    assert "nothing is read until it is resumed" in paused
    assert ">Resume</button>" in paused

    person.post(f"{PAGE}{connection.public_id}/resume/")

    connection.refresh_from_db()
    assert connection.status == "active"


def test_only_what_is_set_up_here_can_be_chosen(person: Client, settings: Any) -> None:
    settings.PROVIDER_BASE_URLS = {"litellm": ""}
    without = text_of(person.get(PAGE))
    settings.PROVIDER_BASE_URLS = {"litellm": "https://proxy.example"}
    with_proxy = text_of(person.get(PAGE))

    assert 'value="openai"' in without
    assert 'value="litellm"' not in without
    assert 'value="litellm"' in with_proxy


def test_reading_now_is_asked_for_once_a_minute(
    person: Client, connection: ProviderConnection
) -> None:
    ProviderConnection.objects.update(next_poll_at=clock.now() + HOUR)

    first = text_of(person.post(f"{PAGE}{connection.public_id}/poll/", follow=True))
    second = text_of(person.post(f"{PAGE}{connection.public_id}/poll/", follow=True))

    assert "read again shortly" in first
    assert "just now" in second


@pytest.mark.usefixtures("meters", "connection")
def test_a_key_is_tried_on_the_page(person: Client, connection: ProviderConnection) -> None:
    answer = person.post(f"{PAGE}{connection.public_id}/validate/", follow=True)

    assert "accepts its key" in text_of(answer)


def test_the_last_days_are_drawn_and_said_in_words(
    person: Client, connection: ProviderConnection
) -> None:
    now = clock.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    window = Window(hour - 6 * HOUR, hour - HOUR)
    buckets = tuple(
        BucketReading(SOURCE, hour - back * HOUR, hour - (back - 1) * HOUR, is_provisional=False)
        for back in (6, 4, 3, 2)
    )
    record(connection, SOURCE, Reading(window, buckets, ()), current_factors(), now=now)
    ProviderConnection.objects.update(last_polled_at=now)

    page = text_of(person.get(PAGE))

    assert page.count('class="seen"') == 2
    assert 'class="missing"' in page
    assert "4 read, " in page
    assert "Missing" in page


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize("kind", ADVICE)
def test_each_failure_stands_with_what_to_do(person: Client, kind: str) -> None:
    ProviderConnection.objects.update(failure_kind=kind, failure_message="In their words")

    page = unescape(text_of(person.get(PAGE)))

    assert ADVICE[kind] in page
    assert "In their words" in page


@pytest.mark.usefixtures("connection")
def test_who_may_not_change_connections_is_offered_no_button(
    person: Client, workspace: Workspace
) -> None:
    user = UserFactory.create()
    MembershipFactory.create(workspace=workspace, user=user, role="auditor")
    person.force_login(user)

    page = text_of(person.get(PAGE))

    assert "Our openai" in page
    assert "/revoke/" not in page
    assert 'name="api_key"' not in page
