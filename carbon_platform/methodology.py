"""The pages about figures: how they are made, one of them step by step, and the golden vectors."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.common.envelope import Refusal, domain_error_response
from apps.emissions.calc.estimate import Estimate
from apps.emissions.errors import FactorSetNotFoundError
from apps.emissions.selectors import current_factors, factors_by_version
from apps.emissions.services.vectors import golden_vectors
from carbon_platform.comparing import comparison
from carbon_platform.figures import figures_of
from carbon_platform.questions import FigureForm, answer, asked, curl, permalink

EXAMPLE = "model=gpt-4o&input=1000&output=500&country=FR"

_ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
_MINUTES = _ANY_ORIGIN | {"Cache-Control": "public, max-age=300"}
_GIVEN = {
    "gco2e_per_kwh": "grid, gCO2e/kWh",
    "pue": "PUE",
    "tariff_gco2e_per_kwh": "supply contract, gCO2e/kWh",
    "duration_ms": "time of the request, ms",
    "power_watts": "metered power, W",
    "batch": "batch tier",
}
"""What a reader may give, and how it is called in the list of given values."""
_OF_THE_HARDWARE = frozenset({"duration_ms", "power_watts"})


@require_safe
def methodology(request: HttpRequest) -> HttpResponse:
    """GET /methodology/: what is counted, how sure it is, and with which factors."""
    factors = current_factors()
    document = factors.document
    tables = (
        ("Models", len(document.models)),
        ("Operators and their regions", len(document.operators)),
        ("Grids", len(document.grid)),
        ("Hardware", len(document.embodied)),
        ("Coefficients", len(document.coefficient_notes)),
    )
    context = {"factors": factors, "tables": tables, "example": EXAMPLE}
    return render(request, "public/methodology.html", context)


@require_safe
def vectors(_request: HttpRequest) -> HttpResponse:
    """GET /methodology/vectors: questions and exact answers, for who calculates on their own."""
    return _json(golden_vectors())


@require_safe
def explain(request: HttpRequest) -> HttpResponse:
    """GET /methodology/explain: one figure, calculated again in front of the reader."""
    form = FigureForm(request.GET or None)
    is_json = request.GET.get("format") == "json"
    if not form.is_valid():
        if is_json:
            return _refused(form)
        return _page(request, form, {}, status=400 if form.is_bound else 200)
    try:
        result, explanation = answer(form.cleaned_data)
    except FactorSetNotFoundError as refusal:
        if is_json:
            return _open(domain_error_response(refusal))
        form.add_error("factors", refusal.message)
        return _page(request, form, {}, status=404)
    if is_json:
        return _json(explanation)
    question = form.cleaned_data
    context = {
        "result": result,
        "explanation": explanation,
        "factors": factors_by_version(result.factor_version),
        **figures_of(result, explanation),
        "given": _given(question, result),
        "comparison": comparison(question, result),
        "permalink": permalink(question, result.factor_version),
        "curl": curl(question, result),
        "unknown": sorted(set(request.GET) - {*form.fields, "format"}),
    }
    return _page(request, form, context)


def _page(
    request: HttpRequest, form: FigureForm, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    patterns = [row.pattern for row in current_factors().document.models if "*" not in row.pattern]
    context |= {"form": form, "models": patterns, "example": EXAMPLE}
    return render(request, "public/explain.html", context, status=status)


def _given(question: dict[str, Any], result: Estimate) -> list[tuple[Any, str]]:
    """Values with their names, those that this method calculates with."""
    unused = _OF_THE_HARDWARE if result.method == "token" else frozenset()
    names = _GIVEN.keys() & asked(question).keys() - unused
    return [(question[name], of) for name, of in _GIVEN.items() if name in names]


def _json(value: dict[str, Any]) -> HttpResponse:
    shape = {"indent": 2, "ensure_ascii": False}
    return JsonResponse(value, json_dumps_params=shape, headers=_MINUTES)


def _refused(form: FigureForm) -> HttpResponse:
    fields = {name: [str(told) for told in faults] for name, faults in form.errors.items()}
    name, told = next(iter(fields.items()))
    message = f"{name}: {told[0]}"
    return _open(Refusal(400, "validation_error", message, {"fields": fields}).as_response())


def _open(response: HttpResponse) -> HttpResponse:
    for name, value in _ANY_ORIGIN.items():
        response[name] = value
    return response
