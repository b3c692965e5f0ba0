"""The API's table of contents: every path below /api/v1/, in the order of the OpenAPI document."""

from django.urls import URLPattern, URLResolver, path, register_converter
from django.urls.converters import StringConverter

from apps.billing import api as billing
from apps.billing import webhooks
from apps.emissions import api as emissions
from apps.emissions.api import carbon_aware
from apps.emissions.api.estimate.views import EstimateApi, EstimateBatchApi
from apps.emissions.api.optimizer import views as optimizer
from apps.receipts import api as receipts
from apps.telemetry import api as telemetry
from apps.workspaces import api as workspaces
from carbon_platform import openapi


class AnyText(StringConverter):
    """A label in a path: slashes and line breaks are a part of it."""

    regex = r"[\s\S]+"


register_converter(AnyText, "text")

urlpatterns: list[URLPattern | URLResolver] = [
    path("openapi.json", openapi.DocumentApi.as_view(), name="openapi"),
    path("models", emissions.ModelsApi.as_view()),
    path("factors", emissions.FactorsApi.as_view()),
    path("factors/<str:version>", emissions.FactorSetApi.as_view()),
    path("optimize", optimizer.OptimizeApi.as_view()),
    path("regions", optimizer.RegionsApi.as_view()),
    path("regions/<str:region>", optimizer.RegionApi.as_view()),
    path("calculate", optimizer.CalculateApi.as_view()),
    path("compare", optimizer.CompareApi.as_view()),
    path("schedule", optimizer.ScheduleApi.as_view()),
    path("carbon-aware/emissions/bylocations/best", carbon_aware.BestLocationsApi.as_view()),
    path("carbon-aware/emissions/forecasts/current", carbon_aware.CurrentForecastsApi.as_view()),
    path("estimate", EstimateApi.as_view(), name="estimate"),
    path("estimate/batch", EstimateBatchApi.as_view()),
    path("track", telemetry.TrackApi.as_view(), name="track"),
    path("track/batch", telemetry.TrackBatchApi.as_view()),
    path("session/<text:developer_id>/today", telemetry.SessionTodayApi.as_view()),
    path("workspaces", workspaces.WorkspacesApi.as_view()),
    path("workspaces/<str:workspace_id>", workspaces.WorkspaceDetailApi.as_view()),
    path("workspaces/<str:workspace_id>/usage-samples", telemetry.UsageSamplesApi.as_view()),
    path(
        "workspaces/<str:workspace_id>/reports/summary",
        telemetry.WorkspaceSampleSummaryApi.as_view(),
    ),
    path("reports/summary", telemetry.SampleSummaryApi.as_view()),
    path("connections", telemetry.ConnectionsApi.as_view()),
    path("connections/<str:connection_id>", telemetry.ConnectionApi.as_view()),
    path("connections/<str:connection_id>/rotate-key", telemetry.RotateKeyApi.as_view()),
    path("connections/<str:connection_id>/validate", telemetry.ValidateApi.as_view()),
    path("connections/<str:connection_id>/poll", telemetry.PollApi.as_view()),
    path("connections/<str:connection_id>/completeness", telemetry.CompletenessApi.as_view()),
    path("projects", workspaces.ProjectsApi.as_view()),
    path("projects/<str:project_id>", telemetry.ProjectApi.as_view()),
    path("projects/<str:project_id>/analytics", telemetry.ProjectAnalyticsApi.as_view()),
    path("routing-rules", telemetry.RoutingRulesApi.as_view()),
    path("routing-rules/<str:rule_id>", telemetry.RoutingRuleApi.as_view()),
    path("sources-of-record", telemetry.SourcesOfRecordApi.as_view()),
    path("sources-of-record/<str:provider>", telemetry.SourceOfRecordApi.as_view()),
    path("overrides", telemetry.OverridesApi.as_view()),
    path("overrides/<str:override_id>", telemetry.OverrideApi.as_view()),
    path("budgets", telemetry.BudgetsApi.as_view()),
    path("budgets/<str:budget_id>", telemetry.BudgetApi.as_view()),
    path("budgets/<str:budget_id>/alerts", telemetry.BudgetAlertsApi.as_view()),
    path("budgets/<str:budget_id>/rotate-secret", telemetry.RotateSecretApi.as_view()),
    path("telemetry/anomalies", telemetry.AnomaliesApi.as_view()),
    path("telemetry/summary", telemetry.SummaryApi.as_view(), name="telemetry-summary"),
    path("telemetry/timeseries", telemetry.TimeseriesApi.as_view(), name="telemetry-timeseries"),
    path("telemetry/models", telemetry.ModelUsageApi.as_view()),
    path("telemetry/sci", telemetry.SciApi.as_view()),
    path("telemetry/footprint", telemetry.FootprintApi.as_view()),
    path("telemetry/rollups", telemetry.RollupsApi.as_view(), name="telemetry-rollups"),
    path("telemetry/events", telemetry.EventsApi.as_view(), name="telemetry-events"),
    path("telemetry/events/<str:event_id>", telemetry.EventApi.as_view(), name="telemetry-event"),
    path("export/telemetry", telemetry.TelemetryExportApi.as_view(), name="export-telemetry"),
    path("export/calculations", telemetry.CalculationsExportApi.as_view()),
    path("billing/plans", billing.PlansApi.as_view()),
    path("billing/subscription", billing.SubscriptionApi.as_view()),
    path("billing/periods", billing.PeriodsApi.as_view()),
    path("billing/periods/<str:period_id>", billing.PeriodApi.as_view()),
    path("receipts", receipts.ReceiptsApi.as_view()),
    path("receipts/<str:receipt_id>", receipts.ReceiptApi.as_view()),
    path("receipts/<str:receipt_id>/pdf", receipts.ReceiptPdfApi.as_view()),
    path("public/receipts/verify", receipts.VerifyReceiptApi.as_view()),
    path("public/receipts/<str:receipt_id>", receipts.PublicReceiptApi.as_view()),
    path("public/keys", receipts.PublicKeysApi.as_view()),
    path("webhooks/stripe", webhooks.stripe, name="webhook-stripe"),
]
