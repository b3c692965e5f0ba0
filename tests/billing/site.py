"""The site with billing's paths, whatever the product's own map holds."""

from django.urls import URLPattern, URLResolver, path

from apps.billing import api, webhooks
from carbon_platform import urls

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/webhooks/stripe", webhooks.stripe),
    path("api/v1/billing/plans", api.PlansApi.as_view()),
    path("api/v1/billing/subscription", api.SubscriptionApi.as_view()),
    path("api/v1/billing/periods", api.PeriodsApi.as_view()),
    path("api/v1/billing/periods/<str:period_id>", api.PeriodApi.as_view()),
    *urls.urlpatterns,
]
