"""What telemetry refuses, in words a client can act on."""

from apps.common.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    PaymentRequiredError,
    TooManyError,
    UnavailableError,
    UnprocessableError,
)


class ConnectionValidationError(InvalidError):
    """The provider refused the key."""

    code = "connection_validation_failed"


class ConnectionNotFoundError(NotFoundError):
    code = "connection_not_found"


class ConnectionRevokedError(ConflictError):
    code = "connection_revoked"


class ConnectionPausedError(ConflictError):
    code = "connection_paused"


class ConnectionStoppedError(ConflictError):
    """It waits for a person; the message says for what."""

    code = "connection_stopped"


class PollTooSoonError(TooManyError):
    """A reading was asked for less than a minute ago, or earlier than the provider allows."""


class ConnectionExistsError(ConflictError):
    """The provider account is already connected here."""

    code = "connection_exists"


class ProviderNotOfferedError(InvalidError):
    """A provider that is reached where the operator says, who has not said it."""


class ProjectInUseError(ConflictError):
    """Connections or routing rules still send usage to the project."""

    code = "project_in_use"


class RoutingRuleExistsError(ConflictError):
    """A value of a dimension has one rule."""

    code = "routing_rule_exists"


class RoutingRuleNotFoundError(NotFoundError):
    code = "routing_rule_not_found"


class SourceOfRecordNotFoundError(NotFoundError):
    """Nothing is declared for the provider: all of it counts."""

    code = "source_of_record_not_found"


class ProviderUnavailableError(UnavailableError):
    """The provider could not be asked just now; the key may well be good."""

    code = "provider_unavailable"


class QuotaExceededError(PaymentRequiredError):
    """More live events than the plan includes this month."""


class IdempotencyKeyReusedError(ConflictError):
    """The key was used before with another body."""

    code = "idempotency_key_reused"


class OverrideNotFoundError(NotFoundError):
    code = "override_not_found"


class OverrideEndedError(ConflictError):
    """It was ended before, or its agreed time is over."""

    code = "override_ended"


class InvalidSampleError(UnprocessableError):
    """A sample of compute that cannot be meant; `fields` names the row and the member."""

    code = "validation_error"


class SampleExistsError(ConflictError):
    """The external id was used before for another sample."""

    code = "sample_exists"


class BudgetNotFoundError(NotFoundError):
    code = "budget_not_found"


class BudgetExistsError(ConflictError):
    """A budget of that name is kept already."""

    code = "budget_exists"


class BudgetArchivedError(ConflictError):
    """What is archived is not changed any more."""

    code = "budget_archived"


class BudgetWithoutWebhookError(ConflictError):
    """There is no address whose deliveries a secret could sign."""

    code = "budget_without_webhook"


class TooManyBudgetsError(ConflictError):
    """As many as a workspace may keep."""

    code = "too_many_budgets"


class ImportRunningError(ConflictError):
    """One import at a time in a workspace."""

    code = "usage_import_running"


class ExportsRunningError(TooManyError):
    """As many exports of the workspace are under way as it may have at once."""


class ExportCutOffError(UnavailableError):
    """An export that took longer than it may. Raised while it streams: the reader sees it end."""


class EventNotFoundError(NotFoundError):
    code = "event_not_found"


class UnitNotCountedError(UnprocessableError):
    """No score can be given for a unit of which nobody counted any."""

    code = "functional_unit_not_counted"
