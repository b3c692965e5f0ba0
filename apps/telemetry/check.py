"""What must always hold in the stored ledger, asked of the database as a whole."""

# ruff: noqa: S608 - every name in the statements is a constant of this app

from typing import Final

from django.db import connection

from apps.telemetry.models import BOUNDED, SAMPLE_SUMMED, SUMMED, TOKENS, UNKNOWABLE

_GROUPED: Final = "workspace_id, project_id, connection_id, provider, model, region, is_test"
_NAMED: Final = {
    f"{name}{suffix}": f"{{{name},{bound}}}"
    for name in BOUNDED
    for suffix, bound in (("_low", "low"), ("", "central"), ("_high", "high"))
}
_SUMS: Final = ", ".join(f"coalesce(sum({name}), 0) AS {name}" for name in SUMMED)
_WRONG_COUNT: Final = " OR ".join(
    f"total.{name} <> coalesce(event.{name}, 0) * event.is_counted::int"
    for name in (*TOKENS, *UNKNOWABLE)
)
_WRONG_TOTAL: Final = " OR ".join(
    f"total.{name} IS DISTINCT FROM (last.calculation #>> '{path}')::numeric"
    for name, path in _NAMED.items()
)
_DIMENSIONS: Final = [
    "workspace_id",
    "project_id",
    "connection_id",
    "provider",
    "model",
    "region",
    "is_test",
    "used_at",
]
_OF_TOTAL: Final = f"""
WITH total AS (
    SELECT event_id, count(*) AS entries, max(sequence) AS last, {_SUMS}
    FROM telemetry_carbonentry GROUP BY event_id
)"""


def _odd_rollups(table: str, step: str) -> str:
    """The number of hours or days that are not the sum of their entries."""
    rollup = f"""
    SELECT {step}, {_GROUPED}, entries,
        {", ".join(f"coalesce({name}, 0) AS {name}" for name in SUMMED)} FROM {table}"""
    of_entries = f"""
    SELECT date_trunc('{step}', used_at, 'UTC'), {_GROUPED}, count(*), {_SUMS}
    FROM telemetry_carbonentry GROUP BY 1, {_GROUPED}"""
    return f"""
        SELECT count(*) FROM (
            (({rollup}) EXCEPT ALL ({of_entries}))
            UNION ALL (({of_entries}) EXCEPT ALL ({rollup}))
        ) AS odd"""


_SAMPLE_KEY: Final = "workspace_id, hour, provider, region, resource_type, is_test"
_SAMPLE_ROLLUP: Final = f"""
    SELECT {_SAMPLE_KEY}, samples, {", ".join(SAMPLE_SUMMED)} FROM telemetry_usagesamplerollup"""
_ROLLUP_OF_SAMPLES: Final = f"""
    SELECT workspace_id, date_trunc('hour', measured_at, 'UTC') AS hour, provider, region,
        resource_type, is_test, count(*), {", ".join(f"sum({name})" for name in SAMPLE_SUMMED)}
    FROM telemetry_usagesample GROUP BY 1, 2, 3, 4, 5, 6"""

# Each counts the rows that break its sentence.
CHECKS: Final = {
    "events without an entry": """
        SELECT count(*) FROM telemetry_telemetryevent AS event WHERE NOT EXISTS (
            SELECT FROM telemetry_carbonentry AS entry WHERE entry.event_id = event.id)""",
    "events whose entries do not sum to their counts": f"""{_OF_TOTAL}
        SELECT count(*) FROM total JOIN telemetry_telemetryevent AS event ON event.id = event_id
        WHERE {_WRONG_COUNT}""",
    "events whose entries do not sum to their latest calculation": f"""{_OF_TOTAL}
        SELECT count(*) FROM total JOIN telemetry_carbonentry AS last
            ON last.event_id = total.event_id AND last.sequence = total.last
        WHERE {_WRONG_TOTAL}""",
    "events whose entries are not numbered from 1 without a gap": f"""{_OF_TOTAL}
        SELECT count(*) FROM total WHERE entries <> last""",
    "entries whose dimensions are not their event's": f"""
        SELECT count(*) FROM telemetry_carbonentry AS entry
        JOIN telemetry_telemetryevent AS event ON event.id = entry.event_id
        WHERE ({", ".join(f"entry.{name}" for name in _DIMENSIONS)})
            IS DISTINCT FROM ({", ".join(f"event.{name}" for name in _DIMENSIONS)})""",
    "rollups that are not the sum of their entries": _odd_rollups("telemetry_rollup", "hour"),
    "daily rollups that are not the sum of their entries": _odd_rollups(
        "telemetry_dayrollup", "day"
    ),
    "rollups of samples that are not the sum of their samples": f"""
        SELECT count(*) FROM (
            (({_SAMPLE_ROLLUP}) EXCEPT ALL ({_ROLLUP_OF_SAMPLES}))
            UNION ALL (({_ROLLUP_OF_SAMPLES}) EXCEPT ALL ({_SAMPLE_ROLLUP}))
        ) AS odd""",
    "withdrawn events that still count something": f"""
        SELECT count(*) FROM telemetry_telemetryevent
        WHERE is_withdrawn AND ({" + ".join(TOKENS)} <> 0 OR coalesce(requests, 0) <> 0)""",
    "connections without exactly one active workload": """
        SELECT count(*) FROM telemetry_providerconnection AS one WHERE 1 <> (
            SELECT count(*) FROM telemetry_workload AS workload
            WHERE workload.connection_id = one.id AND workload.is_active)""",
    "revoked connections that still hold a key": """
        SELECT count(*) FROM telemetry_providerconnection
        WHERE status = 'revoked' AND sealed_key IS NOT NULL""",
}


def invariant_violations() -> list[str]:
    """A sentence for each invariant that does not hold; none when all is well."""
    violations = []
    with connection.cursor() as cursor:
        for sentence, statement in CHECKS.items():
            cursor.execute(statement)
            if number := cursor.fetchone()[0]:
                violations.append(f"{number} {sentence}")
    return violations
