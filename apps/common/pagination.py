"""Pages by key: stable while rows are added, and the last page costs no more than the first.

A cursor is the ordering values of the row it continues from. It is no secret and no permission:
whoever changes it only moves within rows they may see anyway.
"""

import base64
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import FieldDoesNotExist
from django.core.exceptions import ValidationError as ModelValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model, Q, QuerySet
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

USUAL = 50
MOST = 200


class PageQuery(serializers.Serializer):
    """What every list takes; a list with filters adds its own fields."""

    NAMES = frozenset({"limit", "cursor"})

    limit = serializers.IntegerField(min_value=1, max_value=MOST, default=USUAL)
    cursor = serializers.CharField(max_length=1000, default="", allow_blank=True)


def page_of(output: type[serializers.Serializer]) -> serializers.Serializer:
    """The answer's shape, for the API document."""
    name = output.__qualname__.replace(".", "").replace("Api", "").replace("Output", "")
    fields: dict[str, serializers.Field] = {
        "next": serializers.URLField(allow_null=True),
        "previous": serializers.URLField(allow_null=True),
        "results": output(many=True),
    }
    return inline_serializer(f"{name}Page", fields)


def page(
    request: Request,
    rows: QuerySet[Any],
    output: type[serializers.Serializer],
    *,
    ordering: Sequence[str],
) -> dict[str, Any]:
    """`{"next", "previous", "results"}`: one page of `rows`, as `?limit=` and `?cursor=` ask.

    All of `ordering` points the same way and ends with a unique field, so that ties cannot skip.
    """
    asked = {name: request.query_params[name] for name in PageQuery.NAMES & {*request.query_params}}
    query = PageQuery(data=asked)
    query.is_valid(raise_exception=True)
    limit = query.validated_data["limit"]
    is_back, values = _continued(query.validated_data["cursor"], rows.model, ordering)
    fields = [name.lstrip("-") for name in ordering]
    is_descending = ordering[0].startswith("-")
    if values:
        rows = rows.filter(_beyond(fields, values, "lt" if is_descending != is_back else "gt"))
    direction = "-" if is_descending != is_back else ""
    found = list(rows.order_by(*(direction + name for name in fields))[: limit + 1])
    has_more = len(found) > limit
    found = found[:limit][::-1] if is_back else found[:limit]
    has_next, has_previous = (bool(values), has_more) if is_back else (has_more, bool(values))
    return {
        "next": _link(request, found[-1], fields, "n") if found and has_next else None,
        "previous": _link(request, found[0], fields, "p") if found and has_previous else None,
        "results": output(found, many=True).data,
    }


def _continued(text: str, model: type[Model], ordering: Sequence[str]) -> tuple[bool, list[Any]]:
    """Whether to go back, and the values to continue from; none of them on the first page."""
    if not text:
        return False, []
    try:
        direction, *values = json.loads(base64.urlsafe_b64decode(text.encode() + b"=="))
        is_back = {"n": False, "p": True}[direction]
        pairs = zip(ordering, values, strict=True)
        return is_back, [_typed(model, name.lstrip("-"), value) for name, value in pairs]
    except (ValueError, TypeError, KeyError, ModelValidationError, RecursionError):
        raise ValidationError({"cursor": ["Not a cursor of this list."]}) from None


def _typed(model: type[Model], name: str, value: Any) -> Any:
    if not isinstance(value, str | int) or "\0" in str(value):
        raise ValueError(name)
    fields = model._meta  # noqa: SLF001 - Django documents it as its interface
    try:
        field: Any = fields.pk if name == "pk" else fields.get_field(name)
        typed = field.to_python(value)
    except FieldDoesNotExist:
        return value  # an annotation
    if typed is None or (isinstance(typed, int) and abs(typed) >= 1 << 63):
        raise ValueError(name)
    return typed


def _beyond(fields: Sequence[str], values: Sequence[Any], than: str) -> Q:
    """`(a, b) < (x, y)`, spelled so that an index on `a` is used."""
    beyond = Q()
    for count in range(len(fields)):
        ties = dict(zip(fields[:count], values[:count], strict=True))
        beyond |= Q(**ties, **{f"{fields[count]}__{than}": values[count]})
    return Q(**{f"{fields[0]}__{than}e": values[0]}) & beyond


def _link(request: Request, row: Any, fields: Sequence[str], direction: str) -> str:
    values = [row[name] if isinstance(row, dict) else getattr(row, name) for name in fields]
    text = json.dumps([direction, *values], cls=_Exact, separators=(",", ":"))
    cursor = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    query = [(name, value) for name, value in _pairs(request) if name != "cursor"]
    return request.build_absolute_uri(f"{request.path}?{urlencode([*query, ('cursor', cursor)])}")


def _pairs(request: Request) -> list[tuple[str, str]]:
    return [(name, value) for name, all_ in request.query_params.lists() for value in all_]


class _Exact(DjangoJSONEncoder):
    """Django's own form rounds instants to milliseconds, which would skip rows."""

    def default(self, o: Any) -> Any:
        return o.isoformat() if hasattr(o, "isoformat") else super().default(o)
