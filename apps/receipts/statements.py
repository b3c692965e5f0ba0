"""The only sentences a receipt may say about itself, by id.

They state a footprint and a retirement side by side, never a difference: since 27 September 2026
Directive (EU) 2024/825 forbids claims of a neutral or reduced impact on the basis of offsetting.
A sentence that was signed once is never changed; new wording gets a new id.
"""

STATEMENTS = {
    "footprint-only/1": (
        "Estimated greenhouse gas footprint for the period. No carbon credits were retired for it."
    ),
    "footprint-and-retirement/1": (
        "Estimated greenhouse gas footprint for the period. Separately, the carbon credits listed "
        "were retired for this workspace in the stated quantity. The retirement finances "
        "mitigation elsewhere; it does not change the footprint."
    ),
    "footprint-and-pending/1": (
        "Estimated greenhouse gas footprint for the period. Carbon credits in the stated quantity "
        "are allocated; the listed part is not yet retired."
    ),
}

_BY_RETIREMENT = {
    "none": "footprint-only/1",
    "partly_covered": "footprint-and-retirement/1",
    "covered": "footprint-and-retirement/1",
    "pending": "footprint-and-pending/1",
}


def statement_for(retirement_status: str) -> str:
    """The id of the sentence that is true for a receipt in this retirement status."""
    return _BY_RETIREMENT[retirement_status]
