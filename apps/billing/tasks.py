"""When billing acts. Each task finds its work in the database; losing one loses nothing."""

from celery import shared_task
from django.conf import settings

from apps.billing.services import closing, events, periods
from apps.billing.stripe_gateway import StripeGateway
from apps.common import clock
from apps.common.secrets import Secret


@shared_task
def process_event(event_id: str) -> str:
    """Act on one stored event of Stripe's."""
    return events.process(event_id, gateway=_gateway(), now=clock.now())


@shared_task
def process_waiting_events() -> int:
    """Take up the events whose task was lost, or whose customer was not known yet."""
    return events.process_waiting(gateway=_gateway(), now=clock.now())


@shared_task
def sweep_stripe() -> int:
    """Daily: read what Stripe knows, for deliveries that never came."""
    if not settings.STRIPE_API_KEY:
        return 0
    return events.sweep(gateway=_gateway(), now=clock.now())


@shared_task
def advance_periods() -> int:
    """Give every workspace its open period; begin closing the free ones whose month is over."""
    return periods.advance_periods(now=clock.now())


@shared_task
def close_due_periods() -> int:
    """Take every closing period as far as it can go; answer how many were closed."""
    return len(closing.run(now=clock.now(), registry_url=settings.REGISTRY_URL))


def _gateway() -> StripeGateway:
    return StripeGateway(Secret(settings.STRIPE_API_KEY), settings.STRIPE_API_BASE)
