"""The HTTP API of plans, the subscription and billing periods. Credits stand beside a footprint."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.billing import selectors
from apps.billing.models import BillingPeriod, CreditAllocation, CreditBatch
from apps.billing.plans import PLAN_NAMES, PLANS
from apps.billing.serials import SerialError, parse
from apps.billing.services.retirements import serials
from apps.common.figures import BoundsOutput
from apps.workspaces.access import WorkspaceApi


class PlanOutput(serializers.Serializer):
    """A plan and its limits; null means without limit."""

    name = serializers.ChoiceField(choices=PLAN_NAMES)
    retires_credits = serializers.BooleanField()
    live_events_per_month = serializers.IntegerField(allow_null=True)
    connections = serializers.IntegerField(allow_null=True)


class PlansApi(WorkspaceApi):
    """GET /billing/plans: the plans there are, and which is the workspace's."""

    class Output(serializers.Serializer):
        current = serializers.ChoiceField(choices=PLAN_NAMES)
        plans = PlanOutput(many=True)

    @extend_schema(operation_id="billing_plans", responses={200: Output})
    def get(self, request: Request) -> Response:
        current = selectors.current_plan(self.workspace)
        plans = list(PLANS.values())
        return Response(self.Output({"current": current.name, "plans": plans}).data)


class PeriodOutput(serializers.Serializer):
    """A period. Its figures are null until its entries are settled."""

    id = serializers.CharField(source="public_id")
    status = serializers.ChoiceField(choices=BillingPeriod.Status.choices)
    plan = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    closes_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    entries_count = serializers.IntegerField(allow_null=True)
    co2e_grams = serializers.SerializerMethodField()
    energy_kwh = serializers.FloatField(allow_null=True)
    adjustments_grams = serializers.FloatField(
        allow_null=True, help_text="the part of the footprint that was used before this period"
    )
    retires_credits = serializers.BooleanField()
    retirement_basis = serializers.ChoiceField(choices=("central", "high"))
    retired_grams = serializers.IntegerField(allow_null=True)
    problem = serializers.CharField(help_text="why the close has not gone on; empty if nothing is")

    @extend_schema_field(BoundsOutput(allow_null=True))
    def get_co2e_grams(self, period: BillingPeriod) -> dict[str, Any] | None:
        if period.settled_at is None:
            return None
        bounds = {
            "low": period.co2e_grams_low,
            "central": period.co2e_grams,
            "high": period.co2e_grams_high,
        }
        return dict(BoundsOutput(bounds).data)


class SubscriptionApi(WorkspaceApi):
    """GET /billing/subscription: what Stripe last said, and the period that is open."""

    class Output(serializers.Serializer):
        plan = serializers.ChoiceField(choices=PLAN_NAMES)
        status = serializers.CharField(allow_null=True, help_text="Stripe's word; null without one")
        current_period_start = serializers.DateTimeField(allow_null=True)
        current_period_end = serializers.DateTimeField(allow_null=True)
        ended_at = serializers.DateTimeField(allow_null=True)
        open_period = PeriodOutput(allow_null=True)

    @extend_schema(operation_id="billing_subscription", responses={200: Output})
    def get(self, request: Request) -> Response:
        known = selectors.subscription_of(self.workspace)
        report = {
            "plan": selectors.current_plan(self.workspace).name,
            "status": known.status or None if known else None,
            "current_period_start": known.current_period_start if known else None,
            "current_period_end": known.current_period_end if known else None,
            "ended_at": known.ended_at if known else None,
            "open_period": selectors.open_period(self.workspace),
        }
        return Response(self.Output(report).data)


class PeriodsApi(WorkspaceApi):
    """GET /billing/periods: the newest first."""

    is_paged = True
    Output = PeriodOutput

    @extend_schema(operation_id="billing_periods_list")
    def get(self, request: Request) -> Response:
        found = selectors.periods_of(self.workspace)
        return self.paginated(found, PeriodOutput, ordering=("-starts_at", "-pk"))


class AllocationOutput(serializers.Serializer):
    """Grams of a credit batch that were given to the period, and where their retirement stands."""

    class Credit(serializers.Serializer):
        id = serializers.CharField(source="public_id")
        registry = serializers.CharField()
        project_id = serializers.CharField(source="project_ref")
        project_name = serializers.CharField()
        project_url = serializers.CharField()
        country = serializers.CharField()
        methodology = serializers.CharField()
        mitigation = serializers.ChoiceField(choices=CreditBatch.Mitigation.choices)
        vintage_start = serializers.DateField()
        vintage_end = serializers.DateField()
        labels = serializers.ListField(child=serializers.CharField())
        corresponding_adjustment = serializers.CharField()
        is_demonstration = serializers.BooleanField()

    class Retirement(serializers.Serializer):
        id = serializers.CharField(source="public_id")
        status = serializers.CharField()
        retirement_id = serializers.CharField()
        retired_on = serializers.DateField(allow_null=True)
        registry_url = serializers.CharField()

    grams = serializers.SerializerMethodField()
    serial_range = serializers.SerializerMethodField()
    credit = Credit(source="batch")
    retirement = Retirement(source="order")

    def get_grams(self, allocation: CreditAllocation) -> int:
        return int(allocation.grams.upper - allocation.grams.lower)

    def get_serial_range(self, allocation: CreditAllocation) -> str:
        """The serials that hold the grams, as the registry would write them."""
        batch = allocation.batch
        if not batch.is_serial_parsed:
            return batch.serial_range
        first, last = serials(batch, allocation.grams.lower, allocation.grams.upper)
        try:
            return parse(batch.registry, batch.serial_range).part(first, last)
        except SerialError:  # a form that is no longer read: its own text is still true
            return batch.serial_range


class PeriodApi(WorkspaceApi):
    """GET /billing/periods/{id}: one period with the credits allocated to it."""

    class Output(PeriodOutput):
        allocations = AllocationOutput(many=True)

    @extend_schema(operation_id="billing_periods_retrieve", responses={200: Output})
    def get(self, request: Request, period_id: str) -> Response:
        period = selectors.period_of(self.workspace, period_id)
        shown = {
            **PeriodOutput(period).data,
            "allocations": AllocationOutput(selectors.allocations_of(period), many=True).data,
        }
        return Response(shown)
