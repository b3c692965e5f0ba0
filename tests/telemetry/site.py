"""A site of its own: the app's endpoints and pages, and names that the pages' frame links to."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import path

from apps.telemetry import api, views


def elsewhere(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - a fixture is asked for by its name
    return HttpResponse()


urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/connections", api.ConnectionsApi.as_view()),
    path("api/v1/connections/<str:connection_id>", api.ConnectionApi.as_view()),
    path("api/v1/connections/<str:connection_id>/rotate-key", api.RotateKeyApi.as_view()),
    path("api/v1/telemetry/summary", api.SummaryApi.as_view()),
    path("api/v1/telemetry/timeseries", api.TimeseriesApi.as_view()),
    path("dashboard/connections/", views.ConnectionsPage.as_view(), name="connections"),
    path(
        "dashboard/connections/<str:connection_id>/<str:action>",
        views.ConnectionActionPage.as_view(),
        name="connection-action",
    ),
    *(
        path(f"elsewhere/{name}", elsewhere, name=name)
        for name in (
            *("dashboard", "receipts", "docs", "login", "logout", "log-home", "verify-upload"),
            *("home", "openapi", "verify"),
        )
    ),
]
