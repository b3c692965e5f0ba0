"""The same calls told in several ways: whatever comes first, each counts once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import connection

from apps.telemetry.check import invariant_violations
from apps.telemetry.models import CarbonEntry, Rollup, TelemetryEvent
from apps.workspaces.models import Workspace
from tests.factories import new_key
from tests.telemetry.otlp.sending import (
    CHAT,
    START,
    counter,
    load,
    logs,
    metrics,
    nanoseconds,
    point,
    record,
    span,
    traces,
)

TOOL = {"service.name": "claude-code"}
SESSION = {"session.id": "s-1"}
MODEL = {"model": "claude-sonnet-4-5"}
EVENT = logs(
    record(
        {
            **SESSION,
            **MODEL,
            "event.name": "api_request",
            "request_id": "req_1",
            "input_tokens": 1000,
            "output_tokens": 200,
        }
    ),
    resource=TOOL,
)
SPAN = traces(
    span(
        {
            **SESSION,
            "gen_ai.system": "anthropic",
            "gen_ai.request.model": MODEL["model"],
            "gen_ai.usage.input_tokens": 1000,
            "gen_ai.usage.output_tokens": 200,
        }
    ),
    resource=TOOL,
)
METRIC = metrics(
    counter(
        point({**SESSION, **MODEL, "type": "input"}, 1000),
        point({**SESSION, **MODEL, "type": "output"}, 200),
    ),
    resource=TOOL,
)
PATHS = {"event": "logs", "span": "traces", "metric": "metrics"}
BODIES = {"event": EVENT, "span": SPAN, "metric": METRIC}

pytestmark = pytest.mark.django_db


@pytest.fixture
def send(api: Callable[..., Any], workspace: Workspace) -> Callable[[str, Any], None]:
    exporter = api(new_key(workspace, scopes=["track"]))

    def post(signal: str, body: Any) -> None:
        assert exporter.post(f"/otlp/v1/{signal}", body).status_code == 200

    return post


def counted() -> tuple[int, int]:
    rows = Rollup.objects.all()
    return (
        int(sum(row.input_uncached_tokens for row in rows)),
        int(sum(row.output_tokens for row in rows)),
    )


@pytest.mark.parametrize("order", list(permutations(BODIES)), ids="-".join)
def test_the_best_report_counts_in_whatever_order_they_come(
    send: Callable[[str, Any], None], order: tuple[str, ...]
) -> None:
    for kind in order:
        send(PATHS[kind], BODIES[kind])

    assert counted() == (1000, 200)
    assert TelemetryEvent.objects.count() == 4  # all are kept
    assert [event.source for event in TelemetryEvent.objects.filter(is_counted=True)] == [
        "otlp.event"
    ]
    assert invariant_violations() == []


def test_what_is_superseded_leaves_its_trail(send: Callable[[str, Any], None]) -> None:
    send("metrics", METRIC)
    send("logs", EVENT)

    metric = TelemetryEvent.objects.filter(source="otlp.metric").first()
    assert metric is not None
    first, second = CarbonEntry.objects.filter(event=metric).order_by("sequence")
    assert (first.reason, second.reason) == ("measured", "superseded")
    assert first.co2e_grams + second.co2e_grams == 0
    assert second.calculation["is_counted"] is False


def test_sent_again_after_it_was_superseded_it_still_does_not_count(
    send: Callable[[str, Any], None],
) -> None:
    for kind in ("metric", "event", "metric", "span", "event"):
        send(PATHS[kind], BODIES[kind])

    assert counted() == (1000, 200)


@pytest.mark.parametrize("order", [("span", "metric"), ("metric", "span")], ids="-".join)
def test_a_metric_that_names_no_session_yields_to_spans_that_do(
    send: Callable[[str, Any], None], order: tuple[str, str]
) -> None:
    points = metrics(
        counter(point({**MODEL, "type": "input"}, 1000), point({**MODEL, "type": "output"}, 200)),
        resource=TOOL,
    )
    for kind in order:
        send(PATHS[kind], {"span": SPAN, "metric": points}[kind])

    assert counted() == (1000, 200)


def test_another_session_of_the_tool_counts_by_itself(send: Callable[[str, Any], None]) -> None:
    send("logs", EVENT)
    other = {**MODEL, "session.id": "s-2", "type": "input"}

    send("metrics", metrics(counter(point(other, 7)), resource=TOOL))

    assert counted() == (1007, 200)


def test_a_batch_split_in_any_way_is_the_same(send: Callable[[str, Any], None]) -> None:
    spans = [span(CHAT, spanId=f"{number:016x}") for number in range(1, 5)]

    for batch in (spans[:1], spans[1:3], spans[2:], spans):
        send("traces", traces(*batch))

    assert TelemetryEvent.objects.count() == 4
    assert counted() == (4000, 800)


def test_a_span_with_other_counts_is_a_revision(send: Callable[[str, Any], None]) -> None:
    send("traces", traces(span(CHAT)))

    send("traces", traces(span(CHAT | {"gen_ai.usage.output_tokens": 300})))

    assert counted() == (1000, 300)
    assert [entry.reason for entry in CarbonEntry.objects.order_by("sequence")] == [
        "measured",
        "revised",
    ]


def test_running_totals_count_their_growth_over_many_requests(
    send: Callable[[str, Any], None],
) -> None:
    exports = load("exports")
    bodies = [exports[f"claude_code.cumulative-{name}"]["body"] for name in ("1", "2", "3-reset")]
    for body in bodies:
        send("metrics", body)
    once = counted()

    for body in (*bodies, *reversed(bodies)):
        send("metrics", body)

    assert counted() == once
    assert sum(once) > 0


def test_one_point_sent_twice_at_the_same_time_counts_once(
    transactional_db: None,  # noqa: ARG001 - threads have connections of their own
    api: Callable[..., Any],
    workspace: Workspace,
) -> None:
    key = new_key(workspace, scopes=["track"])
    later = nanoseconds(START + timedelta(minutes=2))

    def send(value: int) -> int:
        try:
            total = point({**SESSION, **MODEL, "type": "input"}, value, timeUnixNano=later)
            body = metrics(counter(total, temporality=2), resource=TOOL)
            return int(api(key).post("/otlp/v1/metrics", body).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(send, [500] * 8))

    assert statuses == [200] * 8
    assert counted() == (500, 0)
