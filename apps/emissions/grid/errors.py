"""What a source of intensities can do wrong that HTTP's status does not tell."""

from apps.common.outside import BusyError, RefusedError


class NoDataError(RefusedError):
    """The source has no value for this zone at present."""

    def __init__(self, message: str) -> None:
        super().__init__("not_found", message)


class NotInPlanError(RefusedError):
    """The key is good, but its plan does not hold this zone and endpoint."""

    def __init__(self, message: str) -> None:
        super().__init__("permission", message)


class SandboxKeyError(RefusedError):
    """The key is for trying out: its numbers are invented and never used."""

    def __init__(self, message: str) -> None:
        super().__init__("permission", message)


class UnusableAnswerError(BusyError):
    """The answer is for another zone, from another time, or not a number that can be."""

    def __init__(self, message: str) -> None:
        super().__init__("malformed_response", message)


class BudgetSpentError(BusyError):
    """Today's calls are used up, or cannot be counted."""

    def __init__(self, message: str) -> None:
        super().__init__("rate_limited", message)
