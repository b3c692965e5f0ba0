"""The API's table of contents: every path below /api/v1/, in the order of the OpenAPI document."""

from django.urls import URLPattern, URLResolver, path

from carbon_platform import openapi

urlpatterns: list[URLPattern | URLResolver] = [
    path("openapi.json", openapi.document_view, name="openapi"),
]
