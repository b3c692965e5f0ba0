"""The HTTP API of tracking, samples, sessions, connections, overrides and reports."""

from apps.telemetry.api.anomalies import AnomaliesApi
from apps.telemetry.api.budgets import BudgetAlertsApi, BudgetApi, BudgetsApi, RotateSecretApi
from apps.telemetry.api.connection_operations import CompletenessApi, PollApi, ValidateApi
from apps.telemetry.api.connections import ConnectionApi, ConnectionsApi, RotateKeyApi
from apps.telemetry.api.events import EventApi, EventsApi, RollupsApi
from apps.telemetry.api.exports import CalculationsExportApi, TelemetryExportApi
from apps.telemetry.api.footprint import FootprintApi
from apps.telemetry.api.overrides import OverrideApi, OverridesApi
from apps.telemetry.api.projects import ProjectAnalyticsApi, ProjectApi
from apps.telemetry.api.reports import ModelUsageApi, SummaryApi, TimeseriesApi
from apps.telemetry.api.routing import RoutingRuleApi, RoutingRulesApi
from apps.telemetry.api.sample_reports import SampleSummaryApi, WorkspaceSampleSummaryApi
from apps.telemetry.api.samples import UsageSamplesApi
from apps.telemetry.api.sci import SciApi
from apps.telemetry.api.sessions import SessionTodayApi
from apps.telemetry.api.source_of_record import SourceOfRecordApi, SourcesOfRecordApi
from apps.telemetry.api.tracking import TrackApi, TrackBatchApi

__all__ = [
    "AnomaliesApi",
    "BudgetAlertsApi",
    "BudgetApi",
    "BudgetsApi",
    "CalculationsExportApi",
    "CompletenessApi",
    "ConnectionApi",
    "ConnectionsApi",
    "EventApi",
    "EventsApi",
    "FootprintApi",
    "ModelUsageApi",
    "OverrideApi",
    "OverridesApi",
    "PollApi",
    "ProjectAnalyticsApi",
    "ProjectApi",
    "RollupsApi",
    "RotateKeyApi",
    "RotateSecretApi",
    "RoutingRuleApi",
    "RoutingRulesApi",
    "SampleSummaryApi",
    "SciApi",
    "SessionTodayApi",
    "SourceOfRecordApi",
    "SourcesOfRecordApi",
    "SummaryApi",
    "TelemetryExportApi",
    "TimeseriesApi",
    "TrackApi",
    "TrackBatchApi",
    "UsageSamplesApi",
    "ValidateApi",
    "WorkspaceSampleSummaryApi",
]
