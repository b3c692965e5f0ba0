"""GET /models and /factors: every factor that is calculated with, for everybody to read."""

import functools
from hashlib import sha256

import msgspec
from django.http import HttpResponse
from django.utils.cache import get_conditional_response
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from apps.common.api import PublicApi
from apps.emissions.api.catalogue_shapes import (
    FactorModel,
    FactorSetOutput,
    FactorVersion,
    FactorVersionsOutput,
    ModelResolved,
    ModelsOutput,
)
from apps.emissions.calc.factors import FactorDocument
from apps.emissions.calc.names import normalized_model_name
from apps.emissions.errors import FactorSetNotFoundError, NoCurrentFactorsError
from apps.emissions.selectors import (
    CurrentFactors,
    current_factors,
    factors_by_version,
    published_factor_sets,
    published_json,
)

CURRENT = "current"
_FOR_A_WHILE = "public, max-age=300"
_FOR_EVER = "public, max-age=31536000, immutable"
_UNCHANGED = OpenApiResponse(description="What `If-None-Match` names is still so")


class _CatalogueApi(PublicApi):
    """Answers with an entity tag; whoever shows it again is told that nothing changed."""

    def cacheable(self, body: bytes, *, digest: str, cache_control: str) -> HttpResponse:
        etag = f'"{digest}"'
        answer = HttpResponse(body, content_type="application/json")
        answer["ETag"], answer["Cache-Control"] = etag, cache_control
        unchanged = get_conditional_response(self.request, etag=etag, response=answer)
        if unchanged is None:
            raise AssertionError("there is an answer to compare with")
        return unchanged


class ModelsApi(_CatalogueApi):
    """GET /models: the model rows of the current factors, in order of priority.

    With `?search=` only those rows whose pattern or provider contains it, and beside them
    `resolved`: the row that a model of this name is calculated with.
    """

    class Query(serializers.Serializer):
        search = serializers.CharField(
            max_length=200, required=False, help_text="A model in any spelling, or a part of one."
        )

    Output = ModelsOutput

    @extend_schema(operation_id="models", responses={200: ModelsOutput, 304: _UNCHANGED})
    def get(self, request: Request) -> HttpResponse:
        search = self.valid_query(self.Query).get("search")
        factors = current_factors()
        body = _all_models(factors) if search is None else _found_models(factors, search)
        return self.cacheable(body, digest=factors.sha256, cache_control=_FOR_A_WHILE)


class FactorsApi(_CatalogueApi):
    """GET /factors: the published versions."""

    Output = FactorVersionsOutput

    @extend_schema(operation_id="factors", responses={200: FactorVersionsOutput, 304: _UNCHANGED})
    def get(self, request: Request) -> HttpResponse:
        versions = [
            msgspec.convert(row, FactorVersion, from_attributes=True)
            for row in published_factor_sets()
        ]
        body = msgspec.json.encode(FactorVersionsOutput(versions))
        digest = sha256(body).hexdigest()
        return self.cacheable(body, digest=digest, cache_control=_FOR_A_WHILE)


class FactorSetApi(_CatalogueApi):
    """GET /factors/{version}: one version whole, or the one that is `current`.

    The bytes are canonical JSON: their SHA-256 is the entity tag and the digest on receipts.
    """

    Output = FactorSetOutput

    @extend_schema(operation_id="factor_set", responses={200: FactorSetOutput, 304: _UNCHANGED})
    def get(self, request: Request, version: str) -> HttpResponse:
        factors = _factors(version)
        return self.cacheable(
            published_json(factors.id, factors.sha256),
            digest=factors.sha256,
            cache_control=_FOR_A_WHILE if version == CURRENT else _FOR_EVER,
        )


def _factors(version: str) -> CurrentFactors:
    if version != CURRENT:
        return factors_by_version(version)
    try:
        return current_factors()
    except NoCurrentFactorsError as nothing:
        raise FactorSetNotFoundError(nothing.message) from nothing


@functools.lru_cache(maxsize=2)  # the current set, and the one before while processes follow
def _all_models(factors: CurrentFactors) -> bytes:
    return msgspec.json.encode(
        ModelsOutput(
            version=factors.version, sha256=factors.sha256, models=list(_rows(factors.document))
        )
    )


def _found_models(factors: CurrentFactors, search: str) -> bytes:
    name = normalized_model_name(search)
    row = factors.document.model_row(name)
    wanted = {search.lower(), name} - {""}
    return msgspec.json.encode(
        ModelsOutput(
            version=factors.version,
            sha256=factors.sha256,
            resolved=ModelResolved(
                name=search,
                normalized=name,
                pattern=row.pattern,
                model_found=row.is_specific,
                tier=row.tier,
            ),
            models=[
                model
                for model in _rows(factors.document)
                if model.pattern == row.pattern
                or any(text in model.pattern or text in model.provider for text in wanted)
            ],
        )
    )


@functools.lru_cache(maxsize=2)
def _rows(document: FactorDocument) -> tuple[FactorModel, ...]:
    return tuple(msgspec.convert(row, FactorModel, from_attributes=True) for row in document.models)
