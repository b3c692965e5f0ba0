"""Ports are kept where possible, and a taken one is never chosen in silence."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack import ports
from devstack.errors import DevstackError


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind((ports.LOOPBACK, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_is_the_same_the_next_time(tmp_path: Path) -> None:
    first = ports.RememberedPorts(tmp_path / "ports.json").get("postgres")

    assert ports.RememberedPorts(tmp_path / "ports.json").get("postgres") == first


def test_a_remembered_port_that_is_taken_is_replaced(tmp_path: Path, taken_port: int) -> None:
    file = tmp_path / "ports.json"
    file.write_text(json.dumps({"postgres": taken_port, "valkey": 1}))

    port = ports.RememberedPorts(file).get("postgres")

    assert port != taken_port
    assert json.loads(file.read_text()) == {"postgres": port, "valkey": 1}


@pytest.mark.parametrize("content", ["", "[]", '{"postgres": "x"}', "{"])
def test_a_spoilt_file_of_ports_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "ports.json"
    file.write_text(content)

    assert ports.is_free(ports.RememberedPorts(file).get("postgres"))


def test_a_wanted_web_port_that_is_taken_is_refused_by_its_number(taken_port: int) -> None:
    with pytest.raises(DevstackError, match=rf"Port {taken_port} is taken.*make run PORT="):
        ports.web_port(str(taken_port))


@pytest.mark.parametrize("wanted", ["http", "0", "65536", "-1"])
def test_a_wanted_web_port_has_to_be_one(wanted: str) -> None:
    with pytest.raises(DevstackError, match="is not a port number"):
        ports.web_port(wanted)


def test_the_web_port_moves_on_when_the_first_is_taken(
    taken_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = ports.any_free()
    monkeypatch.setattr(ports, "WEB_PORTS", (taken_port, free))

    assert ports.web_port(None) == free
