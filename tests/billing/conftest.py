"""A published factor set, workspaces with usage, and the site's billing paths."""

from datetime import UTC, datetime

import pytest
from pytest_django import Settings

from apps.billing.stripe_gateway import StripeGateway
from apps.common.secrets import Secret
from apps.workspaces.models import Workspace
from devstack.simulator.testing import RunningSimulator
from tests.billing.usage import publish_factors
from tests.factories import WorkspaceFactory

CREATED = datetime(2026, 10, 1, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _billing_paths(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.billing.site"


@pytest.fixture
def factors(db: None) -> None:
    publish_factors()


@pytest.fixture
def workspace(db: None) -> Workspace:
    return WorkspaceFactory.create(created_at=CREATED)


@pytest.fixture
def unreachable() -> StripeGateway:
    """Stripe behind a port where nobody listens."""
    return StripeGateway(Secret("sk_test_x"), "http://127.0.0.1:9", retries=0)


@pytest.fixture
def gateway(simulator: RunningSimulator) -> StripeGateway:
    return StripeGateway(Secret("sk_test_x"), f"{simulator.url}/stripe", retries=0)
