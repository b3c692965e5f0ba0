"""The cloud catalogue is read whole and unaltered, or refused."""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from apps.emissions.cloud import CLOUD, CloudCatalogue, load_cloud
from apps.emissions.cloud import catalogue as cloud_catalogue
from apps.emissions.errors import CatalogueError


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return shutil.copytree(CLOUD, tmp_path / "cloud")


def resigned(path: Path, name: str, old: str, new: str) -> None:
    text = (path / name).read_text(encoding="utf-8")
    assert old in text
    (path / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"][name]["sha256"] = hashlib.sha256((path / name).read_bytes()).hexdigest()
    (path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def test_the_catalogue_holds_every_row_and_is_read_once(cloud: CloudCatalogue) -> None:
    assert Counter(region.provider for region in cloud.regions) == {
        "aws": 39,
        "gcp": 43,
        "azure": 75,
    }
    assert (len(cloud.instances), len(cloud.zones)) == (2337, 352)
    assert len({region.zone for region in cloud.regions}) == 58
    assert sum(not instance.power_complete for instance in cloud.instances) == 26
    assert cloud is cloud_catalogue()


def test_every_table_names_its_source_and_licence(cloud: CloudCatalogue) -> None:
    notice = (CLOUD / "NOTICE.md").read_text(encoding="utf-8")

    assert {path.name for path in CLOUD.glob("*.csv")} == {one["name"] for one in cloud.sources}
    for source in cloud.sources:
        assert source["source"]
        assert source["licence"]
        assert source["attribution"]
        assert source["url"].startswith("https://")
        assert source["name"] in notice or source["name"] == "zone_aliases.csv"


def test_values_of_electricity_maps_stand_in_a_file_of_their_own(cloud: CloudCatalogue) -> None:
    open_database = [source for source in cloud.sources if "ODbL" in source["licence"]]

    assert [source["name"] for source in open_database] == ["zones.csv"]
    for path in CLOUD.glob("*.csv"):
        header = path.read_text(encoding="utf-8").splitlines()[0]
        assert ("gco2e_per_kwh" in header) == (path.name == "zones.csv"), path.name


def test_every_row_is_possible(cloud: CloudCatalogue) -> None:
    for region in cloud.regions:
        assert 1 <= region.pue < 2, region.key
        assert len(region.country) == 2, region.key
        assert region.country.isupper(), region.key
    for instance in cloud.instances:
        assert instance.vcpus > 0, instance.key
        assert instance.memory_gb > 0, instance.key
        assert list(instance.watts) == sorted(instance.watts), instance.key
        assert instance.watts[0] > 0, instance.key
        assert instance.arch in {"x86_64", "arm64"}, instance.key
        assert instance.kinds <= {
            "training",
            "inference",
            "general",
            "database",
            "containers",
            "serverless",
        }, instance.key
        assert bool(instance.chips) == bool(instance.chip_teraflops), instance.key
        assert bool(instance.gpus) == bool(instance.gpu_model), instance.key
        assert (instance.usd_per_hour is None) == (instance.usd_region is None), instance.key
    for zone in cloud.zones.values():
        assert dict(zone.by_year)[zone.year] == zone.gco2e_per_kwh, zone.zone
        assert 0 <= zone.renewable_percent <= zone.carbon_free_percent <= 100, zone.zone


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("eu-west-3", "aws:eu-west-3"),
        (" EU-West-3 ", "aws:eu-west-3"),
        ("aws:eu-west-3", "aws:eu-west-3"),
        ("europe-west9", "gcp:europe-west9"),
        ("francecentral", "azure:francecentral"),
    ],
)
def test_a_region_is_found_by_its_name(cloud: CloudCatalogue, name: str, key: str) -> None:
    region = cloud.region(name)

    assert region is not None
    assert region.key == key
    assert region in cloud.regions_of_zone("FR")


def test_an_instance_is_found_by_its_name(cloud: CloudCatalogue) -> None:
    found = cloud.instance("STANDARD_nd96isr_H100_v5")

    assert found is not None
    assert found is cloud.instance("azure:virtual-machines:Standard_ND96isr_H100_v5")
    assert found.gpus == 8


def test_what_is_not_there_is_not_found(cloud: CloudCatalogue) -> None:
    assert cloud.region("moon-1") is None
    assert cloud.instance("m5.tiny") is None
    assert cloud.zone("XX") is None


@pytest.mark.parametrize(
    ("asked", "key"),
    [("US-MIDW-PJM", "US-MIDA-PJM"), ("SE", "SE-SE3"), (" FR ", "FR"), ("XX", "XX")],
)
def test_wrong_zone_keys_are_put_right(cloud: CloudCatalogue, asked: str, key: str) -> None:
    assert cloud.zone_key(asked) == key


def test_no_region_draws_from_a_key_that_has_to_be_put_right(cloud: CloudCatalogue) -> None:
    assert not {region.zone for region in cloud.regions} & set(cloud.zone_aliases)
    assert {region.zone for region in cloud.regions_of_zone("US-MIDW-PJM")} == {"US-MIDA-PJM"}


def test_a_yearly_mean_is_an_estimate_of_the_present(cloud: CloudCatalogue) -> None:
    zone = cloud.zone("CA-QC")
    assert zone is not None

    intensity = zone.intensity()

    assert (intensity.gco2e_per_kwh, intensity.emission_factor_type) == (41, "lifecycle")
    assert intensity.is_estimate


@pytest.mark.parametrize("name", sorted(path.name for path in CLOUD.glob("*.csv")))
def test_an_altered_table_is_refused(copied: Path, name: str) -> None:
    (copied / name).write_bytes((copied / name).read_bytes() + b"\n")

    with pytest.raises(CatalogueError, match=name):
        load_cloud(copied)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: (path / "zones.csv").unlink(),
        lambda path: (path / "manifest.json").write_text("{"),
        lambda path: (path / "manifest.json").write_text("{}"),
        lambda path: resigned(path, "regions.csv", ",FR,FR,", ",FR,XX,"),
        lambda path: resigned(path, "regions.csv", "aws,eu-west-3,", "aws,eu-west-2,"),
        lambda path: resigned(path, "regions.csv", ",operational,", ",perhaps,"),
        lambda path: resigned(path, "instances.csv", "a1.medium", "a1.large"),
        lambda path: resigned(path, "instances.csv", ",true,", ",maybe,"),
        lambda path: resigned(path, "instances.csv", ",1.2,1.9,", ",much,1.9,"),
        lambda path: resigned(path, "instance_prices.csv", "a1.medium", "a1.gone"),
        lambda path: resigned(path, "instance_checks.csv", "a1.medium", "a1.gone"),
        lambda path: resigned(
            path, "instance_checks.csv", "aws,ec2,a1.l", "x,y,z,1,,\naws,ec2,a1.l"
        ),
        lambda path: resigned(path, "chips.csv", "T4G,", "T4X,"),
        lambda path: resigned(path, "zone_aliases.csv", "SE-SE3", "SE-SE9"),
    ],
)
def test_an_impossible_catalogue_is_refused(copied: Path, spoil: Callable[[Path], None]) -> None:
    spoil(copied)

    with pytest.raises(CatalogueError):
        load_cloud(copied)
