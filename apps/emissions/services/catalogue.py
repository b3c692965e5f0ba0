"""Reading a catalogue directory into one factor document, checked against its manifest."""

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apps.emissions.calc.factors import FactorDocument
from apps.emissions.calc.rows import InvalidFactorsError
from apps.emissions.errors import CatalogueError

CATALOGUE = Path(__file__).resolve().parent.parent / "catalogue"
NEWEST = CATALOGUE / "2026.11.1"

Table = list[dict[str, str]]

_TABLES = (
    "models.csv",
    "model_measurements.csv",
    "model_prices.csv",
    "model_disclosures.csv",
    "operators.csv",
    "operator_regions.csv",
    "operator_aliases.csv",
    "grid_countries.csv",
    "electricity_water.csv",
    "embodied.csv",
)


def load_catalogue(path: Path) -> dict[str, Any]:
    """The document of a catalogue directory. Raises CatalogueError and says what is wrong.

    Every table has to be listed in `manifest.json` with the SHA-256 of its bytes.
    """
    try:
        manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
        tables = {name: _table(path, name, manifest["files"]) for name in _TABLES}
        document = _document(manifest, tables)
        FactorDocument.from_dict(document)
    except OSError as problem:
        raise CatalogueError(f"Cannot read {problem.filename}: {problem.strerror}") from problem
    except KeyError as problem:
        raise CatalogueError(f"The catalogue has no {problem.args[0]!r}") from problem
    except InvalidFactorsError as problem:
        raise CatalogueError(str(problem)) from problem
    except ValueError as problem:  # not JSON, not UTF-8, not a number
        raise CatalogueError(f"Cannot read the catalogue: {problem}") from problem
    return document


def _table(path: Path, name: str, files: Mapping[str, Mapping[str, str]]) -> Table:
    content = (path / name).read_bytes()
    found, stated = hashlib.sha256(content).hexdigest(), files[name]["sha256"]
    if found != stated:
        raise CatalogueError(f"{name} is not the file of the manifest", found=found, stated=stated)
    return list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))


def _document(manifest: Mapping[str, Any], tables: Mapping[str, Table]) -> dict[str, Any]:
    return {
        "version": manifest["version"],
        "effective_from": manifest["effective_from"],
        "coefficients": manifest["coefficients"],
        "models": _models(tables),
        "operators": [
            *(_operator(row) for row in tables["operators.csv"]),
            *(
                _region(row, manifest["files"]["operator_regions.csv"])
                for row in tables["operator_regions.csv"]
            ),
        ],
        "operator_aliases": tables["operator_aliases.csv"],
        "grid": _grid(tables, manifest["files"]["grid_countries.csv"]["url"]),
        "embodied": [
            _numbers(row, "value", "low", "high") | _evidence(row) for row in tables["embodied.csv"]
        ],
        "sources": [{"name": name, **file} for name, file in manifest["files"].items()],
    }


def _models(tables: Mapping[str, Table]) -> list[dict[str, Any]]:
    """Model rows in the order of their file, which is the order in which they are tried."""
    metered = {row["pattern"]: row for row in tables["model_measurements.csv"]}
    prices = {row["pattern"]: row for row in tables["model_prices.csv"]}
    disclosed = {row["pattern"]: row for row in tables["model_disclosures.csv"]}
    rows = tables["models.csv"]
    if strangers := ({*metered, *prices, *disclosed} - {row["pattern"] for row in rows}):
        raise CatalogueError(f"Facts about models that no row has: {', '.join(sorted(strangers))}")
    return [
        _numbers(row, "active_b_low", "active_b_high", "total_b_low", "total_b_high")
        | _evidence(row)
        | {
            "joules_per_output_token": _fact(metered, row, "joules_per_output_token"),
            "usd_per_million_output_tokens": _fact(prices, row, "usd_per_million_output_tokens"),
            "disclosed_gco2e_per_1k_output": _fact(disclosed, row, "gco2e_per_1k_output"),
            "disclosed_water_litres_per_1k_output": _fact(
                disclosed, row, "water_litres_per_1k_output"
            ),
        }
        for row in rows
    ]


def _fact(facts: Mapping[str, Mapping[str, str]], row: Mapping[str, str], name: str) -> Any:
    return _number(facts[row["pattern"]][name]) if row["pattern"] in facts else None


def _operator(row: Mapping[str, str]) -> dict[str, Any]:
    numbers = _numbers(row, "pue", "wue_litres_per_kwh")
    return {
        **numbers,
        **_evidence(row),
        "default_country": row["default_country"] or None,
        "regions_of": row["regions_of"] or None,
        "zone": None,
    }


def _region(row: Mapping[str, str], file: Mapping[str, str]) -> dict[str, Any]:
    return {
        "operator": row["operator"],
        "kind": "region",
        "pue": _number(row["pue"]),
        "wue_litres_per_kwh": _number(row["wue_litres_per_kwh"]),
        "default_country": row["default_country"] or None,
        "regions_of": row["operator"].split(":", 1)[0],
        "zone": row["zone"] or None,
        **_evidence(row),
        "source_url": file["url"],
        "note": row["name"],
    }


def _grid(tables: Mapping[str, Table], url: str) -> list[dict[str, Any]]:
    water = {row["iso2"]: row["litres_per_kwh"] for row in tables["electricity_water.csv"]}
    return [
        _numbers(row, "gco2e_per_kwh")
        | _evidence(row)
        | {"water_litres_per_kwh": _number(water.get(row["iso2"], "")), "source_url": url}
        for row in tables["grid_countries.csv"]
    ]


def _numbers(row: Mapping[str, str], *names: str) -> dict[str, Any]:
    return {**row, **{name: _number(row[name]) for name in names}}


def _evidence(row: Mapping[str, str]) -> dict[str, Any]:
    year = row["year"]
    return {
        "year": int(year) if year.isdecimal() else year,
        "confidence": row["confidence"],
        "valid_from": row["valid_from"],
        "valid_until": row["valid_until"] or None,
    }


def _number(text: str) -> float | str | None:
    """A text that is none stays as it is: whoever reads the rows refuses it by name."""
    try:
        return float(text) if text else None
    except ValueError:
        return text
