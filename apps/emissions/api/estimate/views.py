"""POST /estimate and /estimate/batch: what calls of a model cost the air. Nothing is stored."""

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from apps.common.api import PublicApi
from apps.common.errors import InvalidError
from apps.common.typed import RowFault, TypedApi, fault_below, fault_in, read_row
from apps.emissions.api.estimate.answer import Figures, answer, figures, sums_of
from apps.emissions.api.estimate.shapes import (
    EstimateBatchInput,
    EstimateBatchOutput,
    EstimateBatchParts,
    EstimateInput,
    EstimateOutput,
    RefusedRow,
)
from apps.emissions.errors import FactorSetNotFoundError
from apps.emissions.selectors import CurrentFactors, factors_by_version, recent_factors

_TIME = OpenApiParameter("X-Response-Time", str, OpenApiParameter.HEADER, response=[200])


class EstimateApi(TypedApi, PublicApi):
    """POST /estimate: one call."""

    unreadable_is_invalid = True
    Input = EstimateInput
    Output = EstimateOutput

    @extend_schema(operation_id="estimate", parameters=[_TIME], responses={200: EstimateOutput})
    def post(self, request: Request) -> HttpResponse:
        asked = self.typed(EstimateInput)
        return self.answer(answer(figures(asked, _factors(asked.factor_version))))


class EstimateBatchApi(TypedApi, PublicApi):
    """POST /estimate/batch: up to a thousand calls and their sum, all of them or none.

    With `?partial=true` a bad row is refused in its place, and the sum is of the others.
    """

    unreadable_is_invalid = True
    Input = EstimateBatchInput
    Output = EstimateBatchOutput

    class Options(serializers.Serializer):
        partial = serializers.BooleanField(default=False)  # type: ignore[assignment] # a field, not the base's flag

    @extend_schema(
        operation_id="estimate_batch",
        parameters=[Options, _TIME],
        responses={200: EstimateBatchOutput},
    )
    def post(self, request: Request) -> HttpResponse:
        is_partial = self.valid_query(self.Options)["partial"]
        rows = self._good_rows() if is_partial else self._all_rows()
        return self.answer(rows)

    def _all_rows(self) -> EstimateBatchOutput:
        body = self.typed(EstimateBatchInput)
        factors = _factors(body.factor_version)
        found = [_row(index, asked, factors) for index, asked in enumerate(body.items)]
        return EstimateBatchOutput(
            results=[answer(row) for row in found],
            total=sums_of(row.result for row in found),
            factor_version=factors.version,
        )

    def _good_rows(self) -> EstimateBatchOutput:
        body = self.typed(EstimateBatchParts)
        factors = _factors(body.factor_version)
        rows = [_row_or_refusal(index, row, factors) for index, row in enumerate(body.items)]
        return EstimateBatchOutput(
            results=[answer(row) if isinstance(row, Figures) else row for row in rows],
            total=sums_of(row.result for row in rows if isinstance(row, Figures)),
            factor_version=factors.version,
        )


def _factors(version: str | None) -> CurrentFactors:
    """The contract knows no 404: a version that is not there is a bad member."""
    if version is None:
        return recent_factors()
    try:
        return factors_by_version(version)
    except FactorSetNotFoundError:
        raise fault_in("factor_version", "No factor set is published under this.") from None


def _row(index: int, asked: EstimateInput, factors: CurrentFactors) -> Figures:
    try:
        if asked.factor_version not in (None, factors.version):
            raise fault_in("factor_version", "Rows of one batch have one version.")
        return figures(asked, factors)
    except InvalidError as fault:
        raise fault_below(f"items.{index}", fault) from None


def _row_or_refusal(index: int, row: object, factors: CurrentFactors) -> Figures | RefusedRow:
    try:
        return _row(index, read_row(f"items.{index}", row, EstimateInput), factors)
    except InvalidError as fault:
        return RefusedRow(index, RowFault.of(fault))
