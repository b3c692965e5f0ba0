"""Secrets: never shown, sealed for one place, opened by the ring."""

import base64
import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.common.secrets import (
    BrokenSealError,
    Keyring,
    KeyringError,
    Secret,
    UnknownKeyIdError,
)

OLD = base64.b64encode(b"o" * 32).decode()
NEW = base64.b64encode(b"n" * 32).decode()
TEXT = "sk-admin-abcdefghijklmnop-4321"
PLACE = "provider-key|workspace-1|con_1"


def ring(text: str = f"new:{NEW},old:{OLD}") -> Keyring:
    return Keyring.from_text(text)


def test_a_secret_is_three_stars_wherever_it_is_shown() -> None:
    secret = Secret(TEXT)

    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r}", f"{secret:>3}", "%s" % secret]  # noqa: UP031 - this way of formatting, too

    assert shown == ["***"] * 6
    assert json.dumps({"key": secret}, default=str) == '{"key": "***"}'
    assert repr([secret]) == "[***]"
    assert secret.reveal() == TEXT


@pytest.mark.parametrize("take", [pickle.dumps, copy.deepcopy, copy.copy, json.dumps])
def test_a_secret_cannot_be_serialised(take: Any) -> None:
    with pytest.raises(TypeError):
        take(Secret(TEXT))


def test_the_hint_of_a_secret_is_four_characters_and_nothing_of_a_short_one() -> None:
    assert Secret(TEXT).hint == "4321"
    assert Secret("short-secret").hint == ""


def test_equal_secrets_are_equal_without_being_text() -> None:
    assert Secret(TEXT) == Secret(TEXT)
    assert Secret(TEXT) != Secret(TEXT + "x")
    assert Secret(TEXT) != TEXT


@given(text=st.text(st.characters(exclude_categories=())), aad=st.text())
def test_whatever_is_sealed_opens_at_its_place(text: str, aad: str) -> None:
    envelope = json.loads(json.dumps(ring().seal(Secret(text), aad)))

    assert ring().open(envelope, aad).reveal() == text


@given(aad=st.text(), other=st.text())
def test_a_secret_does_not_open_at_another_place(aad: str, other: str) -> None:
    envelope = ring().seal(Secret(TEXT), aad)

    if aad != other:
        with pytest.raises(BrokenSealError):
            ring().open(envelope, other)


@given(part=st.sampled_from(["wrapped_key", "blob"]), data=st.data())
def test_one_changed_bit_breaks_the_seal(part: str, data: st.DataObject) -> None:
    envelope = ring().seal(Secret(TEXT), PLACE)
    sealed = bytearray(base64.b64decode(envelope[part]))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    envelope[part] = base64.b64encode(sealed).decode()

    with pytest.raises(BrokenSealError):
        ring().open(envelope, PLACE)


def test_parts_of_two_envelopes_do_not_fit_together() -> None:
    one, other = (ring().seal(Secret(text), PLACE) for text in ("one", "other"))

    with pytest.raises(BrokenSealError):
        ring().open({**one, "blob": other["blob"]}, PLACE)


@pytest.mark.parametrize(
    "damage",
    [
        {"v": 2},
        {"v": None},
        {"kid": None},
        {"kid": 7},
        {"blob": None},
        {"blob": "not base64!"},
        {"blob": ""},
        {"wrapped_key": "é"},
        {"wrapped_key": "AAAA"},
    ],
)
def test_a_damaged_envelope_is_a_broken_seal(damage: dict[str, Any]) -> None:
    envelope = ring().seal(Secret(TEXT), PLACE)

    with pytest.raises(BrokenSealError):
        ring().open({**envelope, **damage}, PLACE)


def test_an_envelope_under_a_key_that_is_gone_says_so() -> None:
    envelope = ring(f"old:{OLD}").seal(Secret(TEXT), PLACE)

    with pytest.raises(UnknownKeyIdError):
        ring(f"new:{NEW}").open(envelope, PLACE)


def test_no_envelope_repeats_and_none_holds_the_text() -> None:
    envelopes = [ring().seal(Secret(TEXT), PLACE) for _ in range(2)]

    assert envelopes[0]["blob"] != envelopes[1]["blob"]
    assert envelopes[0]["wrapped_key"] != envelopes[1]["wrapped_key"]
    assert TEXT.encode() not in base64.b64decode(envelopes[0]["blob"])
    assert set(envelopes[0]) == {"v", "kid", "wrapped_key", "blob"}


def test_the_first_key_seals_and_every_key_opens() -> None:
    before = ring(f"old:{OLD}").seal(Secret(TEXT), PLACE)
    after = ring().seal(Secret(TEXT), PLACE)

    assert (before["kid"], after["kid"]) == ("old", "new")
    assert ring().open(before, PLACE).reveal() == ring().open(after, PLACE).reveal() == TEXT


def test_rewrapping_moves_to_the_first_key_and_leaves_the_ciphertext() -> None:
    before = ring(f"old:{OLD}").seal(Secret(TEXT), PLACE)

    after = ring().rewrap(before, PLACE)

    assert (after["kid"], after["blob"]) == ("new", before["blob"])
    assert ring(f"new:{NEW}").open(after, PLACE).reveal() == TEXT
    assert ring().rewrap(after, PLACE) == after
    with pytest.raises(BrokenSealError):
        ring().rewrap(before, "another place")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kid1",
        f":{NEW}",
        f"new:{NEW},",
        f"new:{NEW},new:{OLD}",
        "new:AAAA",
        "new:not-base64!",
        f"new|1:{NEW}",
        f"new:{NEW[:-4]}",
    ],
)
def test_a_malformed_keyring_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(KeyringError) as refusal:
        Keyring.from_text(text)

    assert NEW[:8] not in str(refusal.value)


def test_a_keyring_shows_the_names_of_its_keys_only_and_is_not_pickled() -> None:
    assert repr(ring(f" new:{NEW} , old:{OLD} ")) == "Keyring(new, old)"
    with pytest.raises(TypeError):
        pickle.dumps(ring())
