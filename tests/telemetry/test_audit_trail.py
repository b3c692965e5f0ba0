"""An audit: one row of a provider's report followed to the month's total, by API calls alone.

What the provider says is read from the provider; what is stated, from the API. Nothing is looked up
in the database.
"""

from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.telemetry.models import ProviderConnection
from devstack.simulator.testing import RunningSimulator
from tests.simulator.asking import openai
from tests.telemetry.metering import HOUR, NOW, START
from tests.telemetry.using import DIMS, SUMMARY, Poll, use

MONTH = {"start_time": "2026-11-01T00:00:00Z", "end_time": "2026-12-01T00:00:00Z"}
THE_HOUR = START + 8 * HOUR
GROUPED_BY = ["model", "project_id", "service_tier", "batch"]
BOUNDED = ("energy_kwh", "operational_co2e_grams", "embodied_co2e_grams", "co2e_grams")


@pytest.fixture
def provider(meters: RunningSimulator) -> RunningSimulator:
    """A month in which the audited row stands among others, and is revised once."""
    use(meters, 8)
    use(meters, 8, dims={**DIMS, "model": "o3"})
    use(meters, 5)
    return meters


def rows_of_the_hour(provider: RunningSimulator) -> list[dict[str, Any]]:
    start = int(THE_HOUR.timestamp())
    asked: dict[str, Any] = {"group_by[]": GROUPED_BY, "bucket_width": "1h"}
    page = openai(provider, start_time=start, end_time=start + 3600, **asked).json()
    return [row for bucket in page["data"] for row in bucket["results"]]


def follow(program: APIClient, address: str) -> Any:
    answer = program.get(address)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_token_is_followed_from_the_providers_row_to_the_months_report_and_back(
    program: APIClient, provider: RunningSimulator, connection: ProviderConnection, poll: Poll
) -> None:
    # The provider's own report of the hour: the row to be found again.
    (claimed,) = [row for row in rows_of_the_hour(provider) if row["model"] == "gpt-4.1"]
    assert (claimed["input_tokens"], claimed["output_tokens"]) == (1000, 500)

    # The connection's meter is read, and once more after the provider has revised the row.
    poll(NOW)
    use(provider, 8, quantities={"input_tokens": 24, "output_tokens": 12, "num_model_requests": 1})
    poll(NOW + HOUR)
    (claimed,) = [row for row in rows_of_the_hour(provider) if row["model"] == "gpt-4.1"]
    assert (claimed["input_tokens"], claimed["output_tokens"]) == (1024, 512)

    # The month's report: the row's model has this hour and another.
    month = program.get(SUMMARY, MONTH).json()
    of_model = {group["key"]: group["totals"] for group in month["by_model"]}
    assert of_model["gpt-4.1"]["output_tokens"] == 512 + 500
    assert month["total"]["output_tokens"] == 512 + 500 + 500

    # From the month to its days: all of it was used on one.
    days = follow(program, month["links"]["days"])["points"]
    assert [day["start_time"] for day in days] == ["2026-11-18T00:00:00Z"]
    assert days[0]["totals"] == month["total"]

    # From the month to its hours: their sum is the month, and one of them holds the row.
    hours = follow(program, month["links"]["rollups"])["results"]
    assert sum(hour["totals"]["output_tokens"] for hour in hours) == month["total"]["output_tokens"]
    (hour,) = [
        one for one in hours if one["hour"] == "2026-11-18T08:00:00Z" and one["model"] == "gpt-4.1"
    ]
    assert hour["connection"] == {"id": connection.public_id, "name": connection.name}
    assert hour["totals"]["output_tokens"] == 512
    assert hour["entries"] == 2  # as first read, and the difference of the revision

    # From the hour to its events: there is one, and its value is the hour's.
    (event,) = follow(program, hour["links"]["events"])["results"]
    assert event["co2e_grams"] == hour["totals"]["co2e_grams"]
    assert event["is_counted"] and not event["is_withdrawn"]  # noqa: PT018 - one claim

    # The event with everything it came from.
    detail = follow(program, event["links"]["event"])
    assert detail["id"] == event["id"]
    assert detail["used_at"] == "2026-11-18T08:00:00Z"

    # The lines of the ledger sum to the calculation, digit by digit; the counts to the row.
    assert [(line["sequence"], line["reason"]) for line in detail["entries"]] == [
        (1, "measured"),
        (2, "revised"),
    ]
    assert {line["factor_version"] for line in detail["entries"]} == {month["factor_version"]}
    for name in BOUNDED:
        for bound, column in (("low", "_low"), ("central", ""), ("high", "_high")):
            stated = Decimal(detail["calculation"][name][bound])
            assert summed(detail, f"{name}{column}") == stated
    assert summed(detail, "output_tokens") == claimed["output_tokens"]
    assert summed(detail, "requests") == claimed["num_model_requests"]

    # The raw payload is the provider's row, member by member.
    assert detail["raw_payload"] == claimed

    # And when it was read: the bucket's last reading, the run that brought it.
    assert detail["bucket"]["starts_at"] == "2026-11-18T08:00:00Z"
    assert detail["bucket"]["rows"] == len(rows_of_the_hour(provider)) == 2
    assert detail["poll_run"]["rows_changed"] == 1
    assert detail["poll_run"]["started_at"] == f"{NOW + HOUR:%Y-%m-%dT%H:%M:%SZ}"
    assert detail["bucket"]["read_at"] == detail["observed_at"]

    # Back up: the event's hour is the one it was found in.
    (back,) = follow(program, detail["links"]["rollup"])["results"]
    assert back == hour


def summed(detail: dict[str, Any], column: str) -> Decimal:
    differences = [line["differences"][column] for line in detail["entries"]]
    return sum((Decimal(text) for text in differences if text is not None), Decimal())


def test_every_hour_leads_to_events_that_sum_to_it(
    program: APIClient, provider: RunningSimulator, poll: Poll
) -> None:
    assert rows_of_the_hour(provider)
    poll(NOW)

    hours = program.get("/api/v1/telemetry/rollups", MONTH).json()["results"]

    assert len(hours) == 3
    for hour in hours:
        events = follow(program, hour["links"]["events"])["results"]
        assert sum(event["output_tokens"] for event in events) == hour["totals"]["output_tokens"]
        grams = sum(event["co2e_grams"]["central"] for event in events)
        assert grams == pytest.approx(hour["totals"]["co2e_grams"]["central"], rel=1e-12)
        assert {event["used_at"] for event in events} == {hour["hour"]}
