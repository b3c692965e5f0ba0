"""One reading after another: the ledger follows the meter and adds nothing twice."""

from decimal import Decimal
from itertools import permutations

import pytest
from django.db import connection as database
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext

from apps.telemetry.connectors.base import Account
from apps.telemetry.errors import ConnectionRevokedError
from apps.telemetry.models import (
    CarbonEntry,
    MeteredBucket,
    ProviderConnection,
    Rollup,
    SyncCursor,
    TelemetryEvent,
)
from apps.telemetry.services.connections import revoke
from apps.workspaces.models import Workspace
from tests.telemetry.metering import (
    HOUR,
    NOW,
    START,
    assert_sound,
    bucket,
    co2e_grams,
    connected,
    contents,
    live_counts,
    row,
    take,
)


def test_a_first_reading_stores_an_event_an_entry_and_a_rollup_for_each_row(
    connection: ProviderConnection,
) -> None:
    recorded = take(connection, bucket(0, row("gpt-4.1"), row("o3")), bucket(2, row("gpt-4.1")))

    assert (recorded.rows_read, recorded.rows_changed, recorded.entries) == (3, 3, 3)
    assert TelemetryEvent.objects.count() == CarbonEntry.objects.count() == 3
    assert Rollup.objects.count() == 3
    assert co2e_grams() == co2e_grams(Rollup) > 0
    assert set(CarbonEntry.objects.values_list("reason", "sequence")) == {("measured", 1)}
    assert SyncCursor.objects.get().complete_until == START + 3 * HOUR
    assert_sound()


def test_the_same_reading_again_changes_nothing_but_the_times(
    connection: ProviderConnection,
) -> None:
    buckets = [bucket(0, row("gpt-4.1"), row("o3")), bucket(1, row(None))]
    take(connection, *buckets)
    before = contents()

    recorded = take(connection, *buckets, at=NOW + HOUR)

    assert (recorded.rows_changed, recorded.rows_withdrawn, recorded.entries) == (0, 0, 0)
    assert contents() == before
    assert set(MeteredBucket.objects.values_list("read_at", flat=True)) == {NOW + HOUR}


def test_a_revised_count_adds_only_the_difference(connection: ProviderConnection) -> None:
    take(connection, bucket(0, row(uncached=1000, output=500, requests=1)))
    first = co2e_grams()

    take(connection, bucket(0, row(uncached=700, output=500, requests=1)), at=NOW + HOUR)

    second = CarbonEntry.objects.get(sequence=2)
    assert second.reason == "revised"
    assert (second.input_uncached_tokens, second.output_tokens) == (-300, 0)
    assert second.co2e_grams < 0
    assert first + second.co2e_grams == Decimal(second.calculation["co2e_grams"]["central"])
    assert live_counts(connection) == {(0, "gpt-4.1"): (700, 500)}
    assert_sound()


def test_a_row_that_vanished_is_withdrawn_with_all_its_quantities(
    connection: ProviderConnection,
) -> None:
    take(connection, bucket(0, row("gpt-4.1"), row("o3", requests=7)))

    recorded = take(connection, bucket(0, row("gpt-4.1")), at=NOW + HOUR)

    assert recorded.rows_withdrawn == 1
    gone = TelemetryEvent.objects.get(model="o3")
    assert (gone.is_withdrawn, gone.output_tokens, gone.requests) == (True, 0, None)
    sums = gone.entries.aggregate(Sum("output_tokens"), Sum("requests"), Sum("co2e_grams"))
    assert sums == {"output_tokens__sum": 0, "requests__sum": 0, "co2e_grams__sum": 0}
    assert Rollup.objects.get(model="o3").requests == 0
    assert_sound()


def test_a_bucket_that_was_emptied_counts_nothing_and_may_fill_again(
    connection: ProviderConnection,
) -> None:
    take(connection, bucket(1, row("gpt-4.1"), row("o3")))
    first = co2e_grams()
    take(connection, bucket(1), at=NOW + HOUR)
    assert co2e_grams() == co2e_grams(Rollup) == 0

    take(connection, bucket(1, row("gpt-4.1"), row("o3")), at=NOW + 2 * HOUR)

    assert co2e_grams() == co2e_grams(Rollup) == first
    assert TelemetryEvent.objects.filter(is_withdrawn=False).count() == 2
    assert_sound()


def test_usage_that_gets_a_name_later_moves_to_it(connection: ProviderConnection) -> None:
    take(connection, bucket(0, row(None, uncached=900)))

    take(connection, bucket(0, row("o3", uncached=900)), at=NOW + HOUR)

    assert live_counts(connection) == {(0, "o3"): (900, 500)}
    assert co2e_grams(model=None) == 0
    assert_sound()


def test_a_clipped_reading_never_replaces_a_complete_one(connection: ProviderConnection) -> None:
    take(connection, bucket(2, row(output=500)))

    recorded = take(connection, bucket(2, row(output=90), provisional=True), at=NOW + HOUR)

    assert recorded.rows_changed == 0
    assert live_counts(connection) == {(2, "gpt-4.1"): (1000, 500)}


def test_a_clipped_bucket_does_not_move_the_cursor(connection: ProviderConnection) -> None:
    take(connection, bucket(2, row(output=90), provisional=True))

    assert SyncCursor.objects.get().complete_until == START + 2 * HOUR
    assert TelemetryEvent.objects.get().is_provisional


def test_a_complete_reading_replaces_a_clipped_one_even_a_younger_one(
    connection: ProviderConnection,
) -> None:
    take(connection, bucket(2, row(output=90), provisional=True), at=NOW + HOUR)

    take(connection, bucket(2, row(output=500)), at=NOW)

    assert live_counts(connection) == {(2, "gpt-4.1"): (1000, 500)}
    assert not TelemetryEvent.objects.get().is_provisional


def test_an_older_reading_never_replaces_a_newer_one(connection: ProviderConnection) -> None:
    take(connection, bucket(0, row(output=500)), at=NOW)
    take(connection, bucket(0, row(output=500)), at=NOW + 2 * HOUR)  # the same, seen again

    recorded = take(connection, bucket(0, row(output=1)), at=NOW + HOUR)

    assert recorded.entries == 0
    assert live_counts(connection) == {(0, "gpt-4.1"): (1000, 500)}


def test_the_order_in_which_readings_are_recorded_does_not_matter(workspace: Workspace) -> None:
    readings = [
        (NOW, [bucket(0, row("gpt-4.1", output=10), row("o3"))]),
        (NOW + HOUR, [bucket(0, row("gpt-4.1", output=20)), bucket(1, row("o3"))]),
        (NOW + 2 * HOUR, [bucket(0, row("gpt-4.1", output=30)), bucket(2, provisional=True)]),
    ]
    expected = None

    for number, order in enumerate(permutations(readings)):
        connection = connected(workspace, account=Account(f"account {number}", "Example"))
        for at, buckets in order:
            take(connection, *buckets, at=at)
        found = (live_counts(connection), co2e_grams(connection=connection))
        expected = expected or found
        assert found == expected

    assert expected is not None
    assert expected[0] == {(0, "gpt-4.1"): (1000, 30)}
    assert_sound()


def test_nothing_is_recorded_for_a_connection_revoked_meanwhile(
    connection: ProviderConnection,
) -> None:
    revoke(connection, actor="tests", now=NOW)

    with pytest.raises(ConnectionRevokedError):
        take(connection, bucket(0, row()))

    assert not MeteredBucket.objects.exists()
    assert not TelemetryEvent.objects.exists()


def test_what_is_quarantined_is_kept_with_its_bucket(connection: ProviderConnection) -> None:
    take(connection, bucket(0, row()))
    odd = bucket(0, row())
    odd = type(odd)(
        odd.source, odd.bucket_start, odd.bucket_end, False, odd.rows, ({"reason": "negative"},)
    )

    recorded = take(connection, odd, at=NOW + HOUR)

    assert MeteredBucket.objects.get(starts_at=START).quarantined == [{"reason": "negative"}]
    assert (recorded.rows_changed, recorded.entries) == (0, 0)


@pytest.mark.parametrize("models", [10, 500])
def test_any_number_of_rows_takes_the_same_queries(
    connection: ProviderConnection, models: int
) -> None:
    rows = [row(f"model-{number}") for number in range(models)]

    with CaptureQueriesContext(database) as queries:
        take(connection, bucket(0, *rows))

    assert len(queries) == 14
    assert TelemetryEvent.objects.count() == models
