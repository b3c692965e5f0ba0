"""What a provider says of whole days: asked ungrouped, paged like everything, and never guessed."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.common.outside import BusyError, RefusedError
from apps.common.secrets import Secret
from apps.telemetry.connectors.base import DayTotal, Window
from apps.telemetry.connectors.paging import read
from devstack.simulator.testing import running_simulator
from tests.telemetry.dialects import impatient
from tests.telemetry.recorded import Answer, RecordedServer, recorded

KEY = Secret("sk-recorded")
DAY = timedelta(days=1)
NOW = datetime(2026, 11, 18, 6, 20, tzinfo=UTC)
FIRST, LAST = datetime(2026, 11, 16, tzinfo=UTC), datetime(2026, 11, 18, tzinfo=UTC)
DAYS = Window(FIRST, LAST)
USAGE = "/organization/usage/"
MESSAGES = "/v1/organizations/usage_report/messages"
PAGES = ("page1", "page2-last")
DAILY = "/user/daily/activity"
AGAIN = {"has_more": True, "next_page": "again"}
NOTHING = Answer({"data": [], "has_more": False, "next_page": None})


@pytest.fixture
def server() -> Iterator[RecordedServer]:
    with RecordedServer() as running:
        for path in (f"{USAGE}completions", f"{USAGE}embeddings", f"{USAGE}moderations"):
            running.plays(path, NOTHING)
        for path in ("/organization/costs", MESSAGES, "/v1/organizations/cost_report"):
            running.plays(path, NOTHING)
        yield running


def openai_days(*days: list[dict[str, Any]]) -> Answer:
    starts = [int((FIRST + number * DAY).timestamp()) for number in range(len(days))]
    return Answer(
        {
            "data": [
                {"start_time": start, "end_time": start + 86400, "results": rows}
                for start, rows in zip(starts, days, strict=True)
            ],
            "has_more": False,
            "next_page": None,
        }
    )


def cost(value: object, currency: str = "usd") -> dict[str, Any]:
    amount = {"value": value, "currency": currency}
    return {"object": "organization.costs.result", "amount": amount}


def test_openai_is_asked_ungrouped_by_the_day_and_for_its_costs(server: RecordedServer) -> None:
    used = {
        "object": "organization.usage.completions.result",
        "input_tokens": 100,
        "input_cached_tokens": 40,
        "output_tokens": 5,
        "num_model_requests": 2,
    }
    server.plays(f"{USAGE}completions", openai_days([used], []))
    server.plays("/organization/costs", *(recorded("openai", f"costs.{n}") for n in PAGES))

    totals = impatient("openai", server.url).totals(KEY, DAYS, NOW)

    assert totals == (
        DayTotal("openai.completions", date(2026, 11, 16), 100, 5, 2, None),
        DayTotal("openai.completions", date(2026, 11, 17), 0, 0, 0, None),
        DayTotal("openai.costs", date(2026, 11, 16), None, None, None, Decimal("2.588")),
        DayTotal("openai.costs", date(2026, 11, 17), None, None, None, Decimal("0.06")),
    )
    assert {request.path for request in server.requests} == {
        *(f"{USAGE}completions", f"{USAGE}embeddings", f"{USAGE}moderations"),
        "/organization/costs",
    }
    assert all(request.every("bucket_width") == ["1d"] for request in server.requests)
    assert all(request.every("group_by[]") == [] for request in server.requests)


def test_anthropic_counts_in_cents_and_no_calls(server: RecordedServer) -> None:
    server.plays(MESSAGES, recorded("anthropic", "messages.ungrouped"))
    server.plays(
        "/v1/organizations/cost_report", *(recorded("anthropic", f"costs.{n}") for n in PAGES)
    )

    totals = impatient("anthropic", server.url).totals(KEY, DAYS, NOW)

    used = [one for one in totals if one.source == "anthropic.messages"]
    paid = [one for one in totals if one.source == "anthropic.costs"]
    assert {(one.requests, one.cost_usd) for one in used} == {(None, None)}
    assert all(one.input_tokens is not None and one.output_tokens is not None for one in used)
    assert paid[0] == DayTotal(
        "anthropic.costs", date(2026, 11, 16), None, None, None, Decimal("9.1528912")
    )


def test_a_credit_makes_a_day_negative(server: RecordedServer) -> None:
    row = {"amount": "-150.5", "currency": "USD"}
    edges = {"starting_at": "2026-11-16T00:00:00Z", "ending_at": "2026-11-17T00:00:00Z"}
    body = {"data": [{**edges, "results": [row]}], "has_more": False, "next_page": None}
    server.plays("/v1/organizations/cost_report", Answer(body))

    (paid,) = impatient("anthropic", server.url).totals(KEY, DAYS, NOW)

    assert paid.cost_usd == Decimal("-1.505")


@pytest.mark.parametrize(
    "wrong", [cost("much"), cost(1, "eur"), cost(None), cost(value=True), {"amount": None}]
)
def test_a_day_with_an_amount_nobody_can_read_has_no_total(
    server: RecordedServer, wrong: dict[str, Any]
) -> None:
    row = {"object": "organization.costs.result", **wrong}
    server.plays("/organization/costs", openai_days([cost(1), row]))

    (paid,) = impatient("openai", server.url).totals(KEY, DAYS, NOW)

    assert paid.cost_usd is None


def test_an_amount_keeps_every_digit(server: RecordedServer) -> None:
    text = b'{"object": "organization.costs.result", "amount": {"value": %s, "currency": "usd"}}'
    start = int(FIRST.timestamp())
    bucket = b'{"start_time": %d, "end_time": %d, "results": [%s]}'
    row = text % b"0.1234567890123456789012"
    page = b'{"data": [%s], "has_more": false}' % (bucket % (start, start + 86400, row))
    server.plays("/organization/costs", Answer(page))

    (paid,) = impatient("openai", server.url).totals(KEY, DAYS, NOW)

    assert paid.cost_usd == Decimal("0.1234567890123456789012")


def test_only_whole_days_that_are_over_have_totals(server: RecordedServer) -> None:
    server.plays("/organization/costs", openai_days([cost(1)], [cost(2)], [cost(3)]))
    openai = impatient("openai", server.url)
    hours = timedelta(hours=5)

    none = openai.totals(KEY, Window(FIRST + hours, FIRST + 2 * hours), NOW)
    running = openai.totals(KEY, Window(LAST, LAST + DAY), NOW)
    assert server.requests == []
    cut = openai.totals(KEY, Window(FIRST + hours, LAST + hours), NOW)

    assert [(one.day, one.cost_usd) for one in cut] == [(date(2026, 11, 17), Decimal(2))]
    assert none == running == ()


def test_a_day_that_the_answer_leaves_out_has_no_total(server: RecordedServer) -> None:
    server.plays("/organization/costs", openai_days([cost(1)]))

    totals = impatient("openai", server.url).totals(KEY, DAYS, NOW)

    assert [one.day for one in totals] == [date(2026, 11, 16)]


def test_a_day_that_the_provider_clipped_has_no_total(server: RecordedServer) -> None:
    answer = openai_days([cost(1)], [cost(2)])
    answer.body["data"][0]["start_time"] += 3600
    server.plays("/organization/costs", answer)

    totals = impatient("openai", server.url).totals(KEY, DAYS, NOW)

    assert [one.day for one in totals] == [date(2026, 11, 17)]


def test_a_proxys_days_are_added_over_its_pages_and_tell_the_spend_alone(
    server: RecordedServer,
) -> None:
    server.plays(DAILY, *(recorded("litellm", f"days.{n}") for n in PAGES))

    totals = impatient("litellm", server.url).totals(KEY, DAYS, NOW)

    assert totals == (
        DayTotal("litellm.spend_logs", date(2026, 11, 16), None, None, None, Decimal("0.75")),
        DayTotal("litellm.spend_logs", date(2026, 11, 17), None, None, None, Decimal("0.0177072")),
    )
    assert [request.every("page") for request in server.requests] == [["1"], ["2"]]


def test_openrouter_has_no_other_way_of_asking(server: RecordedServer) -> None:
    assert impatient("openrouter", server.url).totals(KEY, DAYS, NOW) == ()
    assert server.requests == []


@pytest.mark.parametrize(
    ("provider", "path", "answer", "kind"),
    [
        ("openai", f"{USAGE}completions", Answer({"data": [], "has_more": True}), "malformed"),
        ("openai", "/organization/costs", Answer({**NOTHING.body, **AGAIN}), "malformed"),
        ("anthropic", "/v1/organizations/cost_report", Answer(b"<html>"), "malformed"),
        ("anthropic", MESSAGES, Answer({}, 503), "transient"),
        ("litellm", DAILY, Answer({"results": []}), "malformed"),
        ("litellm", DAILY, Answer({"results": [], "metadata": {**AGAIN, "page": 1}}), "malformed"),
        ("litellm", DAILY, Answer({"results": [{"date": "2026-11-17"}]}), "malformed"),
    ],
)
def test_totals_are_read_whole_or_not_at_all(
    server: RecordedServer, provider: str, path: str, answer: Answer, kind: str
) -> None:
    server.plays(path, answer)

    with pytest.raises(BusyError) as busy:
        impatient(provider, server.url).totals(KEY, DAYS, NOW)

    assert busy.value.kind.startswith(kind)
    assert len(server.requests) <= 10


def test_a_key_that_may_not_see_the_costs_still_opens_the_usage(server: RecordedServer) -> None:
    server.plays(f"{USAGE}completions", openai_days([], []))
    server.plays("/organization/costs", recorded("openai", "error.403-missing-scope"))
    openai = impatient("openai", server.url)

    assert {one.source for one in openai.totals(KEY, DAYS, NOW)} == {"openai.completions"}

    for path, error, kind in (
        ("/organization/costs", "error.401-invalid-key", "auth"),
        (f"{USAGE}completions", "error.403-missing-scope", "permission"),
    ):
        server.plays(path, recorded("openai", error))
        with pytest.raises(RefusedError) as refused:
            openai.totals(KEY, DAYS, NOW)
        assert refused.value.kind == kind


@pytest.mark.parametrize(
    ("provider", "key", "prefix"),
    [
        ("openai", "sk-admin-simulated-0001", "/openai/v1"),
        ("anthropic", "sk-ant-admin01-simulated-0001", "/anthropic"),
        ("litellm", "sk-litellm-simulated-0001", "/litellm"),
    ],
)
def test_the_days_are_the_sums_of_the_rows(provider: str, key: str, prefix: str) -> None:
    day = Window(LAST - DAY, LAST)
    with running_simulator(days=3) as simulator:
        simulator.set_clock("2026-11-18T12:00:00Z")
        meter, secret = impatient(provider, simulator.url + prefix), Secret(key)
        totals = {one.source: one for one in meter.totals(secret, day, NOW)}
        readings = {source: read(meter, secret, source, day, NOW) for source in meter.group_by}

    for source, reading in readings.items():
        rows = [row for bucket in reading.buckets for row in bucket.rows]
        total = totals[source]
        costs = [row.cost_usd for row in rows if row.cost_usd is not None]
        assert total.input_tokens in (None, sum(row.input_total for row in rows))
        assert total.output_tokens in (None, sum(row.output for row in rows))
        assert total.requests in (None, sum(row.requests or 0 for row in rows))
        assert total.cost_usd in (None, sum(costs))
        told = (total.input_tokens, total.output_tokens, total.requests, total.cost_usd)
        assert any(told)
