"""What POST /estimate refuses, and that it is one of the refusals the contract promises."""

from typing import Any

import pytest

from apps.emissions.models import FactorSet
from apps.emissions.services import publish_factor_set
from tests.contract import ContractClient
from tests.contract_token_api import hold
from tests.emissions.estimating import BATCH, CALL, ONE, client, refused
from tests.factories import NOW

__all__ = ["client"]  # a fixture


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"prompt_tokens": None}, "prompt_tokens"),
        ({"prompt_tokens": -1}, "prompt_tokens"),
        ({"prompt_tokens": 1.5}, "prompt_tokens"),
        ({"completion_tokens": 10**12 + 1}, "completion_tokens"),
        ({"completion_tokens": "50"}, "completion_tokens"),
        ({"model": 4}, "model"),
        ({"model": "x" * 201}, "model"),
        ({"method": "guess"}, "method"),
        ({"method": "hardware"}, "duration_ms"),
        ({"duration_ms": 0}, "duration_ms"),
        ({"datacenter_country": "FIN"}, "datacenter_country"),
        ({"datacenter_country": "F1"}, "datacenter_country"),
        ({"datacenter_country": "FI\n"}, "datacenter_country"),
        ({"datacenter_country": "FI", "country": "SE"}, "country"),
        ({"cached_tokens": 60, "cache_write_tokens": 41}, "cached_tokens"),
        ({"cache_write_tokens": 101}, "cache_write_tokens"),
        ({"reasoning_tokens": 51}, "reasoning_tokens"),
        ({"requests": 0}, "requests"),
        ({"grid_intensity_gco2e_per_kwh": -1}, "grid_intensity_gco2e_per_kwh"),
        ({"grid_intensity_gco2e_per_kwh": 1e300}, "grid_intensity_gco2e_per_kwh"),
        ({"power_watts": 1e300}, "power_watts"),
        ({"factor_version": "1999.01.1"}, "factor_version"),
    ],
)
def test_a_bad_member_is_400_and_named(
    client: ContractClient, members: dict[str, Any], field: str
) -> None:
    assert list(refused(client, **members)["details"]["fields"]) == [field]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"\xff", "application/json"),
        (b"{}", "text/plain"),
        (b"a=1", "application/x-www-form-urlencoded"),
        (b"{}", ""),
        (b'"' + b"x" * (2 * 1024 * 1024) + b'"', "application/json"),
    ],
)
@pytest.mark.parametrize("path", [ONE, BATCH])
def test_a_body_that_cannot_be_read_is_400_whatever_the_reason(
    client: ContractClient, path: str, body: bytes, kind: str
) -> None:
    answer = client.generic("POST", path, body, kind)

    hold("POST /estimate", answer)
    assert answer.status_code == 400


def test_without_published_factors_nothing_is_estimated(client: ContractClient) -> None:
    FactorSet.objects.filter(is_current=True).update(is_current=False)

    answer = client.post(ONE, CALL)

    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "no_current_factors"
    publish_factor_set(FactorSet.objects.get().pk, now=NOW)
    assert client.post(ONE, CALL).status_code == 200


def test_one_address_is_held_back_when_it_asks_too_often(
    client: ContractClient, settings: Any
) -> None:
    settings.THROTTLE_ADDRESS_PER_MINUTE = 0

    answer = client.post(ONE, CALL)

    assert answer.status_code == 429
    assert "Retry-After" in answer.headers
