"""FOCUS 1.0 to 1.3: its columns, and those that AWS, Azure and Google Cloud add, as billed lines.

Columns: focus.finops.org/focus-specification, docs.aws.amazon.com/cur/latest/userguide/
table-dictionary-focus-1-2-aws-columns.html, learn.microsoft.com/azure/cost-management-billing/
dataset-schema/cost-usage-details-focus, docs.cloud.google.com/billing/docs/how-to/
export-data-bigquery-tables/focus-export.
"""

import functools
import json
from collections.abc import Iterator, Sequence
from typing import Final

from apps.telemetry.billing_exports.amounts import UnreadableAmountError, read_amount
from apps.telemetry.billing_exports.identity import identity, plain_json
from apps.telemetry.billing_exports.lines import (
    NO_AMOUNT,
    UNKNOWN_KIND,
    USAGE,
    Batch,
    BilledLine,
    Line,
    Metered,
    Unreadable,
    Unused,
)
from apps.telemetry.billing_exports.moments import UnreadableMomentError, read_moment

NEEDED: Final = (
    "ChargeCategory",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "ConsumedQuantity",
    "ConsumedUnit",
    "RegionId",
    "ServiceName",
)
PROVIDERS: Final = ("HostProviderName", "ServiceProviderName", "ProviderName")
"""Where it ran comes first: a database that somebody sells may run on AWS."""
SERVICES: Final = ("x_ServiceCode", "x_SkuMeterCategory", "ServiceName")
USAGE_TYPES: Final = (
    "x_UsageType",
    "x_SkuMeterName",
    "x_SkuDescription",
    "SkuMeter",
    "ChargeDescription",
)
SKUS_OF_GOOGLE: Final = ("x_SkuDescription", "ChargeDescription", "SkuMeter")
"""Google's SKUs are told apart by their descriptions alone."""
DETAILS: Final = ("SkuPriceDetails", "x_SkuDetails")
STATES: Final = (
    "ChargeCategory",
    "ChargeClass",
    "CommitmentDiscountStatus",
    "CapacityReservationStatus",
)
READ: Final = (
    "RegionId",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "ConsumedQuantity",
    "SubAccountId",
    "ResourceId",
)
TERMS: Final = (
    "BillingAccountId",
    "AvailabilityZone",
    "PricingCategory",
    "CommitmentDiscountId",
    "CapacityReservationId",
    "SkuId",
    "SkuPriceId",
    "ChargeDescription",
    "x_Operation",
)
METERED: Final = (
    *STATES,
    "ConsumedUnit",
    "ServiceCategory",
    *PROVIDERS,
    *SERVICES,
    *USAGE_TYPES,
    *DETAILS,
)
TAGS: Final = "Tags"
NAMES: Final = {
    "aws": "aws",
    "amazon web services": "aws",
    "amazon web services, inc.": "aws",
    "microsoft": "azure",
    "microsoft azure": "azure",
    "azure": "azure",
    "google": "gcp",
    "google cloud": "gcp",
    "google cloud platform": "gcp",
    "gcp": "gcp",
}
CATEGORIES: Final = {
    "Usage": USAGE,
    "Purchase": "purchases",
    "Tax": "taxes",
    "Credit": "credits",
    "Adjustment": "adjustments",
}
CORRECTION: Final = "corrections of an earlier bill"
UNUSED: Final = "capacity that was reserved and not used"


def columns(_header: Sequence[str]) -> Sequence[str]:
    """What is read of a file."""
    return tuple(dict.fromkeys((*METERED, *READ, *TERMS, TAGS)))


def lines(batch: Batch, before: int) -> Iterator[Line]:
    """The lines of a batch, in order."""
    metered_as = zip(*(batch[name] for name in METERED), strict=True)
    read = zip(*(batch[name] for name in READ), strict=True)
    terms = zip(*(batch[name] for name in TERMS), strict=True)
    together = zip(metered_as, read, terms, batch[TAGS], strict=True)
    for number, (what, line, term, tags) in enumerate(together, start=before + 1):
        metered, names = _metered(*what)
        region, start, end, amount, account, resource_id = line
        if metered.line_kind != USAGE:
            yield Unused(number, metered)
            continue
        if not amount:
            yield Unused(number, metered._replace(line_kind=NO_AMOUNT))
            continue
        try:
            since, until = read_moment(start), read_moment(end)
            read_as = read_amount(amount)
        except (UnreadableMomentError, UnreadableAmountError) as fault:
            yield Unreadable(number, metered, str(fault))
            continue
        labels = "" if resource_id else plain_json(tags)
        where = (account, region, resource_id, since.text, until.text, labels)
        yield BilledLine(
            number,
            account,
            metered,
            region,
            since.at,
            until.at,
            read_as,
            resource_id,
            identity((*names, *where, *term)),
        )


@functools.lru_cache(maxsize=65_536)
def _metered(*texts: str) -> tuple[Metered, tuple[str, ...]]:
    """What was metered, and the texts of it that identify a line."""
    said = dict(zip(METERED, texts, strict=True))
    provider = _first(said, PROVIDERS)
    name = NAMES.get(provider.strip().lower(), provider or "no provider")
    service = _first(said, SERVICES)
    usage_type = _first(said, SKUS_OF_GOOGLE if name == "gcp" else USAGE_TYPES)
    metered = Metered(
        name,
        service,
        said["ServiceCategory"],
        usage_type,
        said["ConsumedUnit"],
        _instance_type(said),
        _line_kind(said),
    )
    names = (metered.provider, service, usage_type, said["ConsumedUnit"])
    return metered, (*names, said["CommitmentDiscountStatus"])


def _line_kind(said: dict[str, str]) -> str:
    """Corrections are of bills that were imported before, and samples are append-only."""
    category = said["ChargeCategory"]
    kind = CATEGORIES.get(category, UNKNOWN_KIND + (category or "none"))
    if kind == USAGE and said["ChargeClass"] == "Correction":
        return CORRECTION
    if kind == USAGE and "Unused" in (
        said["CommitmentDiscountStatus"],
        said["CapacityReservationStatus"],
    ):
        return UNUSED
    return kind


def _instance_type(said: dict[str, str]) -> str:
    """FOCUS names it in the SKU's details; Azure did before as their `ServiceType`."""
    for name in DETAILS:
        try:
            details = json.loads(said[name] or "{}")
        except (ValueError, RecursionError):
            continue
        if isinstance(details, dict):
            found = details.get("InstanceType") or details.get("ServiceType")
            if isinstance(found, str):
                return found
    return said["x_SkuMeterName"]  # "D4s v3", of virtual machines


def _first(said: dict[str, str], names: Sequence[str]) -> str:
    return next((said[name] for name in names if said[name]), "")
