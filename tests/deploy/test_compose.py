"""docker-compose.yml: no default secrets, nothing open to the world, everything waited for."""

import re
from typing import Any

import pytest
from ruamel.yaml import YAML

from devstack import places

FILE = places.ROOT / "docker-compose.yml"
COMPOSE: dict[str, Any] = YAML(typ="safe").load(FILE)
SERVICES: dict[str, Any] = COMPOSE["services"]
OF_THE_PRODUCT = ("bootstrap", "web", "worker", "poller", "beat")
SECRET_WORDS = ("PASSWORD", "SECRET_KEY", "KEYRING", "SIGNING")
MAY_BE_ABSENT = {
    "SECRET_KEY_FALLBACKS",
    "ADMIN_PASSWORD",
    "AWS_SECRET_ACCESS_KEY",
    "STRIPE_WEBHOOK_SECRET",
}
READ_BY_BOTO3 = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


def test_every_secret_has_to_be_given_and_has_no_default() -> None:
    defaults = re.findall(r"\$\{(\w+):?-[^}]*\}", FILE.read_text())
    assert not [name for name in defaults if any(word in name for word in SECRET_WORDS)]
    required = set(re.findall(r"\$\{(\w+):\?", FILE.read_text()))
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if any(word in name for word in SECRET_WORDS) and name not in MAY_BE_ABSENT:
                assert set(re.findall(r"\$\{(\w+)", str(value))) & required, name


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_says_whether_it_is_well_and_waits_for_those_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert "healthcheck" in service or name == "web"  # the image's own
    for needed, how in service.get("depends_on", {}).items():
        once = needed == "bootstrap"
        assert how["condition"] == ("service_completed_successfully" if once else "service_healthy")


@pytest.mark.parametrize("name", SERVICES)
def test_no_port_is_open_to_other_machines_and_no_data_service_has_one(name: str) -> None:
    ports = SERVICES[name].get("ports", [])
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert not (ports and name in {"postgres", "redis"})


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_names_its_version(name: str) -> None:
    assert re.search(r":v?\d", SERVICES[name]["image"])


@pytest.mark.parametrize("name", OF_THE_PRODUCT)
def test_the_product_runs_with_as_little_as_possible(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["environment"]["ENVIRONMENT"] == "production"


def test_the_product_logs_in_as_a_role_that_is_no_superuser() -> None:
    assert SERVICES["web"]["environment"]["DATABASE_URL"].startswith("postgresql://carbon:")
    script = (places.ROOT / "deploy" / "postgres" / "create-role.sh").read_text()
    assert "CREATE ROLE carbon LOGIN NOSUPERUSER NOBYPASSRLS" in script
    assert SERVICES["postgres"]["environment"].get("POSTGRES_USER", "postgres") != "carbon"


def test_every_variable_that_is_handed_on_is_one_that_the_product_reads() -> None:
    settings = (places.ROOT / "carbon_platform" / "settings.py").read_text()
    handed_on = {name for one in OF_THE_PRODUCT for name in SERVICES[one]["environment"]}
    unknown = {name for name in handed_on if f'"{name}"' not in settings}
    assert unknown <= READ_BY_BOTO3
