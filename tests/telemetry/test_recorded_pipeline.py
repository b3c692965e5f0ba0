"""The providers' recorded reports, over HTTP, through the whole pipeline: rows and grams."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import Any, NamedTuple

import pytest
from django.db.models import Sum

from apps.telemetry.models import (
    CarbonEntry,
    ProviderConnection,
    Rollup,
    SyncCursor,
    TelemetryEvent,
)
from apps.telemetry.services import polling
from apps.workspaces.models import Workspace
from tests.telemetry.dialects import DIALECTS
from tests.telemetry.metering import assert_sound, connected
from tests.telemetry.recorded import Answer, RecordedServer, load, recorded

NOW = datetime(2026, 11, 18, 6, 10, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
REPORTS = {
    "openai": "/organization/usage/completions",
    "anthropic": "/v1/organizations/usage_report/messages",
    "openrouter": "/activity",
}
PAGES = {
    "openai": ("completions.page1", "completions.page2-last"),
    "anthropic": ("messages.page1", "messages.page2-last"),
    "openrouter": ("activity.all",),
}
REVISED = {
    "openai": ("completions.revised", "completions.page2-last"),
    "anthropic": ("messages.revised", "messages.page2-last"),
    "openrouter": ("activity.revised",),
}
NOTHING = Answer({"object": "page", "data": [], "has_more": False, "next_page": None})
QUANTITIES = ("input_uncached", "input_cache_read", "input_cache_write", "output")


@pytest.fixture
def server(settings: Any) -> Iterator[RecordedServer]:
    with RecordedServer() as running:
        for report in ("embeddings", "moderations"):
            running.plays(f"/organization/usage/{report}", NOTHING)
        settings.PROVIDER_BASE_URLS = dict.fromkeys(REPORTS, running.url)
        yield running


@pytest.fixture(params=PAGES)
def read_twice(
    request: pytest.FixtureRequest, server: RecordedServer, workspace: Workspace
) -> ProviderConnection:
    """A connection after its first and its revised reading."""
    provider = request.param
    connection = connected(workspace, provider)
    SyncCursor.objects.create(  # a first reading would go back for weeks, slice by slice
        workspace=workspace,
        connection=connection,
        source=DIALECTS[provider].source,
        complete_until=NOW.replace(minute=0),
        read_at=NOW,
    )
    server.plays(REPORTS[provider], *(recorded(provider, name) for name in PAGES[provider]))
    polling.poll(connection.pk, now=NOW, clock=lambda: NOW)
    assert stored_rows(connection) == expected_rows(provider, *PAGES[provider])
    server.plays(REPORTS[provider], *(recorded(provider, name) for name in REVISED[provider]))
    polling.poll(connection.pk, now=LATER, clock=lambda: LATER)
    return connection


def test_after_the_revised_reading_the_events_are_exactly_its_rows(
    read_twice: ProviderConnection,
) -> None:
    provider = read_twice.provider

    assert stored_rows(read_twice) == expected_rows(provider, *REVISED[provider])
    assert_sound()


def test_after_the_revised_reading_entries_and_rollups_are_its_totals(
    read_twice: ProviderConnection,
) -> None:
    provider = read_twice.provider
    pages = [load("expected")[f"{provider}/{name}"]["totals"] for name in REVISED[provider]]
    totals = {name: sum(page[name] or 0 for page in pages) for name in (*QUANTITIES, "requests")}

    for kind in (CarbonEntry, Rollup):
        sums = kind._default_manager.aggregate(
            **{name: Sum(f"{name}_tokens") for name in QUANTITIES}, requests=Sum("requests")
        )
        assert {name: number or 0 for name, number in sums.items()} == totals


def test_the_grams_are_those_of_a_calculation_by_hand(read_twice: ProviderConnection) -> None:
    by_hand = BY_HAND[read_twice.provider]()
    sums = Rollup.objects.aggregate(
        energy=Sum("energy_kwh"), co2e=Sum("co2e_grams"), embodied=Sum("embodied_co2e_grams")
    )

    assert close(sums["energy"], by_hand.energy_kwh)
    assert close(sums["co2e"], by_hand.co2e_grams)
    assert close(sums["embodied"], by_hand.embodied_grams)


class Joules(NamedTuple):
    """What one token of a model costs the accelerator, and how a context weighs on it."""

    output: Decimal
    prompt: Decimal
    doubles_at: Decimal


def per_token(*, active: str, total: str) -> Joules:
    """From the sizes in billions of parameters; `active` and `total` are geometric middles."""
    a, t = Decimal(active), Decimal(total)
    reference = (
        Decimal("0.1739")
        * a ** Decimal("0.8707")
        * (t / a) ** Decimal("0.5712")
        * Decimal(128) ** Decimal("-0.4786")
    )
    output = Decimal("0.6") * reference
    prompt = min(2 * a * Decimal("1e9") / Decimal("5.5e11"), output / 2)
    return Joules(output, prompt, min(max(200 * t, Decimal(4000)), Decimal(100_000)))


def accelerator(
    model: Joules, uncached: int, read: int, written: int, output: int, *, calls: int
) -> Decimal:
    prompt = Decimal(uncached + read + written) / calls
    context = prompt + Decimal(output) / (2 * calls)
    decode = 1 + max(Decimal(0), context - 500) / model.doubles_at
    prefill = 1 + prompt / 100_000
    fresh = (uncached + written) * prefill
    return output * model.output * decode + model.prompt * (fresh + read / Decimal(10))


class Total(NamedTuple):
    energy_kwh: Decimal
    co2e_grams: Decimal
    embodied_grams: Decimal


def total(joules: Decimal, *, pue: str) -> Total:
    """Servers draw 1.6 times the accelerators; US grid 383.55 g/kWh; 60 g/kWh of hardware."""
    accelerator_kwh = joules / Decimal("3.6e6")
    kwh = accelerator_kwh * Decimal("1.6") * Decimal(pue)
    embodied = accelerator_kwh * 60
    return Total(kwh, kwh * Decimal("383.55") + embodied, embodied)


def root(low: str, high: str) -> str:
    return str((Decimal(low) * Decimal(high)).sqrt())


GPT_4_1 = per_token(active=root("15.4", "96.3"), total=root("149", "2390"))
GPT_4_1_NANO = per_token(active=root("3.39", "21.2"), total=root("3.39", "42.5"))
GPT_4O_MINI = per_token(active=root("5", "25"), total=root("8", "80"))
O3 = per_token(active=root("15", "97"), total=root("240", "1500"))
CLAUDE_SONNET_5 = per_token(active=root("17.3", "108"), total=root("202", "3230"))
CLAUDE_HAIKU_4_5 = per_token(active=root("12.2", "75.9"), total=root("79.4", "1270"))
ANY_MEDIUM = per_token(active=root("10.0", "70.0"), total=root("30.0", "500.0"))
CLAUDE_OPUS_4_6 = per_token(active=root("27.4", "171"), total=root("625", "6000"))


def openai_by_hand() -> Total:
    joules = (
        accelerator(GPT_4_1, 46208, 135168, 9216, 9801, calls=78)
        + accelerator(GPT_4O_MINI, 40960, 0, 0, 2048, calls=16)
        + accelerator(GPT_4_1_NANO, 640, 0, 0, 64, calls=2)
        + accelerator(GPT_4O_MINI, 900, 0, 0, 45, calls=1)
        + accelerator(GPT_4_1, 28000, 64000, 4000, 4100, calls=31)
        + accelerator(O3, 13000, 2000, 0, 26000, calls=12)
        + accelerator(GPT_4_1, 10000, 50000, 1000, 3900, calls=22)
        + accelerator(GPT_4O_MINI, 7000, 0, 0, 350, calls=3)
        + accelerator(ANY_MEDIUM, 1200, 0, 0, 90, calls=1)
        + accelerator(GPT_4_1, 1024, 1024, 0, 128, calls=1)
    )
    return total(joules, pue="1.17")


def anthropic_by_hand() -> Total:
    """This report counts no calls: calls of 500 tokens are assumed, which no context weighs on."""
    joules = (
        accelerator(CLAUDE_SONNET_5, 15000, 240000, 5200, 5300, calls=ceil(265500 / 500))
        + accelerator(CLAUDE_OPUS_4_6, 3400, 9000, 0, 530, calls=ceil(12930 / 500))
        + accelerator(CLAUDE_SONNET_5, 9000, 64000, 500, 2100, calls=ceil(75600 / 500))
        + accelerator(CLAUDE_HAIKU_4_5, 100, 0, 0, 60, calls=ceil(160 / 500))
        + accelerator(CLAUDE_SONNET_5, 50, 0, 10, 5, calls=ceil(65 / 500))
    )
    return total(joules, pue="1.14")


def openrouter_by_hand() -> Total:
    """A router: each model is calculated where its own maker runs it."""
    openai = (
        accelerator(GPT_4_1, 54000, 97000, 0, 32100, calls=212)
        + accelerator(GPT_4_1, 4000, 0, 0, 900, calls=7)
        + accelerator(GPT_4_1, 1200, 0, 0, 300, calls=3)
    )
    anthropic = accelerator(CLAUDE_SONNET_5, 48000, 40000, 0, 21000, calls=64)
    parts = (total(openai, pue="1.17"), total(anthropic, pue="1.14"))
    return Total(*(sum(numbers, Decimal()) for numbers in zip(*parts, strict=True)))


BY_HAND = {
    "openai": openai_by_hand,
    "anthropic": anthropic_by_hand,
    "openrouter": openrouter_by_hand,
}


def close(stored: Decimal, calculated: Decimal) -> bool:
    """To eleven digits: the engine calculates in binary, and each entry is rounded once."""
    return abs(stored - calculated) < calculated * Decimal("1e-11")


def stored_rows(connection: ProviderConnection) -> list[str]:
    return sorted(
        str(
            (
                f"{event.used_at:%Y-%m-%dT%H:%M:%SZ}",
                sorted(dim for dim in event.dims.items() if dim[1] is not None),
                *(getattr(event, f"{name}_tokens") for name in QUANTITIES),
                event.requests,
                event.is_provisional,
                event.is_byok,
            )
        )
        for event in TelemetryEvent.objects.filter(connection=connection, is_withdrawn=False)
    )


def expected_rows(provider: str, *names: str) -> list[str]:
    return sorted(
        str(
            (
                row["bucket_start"],
                sorted(dim for dim in row["dims"].items() if dim[1] is not None),
                *(row[name] for name in QUANTITIES),
                row["requests"],
                row["is_provisional"],
                row["byok"],
            )
        )
        for name in names
        for row in load("expected")[f"{provider}/{name}"]["rows"]
    )
