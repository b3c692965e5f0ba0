"""Pages by cursor."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.test import Client

from apps.emissions.models import FactorSet

pytestmark = pytest.mark.django_db
PATH = "/api/v1/probe/versions"


@pytest.fixture(autouse=True)
def _seven_versions() -> None:
    """Five of them tie in the first field of the ordering."""
    FactorSet.objects.bulk_create(
        FactorSet(
            version=f"test-{number}",
            effective_from=date(2026, 1, 1 + max(0, number - 4)),
            document={},
            sha256="0" * 64,
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        for number in range(7)
    )


def versions(page: dict[str, Any]) -> list[str]:
    return [row["version"] for row in page["results"] if row["version"].startswith("test-")]


def pages(
    probe: Client, limit: int, way: str = "next", url: str = PATH
) -> Iterator[dict[str, Any]]:
    page = probe.get(url, {"limit": limit}).json() if url == PATH else probe.get(url).json()
    yield page
    while page[way]:
        page = probe.get(page[way]).json()
        yield page


def test_following_next_meets_every_row_once_and_previous_leads_back(probe: Client) -> None:
    forward = list(pages(probe, limit=2))
    back = list(pages(probe, limit=2, way="previous", url=forward[-1]["previous"]))

    assert [name for page in forward for name in versions(page)] == [
        f"test-{number}" for number in (6, 5, 4, 3, 2, 1, 0)
    ]
    assert forward[0]["previous"] is None
    assert forward[-1]["next"] is None
    assert [page["results"] for page in back][::-1] == [page["results"] for page in forward[:-1]]


def test_rows_added_meanwhile_do_not_shift_the_pages(probe: Client) -> None:
    first = probe.get(PATH, {"limit": 3}).json()
    FactorSet.objects.create(
        version="test-new",
        effective_from=date(2027, 1, 1),
        document={},
        sha256="0" * 64,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )

    second = probe.get(first["next"]).json()

    assert versions(second) == ["test-3", "test-2", "test-1"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=x",
        "cursor=x",
        "cursor=bnVsbA",
        "cursor=WyJuIiwxLDJd",
        "cursor=%C3%A9",
    ],
)
def test_a_page_that_does_not_exist_is_refused(probe: Client, query: str) -> None:
    answer = probe.get(f"{PATH}?{query}")

    assert answer.status_code == 400
    assert list(answer.json()["error"]["details"]["fields"]) == [query.partition("=")[0]]
