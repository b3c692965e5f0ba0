"""Every fault, as a client meets it."""

import gzip
import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from devstack.simulator.testing import CommandError, RunningSimulator
from tests.simulator.asking import HOUR, NOON, OPENAI_KEY, Query, anthropic, openai, openrouter
from tests.simulator.schemas import errors

WINDOW: Query = {
    "start_time": NOON - 6 * HOUR,
    "end_time": NOON,
    "bucket_width": "1h",
    "limit": 3,
    "group_by": ["model"],
}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 429, 500, 502, 503, 504, 524, 529])
def test_each_status_has_the_body_of_its_provider(simulator: RunningSimulator, status: int) -> None:
    simulator.add_fault("*", status)

    answers = [
        openai(simulator, **WINDOW),
        anthropic(simulator, starting_at="2026-11-17T00:00:00Z"),
        openrouter(simulator),
    ]

    assert [answer.status_code for answer in answers] == [status] * 3
    assert errors("openai", "ErrorResponse", answers[0].json()) == []
    assert errors("anthropic", "ErrorResponse", answers[1].json()) == []
    assert answers[2].json()["error"]["code"] == status


def test_a_wait_is_asked_for_in_seconds_as_a_date_or_not_at_all(
    simulator: RunningSimulator,
) -> None:
    simulator.add_fault("openai", 429, on_calls=[1], params={"retry_after": 17})
    simulator.add_fault("openai", 429, on_calls=[2], params={"retry_after": "date", "seconds": 90})
    simulator.add_fault("openai", 429, on_calls=[3])

    waits = [openai(simulator, **WINDOW).headers.get("Retry-After") for _ in range(3)]

    assert waits[0] == "17"
    assert parsedate_to_datetime(str(waits[1])).isoformat() == "2026-11-18T10:31:30+00:00"
    assert waits[2] is None
    assert openai(simulator, **WINDOW).status_code == 200


def test_a_fault_strikes_its_provider_path_and_calls_and_nothing_else(
    simulator: RunningSimulator,
) -> None:
    simulator.add_fault("openai", 500, path="/organization/usage/completions", on_calls=[2])

    statuses = [openai(simulator, **WINDOW).status_code for _ in range(3)]

    assert statuses == [200, 500, 200]
    simulator.add_fault("openai", 500, path="/organization/usage/embeddings")
    assert openai(simulator, **WINDOW).status_code == 200
    assert openrouter(simulator).status_code == 200
    assert openai(simulator, "usage/embeddings", start_time=NOON).status_code == 500


def test_a_gateway_answers_with_html(simulator: RunningSimulator) -> None:
    simulator.add_fault("openai", 502, params={"html": True})

    response = openai(simulator, **WINDOW)

    assert response.headers["Content-Type"].startswith("text/html")
    assert response.text.startswith("<html>")


def test_a_connection_is_reset(simulator: RunningSimulator) -> None:
    simulator.add_fault("openai", "reset", on_calls=[1])

    with pytest.raises(requests.ConnectionError) as failure:
        openai(simulator, **WINDOW)

    assert "reset" in str(failure.value).lower()
    assert openai(simulator, **WINDOW).status_code == 200


@contextmanager
def _asked(simulator: RunningSimulator) -> Iterator[http.client.HTTPConnection]:
    """A connection with little patience, its question sent."""
    connection = http.client.HTTPConnection("127.0.0.1", simulator.port, timeout=0.2)
    path = f"/openai/v1/organization/usage/completions?start_time={NOON}"
    connection.request("GET", path, headers={"Authorization": f"Bearer {OPENAI_KEY}"})
    yield connection
    connection.close()


def test_a_slow_answer_runs_into_the_time_out(simulator: RunningSimulator) -> None:
    simulator.add_fault("openai", "slow", params={"seconds": 30})

    with _asked(simulator) as connection, pytest.raises(TimeoutError):
        connection.getresponse()


def test_an_answer_stalls_after_its_headers_and_a_part(simulator: RunningSimulator) -> None:
    simulator.add_fault("openai", "stall", params={"seconds": 30})

    with _asked(simulator) as connection, connection.getresponse() as response:
        assert response.status == 200
        assert response.read(10) == b'{"object":'
        with pytest.raises(TimeoutError):
            response.read()


def _damaged(simulator: RunningSimulator, kind: str) -> requests.Response:
    simulator.add_fault("openai", kind)
    response = openai(simulator, **WINDOW)
    assert response.status_code == 200
    return response


def test_json_is_cut_off(simulator: RunningSimulator) -> None:
    text = _damaged(simulator, "truncated_json").text

    assert text.startswith('{"object":"page"')
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)


def test_a_body_is_empty(simulator: RunningSimulator) -> None:
    assert _damaged(simulator, "empty_body").content == b""


def test_a_body_claims_to_be_html(simulator: RunningSimulator) -> None:
    assert _damaged(simulator, "wrong_content_type").headers["Content-Type"] == "text/html"


def test_a_body_is_packed(simulator: RunningSimulator) -> None:
    plain = openai(simulator, **WINDOW).json()

    packed = _damaged(simulator, "gzip")

    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.json() == plain
    assert len(packed.content) > len(gzip.compress(packed.content))


def _pages(simulator: RunningSimulator, count: int) -> list[Any]:
    pages = [openai(simulator, **WINDOW).json()]
    while len(pages) < count:
        pages.append(openai(simulator, **WINDOW, page=pages[-1]["next_page"]).json())
    return pages


def test_more_is_promised_without_a_cursor(simulator: RunningSimulator) -> None:
    page = _damaged(simulator, "has_more_without_next_page").json()

    assert (page["has_more"], page["next_page"]) == (True, None)


def test_a_cursor_is_handed_out_again(simulator: RunningSimulator) -> None:
    simulator.add_fault("openai", "repeated_cursor")

    first, second, third = _pages(simulator, 3)

    assert first["next_page"] == second["next_page"] == third["next_page"]
    assert second["data"] == third["data"] != first["data"]


def test_a_bucket_is_repeated_newer_over_the_page_boundary(simulator: RunningSimulator) -> None:
    simulator.add_fault("openai", "duplicate_bucket")

    first, second = _pages(simulator, 2)

    old, new = first["data"][-1], second["data"][0]
    assert old["start_time"] == new["start_time"]
    assert [row["output_tokens"] + 1 for row in old["results"]] == [
        row["output_tokens"] for row in new["results"]
    ]


def test_a_bucket_is_repeated_unchanged_on_a_single_page(simulator: RunningSimulator) -> None:
    simulator.add_fault("openai", "duplicate_bucket")

    page = openai(simulator, **{**WINDOW, "limit": 6}).json()

    assert len(page["data"]) == 7
    assert page["data"][-1] == page["data"][-2]


def test_buckets_come_backwards(simulator: RunningSimulator) -> None:
    starts = [
        bucket["start_time"] for bucket in _damaged(simulator, "reversed_buckets").json()["data"]
    ]

    assert starts == sorted(starts, reverse=True)
    assert len(starts) == 3


def test_unknown_fields_unknown_kinds_texts_and_no_model(simulator: RunningSimulator) -> None:
    kinds = ["unknown_fields", "unknown_kind", "text_counts", "null_model"]
    for call, kind in enumerate(kinds, start=1):
        simulator.add_fault("openai", kind, on_calls=[call])

    fields, unknown, texts, nameless = (
        [row for bucket in openai(simulator, **WINDOW).json()["data"] for row in bucket["results"]]
        for _ in kinds
    )

    assert all("x_new_in_the_row" in row for row in fields)
    assert [row["object"] for row in unknown].count("organization.usage.dreams.result") == 3
    assert all(isinstance(row["input_tokens"], str) for row in texts)
    assert {row["model"] for row in nameless} == {None}


def test_plain_lists_are_spoiled_too(simulator: RunningSimulator) -> None:
    simulator.add_fault("openrouter", "text_counts")

    assert isinstance(openrouter(simulator).json()["data"][0]["prompt_tokens"], str)


def test_a_redirect_leads_to_another_host_where_a_key_would_be_seen(
    simulator: RunningSimulator,
) -> None:
    simulator.add_fault("openai", "redirect")

    location = openai(simulator, **WINDOW).headers["Location"]
    requests.get(location, headers={"Authorization": f"Bearer {OPENAI_KEY}"}, timeout=10)

    assert location.startswith(f"http://localhost:{simulator.port}/elsewhere/openai/v1/")
    [entry] = simulator.journal("elsewhere")
    assert entry["headers"]["authorization"] == "****0001"


def test_latency_is_added_to_a_provider(simulator: RunningSimulator) -> None:
    simulator.set_latency("openai", 0.1)

    assert openai(simulator, **WINDOW).elapsed.total_seconds() > 0.1
    assert openrouter(simulator, "models").elapsed.total_seconds() < 0.1


def test_cleared_faults_strike_no_more_and_unknown_ones_are_refused(
    simulator: RunningSimulator,
) -> None:
    simulator.add_fault("openai", 500)
    simulator.clear_faults()

    assert openai(simulator, **WINDOW).status_code == 200
    with pytest.raises(CommandError):
        simulator.add_fault("openai", "gremlins")
