"""Amounts and units: exact, rounded once, half up, and nothing lost without a word."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.telemetry.billing_exports.amounts import exact, read_amount, rounded
from apps.telemetry.billing_exports.identity import Ordinals, external_id, identity
from apps.telemetry.billing_exports.understanding import Measure
from apps.telemetry.billing_exports.units import unit
from apps.telemetry.models import UsageImport, UsageSample
from tests.telemetry.imports.bills import as_csv, cur2
from tests.telemetry.imports.conftest import Import

amounts = st.decimals(0, 10**12, places=15)
shares = st.tuples(st.integers(1, 10**6), st.integers(1, 10**6))


@given(amounts, shares)
def test_a_sample_holds_the_nearest_millionth(amount: Decimal, share: tuple[int, int]) -> None:
    measure = Measure("vcpu", "vcpu_hour", None, Decimal(share[0]), Decimal(share[1]))

    held = rounded(exact(amount, measure))

    truth = Fraction(amount) * share[0] / share[1]
    assert abs(Fraction(held) - truth) <= Fraction(1, 2_000_000) + Fraction(1, 10**20)
    assert held.as_tuple().exponent == -6


@given(st.integers(0, 10**15))
def test_half_a_millionth_rounds_up(steps: int) -> None:
    half = Decimal(2 * steps + 1) / 2 / 10**6

    assert rounded(half) == Decimal(steps + 1) / 10**6


@given(st.decimals(-(10**12), 10**12, places=18))
def test_an_amount_is_read_as_it_is_written(amount: Decimal) -> None:
    assert read_amount(str(amount)) == amount


@pytest.mark.parametrize(
    ("text", "dimension", "factor"),
    [
        ("Hrs", "hours", 1),
        ("Hours", "hours", 1),
        ("100 Hours", "hours", 100),
        ("seconds", "hours", Fraction(1, 3600)),
        ("vCPU-Hours", "hours", 1),
        ("GB-Mo", "gb_months", 1),
        ("GB/Month", "gb_months", 1),
        ("100 GB/Month", "gb_months", 100),
        ("TiB-Months", "gb_months", 1024),
        ("gibibyte month", "gb_months", 1),
        ("GB-Hours", "gb_hours", 1),
        ("GB-Seconds", "gb_hours", Fraction(1, 3600)),
        ("Lambda-GB-Second", "gb_hours", Fraction(1, 3600)),
        ("byte-seconds", "gb_hours", Fraction(1, 3600 * 1024**3)),
        ("ByteHrs", "gb_hours", Fraction(1, 1024**3)),
        ("GB", "gb", 1),
        ("MB", "gb", Fraction(1, 1024)),
        ("bytes", "gb", Fraction(1, 1024**3)),
        ("1/Month", "months", 1),
        ("Requests", "count", 1),
        ("10K", "count", 10_000),
        ("", "count", 1),
    ],
)
def test_units_as_bills_write_them(text: str, dimension: str, factor: Fraction) -> None:
    assert unit(text) == (dimension, factor)


@given(st.text(max_size=20))
def test_any_text_is_some_unit(text: str) -> None:
    assert unit(text).factor >= 0


@given(st.lists(st.lists(st.integers(0, 5), max_size=20), max_size=20))
def test_ordinals_count_as_a_plain_count_does(chunks: list[list[int]]) -> None:
    ordinals = Ordinals()
    seen: dict[int, int] = {}

    for chunk in chunks:
        expected = []
        for value in chunk:
            expected.append(seen.get(value, 0))
            seen[value] = expected[-1] + 1
        assert ordinals.number([identity((str(value),)) for value in chunk]) == expected


def test_what_a_line_measures_has_names_of_its_own() -> None:
    digest = identity(("a", "b"))
    names = {
        external_id("cur2", digest, ordinal, measure)
        for ordinal in (0, 1, 256)
        for measure in ("vcpu", "memory")
    }

    assert len(names) == 6
    assert all(name.startswith("cur2-") and len(name) == 37 for name in names)
    assert identity(("ab", "")) != identity(("a", "b"))


@pytest.mark.django_db
def test_what_is_below_a_millionth_is_summed_and_reported(
    tmp_path: Path, run_import: Import
) -> None:
    amounts_gb = ("0.0000004", "0.00000049", "0.0000005", "1.0000005")
    rows = [
        cur2(
            line_item_resource_id=f"i-{amount}",
            line_item_usage_amount=amount,
            line_item_usage_type="DataTransfer-Out-Bytes",
            pricing_unit="GB",
        )
        for amount in amounts_gb
    ]

    run = run_import(as_csv(tmp_path / "a.csv", rows))

    stored = UsageSample.objects.order_by("usage_amount").values_list("usage_amount", flat=True)
    assert list(stored) == [Decimal("0.000001"), Decimal("1.000001")]
    assert UsageImport.objects.get().tally["below_resolution"] == {"gb": [2, "8.9E-7"]}
    assert "2 amounts, together 0.00000089 GB of traffic" in run.said
    assert run.code == 0
