"""The site map."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.decorators.csrf import csrf_exempt
from django_prometheus.exports import ExportToDjangoView

from apps.receipts import urls as receipts
from apps.telemetry import views as telemetry
from carbon_platform import dashboard, health, home, openapi


@csrf_exempt
def nothing_here(_request: HttpRequest, **_: str) -> HttpResponse:
    """Keeps unknown API paths out of the framework's debug page."""
    raise Http404


urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("dashboard/", dashboard.OverviewPage.as_view(), name="dashboard"),
    path("dashboard/connections/", telemetry.ConnectionsPage.as_view(), name="connections"),
    re_path(
        r"^dashboard/connections/(?P<connection_id>con_\w+)/(?P<action>retry|revoke)/$",
        telemetry.ConnectionActionPage.as_view(),
        name="connection-action",
    ),
    *receipts.pages,
    *receipts.log,
    path("docs", openapi.reading_room, name="docs"),
    path("api/v1/", include("carbon_platform.api_v1")),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("health", health.health, name="health"),
    path("metrics", ExportToDjangoView, name="metrics"),
    path("api/<path:rest>", nothing_here),
    path("otlp/<path:rest>", nothing_here),
]

handler400 = "carbon_platform.error_pages.bad_request"
handler403 = "carbon_platform.error_pages.permission_denied"
handler404 = "carbon_platform.error_pages.not_found"
handler500 = "carbon_platform.error_pages.server_error"
