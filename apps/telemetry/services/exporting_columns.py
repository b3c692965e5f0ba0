"""What an export says of each row: names in a fixed order, and the SQL that PostgreSQL writes.

A name in CamelCase is a column of FOCUS 1.2 (the FinOps Open Cost and Usage Specification) and
means what it means there; every other name is our own.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from apps.telemetry.connectors import PROVIDER_LABELS
from apps.telemetry.models import BOUNDED, TOKENS

GUARDED: Final = "=+-@\t\r'"
"""A text that begins with one of these gets an apostrophe before it in a CSV file.

With the first six a spreadsheet would begin a formula. The apostrophe itself is among them so that
the rule can be undone: a cell that begins with an apostrophe has one more than its text.
"""


class Kind(Enum):
    TEXT = "what others wrote, whatever it is"
    EXACT = "a decimal, in JSON as text so that no reader rounds it"
    PLAIN = "whole numbers, truth values, moments and words of our own"


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    sql: str
    kind: Kind = Kind.PLAIN

    def in_csv(self) -> str:
        if self.kind is Kind.TEXT:
            return _guarded(self.sql)
        return f"({self.sql})::text"

    def in_json(self) -> str:
        return f"({self.sql})::text" if self.kind is Kind.EXACT else self.sql


def _guarded(text: str) -> str:
    first = "'" + GUARDED.replace("'", "''") + "'"
    return (
        f"CASE WHEN {text} <> '' AND position(left({text}, 1) in {first}) > 0 "
        f"THEN '''' || {text} ELSE {text} END"
    )


def _instant(sql: str) -> str:
    return f"""to_char({sql} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


def _label(sql: str) -> str:
    known = " ".join(f"WHEN '{name}' THEN '{label}'" for name, label in PROVIDER_LABELS.items())
    return f"CASE {sql} {known} ELSE {sql} END"


def _bounded(table: str) -> tuple[Column, ...]:
    names = (f"{name}{bound}" for name in BOUNDED for bound in ("_low", "", "_high"))
    return tuple(Column(name, f"{table}.{name}", Kind.EXACT) for name in names)


def _of(table: str, *names: str) -> tuple[Column, ...]:
    return tuple(Column(name, f"{table}.{name}") for name in names)


def _calculated(name: str, path: str = "", cast: str = "") -> Column:
    """A member of the calculation, by its path."""
    *above, last = (path or name).split(".")
    steps = "".join(f" -> '{step}'" for step in above)
    return Column(name, f"(valued.calculation{steps} ->> '{last}'){cast}")


EVENT_ID: Final = Column("event_id", "'evt_' || encode(event.idempotency_hash, 'hex')")
WHERE_AND_WHEN: Final = (
    Column("ChargePeriodStart", _instant("event.used_at")),
    Column("ChargePeriodEnd", _instant("event.used_until")),
    Column("ProviderName", _label("event.provider"), Kind.TEXT),
    Column("RegionId", "event.region", Kind.TEXT),
    Column("provider", "event.provider", Kind.TEXT),
    Column("model", "event.model", Kind.TEXT),
    Column("project_id", "project.public_id"),
    Column("project_name", "project.name", Kind.TEXT),
    Column("connection_id", "connection.public_id"),
    Column("connection_name", "connection.name", Kind.TEXT),
)
HOW: Final = (
    _calculated("factor_version"),
    _calculated("method"),
    _calculated("model_matched"),
    _calculated("tier"),
    _calculated("confidence"),
)
MARKS: Final = (
    Column("is_test", "event.is_test"),
    Column("is_simulated", "%(is_simulated)s::boolean"),
)

TELEMETRY: Final = (
    EVENT_ID,
    *WHERE_AND_WHEN,
    Column("ConsumedQuantity", " + ".join(f"event.{name}" for name in TOKENS)),
    Column("ConsumedUnit", "'Tokens'"),
    *_of("event", *TOKENS, "reasoning_tokens", "requests"),
    Column("cost_usd", "event.cost_usd", Kind.EXACT),
    *_bounded("valued"),
    *HOW,
    Column("entries", "valued.entries"),
    Column("source", "event.source"),
    Column("customer", "event.customer", Kind.TEXT),
    Column("session_id", "event.session_id", Kind.TEXT),
    Column("developer_hash", "encode(event.developer, 'hex')"),
    *_of("event", "dims", "flags"),
    *_of("event", "is_counted", "is_provisional", "is_withdrawn", "is_byok"),
    *MARKS,
    Column("observed_at", _instant("event.observed_at")),
    Column("created_at", _instant("event.created_at")),
)

CALCULATIONS: Final = (
    EVENT_ID,
    Column("sequence", "valued.sequence"),
    Column("reason", "valued.reason"),
    Column("recorded_at", _instant("valued.recorded_at")),
    Column("restates_sequence", "nullif(valued.sequence - 1, 0)"),
    *WHERE_AND_WHEN,
    *_of("valued", *TOKENS, "requests"),
    Column("cost_usd", "valued.cost_usd", Kind.EXACT),
    *_bounded("valued"),
    *HOW,
    Column("ghg_scope", "3"),
    Column("ghgp_category", "1"),
    Column("ghgp_subcategory", "'1.1'"),
    Column("quantification", "'modelled'"),
    _calculated("ci_value", "grid.gco2e_per_kwh"),
    Column("ci_unit", "'gCO2e/kWh'"),
    Column("ci_method", "'location-average'"),
    _calculated("ci_zone", "grid.zone"),
    _calculated("ci_year", "grid.year", "::integer"),
    _calculated("ci_source", "grid.source"),
    _calculated("ci_is_estimated", "grid.is_estimate", "::boolean"),
    Column("primary_data", "valued.calculation ->> 'confidence' = 'measured'"),
    Column("overrides", "valued.calculation -> 'overrides'"),
    Column("warnings", "valued.calculation -> 'warnings'"),
    *MARKS,
)
