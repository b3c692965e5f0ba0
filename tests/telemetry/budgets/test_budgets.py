"""Budgets over the API: kept, refused, changed, archived, and by whom."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.telemetry.models import Budget
from apps.telemetry.services.budgets import MOST_BUDGETS, reveal_webhook_secret
from apps.workspaces.models import AuditEvent, Workspace
from tests.factories import MembershipFactory, ProjectFactory, new_key
from tests.telemetry.budgets.keeping import ASKED, HOOK, URL, kept

pytestmark = pytest.mark.usefixtures("at_half_past_ten")


def test_a_budget_is_kept_with_usual_thresholds_and_nothing_used(client: Any) -> None:
    body = kept(client)

    assert body["id"].startswith("bud_")
    assert body["thresholds"] == [50, 80, 100]
    assert (body["project_id"], body["webhook_url"], body["webhook_secret"]) == (None, "", None)
    assert body["counts"] == ["llm", "compute"]
    assert body["used"] == body["percent"] == {"low": 0, "central": 0, "high": 0}
    assert (body["month"], body["alerts"], body["archived_at"]) == ("2026-11-01", [], None)
    del body["webhook_secret"]
    assert client.get(f"{URL}/{body['id']}").json() == body
    assert client.get(URL).json()["results"] == [body]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"monthly_amount": 0}, "monthly_amount"),
        ({"monthly_amount": -1}, "monthly_amount"),
        ({"monthly_amount": "NaN"}, "monthly_amount"),
        ({"monthly_amount": "Infinity"}, "monthly_amount"),
        ({"monthly_amount": 10**15}, "monthly_amount"),
        ({"monthly_amount": "0.0000000001"}, "monthly_amount"),
        ({"monthly_amount": None}, "monthly_amount"),
        ({"thresholds": []}, "thresholds"),
        ({"thresholds": [0]}, "thresholds.0"),
        ({"thresholds": [1001]}, "thresholds.0"),
        ({"thresholds": [80, 50]}, "thresholds"),
        ({"thresholds": [50, 50]}, "thresholds"),
        ({"thresholds": [50.5]}, "thresholds.0"),
        ({"thresholds": list(range(1, 22))}, "thresholds"),
        ({"emails": ["nobody"]}, "emails.0"),
        ({"emails": ["a@example.com", "A@example.com"]}, "emails"),
        ({"emails": [f"a{number}@example.com" for number in range(21)]}, "emails"),
        ({"name": ""}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"name": "Two\nlines"}, "name"),
        ({"unit": "tonnes"}, "unit"),
        ({"project_id": "none"}, "project_id"),
        ({"sealed_webhook_secret": {}}, "sealed_webhook_secret"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_field(
    client: Any, changes: dict[str, Any], field: str
) -> None:
    answer = client.post(URL, ASKED | changes)

    assert answer.status_code == 400
    assert field in answer.json()["error"]["details"]["fields"]
    assert not Budget.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Übersetzung 日本語 🌍"},
        {"thresholds": [1, 1000]},
        {"monthly_amount": "0.000000001"},
        {"monthly_amount": "999999999999999.999999999"},
        {"unit": "energy_kwh", "monthly_amount": 0.5},
    ],
)
def test_what_is_unusual_and_meant_is_kept(client: Any, changes: dict[str, Any]) -> None:
    body = kept(client, **changes)

    assert body["name"] == changes.get("name", ASKED["name"])
    assert body["monthly_amount"] == float(changes.get("monthly_amount", 1000))


def test_a_name_is_taken_once_and_free_again_when_archived(client: Any) -> None:
    body = kept(client)

    answer = client.post(URL, ASKED | {"name": "INFERENCE"})
    client.delete(f"{URL}/{body['id']}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "budget_exists")
    kept(client, name="INFERENCE")


def test_another_workspace_may_use_the_same_name(
    api: Callable[..., Any], client: Any, theirs: Workspace
) -> None:
    kept(client)
    kept(api(new_key(theirs)))


def test_a_project_of_another_workspace_is_not_found(client: Any, theirs: Workspace) -> None:
    foreign = ProjectFactory.create(workspace=theirs)

    answer = client.post(URL, ASKED | {"project_id": str(foreign.public_id)})

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "project_not_found")


@pytest.mark.parametrize(
    ("method", "ending"),
    [("get", ""), ("patch", ""), ("delete", ""), ("get", "/alerts"), ("post", "/rotate-secret")],
)
def test_another_workspaces_budget_is_404_like_an_unknown_one(
    api: Callable[..., Any], client: Any, theirs: Workspace, method: str, ending: str
) -> None:
    foreign = kept(api(new_key(theirs)), webhook_url=HOOK)["id"]

    for name in (foreign, "bud_none"):
        answer = client.generic(method.upper(), f"{URL}/{name}{ending}", "{}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "budget_not_found")
    assert not Budget.objects.exclude(archived_at=None).exists()


def test_what_is_given_is_changed_and_the_rest_stays(client: Any) -> None:
    body = kept(client)

    answer = client.patch(f"{URL}/{body['id']}", {"monthly_amount": 2000, "thresholds": [90]})

    assert answer.status_code == 200
    changed = {"monthly_amount": 2000, "thresholds": [90]}
    assert answer.json() == body | changed | {"updated_at": answer.json()["updated_at"]}
    event = AuditEvent.objects.get(action="budget_changed")
    assert event.object_ref == body["id"]
    assert event.details == {
        "monthly_amount": ["1000", "2000"],
        "thresholds": [[50, 80, 100], [90]],
    }


@pytest.mark.parametrize(
    "changes",
    [{"unit": "energy_kwh"}, {"project_id": None}, {"thresholds": [2, 1]}, {"name": "  "}],
)
def test_what_alerts_speak_of_cannot_be_changed_nor_anything_made_wrong(
    client: Any, changes: dict[str, Any]
) -> None:
    body = kept(client)

    assert client.patch(f"{URL}/{body['id']}", changes).status_code == 400
    assert client.get(f"{URL}/{body['id']}").json()["name"] == "Inference"


def test_renaming_to_a_taken_name_is_a_conflict(client: Any) -> None:
    kept(client)
    other = kept(client, name="Training")

    assert client.patch(f"{URL}/{other['id']}", {"name": "inference"}).status_code == 409


def test_archiving_keeps_the_budget_readable_and_refuses_changes(client: Any) -> None:
    body = kept(client, webhook_url=HOOK)
    one = f"{URL}/{body['id']}"

    assert [client.delete(one).status_code for _ in range(2)] == [204, 204]

    assert client.get(one).json()["archived_at"] == "2026-11-18T10:30:00Z"
    assert client.get(URL).json()["results"] == []
    for refused in (client.patch(one, {"name": "x"}), client.post(f"{one}/rotate-secret")):
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "budget_archived")
    assert AuditEvent.objects.filter(action="budget_archived").count() == 1


def test_a_workspace_keeps_so_many_budgets_at_most(client: Any, workspace: Workspace) -> None:
    Budget.objects.bulk_create(
        Budget(
            workspace=workspace,
            name=f"{number}",
            unit="co2e_grams",
            monthly_amount=1,
            thresholds=[1],
            created_at="2026-11-01T00:00:00Z",
            updated_at="2026-11-01T00:00:00Z",
        )
        for number in range(MOST_BUDGETS)
    )

    answer = client.post(URL, ASKED)

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "too_many_budgets")


def test_the_webhook_secret_is_told_once_and_kept_sealed(client: Any) -> None:
    body = kept(client, webhook_url=HOOK)

    secret = body["webhook_secret"]
    assert secret.startswith("whsec_")
    assert secret not in client.get(f"{URL}/{body['id']}").content.decode()
    stored = Budget.objects.get()
    assert secret.removeprefix("whsec_") not in str(stored.sealed_webhook_secret)
    assert reveal_webhook_secret(stored).reveal() == secret


def test_rotating_tells_another_secret(client: Any) -> None:
    body = kept(client, webhook_url=HOOK)

    answer = client.post(f"{URL}/{body['id']}/rotate-secret")

    assert answer.status_code == 200
    assert answer.json()["webhook_secret"] not in (None, body["webhook_secret"])
    assert reveal_webhook_secret(Budget.objects.get()).reveal() == answer.json()["webhook_secret"]


def test_a_webhook_that_comes_later_gets_its_secret_and_one_that_goes_takes_it_along(
    client: Any,
) -> None:
    one = f"{URL}/{kept(client)['id']}"

    without = client.post(f"{one}/rotate-secret")
    first = client.patch(one, {"webhook_url": HOOK}).json()["webhook_secret"]
    moved = client.patch(one, {"webhook_url": "https://other.example.com/"}).json()
    gone = client.patch(one, {"webhook_url": ""}).json()

    assert (without.status_code, without.json()["error"]["code"]) == (409, "budget_without_webhook")
    assert first is not None
    assert (moved["webhook_secret"], gone["webhook_secret"]) == (None, None)
    assert Budget.objects.get().sealed_webhook_secret is None


@pytest.mark.parametrize(
    ("role", "status"), [("owner", 201), ("admin", 201), ("member", 201), ("auditor", 403)]
)
def test_members_keep_budgets_and_auditors_read_them(
    api: Callable[..., Any], workspace: Workspace, role: str, status: int
) -> None:
    person = api()
    person.force_login(MembershipFactory.create(workspace=workspace, role=role).user)

    assert person.post(URL, ASKED).status_code == status
    assert person.get(URL).status_code == 200


@pytest.mark.parametrize(("scopes", "status"), [(("write",), 201), (("read", "track"), 403)])
def test_a_key_needs_the_scope_to_write(
    api: Callable[..., Any], workspace: Workspace, scopes: tuple[str, ...], status: int
) -> None:
    assert api(new_key(workspace, scopes=scopes)).post(URL, ASKED).status_code == status


def test_who_kept_it_is_written_down_without_the_people_it_tells(client: Any) -> None:
    body = kept(client, webhook_url=HOOK)

    event = AuditEvent.objects.get(action="budget_created")
    assert event.object_ref == body["id"]
    assert event.details["emails"] == 1
    assert "ops@example.com" not in str(event.details)
    assert body["webhook_secret"] not in str(event.details)
