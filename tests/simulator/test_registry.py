"""The demonstration registry: confirms once, refuses twice, and never pretends."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import requests

from devstack.simulator.testing import RunningSimulator, running_simulator

ORDER = {
    "order_id": "ord_1",
    "registry": "verra",
    "project_id": "1340",
    "serial_range": "19385-101-103-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1",
    "serial_first": "101",
    "serial_last": "103",
    "tonnes": 3,
    "beneficiary": "Customers & co. of <the platform>",
    "reason": "November 2026",
}


def _retire(
    simulator: RunningSimulator, key: str | None = "close-1", **changed: Any
) -> requests.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    url = f"{simulator.url}/registry/retirements"
    return requests.post(url, json={**ORDER, **changed}, headers=headers, timeout=10)


def test_an_order_is_confirmed_and_marked_as_a_demonstration(simulator: RunningSimulator) -> None:
    response = _retire(simulator)

    retirement = response.json()
    assert response.status_code == 201
    assert retirement["status"] == "retired"
    assert retirement["retired_on"] == "2026-11-18"
    assert retirement["demonstration"] is True
    found = requests.get(f"{response.url}/{retirement['retirement_id']}", timeout=10)
    assert found.json() == retirement
    certificate = requests.get(retirement["certificate_url"], timeout=10).content
    assert hashlib.sha256(certificate).hexdigest() == retirement["certificate_sha256"]


def test_the_public_page_says_that_nothing_was_retired(simulator: RunningSimulator) -> None:
    page = requests.get(_retire(simulator).json()["registry_url"], timeout=10)

    assert page.headers["Content-Type"].startswith("text/html")
    assert "demonstration registry" in page.text
    assert "Nothing was retired in the real world" in page.text
    assert "&lt;the platform&gt;" in page.text


def test_the_same_key_gets_the_same_answer_and_another_order_under_it_is_refused(
    simulator: RunningSimulator,
) -> None:
    first, again = _retire(simulator), _retire(simulator)
    other = _retire(simulator, order_id="ord_2")

    assert first.json() == again.json()
    assert other.status_code == 422
    assert other.json()["error"]["code"] == "idempotency_key_reused"


@pytest.mark.parametrize(
    ("first", "last", "status"), [(103, 104, 409), (99, 101, 409), (104, 106, 201), (98, 100, 201)]
)
def test_no_serial_is_retired_twice(
    simulator: RunningSimulator, first: int, last: int, status: int
) -> None:
    _retire(simulator)

    response = _retire(
        simulator,
        "close-2",
        order_id="ord_2",
        serial_range=str(ORDER["serial_range"]).replace("101-103", f"{first}-{last}"),
        serial_first=str(first),
        serial_last=str(last),
        tonnes=last - first + 1,
    )

    assert response.status_code == status
    retired = requests.get(f"{simulator.url}/registry/retirements", timeout=10).json()
    assert len(retired["retirements"]) == (2 if status == 201 else 1)


def test_equal_numbers_of_another_vintage_are_other_serials(simulator: RunningSimulator) -> None:
    _retire(simulator)
    vintage = str(ORDER["serial_range"]).replace("2020", "2021")

    assert _retire(simulator, "close-2", serial_range=vintage).status_code == 201


def test_retirements_are_found_by_order(simulator: RunningSimulator) -> None:
    retirement = _retire(simulator).json()
    url = f"{simulator.url}/registry/retirements"

    found = requests.get(url, params={"order_id": "ord_1"}, timeout=10).json()["retirements"]
    nothing = requests.get(url, params={"order_id": "ord_2"}, timeout=10).json()["retirements"]

    assert (found, nothing) == ([retirement], [])
    assert requests.get(f"{url}/unknown", timeout=10).status_code == 404


@pytest.mark.parametrize(
    ("key", "changed", "status"),
    [
        (None, {}, 400),
        ("k", {"tonnes": 4}, 422),
        ("k", {"serial_first": "first"}, 400),
        ("k", {"tonnes": None}, 400),
    ],
)
def test_an_order_that_cannot_be_right_is_refused(
    simulator: RunningSimulator, key: str | None, changed: dict[str, Any], status: int
) -> None:
    assert _retire(simulator, key, **changed).status_code == status


def test_retirements_outlive_the_process(tmp_path: Path) -> None:
    state = tmp_path / "state" / "simulator.json"
    with running_simulator(state=state) as simulator:
        confirmed = _retire(simulator).json()

    with running_simulator(state=state) as simulator:
        again = _retire(simulator)
        overlapping = _retire(simulator, "close-2")

    assert again.json() == confirmed
    assert overlapping.status_code == 409


def test_faults_reach_the_registry_too(simulator: RunningSimulator) -> None:
    simulator.add_fault("registry", 503, on_calls=[1])

    assert [_retire(simulator).status_code for _ in range(2)] == [503, 201]
