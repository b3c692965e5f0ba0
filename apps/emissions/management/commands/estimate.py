"""manage.py estimate: one estimate on the terminal, with its bounds, formula and sources."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.common.errors import DomainError
from apps.emissions import services
from apps.emissions.calc.estimate import Estimate
from apps.emissions.calc.usage import TokenUsage

_QUANTITIES = (
    ("energy", "energy_kwh", "kWh"),
    ("operational", "operational_co2e_grams", "gCO2e"),
    ("embodied", "embodied_co2e_grams", "gCO2e"),
    ("total", "co2e_grams", "gCO2e"),
    ("water", "water_litres", "L"),
)


class Command(BaseCommand):
    help = "Estimate energy, emissions and water of a number of tokens. Writes nothing."

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

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            usage = TokenUsage(
                input=options["input"],
                cached_input=options["cached"],
                cache_write=options["write"],
                output=options["out"],
                requests=options["requests"],
            )
            result, explanation = services.estimate(
                options["model"],
                usage,
                provider=options["provider"],
                region=options["region"],
                country=options["country"],
            )
        except DomainError as refusal:
            raise CommandError(refusal.message) from refusal
        except ValueError as refusal:
            raise CommandError(str(refusal)) from refusal
        self._show_result(result)
        self._show_explanation(explanation)

    def _show_result(self, result: Estimate) -> None:
        self.stdout.write(
            f"{result.model_matched}: tier {result.tier}, {result.confidence}, "
            f"factors {result.factor_version}, grid {result.grid.zone} {result.grid.year}"
        )
        for label, name, unit in _QUANTITIES:
            of = getattr(result, name)
            self.stdout.write(
                f"  {label:<12}{of.central:.6g} {unit}  [{of.low:.6g} to {of.high:.6g}]"
            )
        for notice in result.warnings:
            self.stdout.write(self.style.WARNING(f"  ! {notice.text}"))

    def _show_explanation(self, explanation: dict[str, Any]) -> None:
        self.stdout.write("\nStep by step:")
        for step in explanation["steps"]:
            self.stdout.write(
                f"  {step['symbol']:<7}= {step['formula']}\n"
                f"         = {step['numbers']} = {step['value']:.7g} {step['unit']}"
            )
        self.stdout.write(f"\nBounds: {explanation['bounds']['rule']}")
        for name, log_sd in explanation["bounds"]["log_sd"].items():
            self.stdout.write(f"  {name}: log_sd {log_sd:.4f}")
        self.stdout.write("\nSources:")
        for source in explanation["sources"]:
            self.stdout.write(f"  {source['of']}: {source['url']} {source['note']}")
        self.stdout.write("\nNot included: " + "; ".join(explanation["not_included"]))
