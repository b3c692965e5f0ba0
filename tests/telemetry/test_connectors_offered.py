"""Which providers can be connected here, and a proxy's whole way from its logs to the ledger."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.telemetry.connectors import CONNECTORS, PROVIDER_LABELS
from apps.telemetry.models import CarbonEntry, ProviderConnection, TelemetryEvent
from apps.telemetry.services import polling
from devstack.simulator.testing import RunningSimulator
from tests.telemetry.metering import NOW, assert_sound
from tests.telemetry.using import CONNECTIONS, Poll, use

PROXY = {"provider": "litellm", "name": "Our proxy", "api_key": "sk-litellm-simulated-0001"}
CALL = {"model": "gpt-4.1", "custom_llm_provider": "openai"}


def test_every_provider_says_what_it_is_and_where() -> None:
    for name, kind in CONNECTORS.items():
        assert kind.provider == name
        assert kind.label == PROVIDER_LABELS[name]
        assert kind.base_url_setting == f"{name.upper()}_BASE_URL"
        assert kind.default_base_url.startswith("https://") or name == "litellm"
        assert 0 < kind.requests_per_minute <= 600
        assert kind.not_measured


def test_a_proxy_is_refused_where_the_operator_has_named_none(
    connect: Callable[..., Any], settings: Any
) -> None:
    settings.PROVIDER_BASE_URLS = {**settings.PROVIDER_BASE_URLS, "litellm": ""}

    refused = connect(**PROXY)

    assert refused.status_code == 400
    error = refused.json()["error"]
    assert error["code"] == "validation_error"
    assert error["details"]["fields"]["provider"] == [error["message"]]
    assert not ProviderConnection.objects.exists()


def test_a_tenant_cannot_name_an_address(program: APIClient, meters: RunningSimulator) -> None:  # noqa: ARG001 - a fixture is asked for by its name
    asked = {**PROXY, "base_url": "http://169.254.169.254/"}

    program.post(CONNECTIONS, asked, format="json")

    assert "169.254" not in str(ProviderConnection.objects.values())


def test_a_proxys_requests_become_events_by_hour_model_and_provider(
    connect: Callable[..., Any], meters: RunningSimulator
) -> None:
    used = {"requests": 4, "prompt_tokens": 1000, "completion_tokens": 403}
    cached = {"cache_read_input_tokens": 400, "cache_creation_input_tokens": 100}
    quantities = {**used, **cached, "micro_usd": 250_000}
    at = "2026-11-18T09:20:00Z"
    meters.add_event(provider="litellm", time=at, dims=CALL, quantities=quantities)
    replayed = {**CALL, "cache_hit": True}
    meters.add_event(provider="litellm", time=at, dims=replayed, quantities=used)

    assert connect(**PROXY).status_code == 201
    connection = ProviderConnection.objects.get()
    polling.poll(connection.pk, now=NOW, clock=lambda: NOW)

    event = TelemetryEvent.objects.get()
    assert (event.model, event.dims["custom_llm_provider"]) == ("gpt-4.1", "openai")
    assert (event.input_uncached_tokens, event.input_cache_read_tokens) == (500, 400)
    assert (event.input_cache_write_tokens, event.output_tokens, event.requests) == (100, 403, 4)
    assert event.cost_usd == Decimal("0.25")
    assert event.raw_payload == {"requests": 4}
    assert_sound()


@pytest.mark.parametrize(("behind", "zone"), [("azure", "US"), ("mistral", "FR"), (None, "ZZ")])
def test_a_proxys_usage_is_valued_where_the_provider_behind_it_runs(
    connect: Callable[..., Any], meters: RunningSimulator, behind: str | None, zone: str
) -> None:
    meters.add_event(
        provider="litellm",
        time="2026-11-18T09:20:00Z",
        dims={"model": "mistral-large-latest", "custom_llm_provider": behind},
        quantities={"requests": 1, "prompt_tokens": 1000, "completion_tokens": 400},
    )

    connect(**PROXY)
    polling.poll(ProviderConnection.objects.get().pk, now=NOW, clock=lambda: NOW)

    assert CarbonEntry.objects.get().calculation["grid"]["zone"] == zone


def test_openais_batches_are_valued_as_batches(
    poll: Poll, meters: RunningSimulator, connection: ProviderConnection
) -> None:
    for batch in (True, False):
        dims = {"model": "gpt-4.1", "project_id": "p", "service_tier": "default", "batch": batch}
        use(meters, dims=dims)

    poll()

    entries = CarbonEntry.objects.filter(event__connection=connection)
    warned = {entry.event.dims["batch"]: entry.calculation["warnings"] for entry in entries}
    assert "batch_tier" in warned["true"]
    assert "batch_tier" not in warned["false"]


@pytest.mark.parametrize(
    ("key", "reason"), [("sk-litellm-user-0001", "auth"), ("sk-litellm-revoked-0001", "auth")]
)
def test_a_proxys_key_that_is_not_an_admins_is_refused(
    connect: Callable[..., Any], key: str, reason: str
) -> None:
    refused = connect(**{**PROXY, "api_key": key})

    assert refused.status_code == 400
    assert refused.json()["error"]["details"]["reason"] == reason


def test_what_is_not_measured_stands_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "providers.md").read_text()

    for kind in CONNECTORS.values():
        assert f"\n## {kind.label}\n" in page
        for sentence in kind.not_measured:
            assert f"\n- {sentence}\n" in page
