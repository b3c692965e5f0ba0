"""The cloud catalogue of this release, and traces of past intensities."""

import csv
from datetime import datetime
from pathlib import Path

import pytest

from apps.emissions.cloud import CloudCatalogue
from apps.emissions.cloud import catalogue as cloud_catalogue
from apps.emissions.optimizer.offers import ZoneIntensity

TRACES = Path(__file__).resolve().parents[2] / "data" / "traces"

Trace = list[tuple[datetime, float | None]]


@pytest.fixture(scope="session")
def cloud() -> CloudCatalogue:
    return cloud_catalogue()


@pytest.fixture(scope="session")
def yearly(cloud: CloudCatalogue) -> dict[str, ZoneIntensity]:
    """The yearly mean of every zone."""
    return {zone: average.intensity() for zone, average in cloud.zones.items()}


def traces(name: str) -> dict[str, Trace]:
    """The columns of a trace by their zone."""
    with (TRACES / name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        zone: [
            (datetime.fromisoformat(row["datetime_utc"]), float(row[zone]) if row[zone] else None)
            for row in rows
        ]
        for zone in rows[0]
        if zone != "datetime_utc"
    }
