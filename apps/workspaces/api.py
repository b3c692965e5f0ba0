"""The HTTP API of workspaces, which the operator's programs create and list, and of projects."""

from http import HTTPStatus
from typing import ClassVar, Final

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common import clock
from apps.common.pagination import PageQuery
from apps.workspaces import selectors, services
from apps.workspaces.access import PlatformApi, WorkspaceApi
from apps.workspaces.roles import Right
from apps.workspaces.services import projects


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


class ProjectOutput(serializers.Serializer):
    """A project. An archived one keeps its history and takes no new usage."""

    id = serializers.UUIDField(source="public_id")
    name = serializers.CharField()
    is_default = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    archived_at = serializers.DateTimeField(allow_null=True)


NAME_TAKEN: Final = OpenApiResponse(description="A project of this workspace has the name")


class ProjectsApi(WorkspaceApi):
    """GET, POST /projects: what a workspace groups its usage by."""

    write_right = Right.PROJECTS

    class Query(PageQuery):
        include_archived = serializers.BooleanField(default=False)

    class Input(serializers.Serializer):
        name = serializers.CharField(max_length=services.NAME_LENGTH)

    Output = ProjectOutput
    is_paged = True

    @extend_schema(operation_id="projects_list")
    def get(self, request: Request) -> Response:
        query = self.valid_query(self.Query)
        found = selectors.projects(self.workspace, include_archived=query["include_archived"])
        return self.paginated(found, ProjectOutput)

    @extend_schema(operation_id="projects_create", responses={201: ProjectOutput, 409: NAME_TAKEN})
    def post(self, request: Request) -> Response:
        name = self.valid(self.Input)["name"]
        created = projects.create_project(self.workspace, name, actor=self.actor, now=clock.now())
        return Response(ProjectOutput(created).data, status=HTTPStatus.CREATED)


class ProjectApi(WorkspaceApi):
    """GET, PATCH /projects/{id}: one project, archived or not."""

    write_right = Right.PROJECTS

    class Input(serializers.Serializer):
        name = serializers.CharField(max_length=services.NAME_LENGTH, required=False)
        is_default = serializers.BooleanField(
            required=False, help_text="`true` only: the one that was the default is it no longer."
        )
        is_archived = serializers.BooleanField(
            required=False, help_text="`false` only, which restores; DELETE archives."
        )

        def validate_is_default(self, wanted: bool) -> bool:  # noqa: FBT001 - DRF hands it over by position
            if not wanted:
                raise serializers.ValidationError("Make another project the default one instead.")
            return wanted

        def validate_is_archived(self, wanted: bool) -> bool:  # noqa: FBT001 - likewise
            if wanted:
                raise serializers.ValidationError("DELETE archives a project.")
            return wanted

    Output = ProjectOutput

    @extend_schema(operation_id="projects_retrieve")
    def get(self, request: Request, project_id: str) -> Response:
        return Response(ProjectOutput(selectors.project_of(self.workspace, project_id)).data)

    @extend_schema(
        operation_id="projects_change",
        responses={200: ProjectOutput, 409: OpenApiResponse(description="Name taken, or archived")},
    )
    def patch(self, request: Request, project_id: str) -> Response:
        """Rename, make the default, restore: what is given, all of it or nothing."""
        project = selectors.project_of(self.workspace, project_id)
        asked = self.valid(self.Input)
        changed = projects.change_project(
            project,
            name=asked.get("name"),
            make_default="is_default" in asked,
            restore="is_archived" in asked,
            actor=self.actor,
            now=clock.now(),
        )
        return Response(ProjectOutput(changed).data)
