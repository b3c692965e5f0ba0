"""The kept past: read by the hour, corrected by its sources, never invented."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction

from apps.emissions.models import GridSample
from apps.emissions.services.grid_history import keep_history
from apps.emissions.tasks import keep_grid_history
from devstack.simulator.testing import RunningSimulator
from tests.emissions.grid.asking import HOUR, NOW, SANDBOX, THIS_HOUR

pytestmark = pytest.mark.django_db

HISTORY = "/electricitymaps/v3/carbon-intensity/history"


def test_a_day_of_each_zone_is_kept_with_its_source_and_kind(grids: RunningSimulator) -> None:
    assert keep_history(["DE", "GB"], now=NOW) == 24 + 24 + 48

    kinds = GridSample.objects.values_list("zone", "source", "emission_factor_type").distinct()
    assert set(kinds.order_by()) == {
        ("DE", "electricitymaps", "lifecycle"),
        ("GB", "electricitymaps", "lifecycle"),
        ("GB", "uk_carbon_intensity", "direct"),
    }
    newest = GridSample.objects.filter(zone="DE").latest("at")
    assert (newest.at, newest.estimation_method) == (THIS_HOUR, "TIME_SLICER_AVERAGE")
    assert newest.read_at == NOW
    assert len(grids.journal("electricitymaps", HISTORY)) == 2


def test_a_zone_that_was_read_lately_is_left_alone_and_then_corrected(
    grids: RunningSimulator,
) -> None:
    keep_history(["DE"], now=NOW)
    assert keep_history(["DE"], now=NOW + 5 * HOUR) == 0
    estimated = GridSample.objects.filter(is_estimated=True)
    assert estimated.count() == 4

    later = NOW + 7 * HOUR
    grids.set_clock(f"{later:%Y-%m-%dT%H:%M:%SZ}")
    keep_history(["DE"], now=later)

    assert GridSample.objects.count() == 24 + 7
    assert not estimated.filter(at__lte=THIS_HOUR).exists()


def test_nothing_is_kept_of_what_is_invented_or_out_of_reach(
    grids: RunningSimulator, settings: Any
) -> None:
    settings.UK_CARBON_INTENSITY_URL = ""
    settings.ELECTRICITYMAPS_API_KEY = SANDBOX
    assert keep_history(["DE"], now=NOW) == 0

    settings.ELECTRICITYMAPS_API_KEY = ""
    assert keep_history(["DE"], now=NOW) == 0

    assert not GridSample.objects.exists()
    assert grids.journal("electricitymaps", HISTORY)


def test_one_zone_that_fails_does_not_keep_the_others_from_being_stored(
    grids: RunningSimulator,
) -> None:
    grids.add_fixture(path=HISTORY, query={"zone": "DE"}, status=404, body={"error": "No data"})

    assert keep_history(["DE", "FR"], now=NOW) == 24


@pytest.mark.usefixtures("grids")
def test_the_tick_keeps_the_zones_of_the_clouds() -> None:
    with time_machine.travel(NOW, tick=False):
        assert keep_grid_history() > 0

    assert {"DE", "FR", "SE-SE3"} <= set(GridSample.objects.values_list("zone", flat=True))


def test_the_database_refuses_a_second_word_on_a_step_and_impossible_ones() -> None:
    told = {"zone": "DE", "at": NOW, "source": "s", "is_estimated": False, "read_at": NOW}
    GridSample.objects.create(gco2e_per_kwh=1, emission_factor_type="direct", **told)
    GridSample.objects.create(gco2e_per_kwh=1, emission_factor_type="lifecycle", **told)

    for wrong in (
        {"gco2e_per_kwh": 2, "emission_factor_type": "direct"},
        {"gco2e_per_kwh": -1, "emission_factor_type": "direct", "at": NOW - timedelta(days=1)},
        {"gco2e_per_kwh": 1, "emission_factor_type": "marginal"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            GridSample.objects.create(**told | wrong)
