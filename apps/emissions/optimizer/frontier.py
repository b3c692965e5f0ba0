"""The options that nothing beats in both cost and carbon."""

from collections.abc import Iterable

from apps.emissions.optimizer.ranking import Option


def frontier(options: Iterable[Option]) -> list[Option]:
    """The cheapest first, each next one dearer and cleaner, per unit of work.

    Of options equal in both the first given stands. Options without a price are not on it.
    """
    priced = [
        (option.usd_per_unit, option.grams_per_unit, option)
        for option in options
        if option.usd_per_unit is not None
    ]
    kept: list[Option] = []
    for _, grams, option in sorted(priced, key=lambda row: row[:2]):
        if not kept or grams < kept[-1].grams_per_unit:
            kept.append(option)
    return kept
