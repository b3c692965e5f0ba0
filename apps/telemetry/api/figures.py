"""The figures of reports for answers that are written by serializers: as the structs have them."""

from typing import Any

import msgspec
from drf_spectacular.extensions import OpenApiSerializerExtension
from rest_framework import serializers

from apps.telemetry import selectors
from apps.telemetry.api.figure_shapes import (
    UsageGroup,
    UsageTotals,
    group_output,
    totals_output,
)


class TotalsOutput(serializers.BaseSerializer):
    """Sums over a set of usage."""

    def to_representation(self, instance: selectors.Totals) -> Any:
        return msgspec.to_builtins(totals_output(instance))


class GroupOutput(serializers.BaseSerializer):
    """One line of a report."""

    def to_representation(self, instance: selectors.Group) -> Any:
        return msgspec.to_builtins(group_output(instance))


class SpanOutput(serializers.Serializer):
    start_time = serializers.DateTimeField(source="start")
    end_time = serializers.DateTimeField(source="end")


class TotalsExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    target_class = TotalsOutput

    def map_serializer(self, auto_schema: Any, direction: Any) -> Any:
        return auto_schema.resolve_serializer(UsageTotals, direction).ref


class GroupExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    target_class = GroupOutput

    def map_serializer(self, auto_schema: Any, direction: Any) -> Any:
        return auto_schema.resolve_serializer(UsageGroup, direction).ref
