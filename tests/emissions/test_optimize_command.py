"""manage.py optimize: the table, the reasons, the exit codes."""

import io
import json
from collections.abc import Iterator

import pytest
import time_machine
from django.core.management import CommandError, call_command

from tests.emissions.optimizing import NOW, week_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _half_past_ten() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command("optimize", *arguments, stdout=out, no_color=True)
    return out.getvalue()


def refused(*arguments: str) -> int:
    with pytest.raises(CommandError) as refusal:
        call_command("optimize", *arguments, stdout=io.StringIO())
    return refusal.value.returncode


def test_the_table_is_aligned_and_the_reasons_follow() -> None:
    lines = said("training", "--cloud", "all", "--limit", "5").splitlines()

    assert lines[0].startswith("training, priority carbon: ")
    titles, *rows = lines[2:8]
    for title in ("cloud", "region", "instance", "from"):
        at = titles.index(title)
        assert all(row[at - 1] == " " and row[at] != " " for row in rows)
    assert [row.split()[0] for row in rows] == ["1", "2", "3", "4", "5"]
    assert any("No key of Electricity Maps is set" in line for line in lines)
    assert any(line.startswith("Not included: ") for line in lines)


def test_the_best_start_and_the_own_saving_are_shown() -> None:
    week_of("FR", lambda hour: 10.0 if hour == 15 else 50.0)
    week_of("US-MIDA-PJM", lambda _: 400.0)

    output = said("training", "--region", "eu-west-3", "--start-region", "us-east-1")

    assert "2026-11-18 15:00 UTC" in output
    assert "in us-east-1, started now: " in output


def test_json_is_the_answer_alone() -> None:
    found = json.loads(
        said(
            *("general", "--priority", "balanced", "--cloud", "gcp", "--cloud", "azure"),
            *("--duration", "12", "--country", "FR", "--min-vcpus", "8", "--json"),
        )
    )

    assert found["status"] == "success"
    rows = found["recommendation"]["recommendations"]
    assert {row["country"] for row in rows} == {"FR"}
    assert {row["duration_hours"] for row in rows} == {12}
    assert found["recommendation"]["metadata"]["clouds"] == ["azure", "gcp"]


def test_what_makes_no_sense_is_refused_with_one() -> None:
    assert refused("training", "--region", "us-moon-1") == 1
    assert refused("training", "--duration", "-1") == 1
    assert refused("training", "--duration", "nan") == 1
    assert refused("training", "--deadline", "2020-01-01T00:00:00Z") == 1
    assert refused("training", "--limit", "51") == 1


def test_nothing_to_rank_is_three() -> None:
    assert refused("serverless", "--cloud", "gcp") == 3
    assert refused("inference", "--instance", "inf2.xlarge", "--json") == 3


def test_an_unknown_option_is_the_parsers_to_refuse() -> None:
    for arguments in (("mining",), ("training", "--cloud", "oracle")):
        with pytest.raises(CommandError, match="invalid choice"):
            call_command("optimize", *arguments)
