"""Template filters for quantities: a figure with its exact value in the tooltip, and its range."""

from decimal import Decimal
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.common.quantities import COUNT, ENERGY, MASS, VOLUME, Scale, shown, shown_range

register = template.Library()


def _figure(amount: Decimal | float, scale: Scale, unit: str) -> SafeString:
    exact = format(Decimal(str(amount)).normalize(), "f")
    text = shown(amount, scale)
    return format_html('<data value="{}" title="{}">{}</data>', exact, f"{exact} {unit}", text)


@register.filter
def co2e(grams: Decimal | float) -> SafeString:
    """Grams of CO2e."""
    return _figure(grams, MASS, "g CO2e")


@register.filter
def energy(kwh: Decimal | float) -> SafeString:
    """Kilowatt-hours."""
    return _figure(kwh, ENERGY, "kWh")


@register.filter
def water(litres: Decimal | float) -> SafeString:
    """Litres."""
    return _figure(litres, VOLUME, "l")


@register.filter
def tokens(count: int) -> SafeString:
    """A count of tokens or requests."""
    return _figure(Decimal(count), COUNT, "")


@register.filter
def co2e_range(bounds: Any) -> str:
    """The 90 % interval of anything with low, central and high, in grams."""
    return shown_range(bounds.low, bounds.central, bounds.high, MASS)


@register.filter
def energy_range(bounds: Any) -> str:
    """The 90 % interval of anything with low, central and high, in kWh."""
    return shown_range(bounds.low, bounds.central, bounds.high, ENERGY)


@register.filter
def water_range(bounds: Any) -> str:
    """The 90 % interval of anything with low, central and high, in litres."""
    return shown_range(bounds.low, bounds.central, bounds.high, VOLUME)


@register.simple_tag
def range_bar(bounds: Any, most: Any) -> SafeString:
    """The interval and its central value, drawn to the scale `[0, most]`; a text says the same."""
    whole = float(most) or 1.0
    low, central, high = (
        100 * float(value) / whole for value in (bounds.low, bounds.central, bounds.high)
    )
    return format_html(
        '<svg class="range" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        '<line class="track" x1="0" x2="100" y1="9.5" y2="9.5" vector-effect="non-scaling-stroke"/>'
        '<rect class="span" x="{}" width="{}" y="1" height="8"/>'
        '<rect class="mark" x="{}" width="0.8" y="0" height="10"/></svg>',
        f"{low:.3f}",
        f"{max(high - low, 0.3):.3f}",
        f"{max(central - 0.4, 0):.3f}",
    )


@register.simple_tag
def share_bar(*parts: int) -> SafeString:
    """Parts of a whole as one bar, in the order of the key beside it."""
    whole = sum(parts) or 1
    drawn, start = [], 0.0
    for part, name in zip(parts, "abc", strict=False):
        width = 100 * part / whole
        drawn.append((name, f"{start:.3f}", f"{width:.3f}"))
        start += width
    return format_html(
        '<div class="share"><svg viewBox="0 0 100 10" preserveAspectRatio="none"'
        ' aria-hidden="true">{}</svg></div>',
        format_html_join("", '<rect class="{}" x="{}" width="{}" height="10"/>', drawn),
    )


@register.filter
def number(value: float) -> str:
    """Six significant digits, whatever the size: for the steps of a calculation."""
    return format(value, ".6g")
