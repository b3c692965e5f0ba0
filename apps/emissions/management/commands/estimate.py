"""manage.py estimate: one estimate on the terminal, with its bounds, formula and sources."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.common.errors import DomainError
from apps.emissions.api.estimate.answer import explanation_url
from apps.emissions.calc.estimate import Estimate
from apps.emissions.calc.given import Given
from apps.emissions.calc.interval import Interval
from apps.emissions.calc.methods.results import Quantity
from apps.emissions.calc.usage import TokenUsage
from apps.emissions.errors import FactorSetNotFoundError, NoCurrentFactorsError
from apps.emissions.services import estimates
from apps.emissions.services.comparison import compare

_INVALID, _NO_FACTORS = 1, 3
_QUANTITIES = (
    ("energy", "energy_kwh", "kWh"),
    ("operational", "operational_co2e_grams", "gCO2e"),
    ("embodied", "embodied_co2e_grams", "gCO2e"),
    ("total", "co2e_grams", "gCO2e"),
    ("water", "water_litres", "L"),
)
_OF_THE_PAGE = {
    "model": "model",
    "input": "input",
    "cached": "cached_input",
    "write": "cache_write",
    "out": "output",
    "requests": "requests",
    "provider": "provider",
    "region": "region",
    "country": "country",
    "method": "method",
    "duration_ms": "duration_ms",
    "power_watts": "power_watts",
    "grid": "gco2e_per_kwh",
    "pue": "pue",
}
"""Names of the options, and what the page that explains a figure calls the same."""


class Command(BaseCommand):
    help = (
        "Estimate energy, emissions and water of one use of a model. Writes nothing. "
        "Exit code 1: the question makes no sense; 2: an option is unknown or unreadable; "
        "3: no factor set is published, or none under this version."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model")
        parser.add_argument("--in", dest="input", type=int, default=0, help="fresh prompt tokens")
        parser.add_argument("--cached", type=int, default=0, help="prompt tokens from a cache")
        parser.add_argument("--write", type=int, default=0, help="prompt tokens stored in a cache")
        parser.add_argument("--out", type=int, default=0, help="output tokens, hidden included")
        parser.add_argument("--requests", type=int, default=1, help="calls in these counts")
        parser.add_argument("--provider", help="who runs the model, e.g. aws")
        parser.add_argument("--region", help="the provider's region, e.g. eu-west-1")
        parser.add_argument("--country", help="ISO 3166-1 code, e.g. FR")
        parser.add_argument("--method", choices=("token", "hardware"), default="token")
        parser.add_argument("--duration-ms", type=int, help="time of the request, for hardware")
        parser.add_argument("--power-watts", type=float, help="metered power, for hardware")
        parser.add_argument("--grid", type=float, help="gCO2e/kWh instead of the catalogue's")
        parser.add_argument("--pue", type=float, help="instead of the catalogue's")
        parser.add_argument("--batch", action="store_true", help="a call of a batch tier")
        parser.add_argument("--factors", metavar="VERSION", help="instead of the current set")
        parser.add_argument("--json", action="store_true", help="the explanation as JSON, alone")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            result, explanation = _answer(options)
            methods = compare(options["model"], _usage(options), **_places(options))
        except (FactorSetNotFoundError, NoCurrentFactorsError) as refusal:
            raise CommandError(refusal.message, returncode=_NO_FACTORS) from refusal
        except DomainError as refusal:
            raise CommandError(refusal.message, returncode=_INVALID) from refusal
        except ValueError as refusal:
            raise CommandError(str(refusal), returncode=_INVALID) from refusal
        if options["json"]:
            self.stdout.write(json.dumps(explanation, indent=2, ensure_ascii=False))
            return
        self._show_result(result)
        self._show_steps(explanation)
        self._show_bounds(explanation["bounds"])
        self._show_methods(methods)
        self._show_rest(explanation, _permalink(options, result))

    def _show_result(self, result: Estimate) -> None:
        self.stdout.write(
            f"{result.model_matched}: tier {result.tier}, {result.confidence}, "
            f"factors {result.factor_version}, grid {result.grid.zone} {result.grid.year}"
        )
        for label, name, unit in _QUANTITIES:
            of = getattr(result, name)
            self.stdout.write(f"  {label:<12}{_told(of, unit)}")
        for notice in result.warnings:
            self.stdout.write(self.style.WARNING(f"  ! {notice.text}"))

    def _show_steps(self, explanation: dict[str, Any]) -> None:
        self.stdout.write("\nStep by step:")
        for step in explanation["steps"]:
            told = f"{step['value']:.7g} {step['unit']}".removesuffix(" 1")  # 1: without a unit
            self.stdout.write(
                f"  {step['symbol']:<7}= {step['formula']}\n         = {step['numbers']} = {told}"
            )
        self.stdout.write(f"\nOn one line: {explanation['formula_with_numbers']}")

    def _show_bounds(self, bounds: dict[str, Any]) -> None:
        self.stdout.write(f"\nBounds: {bounds['rule']}")
        for name, log_sd in bounds["log_sd"].items():
            self.stdout.write(f"  {name}: log_sd {log_sd:.4f}")

    def _show_methods(self, methods: list[Any]) -> None:
        self.stdout.write("\nThe same tokens by other methods, with the current factors:")
        for method in methods:
            figure = method.co2e_grams
            told = "not stated" if figure is None else _told(figure, "gCO2e")
            self.stdout.write(f"  {method.name:<12}{told}\n    {method.difference}")

    def _show_rest(self, explanation: dict[str, Any], permalink: str) -> None:
        self.stdout.write("\nSources:")
        for source in explanation["sources"]:
            self.stdout.write(f"  {source['of']}: {source['url']} {source['note']}")
        self.stdout.write("\nNot included: " + "; ".join(explanation["not_included"]))
        self.stdout.write(f"\nThis figure, explained: {permalink}")


def _answer(options: dict[str, Any]) -> tuple[Estimate, dict[str, Any]]:
    usage = _usage(options)
    known: dict[str, Any] = {
        **_places(options),
        "given": Given(
            pue=options["pue"], gco2e_per_kwh=options["grid"], is_batch=options["batch"]
        ),
        "factors_version": options["factors"],
    }
    if options["method"] == "token":
        return estimates.estimate(options["model"], usage, **known)
    if not options["duration_ms"]:
        raise ValueError("The hardware method needs --duration-ms.")
    machine, explanation = estimates.estimate_hardware(
        options["model"],
        usage,
        duration_seconds=options["duration_ms"] / 1000,
        power_watts=options["power_watts"],
        **known,
    )
    return machine.estimate, explanation


def _usage(options: dict[str, Any]) -> TokenUsage:
    return TokenUsage(
        input=options["input"],
        cached_input=options["cached"],
        cache_write=options["write"],
        output=options["out"],
        requests=options["requests"],
    )


def _places(options: dict[str, Any]) -> dict[str, str | None]:
    return {name: options[name] for name in ("provider", "region", "country")}


def _permalink(options: dict[str, Any], result: Estimate) -> str:
    asked = {page: options[name] for name, page in _OF_THE_PAGE.items()}
    batch = "1" if options["batch"] else None
    return explanation_url({**asked, "batch": batch, "factors": result.factor_version})


def _told(quantity: Quantity, unit: str) -> str:
    if not isinstance(quantity, Interval):
        return f"{quantity:.6g} {unit}  [no bounds]"
    return f"{quantity.central:.6g} {unit}  [{quantity.low:.6g} to {quantity.high:.6g}]"
