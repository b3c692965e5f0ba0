"""What the tests stand on: append-only tables are empty again, clients keep the contract."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.http import HttpResponse
from django.urls import ResolverMatch

from apps.emissions.models import FactorSet
from tests import contract

APPEND_ONLY = """
SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger
WHERE NOT tgisinternal AND tgtype & 32 <> 0 ORDER BY 1
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_attempt", [1, 2])
def test_a_committed_row_of_one_test_is_not_seen_by_the_next(_attempt: int) -> None:
    assert not FactorSet.objects.filter(version="once").exists()
    FactorSet.objects.create(
        version="once",
        effective_from=date(2026, 1, 1),
        document={},
        sha256="0" * 64,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_attempt", [1, 2])
def test_after_cleaning_append_only_tables_refuse_again(_attempt: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(APPEND_ONLY)
        tables = [row[0] for row in cursor.fetchall()]
        assert tables
        for table in tables:
            with pytest.raises(IntegrityError), transaction.atomic():
                cursor.execute(f"TRUNCATE {table} CASCADE")


def test_the_contract_client_refuses_what_the_document_does_not_promise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    promised = {
        "type": "object",
        "required": ["id"],
        "properties": {"id": {"type": "string"}},
        "additionalProperties": False,
    }
    response = {"description": "", "content": {"application/json": {"schema": promised}}}
    described = {"get": {"responses": {"200": response}}}
    document: dict[str, Any] = {"paths": {"/things/{id}": described}, "components": {}}
    monkeypatch.setattr(contract, "closed_document", lambda: document)

    def answer(body: str, status: int = 200, route: str = "api/v1/things/<str:id>") -> HttpResponse:
        response = HttpResponse(body, status=status, content_type="application/json")
        response.resolver_match = ResolverMatch(print, (), {}, route=route)  # type: ignore[attr-defined]
        response.json = lambda: __import__("json").loads(body)  # type: ignore[attr-defined]
        return response

    contract.check("GET", answer('{"id": "a"}'))
    for refused in (
        answer('{"id": 1}'),
        answer('{"id": "a", "more": 1}'),
        answer('{"id": "a"}', status=201),
        answer('{"id": "a"}', route="api/v1/other"),
    ):
        with pytest.raises(AssertionError):
            contract.check("GET", refused)
