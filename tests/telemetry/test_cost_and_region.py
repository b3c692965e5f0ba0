"""What a provider charges and where it ran the inference: kept beside the tokens, line by line."""

from decimal import Decimal

from apps.telemetry.check import invariant_violations
from apps.telemetry.models import CarbonEntry, DayRollup, ProviderConnection, Rollup, TelemetryEvent
from tests.telemetry.metering import DAY, HOUR, NOW, START, bucket, row, take


def test_a_cost_is_summed_with_the_tokens_it_was_paid_for(connection: ProviderConnection) -> None:
    paid = row("gpt-4.1", cost_usd=Decimal("0.0125"))
    take(connection, bucket(0, paid), bucket(1, paid, row("o3")))

    assert TelemetryEvent.objects.get(model="o3").cost_usd is None
    assert sorted(Rollup.objects.values_list("model", "hour", "cost_usd")) == [
        ("gpt-4.1", START, Decimal("0.0125")),
        ("gpt-4.1", START + HOUR, Decimal("0.0125")),
        ("o3", START + HOUR, None),
    ]
    assert DayRollup.objects.get(model="gpt-4.1").cost_usd == Decimal("0.025")


def test_a_revised_cost_is_a_line_of_its_own(connection: ProviderConnection) -> None:
    take(connection, bucket(0, row(cost_usd=Decimal("1.00"))))
    take(connection, bucket(0, row(cost_usd=Decimal("0.75"))), at=NOW + HOUR)
    take(connection, bucket(0, row(cost_usd=Decimal("0.7500"))), at=NOW + DAY)

    lines = CarbonEntry.objects.order_by("sequence").values_list("cost_usd", "co2e_grams")
    assert [cost for cost, _ in lines] == [Decimal("1.00"), Decimal("-0.25")]
    assert lines[1][1] == 0
    assert Rollup.objects.get().cost_usd == Decimal("0.75")
    assert invariant_violations() == []


def test_a_withdrawn_row_takes_its_cost_along(connection: ProviderConnection) -> None:
    take(connection, bucket(0, row(cost_usd=Decimal("1.00"))))
    take(connection, bucket(0), at=NOW + HOUR)

    assert TelemetryEvent.objects.get().cost_usd is None
    assert Rollup.objects.get().cost_usd == 0
    assert invariant_violations() == []


def test_a_cost_finer_than_what_is_stored_is_no_change_when_it_is_read_again(
    connection: ProviderConnection,
) -> None:
    fine = row(cost_usd=Decimal("0.0000000000001234"))
    take(connection, bucket(0, fine))
    take(connection, bucket(0, fine, row("o3")), at=NOW + HOUR)

    assert CarbonEntry.objects.filter(model="gpt-4.1").count() == 1


def test_the_place_that_a_provider_names_divides_the_sums(connection: ProviderConnection) -> None:
    rows = [
        row("claude-sonnet-4", dims={"model": "claude-sonnet-4", "inference_geo": place})
        for place in ("us", "global", None)
    ]
    take(connection, bucket(0, *rows))

    assert set(Rollup.objects.values_list("region", "output_tokens")) == {
        ("us", 500),
        ("global", 500),
        (None, 500),
    }
    assert DayRollup.objects.count() == 3
    assert invariant_violations() == []
