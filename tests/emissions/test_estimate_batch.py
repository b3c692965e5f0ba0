"""POST /estimate/batch: all rows or none, or the good ones."""

import json
from typing import Any

import pytest

from tests.contract import ContractClient
from tests.emissions.estimating import BATCH, CALL, HARDWARE, ONE, QUANTITIES, VERSION, client

__all__ = ["client"]  # a fixture


def test_a_batch_is_its_rows_and_their_sums(client: ContractClient) -> None:
    rows = [CALL, {**CALL, **HARDWARE}, {**CALL, "model": "o3-mini"}]

    body = client.post(BATCH, {"items": rows}).json()

    assert body["results"] == [client.post(ONE, row).json() for row in rows]
    assert body["factor_version"] == VERSION
    for name in (*QUANTITIES, "water_litres"):
        for bound in ("low", "central", "high"):
            assert body["total"][name][bound] == pytest.approx(
                sum(result[name][bound] for result in body["results"])
            )


@pytest.mark.parametrize(
    ("row", "member"),
    [
        ({**CALL, "model": 3}, ".model"),
        ({"model": "gpt-4o", "prompt_tokens": 1}, ".completion_tokens"),
        ({**CALL, "cached_tokens": 101}, ".cached_tokens"),
        ({**CALL, "method": "hardware"}, ".duration_ms"),
        ({**CALL, "factor_version": "1999.01.1"}, ".factor_version"),
        ("gpt-4o", ""),
    ],
)
def test_a_bad_row_is_named_and_refuses_the_batch_or_only_itself(
    client: ContractClient, row: Any, member: str
) -> None:
    rows = {"items": [CALL, CALL, CALL, row, CALL]}

    whole = client.post(BATCH, rows)
    partial = client.post(f"{BATCH}?partial=true", rows)

    assert whole.status_code == 400
    error = whole.json()["error"]
    assert list(error["details"]["fields"]) == [f"items.3{member}"]
    assert partial.status_code == 200
    refused_row = partial.json()["results"].pop(3)
    assert refused_row == {
        "index": 3,
        "error": {name: error[name] for name in ("code", "message", "details")},
    }
    four = client.post(BATCH, {"items": [CALL] * 4}).json()
    assert partial.json()["total"] == four["total"]


def test_a_batch_has_one_to_a_thousand_rows(client: ContractClient) -> None:
    statuses = [
        client.post(path, {"items": [CALL] * count}).status_code
        for path in (BATCH, f"{BATCH}?partial=true")
        for count in (0, 1, 1000, 1001)
    ]

    assert statuses == [400, 200, 200, 400] * 2


def test_a_batch_of_bad_rows_sums_to_nothing(client: ContractClient) -> None:
    body = client.post(f"{BATCH}?partial=true", {"items": [None, 3]}).json()

    assert [result["index"] for result in body["results"]] == [0, 1]
    assert body["total"]["co2e_grams"] == {"low": 0, "central": 0, "high": 0}


def test_a_batch_may_name_its_version_and_no_other_options(client: ContractClient) -> None:
    named = {"items": [{**CALL, "factor_version": VERSION}], "factor_version": VERSION}

    assert client.post(BATCH, named).json()["factor_version"] == VERSION
    assert client.post(f"{BATCH}?part=true", named).status_code == 400
    assert client.post(f"{BATCH}?partial=perhaps", named).status_code == 400


def test_a_whole_number_may_be_written_as_a_float_in_a_batch_too(client: ContractClient) -> None:
    rows = json.dumps({"items": [{**CALL, "prompt_tokens": 100.0}]})

    for path in (BATCH, f"{BATCH}?partial=true"):
        answer = client.generic("POST", path, rows)
        assert answer.json()["results"][0]["total_tokens"] == 150
