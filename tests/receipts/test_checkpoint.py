from itertools import pairwise

import pytest

from apps.receipts.checkpoint import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    NoteError,
    VerifierKey,
    cosign,
    open_note,
    parse_checkpoint,
    sign_checkpoint,
    sign_note,
)
from apps.receipts.merkle import Tree, leaf_hash, verify_consistency
from apps.receipts.signing import Seed, encode_base64, public_key, sign
from tests.receipts.vectors import load

LOG = load("log_of_15")
PROOFS = load("tlog_proofs")
LOG_KEY = VerifierKey.parse(LOG["vkey"])
LOG_SEED = Seed(bytes.fromhex(LOG["seed"]))
WITNESS_SEED = Seed(bytes.fromhex(PROOFS["witness_seed"]))
WITNESS_KEY = VerifierKey.parse(PROOFS["witness_vkey"])


@pytest.mark.parametrize("case", load("signed_notes"), ids=lambda case: case["name"])
def test_a_note_is_judged_as_published(case: dict[str, str]) -> None:
    key = VerifierKey.parse(case["vkey"])

    if case["valid"]:
        assert open_note(case["note"], [key]).signers == (key,)
    else:
        with pytest.raises(NoteError):
            open_note(case["note"], [key])


def test_the_golden_log_is_signed_again_to_the_byte() -> None:
    tree = Tree()
    for size, note in enumerate(LOG["checkpoints"]):
        checkpoint = Checkpoint(LOG["origin"], size, tree.root())

        assert sign_checkpoint(checkpoint, LOG_SEED) == note
        assert parse_checkpoint(open_note(note, [LOG_KEY]).text) == checkpoint
        if size < len(LOG["entries"]):
            tree.append(leaf_hash(LOG["entries"][size].encode()))


def test_every_checkpoint_of_the_golden_log_continues_the_one_before() -> None:
    tree = Tree(leaf_hash(entry.encode()) for entry in LOG["entries"])
    opened = [parse_checkpoint(open_note(note, [LOG_KEY]).text) for note in LOG["checkpoints"]]

    for before, after in pairwise(opened[1:]):
        verify_consistency(
            first=before.size,
            second=after.size,
            first_root=before.root,
            second_root=after.root,
            proof=tree.consistency_proof(before.size, after.size),
        )


@pytest.mark.parametrize("vkey", [LOG["vkey"], PROOFS["log_vkey"], PROOFS["witness_vkey"]])
def test_a_verifier_key_is_written_as_it_was_read(vkey: str) -> None:
    assert str(VerifierKey.parse(vkey)) == vkey


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "name+00000000",
        "name+00000000+",
        "name+00000000+not base64",
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/bar+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+Aekye" + "A" * 3,
    ],
)
def test_a_verifier_key_that_is_not_one_is_refused(vkey: str) -> None:
    with pytest.raises(NoteError):
        VerifierKey.parse(vkey)


def test_a_witness_signs_beside_the_log_with_its_time() -> None:
    note = sign_checkpoint(Checkpoint(LOG["origin"], 1, leaf_hash(b"one")), LOG_SEED)
    text = open_note(note, [LOG_KEY]).text
    both = note + cosign(text, WITNESS_KEY.name, WITNESS_SEED, timestamp=1_780_000_000)

    assert open_note(both, [LOG_KEY, WITNESS_KEY]).signers == (LOG_KEY, WITNESS_KEY)
    assert open_note(both, [LOG_KEY]).signers == (LOG_KEY,)


def test_a_published_cosignature_is_made_again_to_the_byte() -> None:
    note = PROOFS["proofs"][0]["proof"].partition("\n\n")[2]
    log_key = VerifierKey.parse(PROOFS["log_vkey"])
    text = open_note(note, [log_key]).text
    timestamp = 0x6AE92720  # the eight bytes behind the key id in the published line

    assert note == sign_checkpoint(
        parse_checkpoint(text), Seed(bytes.fromhex(PROOFS["log_seed"]))
    ) + cosign(text, WITNESS_KEY.name, WITNESS_SEED, timestamp=timestamp)


def test_a_cosignature_does_not_pass_as_a_signature_of_the_log() -> None:
    text = Checkpoint("o", 1, leaf_hash(b"one")).text
    as_log = VerifierKey("o", ED25519, public_key(WITNESS_SEED))
    as_witness = VerifierKey("o", COSIGNATURE, public_key(WITNESS_SEED))
    note = f"{text}\n" + cosign(text, "o", WITNESS_SEED, timestamp=1)

    assert as_log.key_id != as_witness.key_id
    assert open_note(note, [as_witness]).signers == (as_witness,)
    with pytest.raises(NoteError, match="no signature"):
        open_note(note, [as_log])


def test_one_bad_signature_of_a_known_key_spoils_the_note() -> None:
    text = Checkpoint(LOG["origin"], 1, leaf_hash(b"one")).text
    other = Checkpoint(LOG["origin"], 2, leaf_hash(b"two")).text
    note = sign_note(text, LOG["origin"], LOG_SEED)
    bad_line = cosign(other, WITNESS_KEY.name, WITNESS_SEED, timestamp=7)

    assert open_note(note + bad_line, [LOG_KEY]).signers == (LOG_KEY,)
    with pytest.raises(NoteError, match="does not hold"):
        open_note(note + bad_line, [LOG_KEY, WITNESS_KEY])


def test_a_well_signed_note_is_still_refused_for_its_form() -> None:
    key = VerifierKey("o", ED25519, public_key(LOG_SEED))
    note = sign_note("text\n", "o", LOG_SEED)
    signature = sign(LOG_SEED, b"a\tb\n")
    with_tab = f"a\tb\n\n\u2014 o {encode_base64(key.key_id + signature)}\n"

    with pytest.raises(NoteError, match="control"):
        open_note(with_tab, [key])
    with pytest.raises(NoteError, match="whole signature lines"):
        open_note(note[:-1] + "x", [key])


def test_at_most_a_hundred_signatures_are_looked_at() -> None:
    note = sign_note("text\n", "o", LOG_SEED)
    key = VerifierKey("o", ED25519, public_key(LOG_SEED))
    line = note.rpartition("\n\n")[2]

    assert open_note(note + line * 99, [key]).signers == (key,)
    with pytest.raises(NoteError, match="more than"):
        open_note(note + line * 100, [key])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "o\n1\n",
        "\n1\n" + "A" * 43 + "=\n",
        "o\n01\n" + "A" * 43 + "=\n",
        "o\n-1\n" + "A" * 43 + "=\n",
        "o\n\u0661\n" + "A" * 43 + "=\n",
        "o\n1\n" + "A" * 43 + "\n",
        "o\n1\nAAAA\n",
        "o\n1\n" + "A" * 43 + "=",
        "o\n1\n" + "A" * 43 + "=\nextension\n",
    ],
)
def test_a_text_that_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        parse_checkpoint(text)


@pytest.mark.parametrize("text", ["no newline", "tab\t\n", "return\r\n"])
def test_a_text_that_no_note_can_hold_is_not_signed(text: str) -> None:
    with pytest.raises(NoteError):
        sign_note(text, "o", LOG_SEED)
    with pytest.raises(NoteError):
        cosign(text, "o", WITNESS_SEED, timestamp=1)


def test_an_origin_that_cannot_be_a_keys_name_is_not_signed() -> None:
    with pytest.raises(NoteError):
        sign_checkpoint(Checkpoint("two words", 0, bytes(32)), LOG_SEED)
    with pytest.raises(NoteError):
        sign_checkpoint(Checkpoint("line\nbreak", 0, bytes(32)), LOG_SEED)
