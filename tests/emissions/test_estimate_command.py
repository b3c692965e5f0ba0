"""manage.py estimate: a figure on the terminal, its address, and how it refuses."""

import io
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.core.management import CommandError, call_command

from apps.emissions.services import seed_factor_set

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _factors(catalogue: dict[str, Any]) -> None:
    seed_factor_set(catalogue, publish=True, now=datetime(2026, 1, 1, tzinfo=UTC))


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command("estimate", *arguments, stdout=out, no_color=True)
    return out.getvalue()


def grams(*arguments: str) -> float:
    value: float = json.loads(said(*arguments, "--json"))["results"]["co2e_grams"]["central"]
    return value


def link(*arguments: str) -> dict[str, str]:
    """The query of the address that the command prints last."""
    address = said(*arguments).rstrip().rsplit(" ", 1)[1]
    assert address.startswith("http://testserver/methodology/explain?")
    return dict(parse_qsl(urlsplit(address).query))


def test_the_other_methods_stand_beside_the_figure() -> None:
    output = said("gpt-4o", "--in", "1000", "--out", "500", "--country", "FR")

    for method in ("ours", "ecologits", "carbon_llm"):
        assert f"\n  {method:<12}" in output
    assert "On one line: G_op + G_emb" in output


def test_the_address_asks_the_same_question_of_the_same_factors() -> None:
    asked = link("gpt-4o", "--in", "9", "--out", "5", "--cached", "2", "--grid", "0", "--batch")

    assert asked == {
        "model": "gpt-4o",
        "input": "9",
        "cached_input": "2",
        "cache_write": "0",
        "output": "5",
        "requests": "1",
        "method": "token",
        "batch": "1",
        "gco2e_per_kwh": "0.0",
        "factors": "2026.11.1",
    }


def test_json_is_the_explanation_and_nothing_else() -> None:
    explanation = json.loads(said("gpt-4o", "--out", "500", "--country", "FR", "--json"))

    assert explanation["factor_version"] == "2026.11.1"
    assert explanation["steps"]


def test_given_values_replace_the_catalogues() -> None:
    usual = grams("gpt-4o", "--out", "500")

    assert grams("gpt-4o", "--out", "500", "--grid", "1") < usual
    assert grams("gpt-4o", "--out", "500", "--pue", "3") > usual


def test_an_older_version_answers_with_its_own_numbers(
    newer: dict[str, Any], django_capture_on_commit_callbacks: Any
) -> None:
    before = grams("gpt-4o", "--out", "500")
    with django_capture_on_commit_callbacks(execute=True):
        seed_factor_set(newer, publish=True, now=datetime(2026, 2, 1, tzinfo=UTC))

    assert grams("gpt-4o", "--out", "500") > before
    assert grams("gpt-4o", "--out", "500", "--factors", "2026.11.1") == before


def test_the_time_of_the_hardware_is_another_method() -> None:
    arguments = ("gpt-4o", "--method", "hardware", "--duration-ms", "4000")

    assert link(*arguments)["duration_ms"] == "4000"
    assert grams(*arguments, "--power-watts", "1") < grams(*arguments)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--out", "-1"), 1),
        (("--pue", "0.5"), 1),
        (("--grid", "nan"), 1),
        (("--method", "hardware"), 1),
        (("--method", "hardware", "--duration-ms", "-5"), 1),
        (("--factors", "1999.1"), 3),
    ],
)
def test_a_refusal_has_its_exit_code(arguments: tuple[str, ...], code: int) -> None:
    with pytest.raises(CommandError) as refusal:
        said("gpt-4o", *arguments)

    assert refusal.value.returncode == code


def test_the_help_tells_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("estimate", "--help")

    told = " ".join(capsys.readouterr().out.split())
    assert "Exit code 1: the question makes no sense; 2:" in told
    assert "3: no factor set is published" in told
