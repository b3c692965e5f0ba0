"""The operator's view of telemetry: connections and polls, the ledger, overrides, samples."""

from apps.telemetry.admin import connections, ledger, overrides, samples

__all__ = ["connections", "ledger", "overrides", "samples"]
