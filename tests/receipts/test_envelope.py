from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from apps.billing.serials import parse
from apps.receipts.canonical import canonicalize
from apps.receipts.consistency import inconsistencies
from apps.receipts.envelope import (
    InconsistentReceiptError,
    assemble_envelope,
    decimal_text,
    make_envelope,
    receipt_payload,
    time_text,
)
from apps.receipts.signing import decode_base64
from tests.receipts.examples import (
    ENVELOPE,
    PAYLOAD,
    SECOND_ENVELOPE,
    SEEDS,
    changed,
    line,
    receipt,
)


def test_the_example_receipt_is_built_and_signed_to_the_byte() -> None:
    payload = receipt_payload(receipt())

    assert payload == PAYLOAD
    assert make_envelope(payload, SEEDS[2], 2) == ENVELOPE
    assert canonicalize(make_envelope(payload, SEEDS[2], 2)) == canonicalize(ENVELOPE)


def test_a_receipt_with_names_beyond_ascii_is_signed_to_the_byte() -> None:
    assert make_envelope(SECOND_ENVELOPE["payload"], SEEDS[2], 2) == SECOND_ENVELOPE


def test_an_envelope_is_put_together_again_from_its_stored_parts() -> None:
    signature = decode_base64(ENVELOPE["signature"])

    assert assemble_envelope(PAYLOAD, signature, 2) == ENVELOPE
    assert assemble_envelope(PAYLOAD, signature, 2, "proof") == ENVELOPE | {"proof": "proof"}


def test_a_payload_that_contradicts_itself_is_not_signed() -> None:
    with pytest.raises(InconsistentReceiptError) as refusal:
        make_envelope(changed(PAYLOAD, retirement__allocated_grams="1"), SEEDS[2], 2)

    assert refusal.value.faults == ["the lines do not sum to the allocated grams"]


def test_without_credits_a_receipt_states_a_footprint_only() -> None:
    payload = receipt_payload(receipt(lines=()))

    assert payload["retirement"] == {
        "status": "none",
        "allocated_grams": "0",
        "uncovered_grams": "17655.25",
        "lines": [],
    }
    assert payload["statement"] == "footprint-only/1"
    assert inconsistencies(payload) == []


def test_a_period_without_emissions_has_nothing_to_cover() -> None:
    nothing = replace(
        receipt().emissions,
        co2e_grams=Decimal(0),
        co2e_grams_low=Decimal("-0.0"),
        co2e_grams_high=Decimal(0),
    )

    payload = receipt_payload(receipt(emissions=nothing, grams_to_cover=Decimal(0), lines=()))

    assert payload["retirement"]["status"] == "none"
    assert payload["retirement"]["uncovered_grams"] == "0"
    assert payload["emissions"]["co2e_grams_low"] == "0.0"
    assert inconsistencies(payload) == []


def test_the_high_bound_may_be_covered_instead() -> None:
    covering = receipt(grams_to_cover=Decimal("22951.825"), lines=(line(gram_end=3_022_952),))

    payload = receipt_payload(covering)

    assert payload["retirement"]["status"] == "covered"
    assert inconsistencies(payload) == []
    assert inconsistencies(receipt_payload(replace(covering, lines=(line(),)))) == []


def test_what_the_registry_has_not_confirmed_is_pending_and_uncovered() -> None:
    done = line(gram_end=3_010_000)
    waiting = line(gram_start=3_010_000, retired_on=None, registry_url="")

    payload = receipt_payload(receipt(lines=(done, waiting)))

    assert payload["retirement"]["status"] == "pending"
    assert payload["retirement"]["allocated_grams"] == "17656"
    assert payload["retirement"]["uncovered_grams"] == "7655.25"
    assert payload["retirement"]["lines"][1]["registry_url"] is None
    assert payload["statement"] == "footprint-and-pending/1"
    assert inconsistencies(payload) == []


def test_a_part_that_is_covered_leaves_the_rest_uncovered() -> None:
    payload = receipt_payload(receipt(lines=(line(gram_end=3_000_001),)))

    assert payload["retirement"]["status"] == "partly_covered"
    assert payload["retirement"]["uncovered_grams"] == "17654.25"
    assert inconsistencies(payload) == []


def test_a_line_over_several_tonnes_names_its_first_and_last_serial() -> None:
    stated = receipt_payload(receipt(lines=(line(gram_start=999_999, gram_end=2_000_001),)))
    written = stated["retirement"]["lines"][0]

    assert (written["serial_first"], written["serial_last"]) == ("941467007", "941467009")


def test_an_unparsed_range_has_no_numbered_serials() -> None:
    opaque = parse("isometric", "iss_0001", units=5)

    payload = receipt_payload(receipt(lines=(line(serial=opaque),)))

    assert payload["retirement"]["lines"][0]["serial_first"] is None
    assert inconsistencies(payload) == []


def test_names_are_signed_in_their_composed_form() -> None:
    payload = receipt_payload(receipt(workspace_name="A\u030angstro\u0308m"))

    assert payload["workspace"]["name"] == "\u00c5ngstr\u00f6m"


def test_the_uncovered_rest_is_never_rounded() -> None:
    footprint = Decimal("123456789012345678.123456789012345678")
    emissions = replace(receipt().emissions, co2e_grams=footprint, co2e_grams_high=footprint)

    payload = receipt_payload(
        receipt(emissions=emissions, grams_to_cover=footprint, lines=(line(gram_end=3_000_001),))
    )

    assert payload["retirement"]["uncovered_grams"] == "123456789012345677.123456789012345678"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("17655.250", "17655.250"),
        ("1E+3", "1000"),
        ("1E-15", "0.000000000000001"),
        ("-12.5", "-12.5"),
        ("-0.00", "0.00"),
        ("0E+2", "0"),
    ],
)
def test_a_quantity_is_written_in_plain_digits(value: str, text: str) -> None:
    assert decimal_text(Decimal(value)) == text


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_not_written(value: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        decimal_text(Decimal(value))


def test_a_time_is_written_in_utc() -> None:
    paris = timezone(timedelta(hours=2))

    assert time_text(datetime(2026, 7, 1, 1, 30, tzinfo=paris)) == "2026-06-30T23:30:00Z"


@pytest.mark.parametrize(
    "value",
    [datetime(2026, 7, 1), datetime(2026, 7, 1, microsecond=1, tzinfo=UTC)],  # noqa: DTZ001
    ids=["naive", "fraction"],
)
def test_a_time_without_a_zone_or_with_a_fraction_is_refused(value: datetime) -> None:
    with pytest.raises(ValueError, match="whole second"):
        time_text(value)


def test_a_nonce_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        receipt_payload(receipt(nonce=b"short"))


def test_a_retirement_on_a_later_day_is_not_signed() -> None:
    later = receipt_payload(receipt(lines=(line(retired_on=date(2026, 11, 4)),)))

    with pytest.raises(InconsistentReceiptError, match="retired after"):
        make_envelope(later, SEEDS[2], 2)
