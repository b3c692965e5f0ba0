"""A question about one figure, as the query of a page carries it, and its answer."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import RegexValidator

from apps.emissions.api.estimate.answer import explanation_url
from apps.emissions.calc.estimate import Estimate
from apps.emissions.calc.given import Given
from apps.emissions.calc.usage import TokenUsage
from apps.emissions.services.estimates import estimate, estimate_hardware

MOST = 10**12

_TWO_OR_THREE_LETTERS = RegexValidator(
    r"^[A-Za-z]{2,3}\Z", "Two or three letters, as in FR or FRA."
)
_METHODS = (("token", "From the tokens"), ("hardware", "From the time the hardware was busy"))
_OF_THE_API = {
    "method": "method",
    "duration_ms": "duration_ms",
    "power_watts": "power_watts",
    "provider": "provider",
    "region": "region",
    "requests": "requests",
    "reasoning": "reasoning_tokens",
    "cached_input": "cached_tokens",
    "cache_write": "cache_write_tokens",
    "gco2e_per_kwh": "grid_intensity_gco2e_per_kwh",
    "factors": "factor_version",
}
"""Names of the form, and what POST /estimate calls the same."""
_SAME = {"true": "1", "false": "", "0": ""}


class YesOrNoField(forms.ChoiceField):
    """`1` or `true` for yes; nothing, `0` or `false` for no."""

    def __init__(self, label: str) -> None:
        super().__init__(label=label, choices=(("", "No"), ("1", "Yes")), required=False)

    def to_python(self, value: Any) -> str:
        text: str = super().to_python(value)
        return _SAME.get(text, text)

    def prepare_value(self, value: Any) -> Any:
        return _SAME.get(value, value)


def _count(label: str, help_text: str = "", *, least: int = 0) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, help_text=help_text, min_value=least, max_value=MOST, required=False
    )


def _amount(
    label: str, help_text: str, *, least: float = 0, most: float = MOST
) -> forms.FloatField:
    return forms.FloatField(
        label=label,
        help_text=help_text,
        min_value=least,
        max_value=most,
        required=False,
        widget=forms.NumberInput(attrs={"step": "any"}),
    )


def _name(label: str, help_text: str = "", *, most: int = 200) -> forms.CharField:
    widget = forms.TextInput(attrs={"autocomplete": "off"})
    return forms.CharField(
        label=label, help_text=help_text, max_length=most, required=False, widget=widget
    )


class FigureForm(forms.Form):
    """Everything that a figure depends on. Token counts are disjoint; what is empty is open."""

    model = forms.CharField(
        max_length=200, widget=forms.TextInput(attrs={"list": "models", "autocomplete": "off"})
    )
    input = _count("Prompt tokens", "Fresh ones: neither read from a cache nor stored in one")
    cached_input = _count("Prompt tokens read from a cache")
    cache_write = _count("Prompt tokens stored in a cache")
    output = _count("Output tokens", "Hidden reasoning included")
    reasoning = _count("Of the output, reasoning")
    requests = _count("Calls in these counts", "Empty: one", least=1)
    provider = _name("Who runs the model", "For example aws; empty: whoever usually does")
    region = _name("Region of the provider", "For example eu-west-1")
    country = forms.CharField(
        help_text="Two letters; empty: the provider's default",
        max_length=3,
        required=False,
        validators=[_TWO_OR_THREE_LETTERS],
        widget=forms.TextInput(attrs={"autocapitalize": "characters", "autocomplete": "off"}),
    )
    method = forms.ChoiceField(choices=_METHODS, required=False)
    duration_ms = _count("Time, ms", "Of the request, for the hardware method", least=1)
    power_watts = _amount("Metered power, W", "Of the servers, if you measured it", most=1e9)
    batch = YesOrNoField("Batch tier")
    gco2e_per_kwh = _amount("Grid, gCO2e/kWh", "Yours instead of the catalogue's", most=10_000)
    pue = _amount("PUE", "Yours instead of the catalogue's", least=1, most=100)
    tariff_gco2e_per_kwh = _amount(
        "Supply contract, gCO2e/kWh", "For the market-based figure", most=10_000
    )
    factors = _name("Factor set", "A version; empty: the current one", most=40)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if (cleaned.get("reasoning") or 0) > (cleaned.get("output") or 0):
            self.add_error("reasoning", "The reasoning tokens are a part of the output tokens.")
        if cleaned.get("method") == "hardware" and not cleaned.get("duration_ms"):
            self.add_error("duration_ms", "The hardware method needs the time of the request.")
        return cleaned


def usage_of(question: Mapping[str, Any]) -> TokenUsage:
    return TokenUsage(
        input=question.get("input") or 0,
        cached_input=question.get("cached_input") or 0,
        cache_write=question.get("cache_write") or 0,
        output=question.get("output") or 0,
        reasoning=question.get("reasoning"),
        requests=question.get("requests") or 1,
    )


def given_of(question: Mapping[str, Any]) -> Given:
    return Given(
        pue=question.get("pue"),
        gco2e_per_kwh=question.get("gco2e_per_kwh"),
        tariff_gco2e_per_kwh=question.get("tariff_gco2e_per_kwh"),
        is_batch=bool(question.get("batch")),
    )


def places_of(question: Mapping[str, Any]) -> dict[str, str | None]:
    """Provider, region and country, as the services take them."""
    return {name: question.get(name) or None for name in ("provider", "region", "country")}


def answer(question: Mapping[str, Any]) -> tuple[Estimate, dict[str, Any]]:
    """The figure and its explanation. FactorSetNotFoundError: nobody published such a version."""
    usage = usage_of(question)
    known: dict[str, Any] = {
        **places_of(question),
        "given": given_of(question),
        "factors_version": question.get("factors") or None,
    }
    if question.get("method") != "hardware":
        return estimate(question["model"], usage, **known)
    machine, explanation = estimate_hardware(
        question["model"],
        usage,
        duration_seconds=question["duration_ms"] / 1000,
        power_watts=question.get("power_watts"),
        **known,
    )
    return machine.estimate, explanation


def asked(question: Mapping[str, Any]) -> dict[str, Any]:
    """What the question says, without what it leaves open."""
    return {name: value for name, value in question.items() if value not in (None, "")}


def permalink(question: Mapping[str, Any], version: str) -> str:
    """The address that answers this question with these factors for good."""
    return explanation_url({**asked(question), "factors": version})


def curl(question: Mapping[str, Any], result: Estimate) -> str:
    """The same question for the API, which takes neither a PUE nor a supply contract."""
    body: dict[str, Any] = {
        "model": question["model"],
        "prompt_tokens": sum(
            question.get(name) or 0 for name in ("input", "cached_input", "cache_write")
        ),
        "completion_tokens": question.get("output") or 0,
    }
    told = asked(question) | {"factors": result.factor_version}
    body |= {_OF_THE_API[name]: told[name] for name in _OF_THE_API if name in told}
    if question.get("country") and result.grid.basis == "country":
        body["country"] = result.grid.zone
    if question.get("batch"):
        body["batch"] = True
    text = shlex.quote(json.dumps(body, ensure_ascii=False))
    return (
        f"curl {settings.PUBLIC_URL}/api/v1/estimate \\\n"
        f"  -H 'Content-Type: application/json' \\\n  -d {text}"
    )
