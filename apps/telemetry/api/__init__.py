"""The HTTP API of connections and reports."""

from apps.telemetry.api.connections import ConnectionApi, ConnectionsApi, RotateKeyApi
from apps.telemetry.api.reports import SummaryApi, TimeseriesApi

__all__ = ["ConnectionApi", "ConnectionsApi", "RotateKeyApi", "SummaryApi", "TimeseriesApi"]
