"""What overrides do to figures: by how much, to which usage, and from when until when."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from apps.common.errors import InvalidError
from apps.emissions.selectors import CurrentFactors
from apps.telemetry.models import BOUNDED, CarbonEntry
from apps.telemetry.pushed import PushedUsage
from apps.telemetry.services.overrides import end_override
from apps.telemetry.services.tracking import TrackedCall, track
from apps.workspaces.models import Workspace
from apps.workspaces.services import default_project
from tests.factories import new_key
from tests.telemetry.metering import (
    HOUR,
    NOW,
    START,
    assert_sound,
    bucket,
    connected,
    row,
    take,
)
from tests.telemetry.using import A_DAY, SUMMARY

URL = "/api/v1/overrides"
LOCATION_BASED = [name for name in BOUNDED if name != "market_based_co2e_grams"]
EXACT = 1e-9
State = Callable[..., str]
Use = Callable[..., CarbonEntry]
Read = Callable[[int], list[CarbonEntry]]


@pytest.fixture
def client(api: Callable[..., Any], workspace: Workspace) -> Any:
    return api(new_key(workspace))


@pytest.fixture
def state(client: Any) -> State:
    """State an override over the API, by default in force from hour 1 on; its id."""

    def post(kind: str, *, from_hour: int = 1, until_hour: int | None = None, **more: Any) -> str:
        asked = {
            "kind": kind,
            "evidence": "Supply contract 2026-17, annex B",
            "starts_at": (START + from_hour * HOUR).isoformat(),
            "ends_at": until_hour and (START + until_hour * HOUR).isoformat(),
        }
        with time_machine.travel(NOW, tick=False):
            answer = client.post(URL, asked | more)
        assert answer.status_code == 201, answer.content
        return str(answer.json()["id"])

    return post


@pytest.fixture
def use(workspace: Workspace) -> Use:
    """Track one call, by default of Anthropic in hour 2; the entry it made."""

    def tracked(at: datetime = START + 2 * HOUR, provider: str = "anthropic") -> CarbonEntry:
        usage = PushedUsage(
            source="track",
            name="",
            provider=provider,
            model="claude-sonnet-4",
            used_at=at,
            used_until=at,
            input_uncached=900,
            input_cache_read=100,
            output=500,
        )
        call = TrackedCall(usage, default_project(workspace, now=NOW).pk)
        done = track(workspace, [call], idempotency_key=None, is_test=False, now=NOW)
        return CarbonEntry.objects.get(event_id=done.stored[0].state.id)

    return tracked


def bounds(entry: CarbonEntry, name: str) -> list[float]:
    return [float(getattr(entry, f"{name}{bound}")) for bound in ("_low", "", "_high")]


def ratio(after: CarbonEntry, before: CarbonEntry, name: str) -> Any:
    """How much more, the same for all three bounds."""
    low, central, high = (
        one / other for one, other in zip(bounds(after, name), bounds(before, name), strict=True)
    )
    assert low == pytest.approx(central, rel=EXACT)
    assert high == pytest.approx(central, rel=EXACT)
    return pytest.approx(central, rel=EXACT)


def pue_of(factors: CurrentFactors, operator: str) -> float:
    pue = factors.document.operators[operator].pue
    assert pue is not None
    return pue


def overrides_of(entry: CarbonEntry) -> Any:
    return entry.calculation.get("overrides")


def test_a_pue_changes_the_energy_by_exactly_its_share(
    state: State, use: Use, factors: CurrentFactors
) -> None:
    before = use()
    override = state("pue", value=1.5)

    after = use()

    share = 1.5 / pue_of(factors, "anthropic")
    for name in ("energy_kwh", "operational_co2e_grams"):
        assert share == ratio(after, before, name)
    assert bounds(after, "embodied_co2e_grams") == bounds(before, "embodied_co2e_grams")
    assert (overrides_of(before), overrides_of(after)) == (None, [override])


def test_a_tariff_changes_the_market_based_figure_alone(
    state: State, use: Use, client: Any
) -> None:
    before = use()
    override = state("tariff", value=12.5)

    after = use()

    for name in LOCATION_BASED:
        assert bounds(after, name) == bounds(before, name)
    assert bounds(before, "market_based_co2e_grams") == bounds(before, "co2e_grams")
    expected = float(after.energy_kwh) * 12.5 + float(after.embodied_co2e_grams)
    assert float(after.market_based_co2e_grams) == pytest.approx(expected, rel=EXACT)
    assert after.market_based_co2e_grams < after.co2e_grams
    assert after.calculation["overrides"] == [override]
    shown = client.get(SUMMARY, A_DAY).json()["total"]
    assert shown["co2e_grams"]["central"] == float(before.co2e_grams + after.co2e_grams)
    assert shown["market_based_co2e_grams"] == {
        bound: float(
            getattr(before, f"market_based_co2e_grams{suffix}")
            + getattr(after, f"market_based_co2e_grams{suffix}")
        )
        for bound, suffix in (("low", "_low"), ("central", ""), ("high", "_high"))
    }


def test_an_own_region_changes_the_grid_and_the_pue(
    state: State, use: Use, factors: CurrentFactors
) -> None:
    before = use()
    override = state("place", operator="aws", region="eu-north-1")

    after = use()

    region = factors.document.operators["aws:eu-north-1"]
    grid = factors.document.grid[region.default_country or ""]
    assert after.calculation["grid"]["zone"] == region.default_country == "SE"
    assert after.calculation["grid"]["gco2e_per_kwh"] == grid.gco2e_per_kwh
    share = pue_of(factors, "aws:eu-north-1") / pue_of(factors, "anthropic")
    assert share != 1
    assert share == ratio(after, before, "energy_kwh")
    per_kwh = float(after.operational_co2e_grams / after.energy_kwh)
    assert per_kwh == pytest.approx(grid.gco2e_per_kwh, rel=EXACT)
    assert overrides_of(after) == [override]


def test_one_of_each_kind_applies_at_the_same_time(
    state: State, use: Use, factors: CurrentFactors
) -> None:
    before = use()
    place = state("place", country="FR")
    tariff = state("tariff", value=0)
    pue = state("pue", value=1.02)

    after = use()

    assert overrides_of(after) == [pue, tariff, place]
    assert after.calculation["grid"]["zone"] == "FR"
    assert 1.02 / pue_of(factors, "anthropic") == ratio(after, before, "energy_kwh")
    assert after.market_based_co2e_grams == after.embodied_co2e_grams


def test_the_one_that_names_the_provider_beats_the_general_one(state: State, use: Use) -> None:
    named = state("pue", value=1.3, provider="Anthropic")
    general = state("pue", value=1.4)

    assert overrides_of(use()) == [named]
    assert overrides_of(use(provider="openai")) == [general]


def test_the_one_stated_later_beats_the_earlier(
    state: State, use: Use, factors: CurrentFactors
) -> None:
    before = use()
    state("pue", value=1.3)
    later = state("pue", value=1.4, from_hour=0)

    after = use()

    assert overrides_of(after) == [later]
    assert 1.4 / pue_of(factors, "anthropic") == ratio(after, before, "energy_kwh")


def test_nothing_changes_outside_of_its_span(state: State, use: Use) -> None:
    before = use()
    override = state("pue", value=1.3, until_hour=3)
    moment = timedelta(microseconds=1)

    outside = [use(at) for at in (START + HOUR - moment, START + 3 * HOUR)]
    inside = [use(at) for at in (START + HOUR, START + 3 * HOUR - moment)]

    assert [overrides_of(entry) for entry in outside] == [None, None]
    assert {entry.energy_kwh for entry in outside} == {before.energy_kwh}
    assert [overrides_of(entry) for entry in inside] == [[override], [override]]


def test_one_that_was_ended_has_no_effect_on_later_uses(
    state: State, use: Use, client: Any
) -> None:
    override = state("pue", value=1.3)
    with time_machine.travel(START + 4 * HOUR, tick=False):
        assert client.delete(f"{URL}/{override}").status_code == 204

    assert overrides_of(use(START + 4 * HOUR)) is None
    assert overrides_of(use(START + 3 * HOUR)) == [override]


def test_another_workspaces_override_changes_nothing(state: State, theirs: Workspace) -> None:
    state("pue", value=1.3)

    take(connected(theirs), bucket(2, row()))

    assert overrides_of(CarbonEntry.objects.get()) is None


@pytest.fixture
def read(workspace: Workspace, theirs: Workspace) -> Read:
    """Read hour 2 with this output, also elsewhere, where nothing is overridden; our entries."""
    ours, others = connected(workspace), connected(theirs)

    def taken(output: int) -> list[CarbonEntry]:
        for connection in (ours, others):
            take(connection, bucket(2, row(output=output)))
        assert_sound()
        return list(CarbonEntry.objects.filter(connection=ours).order_by("sequence"))

    return taken


def kwh(workspace: Workspace) -> float:
    entries = CarbonEntry.objects.filter(workspace=workspace)
    return float(sum(entry.energy_kwh for entry in entries))


def test_a_revision_keeps_the_override_it_was_first_valued_with(
    state: State, read: Read, workspace: Workspace, theirs: Workspace, factors: CurrentFactors
) -> None:
    override = state("pue", value=1.5)
    read(500)
    end_override(workspace, override, actor="tests", now=NOW)
    state("pue", value=2)

    first, second = read(1000)

    assert overrides_of(first) == overrides_of(second) == [override]
    share = 1.5 / pue_of(factors, "openai")
    assert kwh(workspace) == pytest.approx(kwh(theirs) * share, rel=EXACT)


def test_a_revision_brings_no_override_to_what_was_valued_without(
    state: State, read: Read, workspace: Workspace, theirs: Workspace
) -> None:
    read(500)
    state("pue", value=2)

    first, second = read(1000)

    assert overrides_of(first) is None
    assert overrides_of(second) is None
    assert kwh(workspace) == kwh(theirs)


def test_an_end_may_be_settled_ahead_within_what_was_agreed(
    state: State, workspace: Workspace
) -> None:
    override = state("pue", value=1.3, until_hour=100)

    for hour in (10, 101):
        with pytest.raises(InvalidError) as refused:
            end_override(workspace, override, actor="tests", now=NOW, ends_at=START + hour * HOUR)
        assert list(refused.value.details["fields"]) == ["ends_at"]
    ended = end_override(workspace, override, actor="tests", now=NOW, ends_at=START + 50 * HOUR)

    assert (ended.ends_at, ended.ended_at) == (START + 50 * HOUR, NOW)
