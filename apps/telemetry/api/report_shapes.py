"""What the reports answer."""

from datetime import datetime

from msgspec import Struct

from apps.telemetry.api.figure_shapes import (
    AppliedFactor,
    Confidence,
    QuantityBounds,
    TimeRange,
    UsageGroup,
    UsageTotals,
)
from apps.telemetry.selectors.figures import Split, Step


class TokenKinds(Struct, frozen=True, kw_only=True):
    """Tokens by kind. Of the input, shares: read from a cache, written to one, computed anew."""

    input_uncached: int
    input_cache_read: int
    input_cache_write: int
    output: int
    cached_share: float | None
    cache_write_share: float | None
    uncached_share: float | None


class ChangeInPercent(Struct, frozen=True, kw_only=True):
    """From the earlier span to this one; null where there was nothing or it is not known."""

    tokens: float | None
    requests: float | None
    cost_usd: float | None
    energy_kwh: float | None
    co2e_grams: float | None
    water_litres: float | None


class EarlierSpan(Struct, frozen=True, kw_only=True):
    """The span before, of the same length: central values, and what has changed since."""

    time_range: TimeRange
    tokens: int
    requests: int | None
    cost_usd: float | None
    energy_kwh: float
    co2e_grams: float
    water_litres: float
    change_percent: ChangeInPercent


class PossiblyCountedTwice(Struct, frozen=True, kw_only=True):
    """A provider whose use arrives pushed and by its meter, and nobody has said which counts."""

    provider: str
    pushed_tokens: int
    metered_tokens: int


class SummaryLinks(Struct, frozen=True, kw_only=True):
    """What the total is made of: its days, its hours, its events."""

    days: str
    rollups: str
    events: str


class UsageSummary(Struct, frozen=True, kw_only=True):
    """What a span of usage cost the air, whole and by group, heaviest first.

    `cost_known_share`: of the tokens, those of lines (a model, project, connection and region)
    whose cost is told. `previous` is null where nothing was used before.
    """

    time_range: TimeRange
    is_simulated: bool
    factor_version: str
    confidence: Confidence
    overrides: list[AppliedFactor]
    total: UsageTotals
    tokens: TokenKinds
    cost_usd: float | None
    cost_known_share: float | None
    equivalents: list[str]
    previous: EarlierSpan | None
    possible_double_counting: list[PossiblyCountedTwice]
    by_model: list[UsageGroup]
    by_project: list[UsageGroup]
    by_provider: list[UsageGroup]
    by_connection: list[UsageGroup]
    by_region: list[UsageGroup]
    links: SummaryLinks


class SeriesPoint(Struct, frozen=True, kw_only=True):
    """One step. `totals` is null where split by `token_kind`: energy is not told apart by it."""

    start_time: datetime
    key: str | None
    label: str
    tokens: int
    totals: UsageTotals | None


class UsageSeries(Struct, frozen=True, kw_only=True):
    """The same sums step by step, oldest first; steps without usage are absent."""

    time_range: TimeRange
    is_simulated: bool
    step: Step
    split_by: Split | None
    overrides: list[AppliedFactor]
    points: list[SeriesPoint]


class CatalogueMatch(Struct, frozen=True, kw_only=True):
    """The row of today's catalogue that a name finds. Not specific: known by its tier only."""

    pattern: str
    tier: str
    is_specific: bool


class ModelLine(Struct, frozen=True, kw_only=True):
    """One model of one provider, with what it costs the air per 1,000 tokens of any kind."""

    model: str | None
    provider: str
    provider_label: str
    confidence: Confidence
    matched: CatalogueMatch
    share_of_total: float | None
    co2e_grams_per_1000_tokens: QuantityBounds | None
    totals: UsageTotals


class ModelReport(Struct, frozen=True, kw_only=True):
    """The heaviest models of a span; `left_out` is how many more there are."""

    time_range: TimeRange
    is_simulated: bool
    factor_version: str
    left_out: int
    models: list[ModelLine]
