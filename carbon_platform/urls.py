"""The site map."""

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path
from django.views.decorators.csrf import csrf_exempt
from django_prometheus.exports import ExportToDjangoView

from carbon_platform import health, openapi


@csrf_exempt
def nothing_here(request: HttpRequest, rest: str) -> HttpResponse:
    """Keeps unknown API paths out of the framework's debug page."""
    raise Http404


urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("health", health.health, name="health"),
    path("metrics", ExportToDjangoView, name="metrics"),
    path("docs", openapi.reading_room, name="docs"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("carbon_platform.api_v1")),
    path("api/<path:rest>", nothing_here),
    path("otlp/<path:rest>", nothing_here),
]

handler400 = "carbon_platform.error_pages.bad_request"
handler403 = "carbon_platform.error_pages.permission_denied"
handler404 = "carbon_platform.error_pages.not_found"
handler500 = "carbon_platform.error_pages.server_error"
