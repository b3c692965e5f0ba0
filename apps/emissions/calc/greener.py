"""What the same electricity would emit where a data centre can have cleaner power."""

import functools

from apps.emissions.calc.factors import FactorDocument, GridRow

LEAST_GCO2E_PER_KWH = 100.0
"""Below this there is little left to win by moving."""


def greener_tip(document: FactorDocument, gco2e_per_kwh: float) -> str | None:
    """A sentence on the cleanest country that a cloud has a region in; nothing on a clean grid."""
    best = _cleanest(document)
    if best is None or gco2e_per_kwh < max(LEAST_GCO2E_PER_KWH, best.gco2e_per_kwh):
        return None
    share = 1.0 - best.gco2e_per_kwh / gco2e_per_kwh
    return (
        f"The same electricity in {best.country} ({best.gco2e_per_kwh:g} gCO2e/kWh, {best.year}) "
        f"would emit {share:.0%} less than at {gco2e_per_kwh:g} gCO2e/kWh."
    )


@functools.lru_cache(maxsize=8)
def _cleanest(document: FactorDocument) -> GridRow | None:
    countries = {
        operator.default_country
        for operator in document.operators.values()
        if operator.kind == "region" and operator.default_country
    }
    rows = (document.grid[country] for country in countries)
    return min(rows, key=lambda row: (row.gco2e_per_kwh, row.iso2), default=None)
