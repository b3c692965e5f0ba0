"""A site of its own: receipts' pages, log and endpoints, and the names that the frame links to."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from apps.receipts import urls


def elsewhere(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("elsewhere")


urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include(urls.pages)),
    path("", include(urls.log)),
    path("api/v1/", include(urls.endpoints)),
    *(
        path(f"{name}/", elsewhere, name=name)
        for name in ("dashboard", "login", "logout", "connections", "docs")
    ),
]
