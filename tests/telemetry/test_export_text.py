"""Whatever people wrote into labels comes out of an export as they wrote it, and as no formula."""

import csv
import io
import json
from typing import Any

import pytest
from django.db import connection as database
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.telemetry.models import TelemetryEvent
from apps.telemetry.services.exporting_columns import GUARDED
from apps.workspaces.models import Workspace
from tests.factories import new_key
from tests.telemetry.exported import EXPORT, body_of, csv_rows, json_rows, unguarded
from tests.telemetry.metering import bucket, connected, row, take
from tests.telemetry.tracked import CALL, TRACK
from tests.telemetry.using import A_DAY

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", "'=1", "-"]
ANY_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200)
BEGINS_BADLY = st.builds(
    "".join, st.tuples(st.sampled_from(GUARDED), ANY_TEXT.map(lambda t: t[:9]))
)


def guarded(text: str) -> str:
    return f"'{text}" if text[:1] and text[0] in GUARDED else text


ROWS = 25
LABELS = st.fixed_dictionaries(
    {
        "customer": st.one_of(ANY_TEXT, BEGINS_BADLY, st.sampled_from(FORMULAS)),
        "session_id": st.one_of(ANY_TEXT, BEGINS_BADLY),
        "dims": st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=2),
    }
)


def label(event: TelemetryEvent, **labels: Any) -> None:
    """Written past the doors, which would refuse or trim some of them."""
    TelemetryEvent.objects.filter(pk=event.pk).update(**labels)


@pytest.fixture
def events(workspace: Workspace) -> list[TelemetryEvent]:
    rows = [row(f"gpt-4.1-{number}", 1000, 500) for number in range(ROWS)]
    take(connected(workspace), bucket(0, *rows))
    return list(TelemetryEvent.objects.order_by("used_at", "pk"))


@pytest.fixture
def reader(api: Any, workspace: Workspace, events: list[TelemetryEvent]) -> Any:  # noqa: ARG001 - what it reads
    return api(new_key(workspace))


@given(labels=st.lists(LABELS, min_size=ROWS, max_size=ROWS))
@settings(
    max_examples=6,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
def test_any_text_comes_back_but_for_the_apostrophe(
    reader: Any, events: list[TelemetryEvent], labels: list[dict[str, Any]]
) -> None:
    for event, given_ in zip(events, labels, strict=True):
        label(event, **given_)

    as_csv = csv_rows(reader.get(EXPORT, A_DAY))
    as_json = json_rows(reader.get(EXPORT, A_DAY | {"format": "json"}))

    for cells, members, given_ in zip(as_csv, as_json, labels, strict=True):
        for name in ("customer", "session_id"):
            assert cells[name] == guarded(given_[name])
            assert unguarded(cells[name]) == given_[name]
            assert cells[name][:1] not in set("=+-@\t\r")
        assert {name: members[name] for name in given_} == given_
        assert json.loads(cells["dims"]) == given_["dims"]


@pytest.mark.parametrize("text", FORMULAS)
def test_every_text_of_others_is_guarded(
    reader: Any, workspace: Workspace, events: list[TelemetryEvent], text: str
) -> None:
    label(events[0], customer=text, session_id=text)
    workspace.projects.update(name=text)
    workspace.connections.update(name=text)

    line, *_ = csv_rows(reader.get(EXPORT, A_DAY))

    for name in ("customer", "session_id", "project_name", "connection_name"):
        assert line[name] == f"'{text}"


def test_a_model_and_a_region_that_read_as_a_formula_are_guarded(
    api: Any, workspace: Workspace
) -> None:
    reader = api(new_key(workspace))
    reader.post(TRACK, {**CALL, "model": '=HYPERLINK("//x","y")', "region": "@west"})

    (line,) = csv_rows(reader.get(EXPORT))

    assert line["model"] == '\'=HYPERLINK("//x","y")'
    assert line["RegionId"] == "'@west"


def test_lines_and_quotes_inside_a_cell_are_quoted(
    reader: Any, events: list[TelemetryEvent]
) -> None:
    label(events[0], customer='two\r\nlines, "quoted"', session_id="Ünïcödé 雪 🌍")

    body = body_of(reader.get(EXPORT, A_DAY))

    assert b'"two\r\nlines, ""quoted"""' in body
    assert "Ünïcödé 雪 🌍".encode() in body
    assert body.endswith(b"\r\n")
    assert len(list(csv.reader(io.StringIO(body.decode(), newline="")))) == 1 + ROWS


def test_a_number_below_zero_stays_a_number(reader: Any, events: list[TelemetryEvent]) -> None:
    label(events[0], cost_usd="-0.5")

    line, *_ = csv_rows(reader.get(EXPORT, A_DAY))

    assert float(line["cost_usd"]) == -0.5
    assert line["cost_usd"] == "-0.500000000000"


def test_the_connection_is_the_login_roles_again_afterwards(reader: Any) -> None:
    csv_rows(reader.get(EXPORT, A_DAY))

    with database.cursor() as cursor:
        cursor.execute("SELECT current_user = session_user")
        assert cursor.fetchone() == (True,)
