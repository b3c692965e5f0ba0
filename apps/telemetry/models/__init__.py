"""What was used, and what it costs the air: connections, readings and the ledger."""

from apps.telemetry.models.connections import ProviderConnection, Workload
from apps.telemetry.models.ledger import CarbonEntry, Rollup, TelemetryEvent
from apps.telemetry.models.quantities import ENERGY_PLACES, MASS_PLACES, Quantities
from apps.telemetry.models.readings import MeteredBucket, PollRun, SyncCursor

__all__ = [
    "ENERGY_PLACES",
    "MASS_PLACES",
    "CarbonEntry",
    "MeteredBucket",
    "PollRun",
    "ProviderConnection",
    "Quantities",
    "Rollup",
    "SyncCursor",
    "TelemetryEvent",
    "Workload",
]
