"""The HTTP API of connections: connect a provider account, look at it, change it, revoke it."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common import clock
from apps.common.bell import ring
from apps.common.secrets import Secret
from apps.telemetry import selectors
from apps.telemetry.connectors import PROVIDER_LABELS
from apps.telemetry.models import ProviderConnection
from apps.telemetry.services import connections, operating
from apps.telemetry.services.advice import advice
from apps.telemetry.tasks import poll_connection
from apps.workspaces.access import WorkspaceApi


class FailureOutput(serializers.Serializer):
    """Why the last reading failed, in the provider's words, and what to do about it."""

    kind = serializers.CharField(source="failure_kind")
    message = serializers.CharField(source="failure_message")
    advice = serializers.SerializerMethodField()
    at = serializers.DateTimeField(source="failed_at")

    def get_advice(self, connection: ProviderConnection) -> str:
        return advice(connection.failure_kind)


class WithFailure(serializers.Serializer):
    """A part of an answer about a connection."""

    failure = serializers.SerializerMethodField()

    @extend_schema_field(FailureOutput(allow_null=True))
    def get_failure(self, connection: ProviderConnection) -> dict[str, Any] | None:
        return dict(FailureOutput(connection).data) if connection.failure_kind else None


class ConnectionOutput(WithFailure):
    """A connection as everyone of its workspace may see it: never its key."""

    id = serializers.CharField(source="public_id")
    provider = serializers.ChoiceField(choices=list(PROVIDER_LABELS.items()))
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=ProviderConnection.Status.choices)
    is_simulated = serializers.BooleanField()
    key_hint = serializers.CharField()
    account = serializers.CharField(source="account_name")
    project_id = serializers.UUIDField(source="project_public_id")
    last_polled_at = serializers.DateTimeField(allow_null=True)
    last_succeeded_at = serializers.DateTimeField(allow_null=True)
    next_poll_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class ConnectionsApi(WorkspaceApi):
    """GET, POST /connections: the provider accounts of a workspace."""

    class Input(serializers.Serializer):
        provider = serializers.ChoiceField(choices=list(PROVIDER_LABELS.items()))
        name = serializers.CharField(max_length=120)
        api_key = serializers.CharField(max_length=500, write_only=True)
        project_id = serializers.UUIDField(required=False, allow_null=True)

    Output = ConnectionOutput
    is_paged = True

    @extend_schema(operation_id="connections_list")
    def get(self, request: Request) -> Response:
        found = selectors.connections(self.workspace)
        return self.paginated(found, ConnectionOutput)

    @extend_schema(
        operation_id="connections_create",
        responses={
            201: ConnectionOutput,
            404: OpenApiResponse(description="No such project"),
            409: OpenApiResponse(description="The account is already connected"),
        },
    )
    def post(self, request: Request) -> Response:
        """Ask the provider whether it accepts the key, then store it sealed."""
        body = self.valid(self.Input)
        now = clock.now()
        key = Secret(body["api_key"])
        account = connections.ask_provider(body["provider"], key, now=now)
        created = connections.connect(
            self.workspace,
            provider=body["provider"],
            name=body["name"],
            key=key,
            account=account,
            project_id=body.get("project_id"),
            actor=self.actor,
            now=now,
        )
        ring(poll_connection, created.pk)
        shown = selectors.connection_of(self.workspace, created.public_id)
        return Response(ConnectionOutput(shown).data, status=201)


class ConnectionApi(WorkspaceApi):
    """GET, PATCH, DELETE /connections/{id}; deleting destroys the key and keeps the history."""

    class Input(serializers.Serializer):
        name = serializers.CharField(max_length=120, required=False)
        status = serializers.ChoiceField(choices=["active", "paused"], required=False)
        project_id = serializers.UUIDField(required=False)

    Output = ConnectionOutput

    @extend_schema(operation_id="connections_retrieve")
    def get(self, request: Request, connection_id: str) -> Response:
        return Response(
            ConnectionOutput(selectors.connection_of(self.workspace, connection_id)).data
        )

    @extend_schema(
        operation_id="connections_change",
        responses={
            200: ConnectionOutput,
            404: OpenApiResponse(description="No such connection or project"),
            409: OpenApiResponse(description="The connection is revoked"),
        },
    )
    def patch(self, request: Request, connection_id: str) -> Response:
        """Rename it, pause or resume it, send what is read from now on to another project."""
        connection = selectors.connection_of(self.workspace, connection_id)
        wanted = operating.Change(**self.valid(self.Input))
        operating.change(connection, wanted, actor=self.actor, now=clock.now())
        if wanted.status == "active":
            ring(poll_connection, connection.pk)
        shown = selectors.connection_of(self.workspace, connection_id)
        return Response(ConnectionOutput(shown).data)

    @extend_schema(operation_id="connections_revoke")
    def delete(self, request: Request, connection_id: str) -> Response:
        connection = selectors.connection_of(self.workspace, connection_id)
        connections.revoke(connection, actor=self.actor, now=clock.now())
        return Response(status=204)


class RotateKeyApi(WorkspaceApi):
    """POST /connections/{id}/rotate-key: another key of the same account; reading goes on."""

    class Input(serializers.Serializer):
        api_key = serializers.CharField(max_length=500, write_only=True)

    @extend_schema(
        operation_id="connections_rotate_key",
        responses={
            200: ConnectionOutput,
            409: OpenApiResponse(description="The connection is revoked"),
        },
    )
    def post(self, request: Request, connection_id: str) -> Response:
        """Ask the provider whether it accepts the new key, then put it in the old one's place."""
        connection = selectors.connection_of(self.workspace, connection_id)
        now = clock.now()
        key = Secret(self.valid(self.Input)["api_key"])
        account = connections.ask_provider(connection.provider, key, now=now)
        connections.rotate_key(connection, key=key, account=account, actor=self.actor, now=now)
        ring(poll_connection, connection.pk)
        shown = selectors.connection_of(self.workspace, connection_id)
        return Response(ConnectionOutput(shown).data)
