"""How a view becomes a part of the API document: from the serializers that sit inside it."""

from typing import Any

from drf_spectacular.openapi import AutoSchema

from apps.common.pagination import page_of

class Schema(AutoSchema):
    """Reads `Query`, `Input` and `Output` of a view; `is_paged = True` wraps GET's Output."""

    def get_override_parameters(self) -> list[Any]:
        query = getattr(self.view, "Query", None)
        return [query] if query is not None and self.method == "GET" else []

    def get_request_serializer(self) -> Any:
        return getattr(self.view, "Input", None) if self.method != "GET" else None

    def get_response_serializers(self) -> Any:
        output = getattr(self.view, "Output", None)
        if self.method == "DELETE" or output is None:
            return {204: None}
        if self.method == "GET" and getattr(self.view, "is_paged", False):
            return {200: page_of(output)}
        return {201 if self.method == "POST" else 200: output}

    def _get_serializer_name(
        self, serializer: Any, direction: Any, bypass_extensions: bool = False  # noqa: FBT001, FBT002 - the base's signature
    ) -> str:
        """`TrackApi.Input` is called TrackInput: most views have an Input."""
        kind = serializer.child if hasattr(serializer, "child") else serializer
        kind = kind if isinstance(kind, type) else type(kind)
        if "." in kind.__qualname__ and "<locals>" not in kind.__qualname__:
            return str(kind.__qualname__).replace("Api.", "").replace(".", "")
        return str(super()._get_serializer_name(serializer, direction, bypass_extensions))
