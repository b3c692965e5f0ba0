"""How a view becomes a part of the API document: from the serializers that sit inside it."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import msgspec
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema

from apps.common.pagination import PageQuery, page_of


class Schema(AutoSchema):
    """Reads `Query`, `Input` and `Output` of a view; `is_paged = True` wraps GET's Output."""

    _claimed: ClassVar[dict[str, str]] = {}
    """Name to the module that has it."""

    def get_operation_id(self) -> str:
        operation_id = str(super().get_operation_id())
        is_list = getattr(self.view, "is_paged", False) and self.method == "GET"
        return operation_id.replace("_retrieve", "_list") if is_list else operation_id

    def get_override_parameters(self) -> list[Any]:
        is_paged = getattr(self.view, "is_paged", False)
        query = getattr(self.view, "Query", PageQuery if is_paged else None)
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
        self,
        serializer: Any,
        direction: Any,
        bypass_extensions: bool = False,  # noqa: FBT001, FBT002 - the base's signature
    ) -> str:
        """`TrackApi.Input` is TrackInput, as most views have an Input; `PeriodOutput` is Period."""
        kind = serializer.child if hasattr(serializer, "child") else serializer
        kind = kind if isinstance(kind, type) else type(kind)
        if "." in kind.__qualname__ and "<locals>" not in kind.__qualname__:
            return str(kind.__qualname__).replace("Api.", "").replace(".", "")
        if issubclass(kind, msgspec.Struct):
            name = kind.__name__
        else:
            name = super()._get_serializer_name(serializer, direction, bypass_extensions)
        return self._claim(str(name).removesuffix("Output"), kind)

    def _claim(self, name: str, kind: type) -> str:
        """Two apps may have a Period each; the second in the document's order names its app."""
        root, _, rest = kind.__module__.partition(".")
        if root != "apps":
            return name
        if self._claimed.setdefault(name, kind.__module__) == kind.__module__:
            return name
        return rest.partition(".")[0].capitalize() + name


class StructExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """A struct is described by its own types; the structs inside it are components too."""

    target_class = msgspec.Struct
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Any) -> Any:
        (_,), described = msgspec.json.schema_components((self.target,), ref_template="{name}")
        refs = {
            kind.__name__: auto_schema.resolve_serializer(kind, direction).ref
            for field in msgspec.structs.fields(self.target)
            for kind in _inside(field)
        }
        schema = _with_refs(described[self.target.__name__], refs)
        del schema["title"]  # the class's name; the component has its own
        if "description" in schema:
            schema["description"] = inspect.cleandoc(schema["description"])
        return schema


def _inside(field: msgspec.structs.FieldInfo) -> Iterator[type]:
    """The structs that a field holds, not those which they hold."""
    waiting: list[Any] = [msgspec.inspect.type_info(field.type)]
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, msgspec.inspect.StructType):
            yield kind.cls
        elif isinstance(kind, msgspec.inspect.Type):
            waiting += msgspec.structs.astuple(kind)
        elif isinstance(kind, tuple):
            waiting += kind


def _with_refs(schema: Any, refs: Mapping[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_with_refs(part, refs) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("$ref") in refs:
        return {**schema, **refs[schema["$ref"]]}
    return {name: _with_refs(part, refs) for name, part in schema.items()}
