import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from apps.receipts.canonical import canonicalize, digest
from apps.receipts.checkpoint import VerifierKey
from apps.receipts.envelope import assemble_envelope, make_envelope
from apps.receipts.key_directory import KeyDirectory, PublishedKey
from apps.receipts.payload_shape import parse_time
from apps.receipts.signing import encode_base64, sign_digest
from apps.receipts.tlog_proof import LogTrust
from apps.receipts.verification import (
    FAILED,
    NOT_CHECKED,
    PASSED,
    ReceiptStatus,
    Verification,
    verify,
)
from tests.receipts.examples import (
    ENVELOPE,
    KEYS,
    PAYLOAD,
    PROOF,
    PUBLISHED,
    SECOND_ENVELOPE,
    SEEDS,
    TRUST,
    changed,
    file_of,
    proof_at,
)

WITH_PROOF = ENVELOPE | {"proof": PROOF}
FILE = file_of(WITH_PROOF)
ISSUED_AT = parse_time(PAYLOAD["issued_at"])
ORDER = ["form", "algorithm", "key", "hash", "signature_form", "signature", "key_validity"]
ORDER += ["consistency", "log", "status"]


def judged(envelope: dict[str, Any]) -> Verification:
    return verify(file_of(envelope), KEYS, TRUST)


def keys_with(**changes: Any) -> KeyDirectory:
    return KeyDirectory([PUBLISHED[1], replace(PUBLISHED[2], **changes)])


def signed(payload: dict[str, Any], proof: str | None = None) -> dict[str, Any]:
    """Signed whatever it says, as a careless or stolen key would."""
    return assemble_envelope(payload, sign_digest(SEEDS[2], digest(payload)), 2, proof)


def test_a_receipt_that_passes_every_check_is_valid() -> None:
    verification = verify(FILE, KEYS, TRUST, ReceiptStatus("current", "The receipt is current."))

    assert [(step.name, step.outcome) for step in verification.steps] == [
        (name, PASSED) for name in ORDER
    ]
    assert verification.valid
    assert verification.verdict == "valid"
    assert verification.payload == PAYLOAD
    assert "known witnesses of that checkpoint: 1" in verification.steps[8].text


@pytest.mark.parametrize("envelope", [ENVELOPE, SECOND_ENVELOPE])
def test_without_a_proof_the_log_is_named_as_not_checked(envelope: dict[str, Any]) -> None:
    verification = judged(envelope)

    assert verification.valid
    assert verification.not_checked == ("log", "status")
    assert verification.verdict == "valid; not checked: log, status"


def test_without_the_logs_key_the_log_is_named_as_not_checked() -> None:
    assert verify(FILE, KEYS, None).not_checked == ("log", "status")


@pytest.mark.parametrize("code", ["superseded", "withdrawn"])
def test_a_later_status_is_shown_and_leaves_the_signature_valid(code: str) -> None:
    verification = verify(FILE, KEYS, TRUST, ReceiptStatus(code, "By receipt rcpt_0002."))

    assert verification.valid
    assert verification.steps[-1].code == code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b" " * 300_000, "too_large"),
        (b"\xff" + FILE, "not_utf8"),
        (b"\xef\xbb\xbf" + FILE, "malformed"),
        (b"", "malformed"),
        (b"[]", "malformed"),
        (b"{}", "malformed"),
        (FILE[:-1], "malformed"),
        (FILE + b"{}", "malformed"),
        (FILE[:-1] + b', "key_version": 2}', "malformed"),
        (file_of(WITH_PROOF | {"note": "x"}), "malformed"),
        (file_of(WITH_PROOF | {"proof": None}), "malformed"),
        (file_of(WITH_PROOF | {"payload": "x"}), "malformed"),
        (file_of(WITH_PROOF | {"key_version": True}), "malformed"),
        (file_of(WITH_PROOF | {"key_version": "2"}), "malformed"),
        (file_of(WITH_PROOF | {"signature": None}), "malformed"),
        (file_of(changed(WITH_PROOF, payload__version=1.0)), "malformed"),
    ],
    ids=range(16),
)
def test_a_file_that_is_no_receipt_is_refused_first(data: bytes, code: str) -> None:
    verification = verify(data, KEYS, TRUST)

    assert not verification.valid
    assert verification.reason == code
    assert verification.steps[0].outcome == FAILED
    assert verification.payload is None


@pytest.mark.parametrize("member", ["payload", "payload_hash", "signature", "algorithm"])
def test_a_file_without_a_member_is_malformed(member: str) -> None:
    envelope = {name: value for name, value in WITH_PROOF.items() if name != member}

    assert judged(envelope).reason == "malformed"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"algorithm": "ed25519"}, "unknown_algorithm"),
        ({"algorithm": "none"}, "unknown_algorithm"),
        ({"key_version": 3}, "unknown_key"),
        ({"payload_hash": "sha256:" + "0" * 64}, "hash_mismatch"),
        ({"payload_hash": ENVELOPE["payload_hash"].upper()}, "hash_mismatch"),
        ({"payload__retirement__allocated_grams": "17657"}, "hash_mismatch"),
        ({"payload__workspace__name": "Acme Robotics GmbH "}, "hash_mismatch"),
        ({"payload__more": "x"}, "hash_mismatch"),
        ({"signature": ENVELOPE["signature"].rstrip("=")}, "signature_malformed"),
        ({"signature": ENVELOPE["signature"] + "\n"}, "signature_malformed"),
        ({"signature": ENVELOPE["signature"][:-3] + "R=="}, "signature_malformed"),
        ({"signature": encode_base64(b"x" * 63)}, "signature_malformed"),
        ({"signature": ""}, "signature_malformed"),
        ({"signature": encode_base64(b"x" * 64)}, "signature_invalid"),
        ({"signature": SECOND_ENVELOPE["signature"]}, "signature_invalid"),
        ({"key_version": 1}, "signature_invalid"),
        ({"proof": ""}, "not_in_log"),
        ({"proof": PROOF.replace("index 0", "index 1")}, "not_in_log"),
        ({"proof": proof_at(2, 7, b"another receipt")}, "not_in_log"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_a_changed_file_fails_with_its_own_code(change: dict[str, Any], code: str) -> None:
    verification = judged(changed(WITH_PROOF, **change))

    assert not verification.valid
    assert verification.reason == code
    assert verification.verdict == f"invalid: {code}"


def test_the_first_failure_decides_and_nothing_is_checked_after_it() -> None:
    broken = changed(WITH_PROOF, payload_hash="sha256:0", signature="x", proof="x")

    outcomes = [step.outcome for step in judged(broken).steps]

    assert outcomes == [PASSED] * 3 + [FAILED] + [NOT_CHECKED] * 6


def test_a_key_signs_from_its_first_to_its_last_second() -> None:
    second = timedelta(seconds=1)

    for valid_from, valid_until, reason in (
        (ISSUED_AT, ISSUED_AT, None),
        (ISSUED_AT + second, None, "key_not_valid_then"),
        (ISSUED_AT - second, ISSUED_AT - second, "key_not_valid_then"),
    ):
        keys = keys_with(valid_from=valid_from, valid_until=valid_until)
        assert verify(FILE, keys, TRUST).reason == reason


def test_a_rotated_key_still_verifies_what_it_signed() -> None:
    payload = changed(PAYLOAD, issued_at="2026-11-03T10:00:00Z")

    assert judged(make_envelope(payload, SEEDS[1], 1)).valid


def test_a_receipt_without_a_readable_time_of_issue_has_no_valid_key() -> None:
    for time in ("yesterday", None, 5):
        assert judged(signed(changed(PAYLOAD, issued_at=time))).reason == "key_not_valid_then"


def test_a_revoked_key_is_believed_only_for_what_the_log_shows_before() -> None:
    entry = digest(PAYLOAD)

    for distrust_after, index, reason in (
        (None, 0, "key_revoked"),
        (5, 4, None),
        (5, 5, "key_revoked"),
    ):
        keys = keys_with(status="revoked", distrust_after=distrust_after)
        envelope = ENVELOPE | {"proof": proof_at(index, 9, entry)}
        assert verify(file_of(envelope), keys, TRUST).reason == reason


def test_a_revoked_key_needs_a_proof_that_can_be_checked() -> None:
    keys = keys_with(status="revoked", distrust_after=5)
    forged = ENVELOPE | {"proof": proof_at(0, 9, b"another receipt")}

    assert verify(file_of(ENVELOPE), keys, TRUST).reason == "key_revoked"
    assert verify(FILE, keys, None).reason == "key_revoked"
    assert verify(file_of(forged), keys, TRUST).reason == "key_revoked"


def test_a_signed_receipt_that_contradicts_itself_is_not_valid() -> None:
    for payload in (
        changed(PAYLOAD, retirement__uncovered_grams="1"),
        changed(PAYLOAD, version=2),
        changed(PAYLOAD, more="x"),
        {"issued_at": PAYLOAD["issued_at"]},
    ):
        assert judged(signed(payload)).reason == "inconsistent"


def test_a_receipt_of_another_log_or_without_enough_witnesses_is_not_in_the_log() -> None:
    stranger = VerifierKey("other", 1, PUBLISHED[1].public_key)

    for trust in (
        LogTrust("other.example/log", TRUST.keys),
        LogTrust(TRUST.origin, (stranger,)),
        replace(TRUST, witnesses_needed=2),
    ):
        assert verify(FILE, KEYS, trust).reason == "not_in_log"


def test_a_key_inside_the_file_is_never_used() -> None:
    forged = make_envelope(PAYLOAD, SEEDS[1], 2) | {"public_key": "x"}
    unlisted = KeyDirectory(
        [
            PublishedKey(
                key_version=9,
                public_key=PUBLISHED[2].public_key,
                valid_from=PUBLISHED[2].valid_from,
                valid_until=None,
                status="active",
            )
        ]
    )

    assert judged(forged).reason == "malformed"
    assert verify(FILE, unlisted, TRUST).reason == "unknown_key"


@given(st.integers(0, len(FILE) - 1), st.characters(codec="utf-8"))
@example(FILE.index(b"17655.25"), "\u0661")
def test_a_file_with_one_character_changed_is_invalid_or_says_the_same(
    place: int, character: str
) -> None:
    for changed_file in (
        FILE[:place] + character.encode() + FILE[place + 1 :],
        FILE[:place] + character.encode() + FILE[place:],
        FILE[:place] + FILE[place + 1 :],
    ):
        verification = verify(changed_file, KEYS, TRUST)

        if verification.valid:
            assert verification.payload is not None
            assert canonicalize(verification.payload) == canonicalize(PAYLOAD)


def test_no_digit_of_the_payload_can_be_changed() -> None:
    text = json.dumps(PAYLOAD)
    before, after = FILE.decode().split(text)

    for place, character in enumerate(text):
        if character.isdigit():
            other = str((int(character) + 1) % 10)
            tampered = before + text[:place] + other + text[place + 1 :] + after
            assert not verify(tampered.encode(), KEYS, TRUST).valid


@given(st.binary(max_size=80))
def test_no_bytes_at_all_make_the_verifier_fail_otherwise(data: bytes) -> None:
    assert verify(data, KEYS, TRUST).reason in {"malformed", "not_utf8"}
