import base64
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.receipts.signing import (
    Seed,
    decode_base64,
    encode_base64,
    multibase_decode,
    multibase_encode,
    public_key,
    public_key_multibase,
    sign,
    sign_digest,
    verify,
    verify_digest,
)
from tests.receipts.vectors import load

SECRET = bytes(range(32))
SEED = Seed(SECRET)


@pytest.mark.parametrize("case", load("ed25519_signing"), ids=lambda case: case["name"])
def test_a_published_seed_gives_the_published_signature(case: dict[str, str]) -> None:
    seed, message = Seed(bytes.fromhex(case["seed"])), bytes.fromhex(case["message"])

    assert public_key(seed).hex() == case["public_key"]
    assert sign(seed, message).hex() == case["signature"]
    assert verify(public_key(seed), message, bytes.fromhex(case["signature"]))


@pytest.mark.parametrize("case", load("ed25519_verifying"), ids=lambda case: case["name"])
def test_every_verdict_of_wycheproof_is_ours(case: dict[str, Any]) -> None:
    key, message, signature = (
        bytes.fromhex(case[part]) for part in ("public_key", "message", "signature")
    )

    assert verify(key, message, signature) is case["valid"]


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_a_digest_is_verified_by_its_key_alone(secret: bytes, digest: bytes) -> None:
    signature = sign_digest(Seed(secret), digest)

    assert verify_digest(public_key(Seed(secret)), digest, signature)
    assert not verify_digest(public_key(Seed(digest)), digest, signature) or secret == digest
    assert not verify_digest(public_key(Seed(secret)), digest[::-1] + b"x", signature)


def test_what_is_not_a_digest_is_neither_signed_nor_verified() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        sign_digest(SEED, b"x" * 64)

    assert not verify_digest(public_key(SEED), b"x", sign(SEED, b"x"))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_of_a_wrong_length_is_not_valid(length: int) -> None:
    assert not verify(b"k" * length, b"m", b"s" * 64)


@pytest.mark.parametrize("shown", [str, repr, "{}".format, lambda seed: f"{[seed]}"])
def test_a_seed_does_not_print_itself(shown: object) -> None:
    assert callable(shown)
    text = shown(SEED)

    assert "hidden" in text
    assert SECRET.hex() not in text
    assert base64.b64encode(SECRET).decode() not in text


def test_a_seed_is_not_pickled_and_not_named_in_a_refusal() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(SEED)
    with pytest.raises(ValueError, match="a seed is the base64") as refusal:
        Seed.from_base64("c2VjcmV0IGJ1dCBzaG9ydA==")

    assert "c2VjcmV0" not in str(refusal.value)
    assert refusal.value.__suppress_context__


def test_equal_seeds_are_found() -> None:
    assert Seed.from_base64(base64.b64encode(SECRET).decode()) == SEED
    assert Seed(SECRET[::-1]) != SEED
    assert len({SEED, Seed(SECRET), Seed(SECRET[::-1])}) == 2


@pytest.mark.parametrize(
    "text", ["YQ", "YR==", "YQ==\n", " YQ==", "Y Q==", "_-8=", "YQ==YQ==", "é"]
)
def test_only_the_one_spelling_of_base64_is_read(text: str) -> None:
    with pytest.raises(ValueError, match="base64"):
        decode_base64(text)


@given(st.binary())
def test_base64_and_multibase_give_back_what_they_took(data: bytes) -> None:
    assert decode_base64(encode_base64(data)) == data
    assert multibase_decode(multibase_encode(data)) == data


def test_a_public_key_has_its_published_multibase_name() -> None:
    case = load("multikey")

    assert public_key_multibase(bytes.fromhex(case["public_key"])) == case["multibase"]
    with pytest.raises(ValueError, match="32 bytes"):
        public_key_multibase(b"short")


@pytest.mark.parametrize("text", ["", "6Mk", "z0", "zIl"])
def test_what_is_not_multibase_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base58btc"):
        multibase_decode(text)
