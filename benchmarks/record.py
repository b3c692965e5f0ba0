"""Recording a reading of 10,000 rows: events, ledger entries and rollups, in one transaction.

The peer is the limit: COPY of the same 10,000 events into a bare table, already encoded, without
index, ledger or rollup.
"""

from collections.abc import Iterator
from datetime import timedelta

from django.db import connection as database

from apps.emissions.selectors import current_factors
from apps.telemetry.connectors.base import HOUR, BucketReading, Reading, UsageRow, Window
from apps.telemetry.models import ProviderConnection
from apps.telemetry.services.ingest import record
from benchmarks.measuring import REPETITIONS, Rates, Result, seconds_of
from benchmarks.workspace import START, new_connection, new_project, new_workspace

HOURS = 500
MODELS = 20
ROWS = HOURS * MODELS
SOURCE = "bench.usage"
NOW = START + timedelta(days=60)


def run() -> Iterator[Result]:
    project = new_project(new_workspace(), "Record")
    factors = current_factors()
    rounds = []
    for _ in range(REPETITIONS + 1):
        connection = new_connection(project)
        first, revised = _reading(1000), _reading(1001)
        new = seconds_of(lambda: record(connection, SOURCE, first, factors, now=NOW))  # noqa: B023
        later = NOW + HOUR
        replayed = seconds_of(lambda: record(connection, SOURCE, first, factors, now=later))  # noqa: B023
        encoded = _encoded(connection)
        copied = seconds_of(lambda: copy(encoded))  # noqa: B023
        latest = later + HOUR
        changed = seconds_of(lambda: record(connection, SOURCE, revised, factors, now=latest))  # noqa: B023
        rounds.append((new, replayed, changed, copied))
        analyze()
    new_s, replayed_s, changed_s, copied_s = (
        Rates([ROWS / taken for taken in times]) for times in zip(*rounds[1:], strict=True)
    )
    for case, rates in (("new", new_s), ("replayed", replayed_s), ("every row revised", changed_s)):
        yield Result(
            "record",
            case,
            rates.median,
            "rows/s",
            rates.spread,
            "bare COPY",
            rates.median / copied_s.median,
        )
    yield Result("record", "bare COPY", copied_s.median, "rows/s", copied_s.spread)


def _reading(tokens: int) -> Reading:
    window = Window(START, START + HOURS * HOUR)
    buckets = tuple(
        BucketReading(SOURCE, start, start + HOUR, is_provisional=False, rows=_rows(tokens + hour))
        for hour, start in enumerate(window.starts(HOUR))
    )
    return Reading(window, buckets, ())


def _rows(tokens: int) -> tuple[UsageRow, ...]:
    return tuple(
        UsageRow(
            dims={"model": model, "api_key_id": "key_1"},
            model=model,
            input_uncached=tokens,
            input_cache_read=tokens // 2,
            output=tokens // 3,
            requests=12,
        )
        for model in (f"gpt-4o-bench-{number}" for number in range(MODELS))
    )


def _encoded(connection: ProviderConnection) -> bytes:
    """The connection's events as COPY writes them."""
    with database.cursor() as cursor:
        statement = (
            "COPY (SELECT * FROM telemetry_telemetryevent WHERE connection_id = %s) TO STDOUT"
        )
        with cursor.copy(statement, [connection.pk]) as out:
            return b"".join(bytes(part) for part in out)


def analyze() -> None:
    """What autovacuum does within a minute; until then checks of references crawl."""
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")


def copy(encoded: bytes) -> None:
    with database.cursor() as cursor:
        cursor.execute(
            "DROP TABLE IF EXISTS bench_copy;"
            "CREATE TABLE bench_copy AS SELECT * FROM telemetry_telemetryevent WITH NO DATA"
        )
        with cursor.copy("COPY bench_copy FROM STDIN") as into:
            into.write(encoded)
