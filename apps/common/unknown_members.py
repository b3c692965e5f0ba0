"""Members of an input that no serializer asked for: a typo must not pass silently."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.http import QueryDict
from rest_framework import serializers
from rest_framework.exceptions import ValidationError


def unknown_members(serializer: serializers.BaseSerializer, given: Any) -> list[str]:
    """Their paths, such as `rows.3.modle`, in the order of the input."""
    return list(_unknown(serializer, given, ()))


def plain_query(serializer: serializers.Serializer, query: QueryDict) -> dict[str, Any]:
    """The query as a dict. The QueryDict itself would be read as a form: absent box = false."""
    plain: dict[str, Any] = {}
    for name, values in query.lists():
        if isinstance(serializer.fields.get(name), serializers.ListField):
            plain[name] = values
        elif len(values) > 1:
            raise ValidationError({name: ["Given more than once."]})
        else:
            plain[name] = values[0]
    return plain


def _unknown(field: Any, given: Any, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(field, serializers.ListSerializer | serializers.ListField):
        for index, member in enumerate(given if isinstance(given, list) else []):
            yield from _unknown(field.child, member, (*path, str(index)))
    elif isinstance(field, serializers.Serializer) and isinstance(given, Mapping):
        for name, member in given.items():
            known = field.fields.get(name)
            if known is None or known.read_only or isinstance(known, serializers.HiddenField):
                yield ".".join((*path, str(name)))
            else:
                yield from _unknown(known, member, (*path, str(name)))
