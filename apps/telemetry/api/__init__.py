"""The HTTP API of tracking, samples, sessions, connections, overrides and reports."""

from apps.telemetry.api.connections import ConnectionApi, ConnectionsApi, RotateKeyApi
from apps.telemetry.api.overrides import OverrideApi, OverridesApi
from apps.telemetry.api.reports import SummaryApi, TimeseriesApi
from apps.telemetry.api.sample_reports import SampleSummaryApi, WorkspaceSampleSummaryApi
from apps.telemetry.api.samples import UsageSamplesApi
from apps.telemetry.api.sessions import SessionTodayApi
from apps.telemetry.api.tracking import TrackApi, TrackBatchApi

__all__ = [
    "ConnectionApi",
    "ConnectionsApi",
    "OverrideApi",
    "OverridesApi",
    "RotateKeyApi",
    "SampleSummaryApi",
    "SessionTodayApi",
    "SummaryApi",
    "TimeseriesApi",
    "TrackApi",
    "TrackBatchApi",
    "UsageSamplesApi",
    "WorkspaceSampleSummaryApi",
]
