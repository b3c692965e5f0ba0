"""The API's table of contents: every path below /api/v1/, in the order of the OpenAPI document."""

from django.urls import URLPattern, URLResolver, path

from apps.billing import api as billing
from apps.billing import webhooks
from apps.receipts import api as receipts
from apps.telemetry import api as telemetry
from apps.workspaces import api as workspaces
from carbon_platform import openapi

urlpatterns: list[URLPattern | URLResolver] = [
    path("openapi.json", openapi.DocumentApi.as_view(), name="openapi"),
    path("workspaces", workspaces.WorkspacesApi.as_view()),
    path("workspaces/<str:workspace_id>", workspaces.WorkspaceDetailApi.as_view()),
    path("connections", telemetry.ConnectionsApi.as_view()),
    path("connections/<str:connection_id>", telemetry.ConnectionApi.as_view()),
    path("connections/<str:connection_id>/rotate-key", telemetry.RotateKeyApi.as_view()),
    path("telemetry/summary", telemetry.SummaryApi.as_view(), name="telemetry-summary"),
    path("telemetry/timeseries", telemetry.TimeseriesApi.as_view(), name="telemetry-timeseries"),
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
