"""A site like the real one, with doors that only tests need: each goes wrong in its own way."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api import ApiView, PublicApi
from apps.common.errors import ConflictError, PaymentRequiredError, TooManyError
from apps.emissions.models import FactorSet
from carbon_platform import urls

ORDER = ("-effective_from", "-pk")
SECRET = "sk-ant-api03-" + "c" * 40


class Row(serializers.Serializer):
    model = serializers.CharField(max_length=20)
    tokens = serializers.IntegerField(min_value=0)
    note = serializers.CharField(read_only=True)


class Rows(serializers.Serializer):
    rows = Row(many=True)
    name = serializers.CharField(required=False)


class EchoApi(PublicApi):
    throttle_classes = ()
    Input = Rows

    def post(self, request: Request) -> Response:
        return Response(self.valid(Rows))


class EchoListApi(PublicApi):
    throttle_classes = ()
    invalid_status = 422

    @extend_schema(request=Row(many=True), responses=Row(many=True))
    def post(self, request: Request) -> Response:
        return Response(self.valid_list(Row, most=2))


class QueryApi(PublicApi):
    throttle_classes = ()

    class Query(serializers.Serializer):
        days = serializers.IntegerField(default=7)
        is_live = serializers.BooleanField(required=False)
        model = serializers.ListField(child=serializers.CharField(), required=False)

    def get(self, request: Request) -> Response:
        return Response(self.valid_query(self.Query))


class VersionOutput(serializers.Serializer):
    version = serializers.CharField()


class VersionsApi(PublicApi):
    throttle_classes = ()
    is_paged = True
    Output = VersionOutput

    def get(self, request: Request) -> Response:
        return self.paginated(FactorSet.objects.all(), VersionOutput, ordering=ORDER)


class FailingApi(PublicApi):
    """Raises what its path names."""

    throttle_classes = ()
    faults: dict[str, Exception] = {
        "conflict": ConflictError("There is one already.", existing="con_1"),
        "payment": PaymentRequiredError("The plan is used up.", billing_url="/dashboard/billing"),
        "domain-wait": TooManyError("Slowly.", retry_after=2.2),
        "throttled": Throttled(wait=7.4),
        "denied": PermissionDenied("the reason is nobody's business"),
        "database": OperationalError(f"connection refused for {SECRET}"),
        "bug": ZeroDivisionError(f"division by {SECRET}"),
    }

    def get(self, request: Request, kind: str) -> Response:
        raise self.faults[kind]


class ClosedApi(ApiView):
    """As a view is that says nothing about who may call."""

    def get(self, request: Request) -> Response:
        return Response({})


def plain(request: HttpRequest, kind: str) -> HttpResponse:
    """A Django view outside the API's framework, such as a webhook."""
    if kind == "method":
        return HttpResponseNotAllowed(["POST"])
    if kind == "body":
        return HttpResponse(str(len(request.body)))
    raise FailingApi.faults[kind]


def _path(route: str, view: Any) -> Any:
    return path(route, view.as_view() if hasattr(view, "as_view") else view)


urlpatterns = [
    _path("api/v1/probe/echo", EchoApi),
    _path("api/v1/probe/list", EchoListApi),
    _path("api/v1/probe/query", QueryApi),
    _path("api/v1/probe/versions", VersionsApi),
    _path("api/v1/probe/fail/<str:kind>", FailingApi),
    _path("api/v1/probe/closed", ClosedApi),
    _path("otlp/probe/<str:kind>", plain),
    _path("pages/<str:kind>", plain),
    *urls.urlpatterns,
]
handler400 = urls.handler400
handler403 = urls.handler403
handler404 = urls.handler404
handler500 = urls.handler500
