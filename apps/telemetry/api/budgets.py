"""The HTTP API of budgets: set one, see how its month stands, who was told, archive it."""

from collections.abc import Iterable
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common import clock
from apps.common.figures import BoundsOutput
from apps.telemetry.models import Budget
from apps.telemetry.selectors import budgets as selectors
from apps.telemetry.services import budget_terms, budgets
from apps.workspaces.access import WorkspaceApi
from apps.workspaces.roles import Right


class DeliveryOutput(serializers.Serializer):
    """One recipient of an alert: told, still tried, or given up."""

    id = serializers.CharField(source="public_id")
    channel = serializers.ChoiceField(choices=("email", "webhook"))
    target = serializers.CharField()
    state = serializers.ChoiceField(choices=("waiting", "delivered", "given_up"))
    attempts = serializers.IntegerField()
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)
    last_error = serializers.CharField()


class AlertOutput(serializers.Serializer):
    """A threshold that a month has reached, with the use that reached it. It is never withdrawn."""

    id = serializers.CharField(source="public_id")
    month = serializers.DateField(help_text="Its first day.")
    threshold = serializers.IntegerField(help_text="Percent.")
    used_amount = serializers.FloatField()
    monthly_amount = serializers.FloatField()
    crossed_at = serializers.DateTimeField()
    deliveries = DeliveryOutput(many=True)


class _Standings(serializers.ListSerializer):
    """Budgets with how they stand, all of them by the same few queries."""

    def to_representation(self, data: Any) -> Any:
        found: Iterable[Budget] = data
        return super().to_representation(selectors.standings(list(found), now=clock.now()))


class BudgetOutput(serializers.Serializer):
    """A budget and how its current calendar month (UTC) stands, by the central estimate.

    A project's budget counts language models only: samples of compute have no project.
    """

    class Meta:
        list_serializer_class = _Standings

    id = serializers.CharField(source="budget.public_id")
    name = serializers.CharField(source="budget.name")
    project_id = serializers.UUIDField(
        source="budget.project.public_id", allow_null=True, default=None
    )
    unit = serializers.ChoiceField(source="budget.unit", choices=Budget.Unit.choices)
    monthly_amount = serializers.FloatField(source="budget.monthly_amount")
    thresholds = serializers.ListField(
        source="budget.thresholds", child=serializers.IntegerField(), help_text="Percent."
    )
    emails = serializers.ListField(source="budget.emails", child=serializers.EmailField())
    webhook_url = serializers.CharField(source="budget.webhook_url")
    counts = serializers.ListField(child=serializers.ChoiceField(choices=("llm", "compute")))
    month = serializers.DateField(help_text="Its first day.")
    used = BoundsOutput()
    percent = BoundsOutput()
    forecast = BoundsOutput(
        allow_null=True,
        help_text="The month's end at the mean of its finished days; null in the first three.",
    )
    alerts = AlertOutput(many=True)
    created_at = serializers.DateTimeField(source="budget.created_at")
    updated_at = serializers.DateTimeField(source="budget.updated_at")
    archived_at = serializers.DateTimeField(source="budget.archived_at", allow_null=True)


class KeptBudgetOutput(BudgetOutput):
    """A budget, and the secret of its webhooks in the one answer that tells it."""

    webhook_secret = serializers.CharField(
        allow_null=True, help_text="`whsec_…` where it was made just now. It is not shown again."
    )

    class Meta:
        list_serializer_class = serializers.ListSerializer


class _Changeable(serializers.Serializer):
    """What may be changed later; whether it can be meant is the service's to say."""

    name = serializers.CharField(max_length=budget_terms.LONGEST_NAME)
    monthly_amount = serializers.DecimalField(
        max_digits=budget_terms.AMOUNT_DIGITS,
        decimal_places=budget_terms.AMOUNT_PLACES,
        coerce_to_string=False,
        help_text="Grams of CO2e or kilowatt-hours, above 0.",
    )
    thresholds = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=budget_terms.HIGHEST_THRESHOLD),
        min_length=1,
        max_length=budget_terms.MOST_THRESHOLDS,
        required=False,
        help_text="Percent, ascending, each once; by default 50, 80 and 100.",
    )
    emails = serializers.ListField(
        child=serializers.EmailField(max_length=254),
        max_length=budget_terms.MOST_EMAILS,
        required=False,
        help_text="Who is told.",
    )
    webhook_url = serializers.CharField(
        max_length=budget_terms.LONGEST_URL,
        allow_blank=True,
        required=False,
        help_text="A public https address at port 443; empty: none.",
    )


class BudgetsApi(WorkspaceApi):
    """GET, POST /budgets: what a workspace's months may use."""

    class Input(_Changeable):
        unit = serializers.ChoiceField(choices=Budget.Unit.choices)
        project_id = serializers.UUIDField(
            required=False,
            allow_null=True,
            help_text="Null: all language-model use of the workspace, and compute.",
        )

    write_right = Right.PROJECTS
    Output = BudgetOutput
    is_paged = True

    @extend_schema(operation_id="budgets_list")
    def get(self, request: Request) -> Response:
        """List the budgets that are not archived."""
        return self.paginated(selectors.open_budgets(self.workspace), BudgetOutput)

    @extend_schema(
        operation_id="budgets_create",
        responses={
            201: KeptBudgetOutput,
            404: OpenApiResponse(description="No such project"),
            409: OpenApiResponse(description="The name is taken, or there are too many"),
        },
    )
    def post(self, request: Request) -> Response:
        """Keep a budget. With a webhook the answer has the secret that signs it, this once."""
        kept = budgets.create_budget(
            self.workspace, **self.valid(self.Input), actor=self.actor, now=clock.now()
        )
        return Response(_told(kept), status=201)


class BudgetApi(WorkspaceApi):
    """GET, PATCH, DELETE /budgets/{id}: one budget; deleting archives it."""

    class Input(_Changeable):
        name = serializers.CharField(max_length=budget_terms.LONGEST_NAME, required=False)
        monthly_amount = serializers.DecimalField(
            max_digits=budget_terms.AMOUNT_DIGITS,
            decimal_places=budget_terms.AMOUNT_PLACES,
            coerce_to_string=False,
            required=False,
        )

    write_right = Right.PROJECTS
    Output = BudgetOutput

    @extend_schema(operation_id="budgets_retrieve")
    def get(self, request: Request, budget_id: str) -> Response:
        found = selectors.budget_of(self.workspace, budget_id)
        (standing,) = selectors.standings([found], now=clock.now())
        return Response(BudgetOutput(standing).data)

    @extend_schema(
        operation_id="budgets_change",
        responses={
            200: KeptBudgetOutput,
            409: OpenApiResponse(description="The name is taken, or the budget is archived"),
        },
    )
    def patch(self, request: Request, budget_id: str) -> Response:
        """Change what is given. The unit and the project stay: its alerts speak of them."""
        kept = budgets.change_budget(
            self.workspace,
            budget_id,
            self.valid(self.Input),
            actor=self.actor,
            now=clock.now(),
        )
        return Response(_told(kept))

    @extend_schema(operation_id="budgets_archive")
    def delete(self, request: Request, budget_id: str) -> Response:
        """Watch it no more. Its alerts stay, and what is not yet delivered is given up."""
        budgets.archive_budget(self.workspace, budget_id, actor=self.actor, now=clock.now())
        return Response(status=204)


class BudgetAlertsApi(WorkspaceApi):
    """GET /budgets/{id}/alerts: every threshold that was reached, latest first."""

    Output = AlertOutput
    is_paged = True

    @extend_schema(operation_id="budgets_alerts")
    def get(self, request: Request, budget_id: str) -> Response:
        budget = selectors.budget_of(self.workspace, budget_id)
        return self.paginated(
            selectors.alerts_of(budget), AlertOutput, ordering=("-crossed_at", "-pk")
        )


class RotateSecretApi(WorkspaceApi):
    """POST /budgets/{id}/rotate-secret: another secret for its webhooks, shown this once."""

    write_right = Right.PROJECTS

    @extend_schema(
        operation_id="budgets_rotate_secret",
        request=None,
        responses={
            200: KeptBudgetOutput,
            409: OpenApiResponse(description="It has no webhook, or is archived"),
        },
    )
    def post(self, request: Request, budget_id: str) -> Response:
        kept = budgets.rotate_secret(self.workspace, budget_id, actor=self.actor, now=clock.now())
        return Response(_told(kept))


def _told(kept: budgets.Kept) -> dict[str, Any]:
    (standing,) = selectors.standings([kept.budget], now=clock.now())
    secret = kept.webhook_secret and kept.webhook_secret.reveal()
    return {**BudgetOutput(standing).data, "webhook_secret": secret}
