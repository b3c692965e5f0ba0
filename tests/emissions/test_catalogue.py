"""A catalogue is read whole and unaltered, or refused."""

import copy
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apps.emissions.calc.factors import FactorDocument
from apps.emissions.calc.rows import InvalidFactorsError
from apps.emissions.errors import CatalogueError
from apps.emissions.services import NEWEST, catalogue_changes, load_catalogue


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
    tables = ("models", "operators", "grid", "embodied", "coefficients", "sources")

    assert [len(catalogue[table]) for table in tables] == [455, 103, 210, 16, 43, 9]


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
        lambda document: document.pop("embodied"),
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


def test_changes_are_told_row_by_row(catalogue: dict[str, Any]) -> None:
    newer = copy.deepcopy(catalogue)
    newer["grid"][0]["gco2e_per_kwh"] = 1.0
    first = newer["models"].pop(0)
    newer["models"].insert(1, first)
    newer["operators"].append(newer["operators"][0] | {"operator": "garage"})
    del newer["operators"][1]

    changes = {change.table: change for change in catalogue_changes(catalogue, newer)}

    assert changes["grid"].changed == ("AW",)
    assert changes["models"].is_reordered
    assert changes["models"].changed == ()
    assert changes["operators"].added == ("garage",)
    assert changes["operators"].removed == ("azure",)
    assert changes["coefficients"].changed == ()
