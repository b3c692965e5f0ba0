"""What a billed line measures, by the rules of rules.json; or why it measures nothing."""

import functools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, NamedTuple

from apps.telemetry.billing_exports.lines import UNKNOWN_KIND, USAGE, Metered
from apps.telemetry.billing_exports.units import HOURS_IN_A_MONTH, Dimension, Unit, unit

RULES: Final = Path(__file__).resolve().parent / "rules.json"
ANY: Final = "*"
SAMPLE_UNITS: Final = {
    "instance": "instance_hour",
    "vcpu": "vcpu_hour",
    "memory": "gb_hour",
    "storage": "gb_month",
    "network": "gb",
}
"""The sample's unit of each resource; amounts are converted into it."""

KnownInstance = Callable[[str, str], str | None]
"""(provider, name as billed) to the catalogue's name of it, if it has one."""


class Measure(NamedTuple):
    """One sample of a line: `amount x numerator / denominator` of the resource's unit."""

    resource_type: str
    unit: str
    instance_type: str | None
    numerator: Decimal
    denominator: Decimal


class Meaning(NamedTuple):
    """Measures; or `skipped`, the kind of a line that counts nothing; or `unknown`, the reason."""

    measures: tuple[Measure, ...] = ()
    skipped: str | None = None
    unknown: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of rules.json."""

    provider: str
    services: frozenset[str]
    usage: re.Pattern[str]
    source: str
    categories: frozenset[str] = frozenset()
    has_instance_type: bool = False
    skips: str | None = None
    dimension: Dimension | None = None
    unit: str | None = None
    unit_if_unsaid: str | None = None
    makes: tuple[tuple[str, Fraction], ...] = ()
    """Resource, and how much of it one of the dimension's unit is."""
    sizes: Mapping[str, int] = field(default_factory=dict)

    def fits(self, metered: Metered) -> re.Match[str] | None:
        """The match of the usage type, where everything else fits too."""
        if self.provider not in {ANY, metered.provider}:
            return None
        if ANY not in self.services and metered.service not in self.services:
            return None
        if self.categories and metered.category not in self.categories:
            return None
        if self.has_instance_type and not metered.instance_type:
            return None
        return self.usage.search(metered.usage_type)


class RuleSet(NamedTuple):
    """All rules, and the version by which an import knows whether they changed."""

    name: str
    rules: tuple[Rule, ...]


@functools.lru_cache(maxsize=1)
def rules() -> RuleSet:
    """The rules of this release, read once a process."""
    data = json.loads(RULES.read_text(encoding="utf-8"))
    found = tuple(_rule(row) for row in data["rules"])
    if strangers := {rule.source for rule in found} - set(data["sources"]):
        raise ValueError(f"rules without a source: {', '.join(sorted(strangers))}")
    return RuleSet(data["name"], found)


def understand(metered: Metered, known_instance: KnownInstance) -> Meaning:
    """What the line measures. The same for all lines that share `metered`."""
    if metered.line_kind.startswith(UNKNOWN_KIND):
        return Meaning(unknown=metered.line_kind)
    if metered.line_kind != USAGE:
        return Meaning(skipped=metered.line_kind)
    for rule in rules().rules:
        found = rule.fits(metered)
        if found is not None:
            return _by(rule, found, metered, known_instance)
    return Meaning(unknown=f"unknown usage type: {shown(metered)}")


def shown(metered: Metered) -> str:
    """The service and the usage type, for a reader."""
    return f"{metered.service or 'no service'} {metered.usage_type or 'without a usage type'}"


def _by(
    rule: Rule, found: re.Match[str], metered: Metered, known_instance: KnownInstance
) -> Meaning:
    if rule.skips is not None:
        return Meaning(skipped=rule.skips)
    text = rule.unit or metered.unit or rule.unit_if_unsaid or ""
    factor = _factor(rule, unit(text))
    if factor is None:
        return Meaning(unknown=f"unit {text or 'missing'!r} does not fit: {shown(metered)}")
    groups = found.groupdict()
    if rule.sizes:
        size = rule.sizes.get(groups["size"])
        if size is None:
            return Meaning(unknown=f"unknown size of disk: {shown(metered)}")
        factor *= size
    return _measures(
        rule, factor, groups.get("instance") or metered.instance_type, metered, known_instance
    )


def _measures(
    rule: Rule, factor: Fraction, instance: str, metered: Metered, known_instance: KnownInstance
) -> Meaning:
    measures = []
    for resource, times in rule.makes:
        name = None
        if resource == "instance":
            name = known_instance(metered.provider, instance)
            if name is None:
                named = f"{metered.provider} {instance}" if instance else shown(metered)
                return Meaning(unknown=f"instance type not in the catalogue: {named}")
        share = factor * times
        measures.append(
            Measure(
                resource,
                SAMPLE_UNITS[resource],
                name,
                Decimal(share.numerator),
                Decimal(share.denominator),
            )
        )
    return Meaning(tuple(measures))


def _factor(rule: Rule, billed: Unit) -> Fraction | None:
    """How much of the rule's dimension one billed unit is."""
    if billed.dimension == rule.dimension:
        return billed.factor
    if rule.dimension == "gb_months" and billed.dimension == "gb_hours":
        return billed.factor / HOURS_IN_A_MONTH
    return None


def _rule(row: Mapping[str, Any]) -> Rule:
    dimension: Dimension | None = row.get("from")
    makes = tuple(
        (make["resource"], Fraction(make.get("times", "1"))) for make in row.get("makes", ())
    )
    if dimension == "gb_hours":  # of storage a month is the unit
        makes = tuple(
            (resource, times / HOURS_IN_A_MONTH if resource == "storage" else times)
            for resource, times in makes
        )
    return Rule(
        provider=row["provider"],
        services=frozenset(row["services"]),
        usage=re.compile(row["usage"]),
        source=row["source"],
        categories=frozenset(row.get("categories", ())),
        has_instance_type=row.get("has_instance_type", False),
        skips=row.get("skips"),
        dimension=dimension,
        unit=row.get("unit"),
        unit_if_unsaid=row.get("unit_if_unsaid"),
        makes=makes,
        sizes=row.get("sizes", {}),
    )
