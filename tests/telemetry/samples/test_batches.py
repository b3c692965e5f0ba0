"""A list of samples in one request, and samples that are sent again."""

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.telemetry.models import UsageSample, UsageSampleRollup
from apps.workspaces.models import Workspace
from tests.factories import bearer, new_key
from tests.telemetry.samples.conftest import samples_of
from tests.telemetry.samples.published import EXAMPLE, LOOKED_UP

Send = Callable[..., Any]
KEY = {"headers": {"Idempotency-Key": "key-1"}}


def numbered(count: int, **changes: Any) -> list[dict[str, Any]]:
    return [EXAMPLE | {"usage_amount": str(number + 1)} | changes for number in range(count)]


@pytest.mark.django_db
def test_a_list_is_answered_row_by_row(send: Send) -> None:
    answer = send([EXAMPLE, LOOKED_UP])

    body = answer.json()
    assert answer.status_code == 201
    assert (body["accepted"], body["is_test"]) == (2, False)
    assert [row["index"] for row in body["results"]] == [0, 1]
    assert [row["sample"]["energy_kwh"] for row in body["results"]] == ["0.500000", "0.024062"]


@pytest.mark.django_db
def test_ten_thousand_are_stored_by_one_statement(workspace: Workspace) -> None:
    client = Client(headers=bearer(new_key(workspace)))

    with CaptureQueriesContext(database) as queries:
        answer = client.post(samples_of(workspace), numbered(10_000), "application/json")

    inserts = [
        query["sql"] for query in queries if "INSERT INTO telemetry_usagesample " in query["sql"]
    ]
    assert answer.json()["accepted"] == 10_000
    assert len(inserts) == 1
    assert UsageSampleRollup.objects.get().samples == 10_000
    assert UsageSampleRollup.objects.get().energy_kwh == Decimal("2500250.000000000000000000")


@pytest.mark.django_db
@pytest.mark.parametrize("count", [0, 10_001])
def test_a_list_has_one_to_ten_thousand_rows(send: Send, count: int) -> None:
    assert send([{}] * count).status_code == 422


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (EXAMPLE | {"usage_amount": "0"}, "1.usage_amount"),
        (EXAMPLE | {"usage_unit": "gb"}, "1.usage_unit"),
        (LOOKED_UP | {"region": "nowhere"}, "1.region"),
        (EXAMPLE | {"external_id": "first"}, "1.external_id"),
        ({}, "1.provider"),
        ("text", "1"),
        ([], "1"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_stored(send: Send, bad: Any, field: str) -> None:
    answer = send([EXAMPLE | {"external_id": "first"}, bad])

    assert answer.status_code == 422
    assert list(answer.json()["error"]["details"]["fields"]) == [field]
    assert not UsageSample.objects.exists()


@pytest.mark.django_db
def test_the_good_rows_are_stored_where_only_those_are_wanted(send: Send) -> None:
    rows = [EXAMPLE, EXAMPLE | {"usage_amount": "0"}, EXAMPLE | {"usage_unit": "gb"}, EXAMPLE]

    body = send(rows, "?partial=true").json()

    assert body["accepted"] == 2
    assert ["sample" in row for row in body["results"]] == [True, False, False, True]
    assert list(body["results"][1]["error"]["details"]["fields"]) == ["1.usage_amount"]
    assert list(body["results"][2]["error"]["details"]["fields"]) == ["2.usage_unit"]
    assert UsageSample.objects.count() == 2


@pytest.mark.django_db
def test_a_list_of_bad_rows_alone_is_answered_when_only_good_ones_are_wanted(send: Send) -> None:
    answer = send([{}], "?partial=true")

    assert (answer.status_code, answer.json()["accepted"]) == (201, 0)


@pytest.mark.django_db
@pytest.mark.parametrize("body", [EXAMPLE, numbered(3), [LOOKED_UP, EXAMPLE]])
def test_a_request_with_a_key_is_stored_once_and_answered_alike(send: Send, body: Any) -> None:
    first, again = send(body, **KEY), send(body, **KEY)

    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert UsageSample.objects.count() == (len(body) if isinstance(body, list) else 1)


@pytest.mark.django_db
def test_a_partly_bad_list_with_a_key_is_answered_alike(send: Send) -> None:
    rows = [EXAMPLE, EXAMPLE | {"usage_amount": "0"}, EXAMPLE]

    first, again = (send(rows, "?partial=true", **KEY) for _ in range(2))

    assert first.json() == again.json()
    assert UsageSample.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "other",
    [
        numbered(1),
        numbered(3),
        numbered(2)[::-1],
        numbered(2, provider="other"),
        numbered(2, carbon_intensity_grams_co2e_per_kwh="401"),
        numbered(2, factor_set="compute-2026.11.1"),
        numbered(2, external_id="new")[:1],
    ],
)
def test_a_key_with_another_body_is_refused(send: Send, other: Any) -> None:
    send(numbered(2), **KEY)

    answer = send(other, **KEY)

    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "idempotency_key_reused"
    assert UsageSample.objects.count() == 2
    assert UsageSampleRollup.objects.get().samples == 2


@pytest.mark.django_db
def test_samples_with_a_name_are_stored_once_beside_new_ones(send: Send) -> None:
    first = send(EXAMPLE | {"external_id": "a"}).json()

    body = send([EXAMPLE | {"external_id": "b"}, EXAMPLE | {"external_id": "a"}, EXAMPLE]).json()

    assert body["results"][1]["sample"] == first
    assert UsageSample.objects.count() == 3
    assert UsageSampleRollup.objects.get().samples == 3


@pytest.mark.django_db
def test_names_are_written_in_one_order_so_that_no_two_requests_wait_for_each_other(
    send: Send,
) -> None:
    sent = [EXAMPLE | {"external_id": name} for name in "cab"]

    body = send(sent).json()

    written = UsageSample.objects.order_by("id").values_list("external_id", flat=True)
    assert list(written) == ["a", "b", "c"]
    assert [row["sample"]["external_id"] for row in body["results"]] == ["c", "a", "b"]


@pytest.mark.django_db
def test_a_name_with_another_body_is_refused(send: Send) -> None:
    send(EXAMPLE | {"external_id": "a"})

    answer = send([EXAMPLE, EXAMPLE | {"external_id": "a", "usage_amount": "11"}])

    error = answer.json()["error"]
    assert answer.status_code == 409
    assert (error["code"], error["details"]) == ("sample_exists", {"external_id": "a"})
    assert UsageSample.objects.count() == 1


@pytest.mark.django_db
def test_names_and_keys_of_test_samples_and_other_workspaces_are_their_own(
    api: Callable[..., Any], send: Send, workspace: Workspace, theirs: Workspace
) -> None:
    sample = EXAMPLE | {"external_id": "a"}
    send(sample, **KEY)

    for tenant, mode in ((workspace, "test"), (theirs, "live")):
        answer = api(new_key(tenant, mode=mode)).post(samples_of(tenant), sample, **KEY)
        assert answer.status_code == 201

    assert UsageSample.objects.count() == 3


@pytest.mark.django_db
def test_a_key_has_a_form(send: Send) -> None:
    assert send(EXAMPLE, headers={"Idempotency-Key": "two words"}).status_code == 422


@pytest.mark.django_db(transaction=True)
def test_of_two_equal_requests_at_once_one_stores(
    api: Callable[..., Any], workspace: Workspace
) -> None:
    key = new_key(workspace)
    rows = [EXAMPLE | {"external_id": f"{number:03}"} for number in range(200)]
    answers: list[Any] = []
    barrier = threading.Barrier(2)

    def send(body: list[dict[str, Any]]) -> None:
        client = api(key)
        barrier.wait()
        try:
            answers.append(client.post(samples_of(workspace), body))
        finally:
            database.close()

    threads = [threading.Thread(target=send, args=(body,)) for body in (rows, rows[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    ids = [{row["sample"]["id"] for row in answer.json()["results"]} for answer in answers]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert ids[0] == ids[1]
    assert UsageSampleRollup.objects.get().samples == 200
