"""The public page: what one use of a model costs the air, and where to check a receipt."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.emissions.selectors import current_factors
from carbon_platform.comparing import comparison
from carbon_platform.questions import MOST, answer, permalink

EXAMPLE = {"model": "gpt-4o", "input_tokens": 1000, "output_tokens": 500}


class CalculatorForm(forms.Form):
    """The question of the calculator; the page's address carries it, so an answer can be shared."""

    model = forms.CharField(
        max_length=200, widget=forms.TextInput(attrs={"list": "models", "autocomplete": "off"})
    )
    input_tokens = forms.IntegerField(min_value=0, max_value=MOST)
    output_tokens = forms.IntegerField(min_value=0, max_value=MOST)
    cached_tokens = forms.IntegerField(
        min_value=0, max_value=MOST, required=False, label="Of the input, read from cache"
    )
    country = forms.CharField(
        max_length=2,
        min_length=2,
        required=False,
        help_text="Two letters; empty means the provider's default",
        widget=forms.TextInput(attrs={"autocapitalize": "characters", "size": 2}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if (cleaned.get("cached_tokens") or 0) > (cleaned.get("input_tokens") or 0):
            self.add_error("cached_tokens", "The cached tokens are a part of the input tokens.")
        return cleaned


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """GET /: the calculator answers what its query asks."""
    asked = request.GET if "model" in request.GET else EXAMPLE
    form = CalculatorForm(asked)
    context: dict[str, Any] = {"form": form, "is_example": asked is EXAMPLE}
    if form.is_valid():
        context |= _answer(form.cleaned_data)
    context["models"] = [
        row.pattern for row in current_factors().document.models if "*" not in row.pattern
    ]
    status = 200 if form.is_valid() else 400
    return render(request, "public/home.html", context, status=status)


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    """The explanation's question has disjoint counts; the calculator's cached are of the input."""
    cached = asked["cached_tokens"] or 0
    question = {
        "model": asked["model"],
        "input": asked["input_tokens"] - cached,
        "cached_input": cached,
        "output": asked["output_tokens"],
        "country": asked["country"].upper(),
    }
    result, explanation = answer(question)
    return {
        "result": result,
        "explanation": explanation,
        "comparison": comparison(question, result),
        "permalink": permalink(question, result.factor_version),
    }
