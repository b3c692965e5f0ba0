"""The base of every JSON view: checked input, one shape of refusal.

class TrackApi(WorkspaceApi):
    class Input(serializers.Serializer): ...
    class Output(serializers.Serializer): ...

    def post(self, request: Request) -> Response:
        body = self.valid(self.Input)
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import structlog
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback

from apps.common.envelope import refusal_of
from apps.common.pagination import page
from apps.common.unknown_members import plain_query, unknown_members

log = structlog.get_logger(__name__)

_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": (
        "Authorization, Content-Type, Idempotency-Key, X-API-Key, X-Request-ID"
    ),
    "Access-Control-Expose-Headers": "Retry-After, X-Event-Id, X-Request-ID, X-Response-Time",
    "Access-Control-Max-Age": "86400",
}


class ApiView(APIView):
    """One resource. The API document is made from the serializers inside, see `common.schema`."""

    allows_any_origin: ClassVar[bool] = False
    """Whether scripts of any site may read the answers. Never with cookies: `*` forbids them."""
    invalid_status: ClassVar[int] = 400
    """The status of an input that breaks its schema."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.method == "OPTIONS":  # a browser's preflight carries no credential
            return HttpResponse(headers={"Allow": self._methods, **self._cors()})
        return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if any("\0" in value for value in kwargs.values() if isinstance(value, str)):
            raise Http404  # PostgreSQL cannot even be asked for such a name
        super().initial(request, *args, **kwargs)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        for name, value in self._cors().items():
            answer[name] = value
        return answer

    def valid(self, serializer_class: type[serializers.Serializer]) -> dict[str, Any]:
        """The body, which must be one object with known members only."""
        body = self.request.data
        if not isinstance(body, Mapping):
            raise ValidationError(["The body must be a JSON object."])
        checked: dict[str, Any] = _checked(serializer_class(data=body), body)
        return checked

    def valid_list(
        self, serializer_class: type[serializers.Serializer], *, most: int
    ) -> list[dict[str, Any]]:
        """The body, which must be a list of 1 to `most` such objects."""
        body = self.request.data
        if not isinstance(body, list) or not 1 <= len(body) <= most:
            raise ValidationError([f"The body must be a list of 1 to {most} objects."])
        checked: list[dict[str, Any]] = _checked(serializer_class(data=body, many=True), body)
        return checked

    def valid_query(self, serializer_class: type[serializers.Serializer]) -> dict[str, Any]:
        """The query string: every parameter known, and given once unless it is a list."""
        query = plain_query(serializer_class(), self.request.query_params)
        checked: dict[str, Any] = _checked(serializer_class(data=query), query)
        return checked

    def paginated(
        self,
        rows: QuerySet[Any],
        output: type[serializers.Serializer],
        *,
        ordering: Sequence[str] = ("-created_at", "-pk"),
    ) -> Response:
        """One page: `next`, `previous`, `results`. `ordering` ends with a unique field."""
        return Response(page(self.request, rows, output, ordering=ordering))

    def _cors(self) -> dict[str, str]:
        if not self.allows_any_origin:
            return {}
        return {**_CORS, "Access-Control-Allow-Methods": self._methods}

    @property
    def _methods(self) -> str:
        return ", ".join(self.allowed_methods)


class PublicApi(ApiView):
    """Open to everybody, scripts of any site included; throttled by address."""

    authentication_classes = ()
    permission_classes = ()
    allows_any_origin = True


def exception_handler(fault: Exception, context: dict[str, Any]) -> Response:
    """Whatever a view raised, as the envelope."""
    set_rollback()
    view = context["view"]
    refusal = refusal_of(fault, invalid_status=getattr(view, "invalid_status", 400))
    headers = dict(refusal.headers)
    if refusal.status == 401:  # noqa: PLR2004
        challenge = view.get_authenticate_header(context["request"]) or "Bearer"
        headers.setdefault("WWW-Authenticate", challenge)
    if refusal.status in (401, 403):
        reason = refusal.details.get("reason", refusal.code)
        log.warning("access_refused", status=refusal.status, reason=reason)
    return Response(refusal.body, status=refusal.status, headers=headers)


def _checked(serializer: serializers.BaseSerializer, given: Any) -> Any:
    is_valid = serializer.is_valid()
    if unknown := unknown_members(serializer, given):
        raise ValidationError({name: ["Unknown field."] for name in unknown})
    if not is_valid:
        faults: Any = serializer.errors
        raise ValidationError(faults)
    return serializer.validated_data
