"""A catalogue is read whole and unaltered, or refused."""

import copy
import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from apps.emissions.calc.factors import FactorDocument
from apps.emissions.calc.rows import InvalidFactorsError
from apps.emissions.errors import CatalogueError
from apps.emissions.services import NEWEST, catalogue_changes, load_catalogue

EMBER = "https://ember-energy.org/data/yearly-electricity-data/"
FLEET = "https://sustainability.aboutamazon.com/environment/the-cloud"
SPLIT = "split of a Gemini prompt, https://arxiv.org/abs/2508.15734"


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return shutil.copytree(NEWEST, tmp_path / "catalogue")


def replace_in(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def resign(catalogue: Path, name: str) -> None:
    manifest = json.loads((catalogue / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"][name]["sha256"] = hashlib.sha256((catalogue / name).read_bytes()).hexdigest()
    (catalogue / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def test_the_catalogue_holds_every_row(catalogue: dict[str, Any]) -> None:
    tables = ("models", "operators", "operator_aliases", "grid", "embodied", "coefficients")

    assert [len(catalogue[table]) for table in tables] == [455, 103, 69, 210, 16, 45]
    assert len(catalogue["sources"]) == 10


def evidence(catalogue: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every row of every table that calculates, by its name."""
    for name, row in catalogue["coefficients"].items():
        yield name, row | {"stated": row["source"]}
    for table, key in (
        ("models", "pattern"),
        ("operators", "operator"),
        ("grid", "iso2"),
        ("embodied", "component"),
    ):
        for row in catalogue[table]:
            yield f"{table} {row[key]}", row | {"stated": row["source_url"] or row["note"]}


def test_every_row_says_how_good_it_is_of_which_year_and_when_it_is_used(
    catalogue: dict[str, Any],
) -> None:
    rows = dict(evidence(catalogue))

    assert len(rows) == 455 + 103 + 210 + 16 + 45
    for name, row in rows.items():
        assert 2020 <= row["year"] <= 2026, name
        assert row["confidence"] in {"measured", "benchmarked", "estimated"}, name
        assert date.fromisoformat(row["valid_from"]) == date(2026, 11, 20), name
        assert row["valid_until"] is None, name
        assert re.search(r"https?://\S+\.\S+|\bassum", row["stated"], re.IGNORECASE), name


@pytest.mark.parametrize("confidence", ["measured", "benchmarked"])
def test_what_is_better_than_assumed_has_an_address(
    catalogue: dict[str, Any], confidence: str
) -> None:
    unfounded = [
        name
        for name, row in evidence(catalogue)
        if row["confidence"] == confidence and "http" not in row["stated"]
    ]

    assert unfounded == []


def test_a_price_or_a_guess_is_never_more_than_estimated(catalogue: dict[str, Any]) -> None:
    weak = [row for row in catalogue["models"] if row["size_basis"] in ("list_price", "tier")]

    assert len(weak) > 150
    assert {row["confidence"] for row in weak} == {"estimated"}


def test_every_file_states_source_licence_and_attribution(catalogue: dict[str, Any]) -> None:
    for file in catalogue["sources"]:
        assert file["source"]
        assert file["licence"]
        assert file["attribution"]


def test_the_coefficient_for_hardware_is_the_one_of_its_evidence(
    document: FactorDocument,
) -> None:
    evidence = {row.component: row for row in document.embodied}

    slot = evidence["accelerator-slot-default"].value
    years = evidence["hardware-lifetime-years"].value
    share = evidence["hardware-active-share"].value
    power = evidence["accelerator-power-active"].value
    per_kwh = slot * 1000 / (years * 8760 * share * power)
    assert document.coefficients.embodied_grams_per_accelerator_kwh == pytest.approx(
        per_kwh, rel=0.02
    )


def test_an_altered_file_is_refused_by_name(copied: Path) -> None:
    replace_in(copied / "grid_countries.csv", "44.18", "4.418")

    with pytest.raises(CatalogueError, match=r"grid_countries\.csv is not the file"):
        load_catalogue(copied)


def test_a_missing_file_is_refused_by_name(copied: Path) -> None:
    (copied / "models.csv").unlink()

    with pytest.raises(CatalogueError, match=r"models\.csv"):
        load_catalogue(copied)


def test_a_file_that_the_manifest_does_not_list_is_refused(copied: Path) -> None:
    replace_in(copied / "manifest.json", '"embodied.csv"', '"hidden.csv"')

    with pytest.raises(CatalogueError, match=r"embodied\.csv"):
        load_catalogue(copied)


@pytest.mark.parametrize(
    ("name", "old", "new", "complaint"),
    [
        ("grid_countries.csv", "44.18", "-44.18", "FR: intensity"),
        ("grid_countries.csv", "44.18", "many", "many"),
        ("operators.csv", "aws,cloud,1.14", "aws,cloud,0.14", "aws: a PUE"),
        ("models.csv", "o1-mini*,openai,openai,", "o1-mini*,openai,nobody,", "no operator nobody"),
        (
            "models.csv",
            "o1-mini*,openai,openai,reasoning,20",
            "o1-mini*,openai,openai,r,20",
            "tier",
        ),
        ("operators.csv", "azure,cloud,", "aws,cloud,", "aws appears twice"),
        ("models.csv", "moe,2024,estimated", "moe,,estimated", r"o1-mini\*: year"),
        ("models.csv", "moe,2024,estimated", "moe,2024,certain", r"o1-mini\*: confidence"),
        ("models.csv", "2026-11-20,,", "someday,,", r"o1-mini\*: not a date"),
        (
            "models.csv",
            "2026-11-20,,",
            "2026-11-20,2026-11-19,",
            r"o1-mini\*: valid_until is before",
        ),
        (
            "models.csv",
            "https://arxiv.org/abs/2412.19260",
            "hearsay",
            r"o1-mini\*: neither a source",
        ),
        ("grid_countries.csv", "550,2022,", "550,unknown,", "AW: year"),
        (
            "embodied.csv",
            "Assumption: no operator",
            "No operator",
            "hardware-active-share: neither",
        ),
        ("operator_regions.csv", "ZA,ZA,2024", "ZA,ZA,", "aws:af-south-1: year"),
        ("operator_aliases.csv", "aws.bedrock,bedrock", "aws.bedrock,rock", "no operator rock"),
        (
            "operator_aliases.csv",
            "aws.bedrock,",
            "azure.openai,",
            "azure.openai: the name is taken",
        ),
        ("model_prices.csv", "o1-mini*", "o1-tiny*", r"no row has: o1-tiny\*"),
    ],
)
def test_an_impossible_row_is_refused(
    copied: Path, name: str, old: str, new: str, complaint: str
) -> None:
    replace_in(copied / name, old, new)
    resign(copied, name)

    with pytest.raises(CatalogueError, match=complaint):
        load_catalogue(copied)


def forget(table: str, key: str, value: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        document[table] = [row for row in document[table] if row[key] != value]

    return change


@pytest.mark.parametrize(
    "change",
    [
        forget("models", "pattern", "*"),
        forget("operators", "operator", "*"),
        forget("grid", "iso2", "ZZ"),
        forget("grid", "iso2", "US"),
        lambda document: document["coefficients"].pop("server_factor"),
        lambda document: document["coefficients"]["server_factor"].update(value=float("inf")),
        lambda document: document["coefficients"]["server_factor"].pop("year"),
        lambda document: document["coefficients"]["server_factor"].update(source="hearsay"),
        lambda document: document.pop("embodied"),
        lambda document: document.pop("operator_aliases"),
        lambda document: document["models"][0].pop("note"),
        lambda document: document["models"][0].update(surprise=1),
    ],
)
def test_an_incomplete_document_is_refused(
    catalogue: dict[str, Any], change: Callable[[dict[str, Any]], None]
) -> None:
    broken = copy.deepcopy(catalogue)
    change(broken)

    with pytest.raises(InvalidFactorsError):
        FactorDocument.from_dict(broken)


def test_changes_are_told_row_by_row_and_field_by_field(catalogue: dict[str, Any]) -> None:
    newer = copy.deepcopy(catalogue)
    newer["grid"][0]["gco2e_per_kwh"] = 1.0
    newer["coefficients"]["server_factor"].update(value=1.7, low=None)
    first = newer["models"].pop(0)
    newer["models"].insert(1, first)
    newer["operators"].append(newer["operators"][0] | {"operator": "garage"})
    del newer["operators"][1]

    changes = {change.table: change for change in catalogue_changes(catalogue, newer)}

    assert changes["grid"].lines() == [f"grid AW: gco2e_per_kwh 550 -> 1 (source {EMBER})"]
    assert changes["coefficients"].lines() == [
        f"coefficients server_factor: value 1.6 -> 1.7, low 1.25 -> nothing (source {SPLIT})"
    ]
    assert changes["models"].summary == "models: 0 added, 0 changed, 0 removed, reordered"
    assert changes["operators"].lines() == [
        f"operators garage: added (source {FLEET})",
        "operators azure: removed",
    ]
    assert changes["embodied"].lines() == []


def test_past_the_bound_only_the_number_of_changes_is_told(catalogue: dict[str, Any]) -> None:
    newer = copy.deepcopy(catalogue)
    for row in newer["grid"][:7]:
        row["country"] = "x" * 100

    [grid] = [one for one in catalogue_changes(catalogue, newer) if one.table == "grid"]

    assert [line[:8] for line in grid.lines(most=2)] == ["grid AW:", "grid AF:", "… and 5 "]
    assert len(grid.lines()) == 7
    assert f'-> "{"x" * 59}…"' in grid.lines()[0]
