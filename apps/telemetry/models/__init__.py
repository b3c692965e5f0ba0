"""What was used, and what it costs the air: connections, readings and the ledger."""

from apps.telemetry.models.connections import ProviderConnection, Workload
from apps.telemetry.models.ledger import CarbonEntry, Rollup, TelemetryEvent
from apps.telemetry.models.overrides import FactorOverride
from apps.telemetry.models.quantities import (
    BOUNDED,
    ENERGY_PLACES,
    MASS_PLACES,
    SUMMED,
    TOKENS,
    Quantities,
)
from apps.telemetry.models.readings import MeteredBucket, PollRun, SyncCursor
from apps.telemetry.models.samples import (
    SAMPLE_BOUNDED,
    SAMPLE_SUMMED,
    UsageSample,
    UsageSampleRollup,
)
from apps.telemetry.models.signals import LiveEventCount, MetricSeries, SignalGroup

__all__ = [
    "BOUNDED",
    "ENERGY_PLACES",
    "MASS_PLACES",
    "SAMPLE_BOUNDED",
    "SAMPLE_SUMMED",
    "SUMMED",
    "TOKENS",
    "CarbonEntry",
    "FactorOverride",
    "LiveEventCount",
    "MeteredBucket",
    "MetricSeries",
    "PollRun",
    "ProviderConnection",
    "Quantities",
    "Rollup",
    "SignalGroup",
    "SyncCursor",
    "TelemetryEvent",
    "UsageSample",
    "UsageSampleRollup",
    "Workload",
]
