"""POST and GET /workspaces: the operator's programs make tenants."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from apps.workspaces.models import AuditEvent, Workspace
from tests.factories import WorkspaceFactory, bearer, new_key
from tests.workspaces import site

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.workspaces.site")]


@pytest.fixture
def operator(api: APIClient, db: None) -> APIClient:  # noqa: ARG001 - a fixture asks for another by name
    api.credentials(HTTP_X_API_KEY=new_key(None))
    return api


def create(api: APIClient, body: Any) -> Any:
    return api.post("/workspaces", body, format="json")


def test_a_new_workspace_answers_with_its_four_fields(operator: APIClient) -> None:
    response = create(operator, {"name": "  Acme  Ltd "})

    workspace = Workspace.objects.get()
    assert response.status_code == 201
    assert set(response.json()) == {"id", "name", "created_at", "updated_at"}
    assert UUID(response.json()["id"]) == workspace.public_id
    assert (workspace.name, workspace.slug) == ("Acme  Ltd", "acme-ltd")
    assert workspace.created_at == workspace.updated_at
    event = AuditEvent.objects.get(action="workspace_created")
    assert (event.workspace, event.actor[:8]) == (workspace, "key:key_")


@pytest.mark.parametrize("name", ["acme", "ACME", " Acme "])
def test_a_taken_name_is_409_whatever_its_case(operator: APIClient, name: str) -> None:
    create(operator, {"name": "Acme"})

    response = create(operator, {"name": name})

    assert (response.status_code, response.json()["error"]["code"]) == (409, "conflict")
    assert Workspace.objects.count() == 1


@pytest.mark.parametrize(
    "body",
    [{}, {"name": ""}, {"name": "   "}, {"name": "x" * 121}, {"name": None}, {"name": "a", "b": 1}],
    ids=str,
)
def test_a_body_that_breaks_the_schema_is_422(operator: APIClient, body: dict[str, Any]) -> None:
    response = create(operator, body)

    assert (response.status_code, response.json()["error"]["code"]) == (422, "validation_error")
    assert Workspace.objects.count() == 0


def test_120_characters_are_a_name_and_names_that_slug_alike_get_slugs_of_their_own(
    operator: APIClient,
) -> None:
    assert create(operator, {"name": "x" * 120}).status_code == 201
    for name in ("A b", "A-b", "日本", "中国"):
        assert create(operator, {"name": name}).status_code == 201

    slugs = list(Workspace.objects.order_by("id").values_list("slug", flat=True))[1:]
    assert slugs[0] == "a-b"
    assert slugs[1].startswith("a-b-")
    assert slugs[2] == "workspace"
    assert slugs[3].startswith("workspace-")


def test_the_list_is_a_plain_array_by_name(operator: APIClient) -> None:
    for name in ("beta", "alpha", "gamma"):
        WorkspaceFactory.create(name=name)

    response = operator.get("/workspaces")

    assert [workspace["name"] for workspace in response.json()] == ["alpha", "beta", "gamma"]


def test_one_workspace_opens_for_the_platform_and_for_its_own_key(
    operator: APIClient, mine: Workspace, theirs: Workspace
) -> None:
    expected = operator.get("/workspaces").json()[0]
    path = f"/workspaces/{mine.public_id}"

    assert operator.get(path).json() == expected
    operator.credentials(HTTP_X_API_KEY=new_key(mine, scopes=["read"]))
    assert operator.get(path).json() == expected
    operator.credentials(HTTP_X_API_KEY=new_key(theirs))
    assert operator.get(path).status_code == 404


def test_an_unknown_id_is_404_and_no_uuid_422(operator: APIClient) -> None:
    assert operator.get(f"/workspaces/{uuid4()}").status_code == 404
    assert operator.get("/workspaces/not-a-uuid").status_code == 422


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_workspaces_key_creates_and_lists_nothing(
    api: APIClient, mine: Workspace, method: str
) -> None:
    body = {"name": "Another"} if method == "post" else None

    refused = getattr(api, method)("/workspaces", body, headers=bearer(new_key(mine)))

    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "permission_denied")
    assert getattr(api, method)("/workspaces", body).status_code == 401
    assert Workspace.objects.count() == 1


def test_the_api_document_names_the_credentials() -> None:
    document = SchemaGenerator(patterns=site.urlpatterns).get_schema(request=None, public=True)

    platform = document["paths"]["/workspaces"]["post"]
    own = document["paths"]["/workspaces/{workspace_id}"]["get"]
    assert platform["security"] == [{"BearerAuth": []}, {"ApiKeyHeader": []}]
    assert own["security"] == [{"BearerAuth": []}, {"ApiKeyHeader": []}, {"Session": []}]
    schemes = document["components"]["securitySchemes"]
    assert schemes["BearerAuth"]["scheme"] == "bearer"
    assert schemes["ApiKeyHeader"] == {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    assert set(platform["responses"]) >= {"201"}
    listed = document["paths"]["/workspaces"]["get"]["responses"]["200"]
    assert listed["content"]["application/json"]["schema"]["type"] == "array"
