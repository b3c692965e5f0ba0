"""Credentials at the door: which open, which do not, and what is said about it."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from apps.common import clock
from apps.workspaces import keys, services
from apps.workspaces.models import ApiKey, Workspace
from tests.factories import MembershipFactory, bearer, new_key

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.workspaces.site")]


def refused(response: Any) -> tuple[int, str, Any]:
    error = response.json()["error"]
    return response.status_code, error["code"], error.get("details", {}).get("reason")


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_either_header_opens_the_workspace(api: APIClient, mine: Workspace, header: str) -> None:
    key = new_key(mine)

    response = api.get(
        "/probe", headers={header: key if header == "X-API-Key" else f"Bearer {key}"}
    )

    assert response.status_code == 200
    assert response.json()["workspace"] == "Mine"
    assert response.json()["actor"] == f"key:{ApiKey.objects.get().public_id}"


def test_no_credential_is_401_with_a_challenge(api: APIClient) -> None:
    response = api.get("/probe")

    assert refused(response) == (401, "unauthorized", None)
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("typo", ["", "x", "Basic", "isv_live_sk_short"])
def test_a_malformed_key_is_401_and_asks_the_database_nothing(
    api: APIClient, typo: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        response = api.get("/probe", headers=bearer(typo))

    assert refused(response) == (401, "unauthorized", "malformed_key")
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'


def test_unknown_revoked_and_expired_keys_get_one_answer(api: APIClient, mine: Workspace) -> None:
    now = clock.now()
    revoked, expired = new_key(mine), new_key(mine, now=now - 2 * DAY, expires_at=now - DAY)
    services.revoke_api_key(stored(revoked), actor="tests", now=now)
    unknown = keys.generate("live").text

    answers = [api.get("/probe", headers=bearer(key)).json() for key in (revoked, expired, unknown)]

    assert answers[0]["error"]["code"] == "unauthorized"
    assert "details" not in answers[0]["error"]
    assert len({answer["error"]["message"] for answer in answers}) == 1


def test_a_right_lookup_id_with_another_secret_opens_nothing(
    api: APIClient, mine: Workspace
) -> None:
    body = new_key(mine)[:22] + "0" * 32

    response = api.get("/probe", headers=bearer(body + keys.checksum(body)))

    assert refused(response) == (401, "unauthorized", None)


def test_a_key_that_expires_later_still_opens(api: APIClient, mine: Workspace) -> None:
    key = new_key(mine, expires_at=clock.now() + DAY)

    assert api.get("/probe", headers=bearer(key)).status_code == 200


def test_two_different_keys_are_400_and_twice_the_same_is_fine(
    api: APIClient, mine: Workspace
) -> None:
    key, other = new_key(mine), new_key(mine)

    different = api.get("/probe", headers={**bearer(key), "X-API-Key": other})
    same = api.get("/probe", headers={**bearer(key), "X-API-Key": key})

    assert refused(different) == (400, "validation_error", "two_keys")
    assert same.status_code == 200


def test_a_key_in_the_address_is_400_even_beside_a_good_header(
    api: APIClient, mine: Workspace
) -> None:
    key = new_key(mine)

    response = api.get(f"/probe?token={key}", headers=bearer(key))

    assert refused(response) == (400, "validation_error", "key_in_query")


def test_a_test_key_says_so(api: APIClient, mine: Workspace) -> None:
    response = api.get("/probe", headers=bearer(new_key(mine, mode="test")))

    assert response.json()["is_test"] is True
    assert api.get("/probe", headers=bearer(new_key(mine))).json()["is_test"] is False


def test_the_last_use_is_written_once_a_minute(api: APIClient, mine: Workspace) -> None:
    key = new_key(mine)
    api.get("/probe", headers=bearer(key))
    first = stored(key).last_used_at
    api.get("/probe", headers=bearer(key))
    assert stored(key).last_used_at == first
    ApiKey.objects.update(last_used_at=clock.now() - timedelta(seconds=61))

    api.get("/probe", headers=bearer(key))

    assert first is not None
    assert clock.now() - (stored(key).last_used_at or first) < timedelta(seconds=30)


def test_only_the_hash_of_a_key_is_stored(mine: Workspace) -> None:
    key = new_key(mine)

    row = ApiKey.objects.values().get()

    assert bytes(row["sha256"]) == keys.parse(key).sha256
    assert key[22:54] not in str(row)


def test_a_session_opens_the_persons_workspace(client: Client, mine: Workspace) -> None:
    member = MembershipFactory.create(workspace=mine, role="member")
    client.force_login(member.user)

    response = client.get("/probe")

    assert response.json()["workspace"] == "Mine"
    assert response.json()["actor"] == f"user:{member.user.pk}"


def test_a_session_that_changes_something_needs_the_csrf_token(mine: Workspace) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(MembershipFactory.create(workspace=mine).user)

    assert client.post("/probe").status_code == 403
    assert client.get("/probe").status_code == 200


def test_a_person_without_a_workspace_is_403(client: Client) -> None:
    client.force_login(User.objects.create_user("lonely"))

    assert refused(client.get("/probe")) == (403, "permission_denied", None)


DAY = timedelta(days=1)


def stored(key: str) -> ApiKey:
    return ApiKey.objects.get(lookup_id=keys.parse(key).lookup_id)
