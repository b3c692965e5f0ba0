"""What billing refuses, in words a client or an operator can act on."""

from apps.common.errors import ConflictError, InvalidError, NotFoundError


class BillingPeriodNotOpenError(ConflictError):
    code = "billing_period_not_open"


class BillingPeriodNotDueError(ConflictError):
    """The period's late-arrival window has not passed yet."""

    code = "billing_period_not_due"


class BillingPeriodNotFoundError(NotFoundError):
    code = "billing_period_not_found"


class EarlierPeriodNotClosedError(ConflictError):
    """Periods of a workspace close in order."""

    code = "earlier_period_not_closed"


class CreditFileError(InvalidError):
    """A file of credits that cannot be loaded; `details` names the line."""

    code = "credit_file_invalid"


class RetirementNotPendingError(ConflictError):
    code = "retirement_not_pending"
