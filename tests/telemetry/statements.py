"""SQL that tries what the database has to refuse."""

# ruff: noqa: S608 - the names in these statements are our own

from typing import Any

from django.db import connection as database
from django.db import transaction

from apps.telemetry.models import Rollup

EVENT, ENTRY = "telemetry_telemetryevent", "telemetry_carbonentry"
SUMMED_FIELDS = [
    field
    for field in Rollup._meta.fields
    if field.name.endswith(("_tokens", "requests", "_low", "_high"))
    or field.name in {"energy_kwh", "water_litres"}
    or field.name.endswith("co2e_grams")
]


def attempt(statement: str, *parameters: Any) -> None:
    """Do it, down to what is checked when a transaction is committed."""
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute(statement, parameters)
        assert cursor.rowcount != 0, "nothing was touched, so nothing was proved"
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def copy_of(table: str, **changed: str) -> str:
    """INSERT the rows of a table again, under new ids, with other expressions in some columns."""
    with database.cursor() as cursor:
        names = [
            column.name
            for column in database.introspection.get_table_description(cursor, table)
            if column.name != "id"
        ]
    values = ", ".join(changed.get(name, name) for name in names)
    return f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table}"


def correction(**changed: str) -> str:
    """A further entry for every event, of zeros but for what is given."""
    zeros = dict.fromkeys((field.name for field in SUMMED_FIELDS), "0")
    return copy_of(ENTRY, **{"sequence": "sequence + 1", **zeros, **changed})
