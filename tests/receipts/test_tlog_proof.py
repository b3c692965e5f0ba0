from dataclasses import replace
from typing import Any

import pytest

from apps.receipts.checkpoint import Checkpoint, VerifierKey, sign_checkpoint
from apps.receipts.merkle import ProofError, Tree, leaf_hash
from apps.receipts.signing import Seed
from apps.receipts.tlog_proof import LogTrust, TlogProof
from tests.receipts.vectors import load

CASES = load("tlog_proofs")
ENTRIES = [bytes.fromhex(entry) for entry in CASES["entries"]]
LOG_KEY = VerifierKey.parse(CASES["log_vkey"])
WITNESS_KEY = VerifierKey.parse(CASES["witness_vkey"])
OTHER_WITNESS = VerifierKey("witness.example/w2", WITNESS_KEY.kind, WITNESS_KEY.public_key)
OTHER_LOG_KEY = VerifierKey(LOG_KEY.name, LOG_KEY.kind, WITNESS_KEY.public_key)
TRUST = LogTrust(CASES["origin"], (LOG_KEY,), (WITNESS_KEY,), witnesses_needed=1)
TEXT: str = CASES["proofs"][1]["proof"]
PROOF = TlogProof.parse(TEXT)


@pytest.mark.parametrize("case", CASES["proofs"], ids=lambda case: f"index {case['index']}")
def test_a_published_proof_shows_its_entry_and_its_witness(case: dict[str, Any]) -> None:
    proof = TlogProof.parse(case["proof"])

    inclusion = proof.verify(ENTRIES[proof.index], TRUST)

    assert str(proof) == case["proof"]
    assert inclusion.index == case["index"]
    assert inclusion.checkpoint.size == 7
    assert inclusion.witnesses == (WITNESS_KEY,)


def test_a_proof_shows_no_other_entry() -> None:
    for entry in ENTRIES[:3] + ENTRIES[4:]:
        with pytest.raises(ProofError):
            PROOF.verify(entry, TRUST)


def test_a_proof_made_from_a_tree_is_believed() -> None:
    tree = Tree(leaf_hash(entry) for entry in ENTRIES)
    note = sign_checkpoint(
        Checkpoint(CASES["origin"], 7, tree.root()), Seed(bytes.fromhex(CASES["log_seed"]))
    )
    trust = LogTrust(CASES["origin"], (LOG_KEY,))

    for index, entry in enumerate(ENTRIES):
        proof = TlogProof(index, tuple(tree.inclusion_proof(index, 7)), note)
        assert TlogProof.parse(str(proof)).verify(entry, trust).index == index


@pytest.mark.parametrize(
    "trust",
    [
        replace(TRUST, origin="other.example/log"),
        replace(TRUST, keys=()),
        replace(TRUST, keys=(OTHER_LOG_KEY,)),
        replace(TRUST, witnesses=()),
        replace(TRUST, witnesses=(OTHER_WITNESS,)),
        replace(TRUST, witnesses_needed=2),
    ],
    ids=["origin", "no key", "other key", "no witness", "other witness", "two witnesses"],
)
def test_a_proof_is_not_believed_against_the_policy(trust: LogTrust) -> None:
    with pytest.raises(ProofError):
        PROOF.verify(ENTRIES[3], trust)


def test_a_witness_is_not_taken_for_a_log_nor_a_log_for_a_witness() -> None:
    with pytest.raises(ValueError, match="kind 1"):
        LogTrust(CASES["origin"], (WITNESS_KEY,))
    with pytest.raises(ValueError, match="kind 4"):
        LogTrust(CASES["origin"], (LOG_KEY,), (LOG_KEY,))


def test_a_spoiled_cosignature_of_a_known_witness_is_refused() -> None:
    spoiled = replace(PROOF, checkpoint=PROOF.checkpoint.replace("usB6Aw==", "usB6Bw=="))

    with pytest.raises(ProofError, match="witness"):
        spoiled.verify(ENTRIES[3], TRUST)
    assert spoiled.verify(ENTRIES[3], LogTrust(TRUST.origin, TRUST.keys)).witnesses == ()


def test_extra_data_is_read_over() -> None:
    with_extra = TEXT.replace("@v1\n", "@v1\nextra YWJj\n")

    assert TlogProof.parse(with_extra) == PROOF


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("@v1", "@v2"),
        ("index 3\n", ""),
        ("index 3", "index 03"),
        ("index 3", "index -3"),
        ("index 3", "index \u0663"),
        ("index 3", "index 3 "),
        ("@v1\n", "@v1\nextra not-base64\n"),
        ("@v1\n", "@v1\nmore YWJj\n"),
        ("\nIXt9", "\nAAAA\nIXt9"),
        ("\nIXt9", "\nIXt"),
        ("\n\ncarbon", "\ncarbon"),
    ],
)
def test_a_text_that_is_no_proof_is_refused(old: str, new: str) -> None:
    assert old in TEXT

    with pytest.raises(ProofError):
        TlogProof.parse(TEXT.replace(old, new, 1)).verify(ENTRIES[3], TRUST)


def test_nothing_and_too_many_hashes_are_refused() -> None:
    for text in ("", "c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v1\n\n"):
        with pytest.raises(ProofError):
            TlogProof.parse(text)
    with pytest.raises(ProofError, match="hash"):
        TlogProof.parse(TEXT.replace("index 3\n", "index 3\n" + ("A" * 43 + "=\n") * 64))
