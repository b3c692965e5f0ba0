"""Any range, however narrowed: a report is the recount of the entries, to the last digit."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.emissions.selectors import current_factors
from apps.telemetry.models import CarbonEntry
from apps.telemetry.selectors import Span, Totals, summary, timeseries
from apps.telemetry.selectors.figures import Step
from apps.telemetry.selectors.footprint import footprint
from apps.telemetry.selectors.model_usage import model_usage
from apps.telemetry.selectors.parts import OpenSpan
from apps.workspaces.models import Workspace
from tests.telemetry.spread import DAYS, FIRST, MODELS, REGIONS, push, recount, spread_out

pytestmark = pytest.mark.django_db

LENGTH = DAYS * 86_400
STEP = timedelta(seconds=1)
anywhere = st.integers(0, LENGTH)
"""Seconds; hours and days are tried as often as all the others."""
moments = anywhere | st.integers(0, DAYS * 24).map(lambda hour: hour * 3600)
moments |= st.integers(0, DAYS).map(lambda day: day * 86_400)
narrowings = st.fixed_dictionaries(
    {"include_test": st.booleans()},
    optional={
        "model": st.sampled_from([model or "" for model in MODELS] + ["nobody's"]),
        "region": st.sampled_from([region or "" for region in REGIONS]),
        "provider": st.sampled_from(["openai", "anthropic"]),
        "project": st.integers(0, 1),
        "connection": st.sampled_from(["first", "second", ""]),
    },
)
spans = st.tuples(moments, moments).filter(lambda pair: pair[0] != pair[1]).map(sorted)
usual = settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Recounted:
    """The entries as they lie in the table, read once."""

    def __init__(self, workspace: Workspace) -> None:
        self.projects = spread_out(workspace)
        push(Workspace.objects.exclude(pk=workspace.pk).get(), FIRST, model="o3", output=10**9)
        kept = CarbonEntry.objects.filter(workspace=workspace)
        self.entries = list(kept.select_related("connection", "project"))

    def within(self, start: datetime, end: datetime, narrowed: dict[str, Any]) -> list[CarbonEntry]:
        return [
            entry
            for entry in self.entries
            if start <= entry.used_at < end and self._agrees(entry, narrowed)
        ]

    def _agrees(self, entry: CarbonEntry, narrowed: dict[str, Any]) -> bool:
        told = {
            "model": entry.model or "",
            "region": entry.region or "",
            "provider": entry.provider,
            "project": self.projects.index(entry.project) if entry.connection is None else None,
            "connection": entry.connection.name if entry.connection else "",
        }
        asked = {name: value for name, value in narrowed.items() if name != "include_test"}
        is_shown = narrowed["include_test"] or not entry.is_test
        return is_shown and all(told[name] == value for name, value in asked.items())

    def asked(self, workspace: Workspace, narrowed: dict[str, Any]) -> dict[str, Any]:
        """The same narrowing by outside names."""
        asked = {k: v for k, v in narrowed.items() if k not in {"project", "connection"}}
        if "project" in narrowed:
            asked["project_id"] = self.projects[narrowed["project"]].public_id
        if "connection" in narrowed:
            name = narrowed["connection"]
            asked["connection_id"] = workspace.connections.get(name=name).public_id if name else ""
        return asked


@pytest.fixture
def recounted(workspace: Workspace, theirs: Workspace) -> Recounted:  # noqa: ARG001 - a fixture is asked for by its name
    return Recounted(workspace)


def known(totals: Totals) -> dict[str, Decimal]:
    return {name: value for name, value in totals.sums.items() if value is not None}


@usual
@given(span=spans, narrowed=narrowings)
def test_a_summary_is_the_recount_of_its_entries(
    workspace: Workspace, recounted: Recounted, span: list[int], narrowed: dict[str, Any]
) -> None:
    start, end = (FIRST + second * STEP for second in span)
    expected = recounted.within(start, end, narrowed)

    found = summary(
        workspace, Span(start, end), current_factors(), **recounted.asked(workspace, narrowed)
    )

    assert known(found.total) == recount(expected)
    for groups in (found.by_model, found.by_project, found.by_region, found.by_connection):
        tokens = sum(group.totals.tokens for group in groups)
        assert tokens == found.total.tokens
    by_region = {group.key or "": known(group.totals) for group in found.by_region}
    for region, sums in by_region.items():
        assert sums == recount(one for one in expected if (one.region or "") == region)


def beginning(moment: datetime, step: Step) -> datetime:
    start = moment.replace(minute=0, second=0, microsecond=0)
    if step == "hour":
        return start
    start = start.replace(hour=0)
    if step == "week":
        return start - timedelta(days=start.isoweekday() - 1)
    return start.replace(day=1) if step == "month" else start


@usual
@given(span=spans, narrowed=narrowings, step=st.sampled_from(["hour", "day", "week", "month"]))
def test_a_series_is_the_recount_of_each_step(
    workspace: Workspace,
    recounted: Recounted,
    span: list[int],
    narrowed: dict[str, Any],
    step: Step,
) -> None:
    start, end = (FIRST + second * STEP for second in span)
    steps: dict[tuple[datetime, str], list[CarbonEntry]] = {}
    for entry in recounted.within(start, end, narrowed):
        key = beginning(entry.used_at, step), entry.model or ""
        steps.setdefault(key, []).append(entry)

    points = timeseries(
        workspace,
        Span(start, end),
        step=step,
        split="model",
        **recounted.asked(workspace, narrowed),
    )

    found = {
        (point.start, point.key or ""): known(point.totals) for point in points if point.totals
    }
    assert found == {key: recount(entries) for key, entries in steps.items()}
    assert [point.start for point in points] == sorted(point.start for point in points)


@settings(usual, max_examples=10)
@given(span=spans)
def test_the_models_and_the_footprint_are_the_recount_too(
    workspace: Workspace, recounted: Recounted, span: list[int]
) -> None:
    start, end = (FIRST + second * STEP for second in span)
    expected = recount(recounted.within(start, end, {"include_test": False}))

    models = model_usage(workspace, Span(start, end), current_factors())
    both = footprint(workspace, OpenSpan(start, end))

    grams = [one.totals.sums["co2e_grams"] for one in models]
    assert sum(filter(None, grams), Decimal()) == expected.get("co2e_grams", 0)
    assert both.ai.co2e_grams.high == expected.get("co2e_grams_high", 0)
    assert both.total == both.ai


@pytest.mark.parametrize("start", [None, datetime(1, 1, 1, tzinfo=UTC)])
@pytest.mark.parametrize("end", [None, datetime.max.replace(tzinfo=UTC)])
def test_an_open_end_is_the_end_of_all_time(
    workspace: Workspace, recounted: Recounted, start: datetime | None, end: datetime | None
) -> None:
    both = footprint(workspace, OpenSpan(start, end))

    expected = recount(one for one in recounted.entries if not one.is_test)
    assert both.ai.co2e_grams.central == expected["co2e_grams"]
