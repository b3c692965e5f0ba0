"""Whatever comes, is revised, withdrawn and declared, in whatever order: each use counts once."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.telemetry.errors import SourceOfRecordNotFoundError
from apps.telemetry.models import ProviderConnection, TelemetryEvent
from apps.telemetry.otlp.signals import EVENT_WITH_ID, OWN_METRIC, SPAN, Mapped, Signal
from apps.telemetry.services import recounting, source_of_record
from apps.telemetry.services.signals import record_signals
from apps.telemetry.services.tracking import TrackedCall, track
from apps.workspaces.models import Workspace
from apps.workspaces.services import default_project
from tests.telemetry.metering import NOW, assert_sound, bucket, connected, row, take
from tests.telemetry.recorded_once import assert_counted_once
from tests.telemetry.reports_of_use import pushed

Deed = Callable[[Workspace], object]
PROVIDERS = ("openai", "anthropic", "openrouter")
RANKS = {"otlp.event": EVENT_WITH_ID, "otlp.span": SPAN, "otlp.metric": OWN_METRIC}
counts = st.integers(min_value=0, max_value=5_000_000)
providers = st.sampled_from(PROVIDERS)
hours = st.dictionaries(
    st.integers(min_value=0, max_value=2),
    st.dictionaries(st.sampled_from(["openai/a", "anthropic/b", "c"]), counts),
    max_size=3,
)


def read(provider: str, told: dict[int, dict[str, int]], byok: str | None) -> Deed:
    """A complete reading: what it does not tell any more was withdrawn."""

    def deed(workspace: Workspace) -> None:
        raw = {"provider_name": byok} if byok else {}
        own = {"byok": byok is not None and provider == "openrouter", "raw": raw}
        connection = ProviderConnection.objects.get(workspace=workspace, provider=provider)
        take(
            connection,
            *(
                bucket(hour, *(row(model, tokens, 7, **own) for model, tokens in rows.items()))
                for hour, rows in told.items()
            ),
        )

    return deed


def call(provider: str, key: int, tokens: int) -> Deed:
    def deed(workspace: Workspace) -> None:
        usage = pushed("", provider=provider, input_uncached=tokens)
        project_id = default_project(workspace, now=NOW).pk
        track(
            workspace,
            [TrackedCall(usage, project_id)],
            idempotency_key=f"{provider} {key} {tokens}",
            is_test=False,
            now=NOW,
        )

    return deed


def signal(source: Any, provider: str, session: int, tokens: int) -> Deed:
    def deed(workspace: Workspace) -> None:
        usage = pushed(f"{provider} {session}", source, provider, input_uncached=tokens)
        told = Signal(usage=usage, tool="bot", session_key=f"{session}", rank=RANKS[source])
        record_signals(workspace, Mapped(usages=(told,)), is_test=False, now=NOW)

    return deed


def declare(provider: str, counted: str | None) -> Deed:
    def deed(workspace: Workspace) -> None:
        said = {"actor": "tests", "now": NOW}
        try:
            if counted is None:
                source_of_record.withdraw(workspace, provider, **said)  # type: ignore[arg-type] # both
            else:
                source_of_record.declare(workspace, provider, counted, **said)  # type: ignore[arg-type] # both
        except SourceOfRecordNotFoundError:
            return

    return deed


def recount(chunks: int) -> Deed:
    """The worker, killed after so many chunks."""

    def deed(workspace: Workspace) -> None:
        moments = iter([NOW] * chunks)
        try:
            recounting.recount(workspace.pk, clock=lambda: next(moments), chunk=2)
        except StopIteration:
            return

    return deed


numbers = st.integers(min_value=0, max_value=2)
deeds = st.one_of(
    st.builds(read, providers, hours, st.sampled_from([None, "OpenAI", "Anthropic", "Azure", ""])),
    st.builds(call, providers, numbers, counts),
    st.builds(signal, st.sampled_from(sorted(RANKS)), providers, st.just(0), counts),
    st.builds(declare, providers, st.sampled_from(["connection", "pushed", None])),
    st.builds(recount, numbers),
)


@pytest.mark.django_db
@pytest.mark.parametrize("said", [["pushed"], ["connection", None], ["connection", "pushed"]])
def test_a_lesser_signal_never_counts_whatever_is_declared(
    workspace: Workspace, said: list[str | None]
) -> None:
    for source in ("otlp.metric", "otlp.span"):
        signal(source, "openai", 0, 100)(workspace)

    for counted in said:
        declare("openai", counted)(workspace)
        recount(9)(workspace)

    assert list(TelemetryEvent.objects.filter(is_counted=True).values_list("source")) == [
        ("otlp.span",)
    ]
    assert_counted_once()
    assert_sound()


@pytest.mark.django_db
@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(done=st.lists(deeds, min_size=3, max_size=12))
def test_any_order_ends_in_what_a_recount_of_the_events_says(
    workspace: Workspace, done: list[Deed]
) -> None:
    with transaction.atomic():
        for provider in PROVIDERS:
            connected(workspace, provider)

        for deed in done:
            deed(workspace)
        recounting.recount(workspace.pk, clock=lambda: NOW)

        assert_counted_once()
        assert_sound()
        transaction.set_rollback(True)  # each example begins with nothing
