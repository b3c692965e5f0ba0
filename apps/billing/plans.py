"""The five plans, as frozen data: what each may do, and Stripe's lookup key for its price."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """One tier. `None` means without limit."""

    name: str
    live_events_per_month: int | None
    connections: int | None
    stripe_lookup_key: str | None
    retires_credits: bool = True


PLANS = {
    plan.name: plan
    for plan in (
        Plan("free", 10_000, 3, None, retires_credits=False),
        Plan("starter", 100_000, 5, "starter_monthly"),
        Plan("growth", 1_000_000, 20, "growth_monthly"),
        Plan("scale", 10_000_000, 100, "scale_monthly"),
        Plan("enterprise", None, None, None),
    )
}
PLAN_NAMES = tuple(PLANS)
FREE = PLANS["free"]


def plan_of_lookup_key(lookup_key: str) -> Plan | None:
    """The plan sold under a Stripe price's lookup key."""
    return next((plan for plan in PLANS.values() if plan.stripe_lookup_key == lookup_key), None)
