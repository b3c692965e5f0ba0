"""The site map."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView
from django_prometheus.exports import ExportToDjangoView

from apps.billing import views as billing
from apps.receipts import log_views
from apps.receipts import views as receipts
from apps.telemetry.api import otlp
from apps.telemetry.views import budgets, connections, models, projects
from carbon_platform import dashboard, health, home, methodology, openapi


@csrf_exempt
def nothing_here(_request: HttpRequest, **_: str) -> HttpResponse:
    """Keeps unknown API paths out of the framework's debug page."""
    raise Http404


admin.site.site_header = "Carbon Platform, operations"
admin.site.site_title = "Carbon Platform"
admin.site.index_title = "Factors, credits, connections, periods, keys"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("dashboard/", dashboard.OverviewPage.as_view(), name="dashboard"),
    path("dashboard/connections/", connections.ConnectionsPage.as_view(), name="connections"),
    path(
        "dashboard/connections/<slug:connection_id>/<slug:action>/",
        connections.ConnectionActionPage.as_view(),
        name="connection-action",
    ),
    path("dashboard/budgets/", budgets.BudgetsPage.as_view(), name="budgets"),
    path(
        "dashboard/budgets/<slug:budget_id>/<slug:action>/",
        budgets.BudgetActionPage.as_view(),
        name="budget-action",
    ),
    path("dashboard/projects/", projects.ProjectsPage.as_view(), name="projects"),
    path(
        "dashboard/projects/<str:project_id>/<str:action>/",
        projects.ProjectActionPage.as_view(),
        name="project-action",
    ),
    path("dashboard/routing-rules/", projects.RoutingRulesPage.as_view(), name="routing-rules"),
    path(
        "dashboard/routing-rules/<slug:rule_id>/delete/",
        projects.RoutingRulePage.as_view(),
        name="routing-rule-delete",
    ),
    path(
        "dashboard/sources-of-record/<str:provider>/",
        projects.SourceOfRecordPage.as_view(),
        name="source-of-record",
    ),
    path("dashboard/models/", models.ModelsPage.as_view(), name="models"),
    path("dashboard/billing/", billing.BillingPage.as_view(), name="billing"),
    path("dashboard/receipts/", receipts.ReceiptsPage.as_view(), name="receipts"),
    path("verify/", receipts.verify_upload, name="verify-upload"),
    path("verify/<str:receipt_id>", receipts.verify_page, name="verify"),
    path("verify/<str:receipt_id>/receipt.json", receipts.receipt_json, name="verify-json"),
    path("verify/<str:receipt_id>/receipt.pdf", receipts.receipt_pdf, name="verify-pdf"),
    path("log/", log_views.home, name="log-home"),
    path("log/checkpoint", log_views.checkpoint, name="log-checkpoint"),
    path("log/tile/entries/<path:place>", log_views.entries, name="log-entries"),
    path("log/tile/<str:level>/<path:place>", log_views.tile, name="log-tile"),
    path("methodology/", methodology.methodology, name="methodology"),
    path("methodology/explain", methodology.explain, name="methodology-explain"),
    path("methodology/vectors", methodology.vectors, name="methodology-vectors"),
    path("docs", openapi.reading_room, name="docs"),
    path("api/v1/", include("carbon_platform.api_v1")),
    path("admin/", admin.site.urls),
    path("favicon.ico", RedirectView.as_view(url="/static/img/mark.svg")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("health", health.health, name="health"),
    path("metrics", ExportToDjangoView, name="metrics"),
    path("api/<path:rest>", nothing_here),
    path("otlp/v1/traces", otlp.OtlpTracesApi.as_view(), name="otlp-traces"),
    path("otlp/v1/metrics", otlp.OtlpMetricsApi.as_view(), name="otlp-metrics"),
    path("otlp/v1/logs", otlp.OtlpLogsApi.as_view(), name="otlp-logs"),
    path("otlp/<path:rest>", nothing_here),
]

handler400 = "carbon_platform.error_pages.bad_request"
handler403 = "carbon_platform.error_pages.permission_denied"
handler404 = "carbon_platform.error_pages.not_found"
handler500 = "carbon_platform.error_pages.server_error"
