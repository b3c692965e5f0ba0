"""The five plans, as frozen data: what each may do, and Stripe's lookup key for its price."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """One tier. `None` means without limit."""

    name: str
    retires_credits: bool
    live_events_per_month: int | None
    connections: int | None
    stripe_lookup_key: str | None


PLANS = {
    plan.name: plan
    for plan in (
        Plan("free", retires_credits=False, live_events_per_month=10_000, connections=3, stripe_lookup_key=None),
        Plan("starter", retires_credits=True, live_events_per_month=100_000, connections=5, stripe_lookup_key="starter_monthly"),
        Plan("growth", retires_credits=True, live_events_per_month=1_000_000, connections=20, stripe_lookup_key="growth_monthly"),
        Plan("scale", retires_credits=True, live_events_per_month=10_000_000, connections=100, stripe_lookup_key="scale_monthly"),
        Plan("enterprise", retires_credits=True, live_events_per_month=None, connections=None, stripe_lookup_key=None),
    )
}  # fmt: skip
PLAN_NAMES = tuple(PLANS)
FREE = PLANS["free"]


def plan_of_lookup_key(lookup_key: str) -> Plan | None:
    """The plan sold under a Stripe price's lookup key."""
    return next((plan for plan in PLANS.values() if plan.stripe_lookup_key == lookup_key), None)
