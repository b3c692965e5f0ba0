"""The operator's view of telemetry: connections and polls, the ledger, overrides, samples."""

from apps.telemetry.admin import budgets, connections, imports, ledger, overrides, routing, samples

__all__ = ["budgets", "connections", "imports", "ledger", "overrides", "routing", "samples"]
