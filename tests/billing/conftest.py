"""A published factor set, workspaces with usage, and the site's billing paths."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.billing.models import BillingPeriod
from apps.billing.services import closing
from apps.billing.stripe_gateway import StripeGateway
from apps.common.secrets import Secret
from apps.workspaces.models import Workspace
from devstack.simulator.testing import RunningSimulator
from tests.billing.stock import DUE, OCTOBER, closing_period, load
from tests.billing.usage import publish_factors, use
from tests.factories import WorkspaceFactory

CREATED = datetime(2026, 10, 1, 8, tzinfo=UTC)


@pytest.fixture
def factors(db: None) -> None:  # noqa: ARG001 - it opens the database
    publish_factors()


@pytest.fixture
def workspace(db: None) -> Workspace:  # noqa: ARG001 - it opens the database
    return WorkspaceFactory.create(created_at=CREATED)


@pytest.fixture
def unreachable() -> StripeGateway:
    """Stripe behind a port where nobody listens."""
    return StripeGateway(Secret("sk_test_x"), "http://127.0.0.1:9", retries=0)


@pytest.fixture
def gateway(simulator: RunningSimulator) -> StripeGateway:
    return StripeGateway(Secret("sk_test_x"), f"{simulator.url}/stripe", retries=0)


@pytest.fixture
def registry(simulator: RunningSimulator) -> str:
    simulator.set_clock("2026-11-03T00:00:00Z")
    return f"{simulator.url}/registry"


@pytest.fixture
def allocated(factors: None, workspace: Workspace) -> BillingPeriod:  # noqa: ARG001 - it publishes
    """Settled, with grams allocated and a retirement that is not confirmed."""
    load()
    use(workspace, 100_000_000, OCTOBER + timedelta(days=1))
    period = closing_period(workspace)
    closing.run(now=DUE, registry_url="")
    period.refresh_from_db()
    return period
