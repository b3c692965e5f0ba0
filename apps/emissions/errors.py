"""What the emissions app refuses, in words of the domain."""

from apps.common.errors import ConflictError, InvalidError, NotFoundError, UnavailableError


class CatalogueError(InvalidError):
    """A catalogue directory that is incomplete, altered or inconsistent."""

    code = "catalogue_invalid"


class FactorVersionTakenError(ConflictError):
    """Another document already bears this version."""

    code = "factor_version_taken"


class FactorSetNotFoundError(NotFoundError):
    code = "factor_set_not_found"


class NoCurrentFactorsError(UnavailableError):
    """Nothing can be calculated before a factor set is published."""

    code = "no_current_factors"
