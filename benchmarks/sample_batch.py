"""Samples of compute: ten thousand in one request, and one in a request.

"in the service" is valuing, storing and summing; "again" is the same request a second time;
"whole request" reads the JSON and writes the answer too, through every middleware but no socket.
The peer is what the database itself needs: COPY of the same rows, already encoded and valued, into
the same table with its indexes, checks and hourly sums, one sum for each sample here. COPY into a
bare table stands beside it.
"""

import gc
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal

from django.db import connection as database
from django.test import Client

from apps.telemetry.selectors.samples import SampleRow
from apps.telemetry.services.samples import NewSample, record, value
from apps.telemetry.services.samples_insert import COLUMNS, TABLE
from apps.telemetry.services.samples_intensity import intensities_for
from apps.workspaces.models import Workspace
from apps.workspaces.services import create_api_key
from apps.workspaces.tenancy import acting_for
from benchmarks.measuring import REPETITIONS, Rates, Result, rates_in_turns
from benchmarks.workspace import START, new_workspace

ROWS = 10_000
SINGLES = 200
PEER = "COPY into the table"
BARE = "bench_copy"
REGIONS = ("eu-west-1", "us-east-1", "eu-central-1", "ap-south-1")
UNITS = (("vcpu", "vcpu_hour"), ("memory", "gb_minute"), ("storage", "tb_month"), ("network", "gb"))


def run() -> Iterator[Result]:
    workspace = new_workspace()
    client = _client(workspace)
    path = f"/api/v1/workspaces/{workspace.public_id}/usage-samples"
    gc.collect()
    gc.freeze()  # as a worker does when it starts
    for case, samples in (("demo", _samples(Decimal(400))), ("compute", _samples(None))):
        body = json.dumps([_as_json(sample) for sample in samples])
        encoded = [_encoded(workspace, samples) for _ in range(REPETITIONS + 1)]
        key = uuid.uuid4().hex
        into_table = iter(encoded)
        ways = {
            "in the service": lambda: _served(workspace, samples),  # noqa: B023
            "again": lambda: _served(workspace, samples, key),  # noqa: B023
            "whole request": lambda: _post(client, path, body),  # noqa: B023
            PEER: lambda: _copy(TABLE, next(into_table)),  # noqa: B023
            "COPY into a bare table": lambda: _copy(BARE, encoded[0]),  # noqa: B023
        }
        yield from _results(case, ROWS, ways)
    one = json.dumps(_as_json(_samples(Decimal(400))[0]))
    singly = {"whole request": lambda: _post_each(client, path, one)}
    yield from _results("one sample", SINGLES, singly)


def _results(case: str, units: int, ways: Mapping[str, Callable[[], object]]) -> Iterator[Result]:
    rates = dict(zip(ways, rates_in_turns(units, *ways.values()), strict=True))
    peer: Rates | None = rates.get(PEER)
    for name, rate in rates.items():
        is_peer = peer is None or name.startswith("COPY")
        yield Result(
            "sample_batch",
            f"{case}, {name}",
            rate.median,
            "requests/s" if units == SINGLES else "rows/s",
            rate.spread,
            "" if is_peer else PEER,
            None if peer is None or is_peer else rate.median / peer.median,
        )


def _samples(intensity: Decimal | None) -> list[NewSample]:
    """A month of four kinds in four regions."""
    return [
        NewSample(
            provider="aws",
            region=REGIONS[number % 4],
            resource_type=UNITS[number // 4 % 4][0],
            usage_amount=Decimal(number + 1) / 8,
            usage_unit=UNITS[number // 4 % 4][1],
            measured_at=START + timedelta(minutes=4 * number),
            intensity=intensity,
        )
        for number in range(ROWS)
    ]


def _as_json(sample: NewSample) -> dict[str, str]:
    body = {
        "provider": sample.provider,
        "region": sample.region,
        "resource_type": sample.resource_type,
        "usage_amount": str(sample.usage_amount),
        "usage_unit": sample.usage_unit,
        "measured_at": sample.measured_at.isoformat(),
    }
    if sample.intensity is not None:
        body["carbon_intensity_grams_co2e_per_kwh"] = str(sample.intensity)
    return body


def _served(workspace: Workspace, samples: list[NewSample], key: str | None = None) -> None:
    with acting_for(workspace):
        record(workspace, _valued(samples), idempotency_key=key, is_test=False)


def _valued(samples: list[NewSample]) -> list[SampleRow]:
    looked_up = intensities_for(samples, now=START)
    return [value(sample, looked_up, is_test=False, now=START) for sample in samples]


def _client(workspace: Workspace) -> Client:
    _, text = create_api_key(
        workspace, mode="live", name="Bench", scopes=("track",), actor="bench", now=START
    )
    return Client(headers={"Authorization": f"Bearer {text}"})


def _post(client: Client, path: str, body: str) -> None:
    answer = client.post(path, body, content_type="application/json")
    if answer.status_code != 201:  # noqa: PLR2004
        raise RuntimeError(f"answered {answer.status_code}: {answer.content[:200]!r}")


def _post_each(client: Client, path: str, body: str) -> None:
    for _ in range(SINGLES):
        _post(client, path, body)


def _encoded(workspace: Workspace, samples: list[NewSample]) -> str:
    """The rows as COPY reads them."""
    rows = [(workspace.pk, *row) for row in _valued(samples)]
    return "".join(
        "\t".join("\\N" if value is None else str(value) for value in row) + "\n" for row in rows
    )


def _copy(table: str, encoded: str) -> None:
    with database.cursor() as cursor:
        cursor.execute(
            "DROP TABLE IF EXISTS bench_copy;"
            "CREATE TABLE bench_copy AS SELECT * FROM telemetry_usagesample WITH NO DATA"
        )
        with cursor.copy(f"COPY {table} (workspace_id, {', '.join(COLUMNS)}) FROM STDIN") as into:
            into.write(encoded)
