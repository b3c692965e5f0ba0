"""Signing and checking receipts; the peer is Ed25519 alone, over 32 bytes."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import nacl.signing

from apps.receipts.envelope import make_envelope
from apps.receipts.key_directory import KeyDirectory, PublishedKey
from apps.receipts.signing import Seed, public_key
from apps.receipts.verification import verify
from benchmarks.measuring import Result, rates_in_turns

EXAMPLE = Path(__file__).resolve().parent.parent / "tests" / "data" / "vectors" / "receipt_v1.json"
ROUNDS = 500


def run() -> Iterator[Result]:
    payload = json.loads(EXAMPLE.read_text())["receipts"][0]["envelope"]["payload"]
    secret = b"benchmarks only, not a real key!"
    seed, bare = Seed(secret), nacl.signing.SigningKey(secret)
    keys = KeyDirectory([_published(public_key(seed))])
    file = json.dumps(make_envelope(payload, seed, 1)).encode()
    message = bytes(32)
    signed = bare.sign(message)

    def verify_receipt() -> None:
        if not verify(file, keys, None).valid:
            raise RuntimeError("the benchmark's own receipt is not valid")

    pairs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "sign": (lambda: make_envelope(payload, seed, 1), lambda: bare.sign(message)),
        "verify": (verify_receipt, lambda: bare.verify_key.verify(signed)),
    }
    for case, (ours, alone) in pairs.items():
        rates, peer = rates_in_turns(ROUNDS, _many(ours), _many(alone))
        yield Result(
            "receipt_sign_verify",
            case,
            rates.median,
            "receipts/s",
            rates.spread,
            f"PyNaCl alone, {peer.median:,.0f}/s",
            rates.median / peer.median,
        )


def _many(work: Callable[[], object]) -> Callable[[], None]:
    def rounds() -> None:
        for _ in range(ROUNDS):
            work()

    return rounds


def _published(key: bytes) -> PublishedKey:
    return PublishedKey(
        key_version=1,
        public_key=key,
        valid_from=datetime(2026, 1, 1, tzinfo=UTC),
        valid_until=None,
        status="active",
    )
