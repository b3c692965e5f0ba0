"""What was receipted stays: a declaration's difference is in the period after."""

from datetime import timedelta

import pytest

from apps.billing import check
from apps.billing.services import closing
from apps.telemetry.services import recounting, source_of_record
from apps.workspaces.models import Workspace
from tests.billing.stock import DUE, NOVEMBER, OCTOBER, closing_period
from tests.billing.usage import grams, use
from tests.telemetry.metering import DAY, assert_sound, bucket, connected, row, take

DECEMBER = NOVEMBER + timedelta(days=30)
LATER = DECEMBER + timedelta(days=3)

pytestmark = pytest.mark.django_db


def test_a_closed_period_keeps_its_figure_and_the_next_one_takes_the_difference(
    workspace: Workspace,
) -> None:
    use(workspace, 1_000, OCTOBER + DAY)
    october = closing_period(workspace, plan="free")
    closing.run(now=DUE, registry_url="")
    october.refresh_from_db()
    stated = october.co2e_grams
    take(connected(workspace), bucket(0, row(uncached=50_000, output=9_000)))

    source_of_record.declare(workspace, "openai", "connection", actor="tests", now=DUE + DAY)
    assert recounting.recount(workspace.pk, clock=lambda: DUE + DAY) == 1
    november = closing_period(workspace, NOVEMBER, DECEMBER, plan="free")
    closing.run(now=LATER, registry_url="")

    for period in (october, november):
        period.refresh_from_db()
        assert period.status == "closed"
    assert stated is not None
    assert october.co2e_grams == stated > 0
    assert november.co2e_grams == grams(workspace) - stated
    assert check.invariant_violations() == []
    assert_sound()
