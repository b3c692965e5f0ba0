"""What was used, and what it costs the air: connections, readings and the ledger."""

from apps.telemetry.models.budgets import AlertDelivery, Budget, BudgetAlert
from apps.telemetry.models.connections import (
    ProviderConnection,
    RoutingRule,
    SourceOfRecord,
    Workload,
)
from apps.telemetry.models.imports import UsageImport
from apps.telemetry.models.ledger import CarbonEntry, DayRollup, Rollup, TelemetryEvent
from apps.telemetry.models.overrides import FactorOverride
from apps.telemetry.models.quantities import (
    BOUNDED,
    COST_PLACES,
    ENERGY_PLACES,
    MASS_PLACES,
    SUMMED,
    TOKENS,
    UNKNOWABLE,
    Quantities,
)
from apps.telemetry.models.readings import MeteredBucket, PollRun, ProviderTotal, SyncCursor
from apps.telemetry.models.samples import (
    SAMPLE_BOUNDED,
    SAMPLE_SUMMED,
    UsageSample,
    UsageSampleRollup,
)
from apps.telemetry.models.signals import LiveEventCount, MetricSeries, SignalGroup

__all__ = [
    "BOUNDED",
    "COST_PLACES",
    "ENERGY_PLACES",
    "MASS_PLACES",
    "SAMPLE_BOUNDED",
    "SAMPLE_SUMMED",
    "SUMMED",
    "TOKENS",
    "UNKNOWABLE",
    "AlertDelivery",
    "Budget",
    "BudgetAlert",
    "CarbonEntry",
    "DayRollup",
    "FactorOverride",
    "LiveEventCount",
    "MeteredBucket",
    "MetricSeries",
    "PollRun",
    "ProviderConnection",
    "ProviderTotal",
    "Quantities",
    "Rollup",
    "RoutingRule",
    "SignalGroup",
    "SourceOfRecord",
    "SyncCursor",
    "TelemetryEvent",
    "UsageImport",
    "UsageSample",
    "UsageSampleRollup",
    "Workload",
]
