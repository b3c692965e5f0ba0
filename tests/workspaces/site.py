"""A site of its own: the app's endpoints, and views that tell what a handler finds."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api import PublicApi
from apps.workspaces.access import WorkspaceApi, WorkspacePage
from apps.workspaces.api import WorkspaceDetailApi, WorkspacesApi
from apps.workspaces.models import Project
from apps.workspaces.roles import Right
from apps.workspaces.throttling import PublicThrottle


def role() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        return str(cursor.fetchone()[0])


class ProbeApi(WorkspaceApi):
    def get(self, request: Request, **_: Any) -> Response:
        return Response(
            {
                "workspace": self.workspace.name,
                "actor": self.actor,
                "is_test": self.is_test,
                "role": role(),
                "projects": list(Project.objects.order_by("name").values_list("name", flat=True)),
            }
        )

    def post(self, request: Request, **_: Any) -> Response:
        return self.get(request)


class TrackApi(ProbeApi):
    required_scope = "track"


class BillingApi(ProbeApi):
    required_scope = "billing"


class ProjectsApi(ProbeApi):
    write_right = Right.PROJECTS


class KeysApi(ProbeApi):
    write_right = Right.KEYS


class BrokenApi(WorkspaceApi):
    def get(self, request: Request) -> Response:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")
        return Response()


class CutApi(WorkspaceApi):
    """The database goes away while the handler runs."""

    def get(self, request: Request) -> Response:
        connection.connection.close()
        return Response({"role": role()})


class AnybodyApi(PublicApi):
    throttle_classes = [PublicThrottle]

    def get(self, request: Request) -> Response:
        return Response({"role": role()})


class Page(WorkspacePage):
    def get(self, request: HttpRequest) -> HttpResponseBase:
        text = "{{ workspace.name }}: {% for p in projects %}{{ p.name }} {% endfor %}{{ role }}"
        template = engines["django"].from_string(text)
        context = {"workspace": self.workspace, "projects": Project.objects.all(), "role": role}
        return TemplateResponse(request, template, context)

    def post(self, request: HttpRequest) -> HttpResponseBase:
        return self.get(request)


def forbidden(*_: Any, **__: Any) -> HttpResponse:
    return HttpResponse("forbidden", status=403)


handler403 = forbidden
urlpatterns = [
    path("login/", LoginView.as_view(), name="login"),
    path("admin/", admin.site.urls),
    path("workspaces", WorkspacesApi.as_view()),
    path("workspaces/<str:workspace_id>", WorkspaceDetailApi.as_view()),
    path("workspaces/<str:workspace_id>/probe", ProbeApi.as_view()),
    path("probe", ProbeApi.as_view()),
    path("track", TrackApi.as_view()),
    path("billing", BillingApi.as_view()),
    path("projects", ProjectsApi.as_view()),
    path("keys", KeysApi.as_view()),
    path("broken", BrokenApi.as_view()),
    path("cut", CutApi.as_view()),
    path("anybody", AnybodyApi.as_view()),
    path("page", Page.as_view()),
]
