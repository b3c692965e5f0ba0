"""The two commands, as an operator sees them."""

import hashlib
import io
import json
import shutil
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.emissions import services
from apps.emissions.models import FactorSet

pytestmark = pytest.mark.django_db


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, no_color=True)
    return out.getvalue()


def test_seed_factors_publishes_the_catalogue_and_says_so() -> None:
    output = said("seed_factors", "--publish")

    assert FactorSet.objects.get().is_current
    assert "455 models, 103 operators, 69 operator_aliases, 210 grid" in output
    assert "published as current" in output


def test_seed_factors_again_changes_nothing() -> None:
    said("seed_factors", "--publish")
    output = said("seed_factors", "--publish")

    assert FactorSet.objects.count() == 1
    assert "models: 0 added, 0 changed, 0 removed" in output
    assert "already stored." in output


@pytest.fixture
def grown(tmp_path: Path) -> Path:
    """A later catalogue: one server factor, and twelve countries' intensities, are other ones."""
    copied = shutil.copytree(services.NEWEST, tmp_path / "catalogue")
    manifest = json.loads((copied / "manifest.json").read_text(encoding="utf-8"))
    manifest["version"] = "2026.12.1"
    manifest["coefficients"]["server_factor"]["value"] = 1.7
    head, *rows = (copied / "grid_countries.csv").read_text(encoding="utf-8").splitlines()
    rows[:12] = [row.replace(",20", "5,20", 1) for row in rows[:12]]
    (copied / "grid_countries.csv").write_text("\n".join((head, *rows, "")), encoding="utf-8")
    digest = hashlib.sha256((copied / "grid_countries.csv").read_bytes()).hexdigest()
    manifest["files"]["grid_countries.csv"]["sha256"] = digest
    (copied / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return copied


def test_seed_factors_tells_what_would_change_field_by_field(grown: Path) -> None:
    said("seed_factors", "--publish")

    output = said("seed_factors", "--file", str(grown), "--dry-run")

    assert "Catalogue 2026.12.1 against 2026.11.1:" in output
    assert "  coefficients: 0 added, 1 changed, 0 removed" in output
    assert "    coefficients server_factor: value 1.6 -> 1.7 (source split of a Gemini" in output
    assert "    grid AW: gco2e_per_kwh 550 -> 5505 (source https://ember-energy.org" in output
    assert output.count("    grid ") == 10
    assert "    … and 2 more" in output
    assert FactorSet.objects.count() == 1


@pytest.mark.parametrize(("verbosity", "shown"), [("0", 0), ("1", 10), ("2", 12)])
def test_how_much_seed_factors_tells_is_the_operators_choice(
    grown: Path, verbosity: str, shown: int
) -> None:
    said("seed_factors", "--publish")

    output = said("seed_factors", "--file", str(grown), "--verbosity", verbosity)

    assert output.count("    grid ") == shown
    assert "2026.12.1" in output
    assert FactorSet.objects.get(version="2026.12.1").status == "draft"


def test_a_dry_run_writes_nothing() -> None:
    output = said("seed_factors", "--publish", "--dry-run")

    assert "Dry run" in output
    assert not FactorSet.objects.exists()


def test_an_altered_catalogue_ends_with_code_1(tmp_path: Path) -> None:
    copied = shutil.copytree(services.NEWEST, tmp_path / "catalogue")
    with (copied / "models.csv").open("a", encoding="utf-8") as file:
        file.write("\n")

    with pytest.raises(CommandError, match=r"models\.csv") as refusal:
        said("seed_factors", "--file", str(copied), "--publish")

    assert refusal.value.returncode == 1
    assert not FactorSet.objects.exists()


def test_a_taken_version_ends_with_code_3(tmp_path: Path) -> None:
    said("seed_factors", "--publish")
    copied = shutil.copytree(services.NEWEST, tmp_path / "catalogue")
    manifest = copied / "manifest.json"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('"value": 1.6,', '"value": 1.7,'), encoding="utf-8")

    with pytest.raises(CommandError, match="other content") as refusal:
        said("seed_factors", "--file", str(copied), "--publish")

    assert refusal.value.returncode == 3


def test_estimate_prints_figure_bounds_steps_and_sources() -> None:
    said("seed_factors", "--publish")

    output = said("estimate", "gpt-4o", "--in", "1000", "--out", "500", "--country", "US")

    assert "gpt-4o*: tier large, estimated, factors 2026.11.1, grid US 2024" in output
    assert "0.000453114 kWh  [9.66973e-05 to 0.00212324]" in output
    assert "G_op + G_emb" in output
    assert "grid: https://ember-energy.org" in output
    assert "training of the model" in output


def test_estimate_warns_about_an_unknown_model() -> None:
    said("seed_factors", "--publish")

    assert "! Model 'some-new-model'" in said("estimate", "some-new-model", "--out", "1")


@pytest.mark.parametrize("arguments", [("--out", "-1"), ("--out", "1")])
def test_estimate_refuses_bad_counts_and_missing_factors(arguments: tuple[str, str]) -> None:
    with pytest.raises(CommandError):
        said("estimate", "gpt-4o", *arguments)
