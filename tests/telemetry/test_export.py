"""Exports over the API: every row of a span once, exact, in a format that others read."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.telemetry.models import BOUNDED, CarbonEntry, ProviderConnection, TelemetryEvent
from apps.workspaces.models import Workspace
from tests.factories import ProjectFactory, new_key
from tests.telemetry.exported import CALCULATIONS, EXPORT, body_of, csv_rows, json_rows
from tests.telemetry.metering import HOUR, NOW, START, bucket, connected, row, take
from tests.telemetry.tracked import CALL, TRACK
from tests.telemetry.using import A_DAY, SUMMARY, span

TELEMETRY_HEADER = (
    "event_id,ChargePeriodStart,ChargePeriodEnd,ProviderName,RegionId,provider,model,project_id,"
    "project_name,connection_id,connection_name,ConsumedQuantity,ConsumedUnit,"
    "input_uncached_tokens,input_cache_read_tokens,input_cache_write_tokens,output_tokens,"
    "reasoning_tokens,requests,cost_usd,energy_kwh_low,energy_kwh,energy_kwh_high,co2e_grams_low,"
    "co2e_grams,co2e_grams_high,operational_co2e_grams_low,operational_co2e_grams,"
    "operational_co2e_grams_high,embodied_co2e_grams_low,embodied_co2e_grams,"
    "embodied_co2e_grams_high,market_based_co2e_grams_low,market_based_co2e_grams,"
    "market_based_co2e_grams_high,water_litres_low,water_litres,water_litres_high,factor_version,"
    "method,model_matched,tier,confidence,entries,source,customer,session_id,developer_hash,dims,"
    "flags,is_counted,is_provisional,is_withdrawn,is_byok,is_test,is_simulated,observed_at,"
    "created_at"
)
CALCULATIONS_HEADER = (
    "event_id,sequence,reason,recorded_at,restates_sequence,ChargePeriodStart,ChargePeriodEnd,"
    "ProviderName,RegionId,provider,model,project_id,project_name,connection_id,connection_name,"
    "input_uncached_tokens,input_cache_read_tokens,input_cache_write_tokens,output_tokens,requests,"
    "cost_usd,energy_kwh_low,energy_kwh,energy_kwh_high,co2e_grams_low,co2e_grams,co2e_grams_high,"
    "operational_co2e_grams_low,operational_co2e_grams,operational_co2e_grams_high,"
    "embodied_co2e_grams_low,embodied_co2e_grams,embodied_co2e_grams_high,"
    "market_based_co2e_grams_low,market_based_co2e_grams,market_based_co2e_grams_high,"
    "water_litres_low,water_litres,water_litres_high,factor_version,method,model_matched,tier,"
    "confidence,ghg_scope,ghgp_category,ghgp_subcategory,quantification,ci_value,ci_unit,ci_method,"
    "ci_zone,ci_year,ci_source,ci_is_estimated,primary_data,overrides,warnings,is_test,is_simulated"
)


@pytest.fixture
def reader(api: Any, workspace: Workspace) -> Any:
    """A program that may read and nothing else, its answers held to the API document."""
    return api(new_key(workspace, scopes=("read",)))


@pytest.mark.usefixtures("six_rows")
@pytest.mark.parametrize(
    ("path", "header"), [(EXPORT, TELEMETRY_HEADER), (CALCULATIONS, CALCULATIONS_HEADER)]
)
def test_the_columns_stand_in_a_fixed_order(reader: Any, path: str, header: str) -> None:
    as_csv = body_of(reader.get(path, A_DAY)).decode()
    as_json = json_rows(reader.get(path, A_DAY | {"format": "json"}))

    lines = as_csv.split("\r\n")
    assert lines[0] == header
    assert len(lines) == 1 + 6 + 1
    assert lines[-1] == ""
    assert [list(one) for one in as_json] == [header.split(",")] * 6


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize(("path", "first"), [(EXPORT, "event_id,"), (CALCULATIONS, "event_id,")])
def test_an_empty_span_is_a_header_and_nothing_else(reader: Any, path: str, first: str) -> None:
    text = body_of(reader.get(path, A_DAY)).decode()

    assert text.startswith(first)
    assert text.count("\r\n") == 1
    assert body_of(reader.get(path, A_DAY | {"format": "json"})) == b""


@pytest.mark.usefixtures("six_rows")
@pytest.mark.parametrize("path", [EXPORT, CALCULATIONS])
@pytest.mark.parametrize("read", [(csv_rows, "csv"), (json_rows, "json")])
def test_the_rows_sum_to_the_summary(reader: Any, path: str, read: Any) -> None:
    read_rows, form = read
    total = reader.get(SUMMARY, A_DAY).json()["total"]

    rows = read_rows(reader.get(path, A_DAY | {"format": form}))

    for name in ("input_uncached_tokens", "input_cache_read_tokens", "output_tokens", "requests"):
        assert sum(int(one[name]) for one in rows) == total[name]
    for name in BOUNDED:
        for suffix, bound in (("_low", "low"), ("", "central"), ("_high", "high")):
            exact = sum(Decimal(one[f"{name}{suffix}"]) for one in rows)
            if name in total:
                assert float(exact) == total[name][bound]
            assert exact == sum(
                CarbonEntry.objects.values_list(f"{name}{suffix}", flat=True), Decimal()
            )


def test_what_was_revised_is_one_event_and_two_lines_of_the_ledger(
    reader: Any, connection: ProviderConnection
) -> None:
    take(connection, bucket(0, row("gpt-4.1", 1000, 500)))
    take(connection, bucket(0, row("gpt-4.1", 400, 500)), at=NOW + HOUR)

    (event,) = csv_rows(reader.get(EXPORT, A_DAY))
    first, second = csv_rows(reader.get(CALCULATIONS, A_DAY))

    assert (event["input_uncached_tokens"], event["entries"]) == ("400", "2")
    assert event["ConsumedQuantity"] == "900"
    assert (first["reason"], first["restates_sequence"]) == ("measured", "")
    assert (second["reason"], second["restates_sequence"]) == ("revised", "1")
    assert second["input_uncached_tokens"] == "-600"
    assert second["co2e_grams"].startswith("-")
    grams = Decimal(first["co2e_grams"]) + Decimal(second["co2e_grams"])
    assert Decimal(event["co2e_grams"]) == grams
    assert first["event_id"] == second["event_id"] == event["event_id"]


def test_a_line_says_where_its_figure_comes_from(
    reader: Any, connection: ProviderConnection
) -> None:
    take(connection, bucket(0, row("gpt-4.1", 1000, 500)))
    calculation = CarbonEntry.objects.get().calculation

    (line,) = json_rows(reader.get(CALCULATIONS, A_DAY | {"format": "json"}))

    assert line["ChargePeriodStart"] == "2026-11-18T00:00:00.000000Z"
    assert line["ChargePeriodEnd"] == "2026-11-18T01:00:00.000000Z"
    assert (line["ProviderName"], line["provider"]) == ("OpenAI", "openai")
    assert line["connection_id"] == connection.public_id
    assert line["project_name"] == "Default"
    for name in ("factor_version", "method", "model_matched", "tier", "confidence", "warnings"):
        assert line[name] == calculation[name]
    assert line["ci_value"] == str(calculation["grid"]["gco2e_per_kwh"])
    assert line["ci_zone"] == calculation["grid"]["zone"]
    assert line["ci_is_estimated"] is calculation["grid"]["is_estimate"]
    assert (line["ci_method"], line["ci_unit"]) == ("location-average", "gCO2e/kWh")
    assert (line["ghg_scope"], line["ghgp_category"], line["ghgp_subcategory"]) == (3, 1, "1.1")
    assert line["primary_data"] is (calculation["confidence"] == "measured")
    assert line["co2e_grams"] == calculation["co2e_grams"]["central"]
    assert line["is_test"] is False


@pytest.mark.usefixtures("six_rows")
def test_a_span_is_half_open_and_has_no_greatest_length(reader: Any) -> None:
    hour = span(START + HOUR, START + 2 * HOUR)
    ages = span(START - timedelta(days=9000), START + timedelta(days=9000))

    rows = csv_rows(reader.get(EXPORT, hour))

    assert {one["ChargePeriodStart"] for one in rows} == {"2026-11-18T01:00:00.000000Z"}
    assert len(rows) == 2
    assert len(csv_rows(reader.get(CALCULATIONS, ages))) == 6


@pytest.mark.usefixtures("six_rows")
def test_only_one_projects_rows_where_one_is_asked_for(
    reader: Any, workspace: Workspace, connection: ProviderConnection
) -> None:
    empty = ProjectFactory.create(workspace=workspace)
    used = TelemetryEvent.objects.filter(connection=connection)[0].project

    for path in (EXPORT, CALCULATIONS):
        asked = A_DAY | {"project_id": str(used.public_id)}
        assert len(csv_rows(reader.get(path, asked))) == 6
        assert csv_rows(reader.get(path, A_DAY | {"project_id": str(empty.public_id)})) == []


def test_test_events_are_there_when_they_are_asked_for(api: Any, workspace: Workspace) -> None:
    api(new_key(workspace, mode="test")).post(TRACK, CALL)
    reader = api(new_key(workspace))

    for path in (EXPORT, CALCULATIONS):
        assert csv_rows(reader.get(path)) == []
        (tracked,) = csv_rows(reader.get(path, {"include_test": "true"}))
        assert tracked["is_test"] == "true"


def test_simulated_data_say_so_in_every_row_and_in_the_files_name(
    reader: Any, workspace: Workspace, connection: ProviderConnection
) -> None:
    take(connection, bucket(0, row()))
    Workspace.objects.filter(pk=workspace.pk).update(is_simulated=True)

    answer = reader.get(EXPORT, A_DAY)

    assert "-simulated.csv" in answer.headers["Content-Disposition"]
    assert [one["is_simulated"] for one in csv_rows(answer)] == ["true"]


@pytest.mark.usefixtures("six_rows")
def test_no_other_workspaces_rows_are_in_it(reader: Any, theirs: Workspace, api: Any) -> None:
    take(connected(theirs), bucket(0, row("gpt-4.1", 77, 7)))

    for path in (EXPORT, CALCULATIONS):
        mine = csv_rows(reader.get(path, A_DAY))
        others = csv_rows(api(new_key(theirs)).get(path, A_DAY))
        assert len(mine) == 6
        assert [one["input_uncached_tokens"] for one in others] == ["77"]
        assert not {one["event_id"] for one in mine} & {one["event_id"] for one in others}


def test_another_workspaces_project_is_not_found(reader: Any, theirs: Workspace) -> None:
    project = ProjectFactory.create(workspace=theirs)

    for path in (EXPORT, CALCULATIONS):
        answer = reader.get(path, A_DAY | {"project_id": str(project.public_id)})
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] in ("project_not_found", "not_found")


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"format": "xlsx"}, "format"),
        ({"start_time": "2026-11-18T00:00:00"}, "start_time"),
        ({"start_time": "yesterday"}, "start_time"),
        (span(START + HOUR, START), "start_time"),
        (span(START, START), "start_time"),
        ({"project_id": "mine"}, "project_id"),
        ({"colour": "green"}, "colour"),
    ],
)
def test_a_question_that_cannot_be_meant_is_refused(
    reader: Any, asked: dict[str, Any], field: str
) -> None:
    answer = reader.get(EXPORT, asked)

    assert answer.status_code == 400
    assert field in answer.json()["error"]["details"]["fields"]


def test_who_may_not_read_exports_nothing(api: Any, workspace: Workspace) -> None:
    for path in (EXPORT, CALCULATIONS):
        assert api().get(path).status_code == 401
        assert api(new_key(workspace, scopes=("track",))).get(path).status_code == 403


@pytest.mark.usefixtures("six_rows")
@pytest.mark.parametrize(
    ("accepted", "is_packed"),
    [
        ("gzip", True),
        ("br;q=1, gzip ; q=0.5", True),
        ("*", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000, br", False),
    ],
)
def test_it_is_packed_where_the_client_takes_it(
    reader: Any,
    accepted: str,
    is_packed: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    plain = body_of(reader.get(EXPORT, A_DAY))

    answer = reader.get(EXPORT, A_DAY, headers={"Accept-Encoding": accepted})

    assert (answer.headers.get("Content-Encoding") == "gzip") is is_packed
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert body_of(answer) == plain


@pytest.mark.usefixtures("workspace")
def test_a_browser_saves_it_under_a_name_that_tells_what_it_is(reader: Any) -> None:
    as_csv = reader.get(EXPORT, A_DAY)
    as_json = reader.get(CALCULATIONS, A_DAY | {"format": "json"})

    assert as_csv.headers["Content-Type"].startswith("text/csv; charset=utf-8")
    assert as_csv.headers["Content-Disposition"] == (
        'attachment; filename="mine-telemetry-20261118T000000Z-20261119T000000Z.csv"'
    )
    assert as_json.headers["Content-Type"] == "application/x-ndjson"
    assert as_json.headers["Content-Disposition"].endswith('Z.ndjson"')
    assert body_of(as_csv)
    assert not body_of(as_json)
