"""The HTTP API of routing rules: which project a value's usage goes to."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common import clock
from apps.telemetry.selectors.routing import routing_rules
from apps.telemetry.services import routing
from apps.workspaces.access import WorkspaceApi
from apps.workspaces.roles import Right


class RoutingRuleOutput(serializers.Serializer):
    """A rule. Without a connection it is asked for pushed usage."""

    id = serializers.CharField(source="public_id")
    connection_id = serializers.CharField(
        source="connection.public_id", default=None, allow_null=True
    )
    dimension = serializers.CharField()
    value = serializers.CharField()
    project_id = serializers.UUIDField(source="project.public_id")
    created_at = serializers.DateTimeField()


class RoutingRulesApi(WorkspaceApi):
    """GET, POST /routing-rules: where usage goes when it is first stored."""

    write_right = Right.PROJECTS

    class Input(serializers.Serializer):
        connection_id = serializers.CharField(max_length=40, required=False, allow_null=True)
        dimension = serializers.CharField(
            max_length=32,
            help_text="What the connection's provider groups by, or `session_id`, `customer`.",
        )
        value = serializers.CharField(max_length=200, trim_whitespace=False)
        project_id = serializers.UUIDField()

    Output = RoutingRuleOutput
    is_paged = True

    @extend_schema(operation_id="routing_rules_list")
    def get(self, request: Request) -> Response:
        return self.paginated(routing_rules(self.workspace), RoutingRuleOutput)

    @extend_schema(
        operation_id="routing_rules_create",
        responses={
            201: RoutingRuleOutput,
            404: OpenApiResponse(description="No such connection or project"),
            409: OpenApiResponse(description="The value has a rule, or the project is archived"),
        },
    )
    def post(self, request: Request) -> Response:
        """State a rule. It moves nothing that is stored."""
        body = self.valid(self.Input)
        created = routing.create_rule(
            self.workspace,
            connection_id=body.get("connection_id"),
            dimension=body["dimension"],
            value=body["value"],
            project_id=body["project_id"],
            actor=self.actor,
            now=clock.now(),
        )
        return Response(RoutingRuleOutput(created).data, status=201)


class RoutingRuleApi(WorkspaceApi):
    """DELETE /routing-rules/{id}: what it has routed stays where it is."""

    write_right = Right.PROJECTS

    @extend_schema(operation_id="routing_rules_delete")
    def delete(self, request: Request, rule_id: str) -> Response:
        routing.delete_rule(self.workspace, rule_id, actor=self.actor, now=clock.now())
        return Response(status=204)
