"""Exports of a workspace's events: rows a second, and the memory of the process that sends them.

A process of its own, as large as a web worker, streams the export and throws it away. The peer is
the limit: COPY TO of the same rows as they are stored, by a process alike. 50,000 events by
default; `EXPORT_ROWS=1000000 python -m benchmarks export_1m` is the million.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from django.db import connection as database

from apps.emissions.selectors import current_factors
from apps.telemetry.connectors.base import HOUR, BucketReading, Reading, UsageRow, Window
from apps.telemetry.models import CarbonEntry, ProviderConnection, TelemetryEvent
from apps.telemetry.services.ingest import record
from benchmarks.measuring import REPETITIONS, Rates, Result
from benchmarks.workspace import START, new_connection, new_project, new_workspace

ROWS = int(os.environ.get("EXPORT_ROWS", "50000"))
MODELS = 20
SOURCE = "bench.export"
END = START + timedelta(days=10_000)
PEERS = {"telemetry": ("telemetryevent", "carbonentry"), "calculations": ("carbonentry",)}
"""What of the tables an export tells: the rows that are copied bare."""
CASES = (
    ("telemetry", "csv", ""),
    ("telemetry", "csv", "packed"),
    ("telemetry", "json", ""),
    ("calculations", "csv", ""),
)
_IN_A_PROCESS = r"""
import json, re, sys, time
from pathlib import Path
import django
django.setup()
import carbon_platform.urls
from benchmarks import export_1m
def memory_kb(name):
    return int(re.search(name + r":\s+(\d+)", Path("/proc/self/status").read_text())[1])
idle = memory_kb("VmRSS")
started = time.perf_counter()
sent = sum(map(len, export_1m.blocks(*sys.argv[1:])))
seconds = time.perf_counter() - started
peak = memory_kb("VmHWM")
print(json.dumps({"seconds": seconds, "sent": sent, "memory_mb": (peak - idle) / 1024}))
"""


def run() -> Iterator[Result]:
    connection = new_connection(new_project(new_workspace(), "Export"))
    fill(connection, ROWS)
    workspace = str(connection.workspace_id)
    for subject, form, packed in CASES:
        ours, bare, memory_mb = [], [], 0.0
        for _ in range(REPETITIONS):
            told = _told(workspace, subject, form, packed)
            ours.append(ROWS / told["seconds"])
            memory_mb = max(memory_mb, told["memory_mb"])
            bare.append(ROWS / _told(workspace, subject, "bare", "")["seconds"])
        rates, limit = Rates(ours), Rates(bare)
        case = " ".join(filter(None, (f"{ROWS:,} {subject}", form, packed)))
        yield Result(
            "export_1m",
            case,
            rates.median,
            "rows/s",
            rates.spread,
            "bare COPY TO",
            rates.median / limit.median,
        )
        yield Result("export_1m", f"{case}, memory above idle", memory_mb, "MB")


def blocks(workspace_id: str, subject: str, form: str, packed: str) -> Iterator[bytes]:
    """What one process streams."""
    from apps.telemetry.services import exporting, exporting_statements  # noqa: PLC0415 - after django.setup()
    from apps.workspaces.models import Workspace  # noqa: PLC0415 - likewise

    if form == "bare":
        yield from _bare(workspace_id, PEERS[subject])
        return
    wanted = exporting_statements.Wanted(
        exporting_statements.Subject(subject), exporting_statements.Format(form), START, END
    )
    workspace = Workspace.objects.get(pk=workspace_id)
    yield from exporting.begin(workspace, wanted, is_packed=bool(packed))


def fill(connection: ProviderConnection, rows: int) -> None:
    """Twenty events as they are recorded, copied with moments and identities of their own."""
    given = tuple(
        UsageRow(
            dims={"model": model, "api_key_id": "key_1"},
            model=model,
            input_uncached=1000,
            input_cache_read=500,
            output=333,
            requests=12,
        )
        for model in (f"gpt-4o-bench-{number}" for number in range(MODELS))
    )
    bucket = BucketReading(SOURCE, START, START + HOUR, is_provisional=False, rows=given)
    reading = Reading(Window(START, START + HOUR), (bucket,), ())
    record(connection, SOURCE, reading, current_factors(), now=START + 60 * HOUR)
    asked = {"workspace": connection.workspace_id, "copies": rows // MODELS - 1}
    with database.cursor() as cursor:
        for kind in (TelemetryEvent, CarbonEntry):
            table = kind._meta.db_table  # noqa: SLF001 - Django documents it as its interface
            columns = [str(field.column) for field in kind._meta.concrete_fields]  # noqa: SLF001 - likewise
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")  # nobody asks for sums
            cursor.execute(_copies(table, columns), asked)
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        cursor.execute("ANALYZE")


def _copies(table: str, columns: Sequence[str]) -> str:
    changed = {
        "id": "row.id * 100000000 + number",
        "event_id": "row.event_id * 100000000 + number",
        "idempotency_hash": "sha256(row.idempotency_hash || number::text::bytea)",
        "used_at": "row.used_at + number * interval '1 minute'",
        "used_until": "row.used_until + number * interval '1 minute'",
    }
    values = ", ".join(changed.get(name, f"row.{name}") for name in columns)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} AS row, "  # noqa: S608 - our own names
        "generate_series(1, %(copies)s) AS number WHERE row.workspace_id = %(workspace)s"
    )


def _bare(workspace_id: str, tables: Sequence[str]) -> Iterator[bytes]:
    with database.cursor() as cursor:
        for table in tables:
            rows = f"SELECT * FROM telemetry_{table} WHERE workspace_id = %s"  # noqa: S608 - our own names
            with cursor.copy(f"COPY ({rows}) TO STDOUT", [workspace_id]) as copied:
                yield from map(bytes, copied)


def _told(*asked: str) -> dict[str, Any]:
    finished = subprocess.run(
        [sys.executable, "-c", _IN_A_PROCESS, *asked], capture_output=True, text=True, check=True
    )
    told: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return told
