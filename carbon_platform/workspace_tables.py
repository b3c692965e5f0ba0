"""Which tables belong to a workspace, found by their models, and what of them may leave.

A new table with a reference to a workspace is exported without anybody thinking of it; keeping one
back takes a line here, with its reason.
"""

from typing import Any, Final

from django.apps import apps
from django.db.models import BinaryField, DecimalField, Field, ForeignKey, Model

from apps.workspaces.models import Workspace

KEPT_BACK: Final[dict[str, str]] = {}
"""Model to the reason why its rows are not exported."""
SECRET_COLUMNS: Final = {
    "workspaces.ApiKey": {"lookup_id", "sha256"},
    "telemetry.ProviderConnection": {"sealed_key", "key_hint"},
    "telemetry.Budget": {"sealed_webhook_secret", "webhook_url"},
    "telemetry.AlertDelivery": {"target"},
}
"""Credentials, sealed, hashed, or a part of an address: an export opens nothing."""


def owner_of(model: type[Model]) -> ForeignKey | None:
    """The column that names the workspace."""
    for field in model._meta.concrete_fields:  # noqa: SLF001 - Django documents it as its interface
        if isinstance(field, ForeignKey) and field.related_model is Workspace:
            return field
    return None


def owned_models() -> list[type[Model]]:
    """Every model whose rows belong to a workspace, leftmost app first."""
    found = [model for model in apps.get_models() if owner_of(model) is not None]
    return [model for model in found if model._meta.label not in KEPT_BACK]  # noqa: SLF001 - likewise


def columns_of(model: type[Model]) -> "list[Field[Any, Any]]":
    secret = SECRET_COLUMNS.get(model._meta.label, set())  # noqa: SLF001 - likewise
    fields = model._meta.concrete_fields  # noqa: SLF001 - likewise
    return [field for field in fields if field.name not in secret]


def rows_statement(model: type[Model]) -> str:
    """COPY of a workspace's rows as JSON lines: decimals as text, bytes as hexadecimal."""
    meta, owner = model._meta, owner_of(model)  # noqa: SLF001 - likewise
    column = "id" if owner is None else owner.column
    written = ", ".join(_written(field) for field in columns_of(model))
    rows = (
        f'SELECT {written} FROM "{meta.db_table}" '  # noqa: S608 - names of our own tables
        f'WHERE "{column}" = %(workspace)s ORDER BY "{meta.pk.column}"'
    )
    form = r"FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02'"
    return f"COPY (SELECT row_to_json(line) FROM ({rows}) AS line) TO STDOUT ({form})"  # noqa: S608 - likewise


def _written(field: "Field[Any, Any]") -> str:
    name = f'"{field.column}"'
    if isinstance(field, DecimalField):
        return f"{name}::text AS {name}"
    if isinstance(field, BinaryField):
        return f"encode({name}, 'hex') AS {name}"
    return name
