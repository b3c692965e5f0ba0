"""AWS Cost and Usage Report 2.0: its columns as billed lines.

Columns: docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2-line-item.html and the
pages beside it.
"""

import functools
from collections.abc import Iterator, Sequence
from typing import Final

from apps.telemetry.billing_exports.amounts import UnreadableAmountError, read_amount
from apps.telemetry.billing_exports.identity import identity, plain_json
from apps.telemetry.billing_exports.lines import (
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
    "line_item_line_item_type",
    "line_item_product_code",
    "line_item_usage_type",
    "line_item_usage_amount",
    "line_item_usage_start_date",
    "line_item_usage_end_date",
    "line_item_usage_account_id",
    "product_region_code",
)
READ: Final = (
    "line_item_line_item_type",
    "line_item_product_code",
    "line_item_usage_type",
    "pricing_unit",
    "product_instance_type",
    "split_line_item_parent_resource_id",
    "line_item_usage_account_id",
    "product_region_code",
    "line_item_availability_zone",
    "line_item_usage_start_date",
    "line_item_usage_end_date",
    "line_item_usage_amount",
    "line_item_resource_id",
)
TERMS: Final = (
    "bill_payer_account_id",
    "line_item_operation",
    "line_item_line_item_description",
    "product_sku",
    "product_from_region_code",
    "product_to_region_code",
    "pricing_term",
    "reservation_reservation_a_r_n",
    "savings_plan_savings_plan_a_r_n",
)
"""These identify a line besides what is read of it: the same hour on two terms is two lines."""
TAGS: Final = "resource_tags"
ZONE_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
SHARE: Final = "a task's or a pod's share"
"""Not AWS's word: split cost allocation repeats an instance's line for all that ran on it."""
KINDS: Final = {
    SHARE: "shares of instances that other lines count",
    "Usage": USAGE,
    "DiscountedUsage": USAGE,
    "SavingsPlanCoveredUsage": USAGE,
    "SavingsPlanNegation": "savings plan negations, which undo a price and no use",
    "SavingsPlanUpfrontFee": "fees",
    "SavingsPlanRecurringFee": "fees",
    "RIFee": "fees",
    "Fee": "fees",
    "Tax": "taxes",
    "Credit": "credits",
    "Refund": "refunds",
    "BundledDiscount": "discounts",
    "Discount": "discounts",
    "EdpDiscount": "discounts",
    "PrivateRateDiscount": "discounts",
    "RiVolumeDiscount": "discounts",
    "SppDiscount": "discounts",
}
"""What each line_item_line_item_type is; only usage counts, and each use counts once."""


def columns(header: Sequence[str]) -> Sequence[str]:
    """What is read of a file; tags come in one column, or in one for each that was asked for."""
    return (*READ, *TERMS, *sorted(name for name in header if name.startswith(TAGS)))


def lines(batch: Batch, before: int) -> Iterator[Line]:
    """The lines of a batch, in order."""
    read = zip(*(batch[name] for name in READ), strict=True)
    terms = zip(*(batch[name] for name in TERMS), strict=True)
    tags = [texts for name, texts in batch.items() if name.startswith(TAGS)]
    for place, (line, term) in enumerate(zip(read, terms, strict=True)):
        kind, service, usage_type, unit, instance_type, parent, *rest = line
        account, region, zone, start, end, amount, resource_id = rest
        metered = _metered(SHARE if parent else kind, service, usage_type, unit, instance_type)
        number = before + place + 1
        if metered.line_kind != USAGE:
            yield Unused(number, metered)
            continue
        try:
            since, until = read_moment(start), read_moment(end)
            read_as = read_amount(amount)
        except (UnreadableMomentError, UnreadableAmountError) as fault:
            yield Unreadable(number, metered, str(fault))
            continue
        who_and_where = (account, kind, service, usage_type, region, zone, resource_id)
        labels = () if resource_id else tuple(plain_json(texts[place]) for texts in tags)
        yield BilledLine(
            number,
            account,
            metered,
            region or zone.rstrip(ZONE_LETTERS),
            since.at,
            until.at,
            read_as,
            resource_id,
            identity((*who_and_where, since.text, until.text, *term, *labels)),
        )


@functools.lru_cache(maxsize=65_536)
def _metered(kind: str, service: str, usage_type: str, unit: str, instance_type: str) -> Metered:
    line_kind = KINDS.get(kind, UNKNOWN_KIND + (kind or "none"))
    return Metered("aws", service, "", usage_type, unit, instance_type, line_kind)
