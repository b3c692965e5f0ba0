"""The form of API keys, against vectors."""

import json
from pathlib import Path
from typing import Any

import pytest

from apps.workspaces import keys

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data/vectors/api_keys.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("vector", VECTORS["valid"], ids=lambda vector: vector["lookup_id"])
def test_a_good_key_gives_its_parts(vector: dict[str, str]) -> None:
    key = keys.parse(vector["key"])

    assert (key.mode, key.lookup_id) == (vector["mode"], vector["lookup_id"])
    assert keys.checksum(vector["key"][:-6]) == vector["checksum"]
    assert key.sha256.hex() == vector["sha256"]


@pytest.mark.parametrize("vector", VECTORS["malformed"], ids=lambda vector: vector["why"])
def test_a_malformed_key_is_refused(vector: dict[str, str]) -> None:
    with pytest.raises(keys.MalformedKeyError):
        keys.parse(vector["key"])


@pytest.mark.parametrize("mode", keys.MODES)
def test_a_new_key_has_the_form_and_is_never_the_same(mode: str) -> None:
    first, second = keys.generate(mode), keys.generate(mode)

    assert len(first.text) == 60
    assert keys.parse(first.text) == first
    assert first.mode == mode
    assert first.lookup_id != second.lookup_id


def test_a_key_does_not_print_itself() -> None:
    key = keys.generate("live")

    assert key.text not in repr(key)


def test_there_is_no_third_mode() -> None:
    with pytest.raises(ValueError, match="prod"):
        keys.generate("prod")
