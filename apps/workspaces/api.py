"""The HTTP API of workspaces: the operator's programs create and list them."""

from http import HTTPStatus
from typing import ClassVar

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common import clock
from apps.workspaces import selectors, services
from apps.workspaces.access import PlatformApi, WorkspaceApi


class WorkspaceOutput(serializers.Serializer):
    """A workspace as the outside knows it."""

    id = serializers.UUIDField(source="public_id")
    name = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class WorkspacesApi(PlatformApi):
    """GET, POST /workspaces: every tenant of the installation, by name; a new one."""

    invalid_status: ClassVar[int] = HTTPStatus.UNPROCESSABLE_ENTITY

    class Input(serializers.Serializer):
        name = serializers.CharField(max_length=services.NAME_LENGTH)

    @extend_schema(responses=WorkspaceOutput(many=True))
    def get(self, request: Request) -> Response:
        return Response(WorkspaceOutput(selectors.workspaces(), many=True).data)

    @extend_schema(
        request=Input,
        responses={
            HTTPStatus.CREATED: WorkspaceOutput,
            HTTPStatus.CONFLICT: OpenApiResponse(description="The name is taken"),
            HTTPStatus.UNPROCESSABLE_ENTITY: OpenApiResponse(description="No name for a workspace"),
        },
    )
    def post(self, request: Request) -> Response:
        body = self.valid(self.Input)
        workspace = services.create_workspace(body["name"], actor=self.actor, now=clock.now())
        return Response(WorkspaceOutput(workspace).data, status=HTTPStatus.CREATED)


class WorkspaceDetailApi(WorkspaceApi):
    """GET /workspaces/{id}: a key's own workspace; for a platform key, any."""

    @extend_schema(responses=WorkspaceOutput)
    def get(self, request: Request, workspace_id: str) -> Response:
        return Response(WorkspaceOutput(self.workspace).data)
