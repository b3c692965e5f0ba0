"""Asking for estimates, each answer held against the published contract."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.emissions.services import NEWEST, seed_factor_set
from tests.contract import ContractClient
from tests.contract_token_api import hold
from tests.factories import NOW

ONE = "/api/v1/estimate"
BATCH = "/api/v1/estimate/batch"
VERSION = NEWEST.name
CALL: dict[str, Any] = {"model": "gpt-4o", "prompt_tokens": 100, "completion_tokens": 50}
HARDWARE = {"method": "hardware", "duration_ms": 120_000, "datacenter_country": "FI"}
QUANTITIES = ("energy_kwh", "co2e_grams", "operational_co2e_grams", "embodied_co2e_grams")
FIVE_DIGITS = 1e-5


@pytest.fixture
def client(
    db: None,  # noqa: ARG001 - a fixture is asked for by its name
    api: Callable[..., ContractClient],
    catalogue: dict[str, Any],
) -> ContractClient:
    seed_factor_set(catalogue, publish=True, now=NOW)
    return api()


def estimated(client: ContractClient, **members: Any) -> dict[str, Any]:
    answer = client.post(ONE, {**CALL, **members})
    hold("POST /estimate", answer)
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


def refused(client: ContractClient, **members: Any) -> dict[str, Any]:
    answer = client.post(ONE, {**CALL, **members})
    hold("POST /estimate", answer)
    assert answer.status_code == 400
    error: dict[str, Any] = answer.json()["error"]
    assert error["code"] == "validation_error"
    return error
