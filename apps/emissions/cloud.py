"""The cloud catalogue: regions, instances and grid zones, read once a process and checked."""

import csv
import functools
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.emissions.calc.rows import InvalidFactorsError, read_row
from apps.emissions.errors import CatalogueError
from apps.emissions.optimizer.offers import Instance, Region, ZoneAverage
from apps.emissions.optimizer.shortlist import Shortlists

__all__ = [
    "CloudCatalogue",
    "Instance",
    "Region",
    "ZoneAverage",
    "catalogue",
    "load_cloud",
    "shortlists",
]

CLOUD = Path(__file__).resolve().parent / "catalogue" / "cloud"

Row = Mapping[str, str]
Tables = Mapping[str, list[dict[str, str]]]
Key = tuple[str, str, str]

_NUMBERS_OF_INSTANCES = (
    "vcpus",
    "memory_gb",
    "gpus",
    "accelerators",
    "embodied_gco2e_per_hour",
    "usd_per_hour",
    "watts_50_ccf",
    "watts_50_boavizta",
    "embodied_boavizta_gco2e_per_hour",
)
_TEXTS_OF_INSTANCES = (
    "provider",
    "service",
    "instance_type",
    "family",
    "arch",
    "power_method",
    "power_confidence",
    "embodied_method",
)


@dataclass(frozen=True)
class CloudCatalogue:
    """Everything read, with the ways to find it. Names are compared without case."""

    version: str
    sources: tuple[Mapping[str, str], ...]
    """Name, SHA-256, source, url, licence and attribution of each table."""
    regions: tuple[Region, ...]
    instances: tuple[Instance, ...]
    zones: Mapping[str, ZoneAverage]
    zone_aliases: Mapping[str, str]

    def zone_key(self, zone: str) -> str:
        """The key to ask with: keys that were never valid are put right."""
        return self.zone_aliases.get(zone.strip(), zone.strip())

    def zone(self, zone: str) -> ZoneAverage | None:
        return self.zones.get(self.zone_key(zone))

    def region(self, name: str) -> Region | None:
        """By `eu-west-3`, which is one over all clouds, or by `aws:eu-west-3`."""
        return self._regions.get(name.strip().lower())

    def instance(self, name: str) -> Instance | None:
        """By `m5.large`, which is one over all clouds, or by `aws:ec2:m5.large`."""
        return self._instances.get(name.strip().lower())

    def regions_of_zone(self, zone: str) -> tuple[Region, ...]:
        key = self.zone_key(zone)
        return tuple(region for region in self.regions if region.zone == key)

    @functools.cached_property
    def _regions(self) -> Mapping[str, Region]:
        return {name: row for row in self.regions for name in (row.region.lower(), row.key)}

    @functools.cached_property
    def _instances(self) -> Mapping[str, Instance]:
        return {
            name.lower(): row for row in self.instances for name in (row.instance_type, row.key)
        }


@functools.lru_cache(maxsize=1)
def catalogue() -> CloudCatalogue:
    """The catalogue of this release."""
    return load_cloud(CLOUD)


@functools.lru_cache(maxsize=1)
def shortlists() -> Shortlists:
    """The few instances per workload kind worth ranking, sorted once a process."""
    return Shortlists(catalogue().instances)


def load_cloud(path: Path) -> CloudCatalogue:
    """A catalogue directory, checked against its manifest. Raises CatalogueError."""
    try:
        manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
        tables = {name: _table(path, name, file) for name, file in manifest["files"].items()}
        return _read(manifest, tables)
    except OSError as problem:
        raise CatalogueError(f"Cannot read {problem.filename}: {problem.strerror}") from problem
    except KeyError as problem:
        raise CatalogueError(f"The cloud catalogue has no {problem.args[0]!r}") from problem
    except InvalidFactorsError as problem:
        raise CatalogueError(str(problem)) from problem
    except ValueError as problem:  # not JSON, not UTF-8, not a number
        raise CatalogueError(f"Cannot read the cloud catalogue: {problem}") from problem


def _table(path: Path, name: str, file: Row) -> list[dict[str, str]]:
    content = (path / name).read_bytes()
    found, stated = hashlib.sha256(content).hexdigest(), file["sha256"]
    if found != stated:
        raise CatalogueError(f"{name} is not the file of the manifest", found=found, stated=stated)
    return list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))


def _read(manifest: Mapping[str, Any], tables: Tables) -> CloudCatalogue:
    zones = {row["zone"]: _zone(row) for row in tables["zones.csv"]}
    regions = tuple(map(_region, tables["regions.csv"]))
    aliases = {row["alias"]: row["zone"] for row in tables["zone_aliases.csv"]}
    if strangers := {*(row.zone for row in regions), *aliases.values()} - set(zones):
        raise CatalogueError(f"Zones that have no average: {', '.join(sorted(strangers))}")
    instances = _instances(tables)
    for names in ([row.region for row in regions], [row.instance_type for row in instances]):
        if len({name.lower() for name in names}) != len(names):
            raise CatalogueError("A region or an instance appears twice")
    return CloudCatalogue(
        version=manifest["version"],
        sources=tuple({"name": name, **file} for name, file in manifest["files"].items()),
        regions=regions,
        instances=instances,
        zones=zones,
        zone_aliases=aliases,
    )


def _zone(row: Row) -> ZoneAverage:
    known = sorted(
        (int(name.rsplit("_", 1)[1]), float(value))
        for name, value in row.items()
        if name.startswith("gco2e_per_kwh_") and value
    )
    return ZoneAverage(
        zone=row["zone"],
        name=row["name"],
        year=int(row["year"]),
        gco2e_per_kwh=float(row["gco2e_per_kwh"]),
        renewable_percent=float(row["renewable_percent"]),
        carbon_free_percent=float(row["carbon_free_percent"]),
        by_year=tuple(known),
    )


def _region(row: Row) -> Region:
    texts = ("provider", "region", "name", "country", "zone", "zone_basis", "status", "pue_basis")
    data: dict[str, Any] = {name: row[name] for name in texts}
    return read_row(
        Region,
        data
        | {
            "other_zone": row["other_zone"] or None,
            "pue": float(row["pue"]),
            "pue_year": int(row["pue_year"]) if row["pue_year"] else None,
            "wue_litres_per_kwh": _number(row["wue_litres_per_kwh"]),
        },
        f"Region {row['provider']}:{row['region']}",
    )


def _instances(tables: Tables) -> tuple[Instance, ...]:
    """Each row with its price and its second opinions beside it."""
    prices = {_key(row): row for row in tables["instance_prices.csv"]}
    checks = {_key(row): row for row in tables["instance_checks.csv"]}
    chips = {row["chip"]: float(row["teraflops"]) for row in tables["chips.csv"]}
    rows = {_key(row): row for row in tables["instances.csv"]}
    if {*prices, *checks} - set(rows):
        raise CatalogueError("Prices or checks of instances that no row has")
    unpriced = {"usd_per_hour": "", "usd_region": "", "usd_date": ""}
    return tuple(
        _instance({**row, **checks[key], **prices.get(key, unpriced)}, chips)
        for key, row in rows.items()
    )


def _instance(row: Row, chips: Mapping[str, float]) -> Instance:
    chip = row["gpu_model"] or row["accelerator_model"]
    data: dict[str, Any] = {name: row[name] for name in _TEXTS_OF_INSTANCES}
    data |= {name: _number(row[name]) for name in _NUMBERS_OF_INSTANCES}
    made: dict[str, Any] = {
        "gpu_model": row["gpu_model"] or None,
        "accelerator_model": row["accelerator_model"] or None,
        "stand_in_cpu": row["stand_in_cpu"] or None,
        "kinds": frozenset(row["kinds"].split(";")),
        "watts": tuple(float(row[f"watts_{load}"]) for load in ("idle", "10", "50", "100")),
        "shares_cores": _yes(row["shares_cores"]),
        "power_complete": _yes(row["power_complete"]),
        "chip_teraflops": chips[chip] if chip else 0.0,
        "usd_region": row["usd_region"] or None,
        "usd_date": row["usd_date"] or None,
    }
    return Instance(**data, **made)


def _key(row: Row) -> Key:
    return row["provider"], row["service"], row["instance_type"]


def _yes(text: str) -> bool:
    return {"true": True, "false": False}[text]


def _number(text: str) -> float | None:
    return float(text) if text else None
