"""What is given by URL is used or refused with advice, never replaced in silence."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from devstack import binaries, ports, programs
from devstack.errors import DevstackError
from devstack.services import DataServices


def _services(settings: Mapping[str, str], folder: Path) -> DataServices:
    return DataServices(settings, ports.RememberedPorts(folder / "ports.json"))


def test_a_dead_database_is_named_without_its_password(tmp_path: Path) -> None:
    port = ports.any_free()
    url = f"postgresql://someone:secret@127.0.0.1:{port}/x"

    with pytest.raises(DevstackError, match=rf"DATABASE_URL .*127\.0\.0\.1:{port}") as refusal:
        _services({"DATABASE_URL": url}, tmp_path).start()

    assert "secret" not in str(refusal.value)


def test_a_dead_queue_is_named_without_its_password(tmp_path: Path) -> None:
    port = ports.any_free()
    urls = {
        "DATABASE_URL": os.environ["DATABASE_URL"],
        "REDIS_URL": f"redis://:secret@127.0.0.1:{port}",
    }

    with pytest.raises(DevstackError, match=rf"REDIS_URL .*127\.0\.0\.1:{port}") as refusal:
        _services(urls, tmp_path).start()

    assert "secret" not in str(refusal.value)


def test_servers_given_by_url_are_used_and_not_ours_to_stop(tmp_path: Path) -> None:
    urls = {"DATABASE_URL": os.environ["DATABASE_URL"], "REDIS_URL": os.environ["REDIS_URL"]}
    services = _services(urls, tmp_path)

    assert services.start() == urls
    assert services.processes() == {}


def test_a_machine_without_the_binaries_is_told_what_to_type(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EMBEDDED_PG_BINDIR", "/nowhere")
    monkeypatch.setenv("EMBEDDED_REDIS_BIN", "/nowhere")

    with pytest.raises(DevstackError, match=r"No PostgreSQL.*make setup.*DATABASE_URL"):
        binaries.postgres_folder()
    with pytest.raises(DevstackError, match=r"No Valkey.*make setup.*REDIS_URL"):
        binaries.valkey_server()


def test_a_major_version_nobody_brings_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EMBEDDED_PG_BINDIR", raising=False)
    monkeypatch.setenv("EMBEDDED_PG", "9")

    with pytest.raises(DevstackError, match="No PostgreSQL 9 found"):
        binaries.postgres_folder()


def test_simulated_services_share_one_port_and_yield_to_an_address_of_your_own(
    tmp_path: Path,
) -> None:
    remembered = ports.RememberedPorts(tmp_path / "ports.json")
    own = {"SIMULATE": "true", "OPENAI_BASE_URL": "https://api.openai.com/v1"}

    told = programs.addresses(own, remembered)

    base = f"http://127.0.0.1:{remembered.get('simulator')}"
    assert told == {
        "OPENAI_BASE_URL": "https://api.openai.com/v1",
        "ANTHROPIC_BASE_URL": f"{base}/anthropic",
        "OPENROUTER_BASE_URL": f"{base}/openrouter/api/v1",
        "LITELLM_BASE_URL": f"{base}/litellm",
        "STRIPE_API_BASE": f"{base}/stripe",
        "REGISTRY_URL": f"{base}/registry",
        "SIMULATED_PROVIDERS": "true",
    }


@pytest.mark.parametrize("value", ["", "false", "0", "no"])
def test_nothing_is_simulated_unless_asked_for(tmp_path: Path, value: str) -> None:
    remembered = ports.RememberedPorts(tmp_path / "ports.json")

    assert programs.addresses({"SIMULATE": value}, remembered) == {}
