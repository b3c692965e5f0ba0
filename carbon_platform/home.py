"""The public page: what one use of a model costs the air, and where to check a receipt."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.emissions.calc.usage import TokenUsage
from apps.emissions.selectors import current_factors
from apps.emissions.services import estimate

MOST_TOKENS = 1_000_000_000_000
EXAMPLE = {"model": "gpt-4o", "input_tokens": 1000, "output_tokens": 500}


class CalculatorForm(forms.Form):
    """The question of the calculator; the page's address carries it, so an answer can be shared."""

    model = forms.CharField(
        max_length=200, widget=forms.TextInput(attrs={"list": "models", "autocomplete": "off"})
    )
    input_tokens = forms.IntegerField(min_value=0, max_value=MOST_TOKENS)
    output_tokens = forms.IntegerField(min_value=0, max_value=MOST_TOKENS)
    cached_tokens = forms.IntegerField(
        min_value=0, max_value=MOST_TOKENS, required=False, label="Of the input, read from cache"
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


def _answer(question: dict[str, Any]) -> dict[str, Any]:
    cached = question["cached_tokens"] or 0
    usage = TokenUsage(
        input=question["input_tokens"] - cached,
        cached_input=cached,
        cache_write=0,
        output=question["output_tokens"],
    )
    result, explanation = estimate(
        question["model"], usage, country=question["country"].upper() or None
    )
    asked = {name: value for name, value in question.items() if value not in (None, "")}
    return {"result": result, "explanation": explanation, "permalink": f"/?{urlencode(asked)}"}
