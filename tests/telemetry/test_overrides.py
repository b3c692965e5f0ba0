"""Factor overrides over the API: stated with evidence, checked, listed, ended once."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from apps.telemetry.models import FactorOverride
from apps.workspaces.models import AuditEvent, Workspace
from tests.factories import new_key
from tests.telemetry.metering import DAY, HOUR, START
from tests.telemetry.using import A_DAY, SERIES, SUMMARY, span

URL = "/api/v1/overrides"
ADMIN = "/admin/telemetry/factoroverride/"
PUE = {
    "kind": "pue",
    "value": 1.07,
    "evidence": "Colocation contract 2026-17, annex B",
    "starts_at": "2026-11-18T00:00:00Z",
}
TARIFF = PUE | {"kind": "tariff", "value": 12.5}
PLACE = PUE | {"kind": "place", "value": None, "operator": "aws", "region": "eu-west-1"}


pytestmark = pytest.mark.usefixtures("at_half_past_ten")


@pytest.fixture
def client(api: Callable[..., Any], workspace: Workspace) -> Any:
    return api(new_key(workspace))


def stated(client: Any, asked: dict[str, Any] = PUE, **changes: Any) -> dict[str, Any]:
    answer = client.post(URL, asked | changes)
    assert answer.status_code == 201, answer.content
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (PUE, {"value": 1.07}),
        (PUE | {"value": 1}, {"value": 1.0}),
        (PUE | {"value": 5}, {"value": 5.0}),
        (PUE | {"provider": " OpenAI "}, {"provider": "openai"}),
        (TARIFF, {"kind": "tariff", "value": 12.5}),
        (TARIFF | {"value": 0}, {"value": 0.0}),
        (PLACE, {"operator": "aws", "region": "eu-west-1", "value": None}),
        (PLACE | {"operator": "AWS", "region": "EU-West-1"}, {"region": "eu-west-1"}),
        (PLACE | {"operator": "aws.bedrock"}, {"operator": "bedrock", "region": "eu-west-1"}),
        (PLACE | {"operator": "", "provider": "bedrock"}, {"operator": "", "provider": "bedrock"}),
        (PLACE | {"operator": "on-premises-average", "region": ""}, {"region": ""}),
        (PLACE | {"operator": "", "region": "", "country": "fra"}, {"country": "FR"}),
    ],
)
def test_each_kind_is_stored_as_the_catalogue_spells_it(
    client: Any, asked: dict[str, Any], said: dict[str, Any]
) -> None:
    body = stated(client, asked)

    assert said.items() <= body.items()
    assert body["starts_at"] == "2026-11-18T00:00:00Z"
    assert (body["ends_at"], body["ended_at"], body["ended_by"]) == (None, None, "")
    assert body["created_at"] == "2026-11-18T10:30:00Z"
    assert client.get(f"{URL}/{body['id']}").json() == body


def test_stating_one_is_written_down_with_all_that_it_says(client: Any) -> None:
    body = stated(client, TARIFF, provider="openai", ends_at="2027-01-01T00:00:00+01:00")

    event = AuditEvent.objects.get(action="override_created")
    assert event.object_ref == body["id"]
    assert event.actor == body["created_by"]
    assert event.details == {
        "kind": "tariff",
        "provider": "openai",
        "value": "12.5000",
        "operator": "",
        "region": "",
        "country": "",
        "evidence": "Colocation contract 2026-17, annex B",
        "starts_at": "2026-11-18T00:00:00+00:00",
        "ends_at": "2026-12-31T23:00:00+00:00",
    }


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (PUE | {"kind": "wue"}, "kind"),
        (PUE | {"value": 0.99}, "value"),
        (PUE | {"value": 5.01}, "value"),
        (PUE | {"value": 1.00001}, "value"),
        (PUE | {"value": None}, "value"),
        (PUE | {"operator": "aws"}, "operator"),
        (PUE | {"country": "FR"}, "country"),
        (TARIFF | {"value": -1}, "value"),
        (TARIFF | {"value": 3000.5}, "value"),
        (TARIFF | {"value": "NaN"}, "value"),
        (TARIFF | {"region": "eu-west-1"}, "region"),
        (PLACE | {"value": 1.2}, "value"),
        (PLACE | {"operator": "", "region": ""}, "operator"),
        (PLACE | {"operator": "nobody"}, "operator"),
        (PLACE | {"operator": "openrouter"}, "operator"),
        (PLACE | {"operator": "*", "region": ""}, "operator"),
        (PLACE | {"operator": "aws:eu-west-1", "region": ""}, "operator"),
        (PLACE | {"region": "atlantis-1"}, "region"),
        (PLACE | {"operator": ""}, "region"),
        (PLACE | {"operator": "anthropic"}, "region"),
        (PLACE | {"country": "XX"}, "country"),
        (PLACE | {"country": "ZZ"}, "country"),
        (PUE | {"evidence": " too few  "}, "evidence"),
        (PUE | {"evidence": None}, "evidence"),
        (PUE | {"evidence": "e" * 501}, "evidence"),
        (PUE | {"starts_at": "2026-11-18T00:00:00"}, "starts_at"),
        (PUE | {"starts_at": "2026-11-18"}, "starts_at"),
        (PUE | {"starts_at": None}, "starts_at"),
        (PUE | {"ends_at": "2026-12-18T00:00:00"}, "ends_at"),
        (PUE | {"ends_at": "2026-11-18T00:00:00Z"}, "ends_at"),
        (PUE | {"colour": "green"}, "colour"),
    ],
)
def test_what_makes_no_sense_is_400_and_names_the_field(
    client: Any, asked: dict[str, Any], field: str
) -> None:
    answer = client.post(URL, asked)

    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "validation_error"
    assert list(error["details"]["fields"]) == [field]
    assert not FactorOverride.objects.exists()
    assert not AuditEvent.objects.filter(action="override_created").exists()


def test_every_fault_is_told_at_once(client: Any) -> None:
    answer = client.post(URL, PLACE | {"evidence": "short", "country": "XX"})

    assert list(answer.json()["error"]["details"]["fields"]) == ["evidence", "country"]


def test_an_override_is_ended_once_and_kept(client: Any) -> None:
    body = stated(client)

    assert client.delete(f"{URL}/{body['id']}").status_code == 204

    ended = client.get(f"{URL}/{body['id']}").json()
    assert ended["ends_at"] == ended["ended_at"] == "2026-11-18T10:30:00Z"
    assert ended["ended_by"] == body["created_by"]
    event = AuditEvent.objects.get(action="override_ended")
    assert event.object_ref == body["id"]
    assert event.details["value"] == "1.0700"
    assert event.details["ends_at"] == "2026-11-18T10:30:00+00:00"
    again = client.delete(f"{URL}/{body['id']}")
    assert again.status_code == 409
    assert again.json()["error"]["code"] == "override_ended"
    assert AuditEvent.objects.filter(action="override_ended").count() == 1


def test_one_whose_agreed_time_is_over_cannot_be_ended_later(client: Any) -> None:
    body = stated(client, ends_at="2026-11-18T10:00:00Z")

    assert client.delete(f"{URL}/{body['id']}").status_code == 409
    assert client.get(f"{URL}/{body['id']}").json()["ends_at"] == "2026-11-18T10:00:00Z"


def test_one_that_has_not_begun_is_never_in_force(client: Any) -> None:
    body = stated(client, starts_at="2026-12-01T00:00:00Z")

    assert client.delete(f"{URL}/{body['id']}").status_code == 204

    assert client.get(f"{URL}/{body['id']}").json()["ends_at"] == "2026-12-01T00:00:00Z"
    report = client.get(SUMMARY, span(START + 10 * DAY, START + 20 * DAY)).json()
    assert report["overrides"] == []


@pytest.mark.parametrize("method", ["get", "delete"])
def test_another_workspaces_override_is_404(
    client: Any, api: Callable[..., Any], theirs: Workspace, method: str
) -> None:
    foreign = stated(api(new_key(theirs)))["id"]

    answers = [getattr(client, method)(f"{URL}/{one}") for one in (foreign, "ovr_nothing")]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert {answer.json()["error"]["code"] for answer in answers} == {"override_not_found"}
    assert FactorOverride.objects.get().ended_at is None


def test_the_list_holds_the_workspaces_own_newest_first(
    client: Any, api: Callable[..., Any], theirs: Workspace
) -> None:
    stated(api(new_key(theirs)))
    older, newer = stated(client), stated(client, TARIFF)

    body = client.get(URL, {"limit": 1}).json()

    assert [one["id"] for one in body["results"]] == [newer["id"]]
    assert [one["id"] for one in client.get(body["next"]).json()["results"]] == [older["id"]]


def test_who_may_only_read_states_and_ends_nothing(
    client: Any, api: Callable[..., Any], workspace: Workspace
) -> None:
    body = stated(client)
    reader = api(new_key(workspace, scopes=("read",)))

    assert reader.get(f"{URL}/{body['id']}").status_code == 200
    assert reader.post(URL, PUE).status_code == 403
    assert reader.delete(f"{URL}/{body['id']}").status_code == 403
    assert api().get(URL).status_code == 401


@pytest.mark.parametrize("report", [SUMMARY, SERIES])
def test_a_report_names_the_overrides_in_force_within_its_span(
    client: Any, api: Callable[..., Any], theirs: Workspace, report: str
) -> None:
    stated(api(new_key(theirs)))
    before, _, later = (
        stated(client, starts_at=f"{start:%Y-%m-%dT%H:%M:%SZ}", ends_at=end)
        for start, end in [
            (START - DAY, "2026-11-18T00:00:01Z"),
            (START - DAY, "2026-11-18T00:00:00Z"),
            (START + 23 * HOUR, None),
        ]
    )
    stated(client, starts_at="2026-11-19T00:00:00Z")

    shown = client.get(report, A_DAY).json()["overrides"]

    assert [one["id"] for one in shown] == [later["id"], before["id"]]
    assert shown[0].items() <= later.items()
    assert shown[0].keys() == {"id", *PUE, "provider", "operator", "region", "country", "ends_at"}


@pytest.fixture
def operator(workspace: Workspace) -> Client:  # noqa: ARG001 - a fixture is asked for by its name
    operator = Client()
    operator.force_login(User.objects.create_superuser("operator"))
    return operator


def end_now(operator: Client, body: dict[str, Any]) -> str:
    chosen = [FactorOverride.objects.get(public_id=body["id"]).pk]
    asked = {"action": "end_now", "_selected_action": chosen}
    return str(operator.post(ADMIN, asked, follow=True).content.decode())


def test_an_operator_sees_overrides_and_ends_them_through_the_service(
    client: Any, operator: Client
) -> None:
    body = stated(client, PLACE)

    assert "aws, eu-west-1" in operator.get(ADMIN, {"kind": "place"}).content.decode()
    assert "aws, eu-west-1" not in operator.get(ADMIN, {"kind": "pue"}).content.decode()
    assert operator.post(f"{ADMIN}add/", {}).status_code == 403
    assert "done." in end_now(operator, body)
    ended = AuditEvent.objects.get(action="override_ended")
    assert ended.actor == f"user:{User.objects.get().pk}"
    assert "its end is settled" in end_now(operator, body)


def test_an_onlooker_ends_nothing(client: Any, operator: Client) -> None:
    body = stated(client)
    onlooker = User.objects.create_user("onlooker", is_staff=True)
    onlooker.user_permissions.set(Permission.objects.filter(codename="view_factoroverride"))
    operator.force_login(onlooker)

    end_now(operator, body)

    assert FactorOverride.objects.get().ended_at is None
