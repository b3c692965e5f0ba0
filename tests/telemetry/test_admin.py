"""The operator's pages: everything can be seen, nothing can be written, keys stay hidden."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.telemetry.connectors.base import Account
from apps.telemetry.models import (
    CarbonEntry,
    PollRun,
    ProviderConnection,
    Rollup,
    TelemetryEvent,
    Workload,
)
from apps.workspaces.models import Workspace
from tests.telemetry.metering import NOW, bucket, connected, row, take
from tests.telemetry.test_pages import journal, text_of

PLACES: dict[Any, str] = {
    ProviderConnection: "providerconnection",
    Workload: "workload",
    TelemetryEvent: "telemetryevent",
    CarbonEntry: "carbonentry",
    Rollup: "rollup",
    PollRun: "pollrun",
}
MARKUP = "<script>alert(1)</script>"


@pytest.fixture
def operator(db: None, settings: Any) -> Client:  # noqa: ARG001 - a fixture is asked for by its name
    client = Client()
    client.force_login(User.objects.create_superuser("operator"))
    return client


@pytest.fixture
def used(connection: ProviderConnection) -> ProviderConnection:
    take(connection, bucket(0, row(MARKUP, raw={"model": MARKUP, "tokens": [1, 2]})))
    take(connection, bucket(0, row(MARKUP, output=400)), at=NOW.replace(hour=12))
    journal(connection, message=MARKUP)
    return connection


def page(operator: Client, kind: type, path: str = "") -> str:
    answer = operator.get(f"/admin/telemetry/{PLACES[kind]}/{path}")
    assert answer.status_code == 200
    return text_of(answer)


@pytest.mark.usefixtures("used")
@pytest.mark.parametrize("kind", PLACES)
def test_lists_and_details_are_shown_and_nothing_can_be_changed(
    operator: Client, kind: Any
) -> None:
    one = kind.objects.first()
    base = f"/admin/telemetry/{PLACES[kind]}/"

    for path in ("", f"{one.pk}/change/"):
        assert MARKUP not in page(operator, kind, path)
    assert operator.get(f"{base}add/").status_code == 403
    assert operator.post(f"{base}{one.pk}/change/", {"status": "x"}).status_code == 403
    assert operator.post(f"{base}{one.pk}/delete/", {"post": "yes"}).status_code == 403
    assert kind.objects.filter(pk=one.pk).exists()


@pytest.mark.parametrize("kind", PLACES)
def test_a_list_takes_the_same_queries_for_any_number_of_rows(
    operator: Client, workspace: Workspace, kind: Any
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(database) as captured:
            page(operator, kind)
        return len(captured)

    def more(number: int) -> None:
        connection = connected(workspace, account=Account(f"{number}", ""))
        take(connection, *(bucket(hour, row("a"), row("b")) for hour in range(3)))
        journal(connection)

    more(0)
    few = queries()
    for number in range(1, 6):
        more(number)

    assert queries() == few


def test_a_connection_shows_its_state_and_polls_and_never_its_key(
    operator: Client, used: ProviderConnection
) -> None:
    shown = page(operator, ProviderConnection, f"{used.pk}/change/")

    assert "openai.completions" in shown
    assert "&lt;script&gt;" in shown
    assert "sealed" not in shown
    assert json.dumps(used.sealed_key)[5:40] not in shown


@pytest.mark.usefixtures("used")
def test_an_event_shows_what_the_provider_sent_and_its_entries(operator: Client) -> None:
    event = TelemetryEvent.objects.get()

    shown = page(operator, TelemetryEvent, f"{event.pk}/change/")

    assert "&quot;model&quot;: &quot;&lt;script&gt;alert(1)" in shown
    assert "<td>measured</td>" in shown
    assert "<td>revised</td><td>-100</td>" in shown
    assert event.public_id in shown


def test_events_are_found_by_model(operator: Client, connection: ProviderConnection) -> None:
    take(connection, bucket(0, row("gpt-4.1"), row("o3")))

    found = page(operator, TelemetryEvent, "?q=o3")

    assert "1 telemetry event" in found
    assert "gpt-4.1" not in found


@pytest.mark.usefixtures("used")
def test_an_entry_shows_its_calculation_readably(operator: Client) -> None:
    entry = CarbonEntry.objects.get(sequence=2)

    shown = page(operator, CarbonEntry, f"{entry.pk}/change/")

    totals = entry.calculation["co2e_grams"]
    assert (
        f"<td>co2e_grams</td><td>{totals['low']}</td><td>{totals['central']}</td>"
        f"<td>{totals['high']}</td>" in shown
    )
    assert "&quot;factor_version&quot;" in shown


@pytest.mark.parametrize(
    ("action", "status"), [("revoke", "revoked"), ("try_again", "active"), ("poll_now", "error")]
)
def test_actions_go_through_the_services(
    operator: Client, connection: ProviderConnection, action: str, status: str
) -> None:
    ProviderConnection.objects.update(status="error")

    answer = act(operator, action, connection)

    assert answer.status_code == 200
    connection.refresh_from_db()
    assert connection.status == status


def test_an_action_that_is_refused_says_why(
    operator: Client, connection: ProviderConnection
) -> None:
    act(operator, "revoke", connection)

    assert "connect it anew" in text_of(act(operator, "try_again", connection))


@pytest.mark.usefixtures("settings")
def test_an_operator_without_the_permission_has_no_actions(
    operator: Client, connection: ProviderConnection
) -> None:
    onlooker = User.objects.create_user("onlooker", is_staff=True)
    onlooker.user_permissions.set(Permission.objects.filter(codename="view_providerconnection"))
    operator.force_login(onlooker)

    act(operator, "revoke", connection)

    connection.refresh_from_db()
    assert connection.status == "active"


def act(operator: Client, action: str, connection: ProviderConnection) -> Any:
    asked = {"action": action, "_selected_action": [connection.pk]}
    return operator.post("/admin/telemetry/providerconnection/", asked, follow=True)
