"""The HTTP API of factor overrides: state one with its evidence, look at it, end it."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common import clock
from apps.telemetry.api.instants import InstantField
from apps.telemetry.models import FactorOverride
from apps.telemetry.selectors import overrides as selectors
from apps.telemetry.services import overrides
from apps.workspaces.access import WorkspaceApi


class AppliedOverrideOutput(serializers.Serializer):
    """What a workspace knows better than the catalogue, and since when.

    `value` is a PUE, or grams of CO2e per kWh for a tariff; a place has none.
    """

    id = serializers.CharField(source="public_id")
    kind = serializers.ChoiceField(choices=FactorOverride.Kind.choices)
    provider = serializers.CharField(help_text="Empty: all usage.")
    value = serializers.FloatField(allow_null=True)
    operator = serializers.CharField()
    region = serializers.CharField()
    country = serializers.CharField()
    evidence = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True)


class OverrideOutput(AppliedOverrideOutput):
    """An override with who stated it and who ended it."""

    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    ended_by = serializers.CharField()
    ended_at = serializers.DateTimeField(allow_null=True)


class OverridesApi(WorkspaceApi):
    """GET, POST /overrides: the factors that a workspace knows better than the catalogue."""

    class Input(serializers.Serializer):
        kind = serializers.ChoiceField(choices=FactorOverride.Kind.choices)
        provider = serializers.CharField(
            max_length=64,
            allow_blank=True,
            default="",
            help_text="Whose usage it applies to; empty: all usage.",
        )
        value = serializers.DecimalField(
            max_digits=12,
            decimal_places=4,
            coerce_to_string=False,
            allow_null=True,
            default=None,
            help_text="PUE from 1 to 5; tariff from 0 to 3000 g CO2e per kWh; none for a place.",
        )
        operator = serializers.CharField(max_length=64, allow_blank=True, default="")
        region = serializers.CharField(max_length=64, allow_blank=True, default="")
        country = serializers.CharField(
            max_length=3, allow_blank=True, default="", help_text="ISO 3166-1, 2 or 3 letters."
        )
        evidence = serializers.CharField(
            max_length=500, help_text="Where it is agreed: contract, certificate, link."
        )
        starts_at = InstantField()
        ends_at = InstantField(allow_null=True, default=None)

    Output = OverrideOutput
    is_paged = True

    @extend_schema(operation_id="overrides_list")
    def get(self, request: Request) -> Response:
        return self.paginated(selectors.overrides(self.workspace), OverrideOutput)

    @extend_schema(operation_id="overrides_create", responses={201: OverrideOutput})
    def post(self, request: Request) -> Response:
        """State an override. It applies to usage recorded from now on, never backwards."""
        created = overrides.create_override(
            self.workspace, **self.valid(self.Input), actor=self.actor, now=clock.now()
        )
        return Response(OverrideOutput(created).data, status=201)


class OverrideApi(WorkspaceApi):
    """GET, DELETE /overrides/{id}: one override; deleting ends it now and keeps its history."""

    Output = OverrideOutput

    @extend_schema(operation_id="overrides_retrieve")
    def get(self, request: Request, override_id: str) -> Response:
        return Response(OverrideOutput(selectors.override_of(self.workspace, override_id)).data)

    @extend_schema(
        operation_id="overrides_end",
        responses={204: None, 409: OpenApiResponse(description="The override is over already")},
    )
    def delete(self, request: Request, override_id: str) -> Response:
        overrides.end_override(self.workspace, override_id, actor=self.actor, now=clock.now())
        return Response(status=204)
