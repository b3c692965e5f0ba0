"""What the optimizer refuses, in words of the domain."""

from apps.common.errors import InvalidError


class MixedIntensitiesError(InvalidError):
    """Life-cycle beside direct, or average beside marginal: such figures cannot be compared."""

    code = "mixed_intensities"


class UnevenSeriesError(InvalidError):
    """Times that are not the steps of one clock, or values that are no intensity."""

    code = "uneven_series"
