"""`.env` is made once with secrets of its own; `runtime.env` is replaced as a whole."""

import base64
import stat
from pathlib import Path

import pytest

from devstack import dotenv


@pytest.fixture(autouse=True)
def _own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dotenv, "DOTENV", tmp_path / ".env")
    monkeypatch.setattr(dotenv, "RUNTIME", tmp_path / "runtime.env")


def _mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_a_new_env_file_is_readable_by_its_owner_alone() -> None:
    assert dotenv.create_missing()

    assert _mode(dotenv.DOTENV) == 0o600


def test_an_existing_env_file_is_never_touched() -> None:
    dotenv.DOTENV.write_text("SECRET_KEY=mine\n")

    assert not dotenv.create_missing()

    assert dotenv.DOTENV.read_text() == "SECRET_KEY=mine\n"


def test_keys_that_sign_or_seal_are_32_bytes_each_and_all_different() -> None:
    dotenv.create_missing()

    made = dotenv.read(dotenv.DOTENV)
    names = ("SECRET_KEYRING", "RECEIPT_SIGNING_KEYS", "LOG_SIGNING_KEY")
    seeds = {base64.b64decode(made[name].split(":")[-1], validate=True) for name in names}

    assert {len(seed) for seed in seeds} == {32}
    assert len(seeds) == len(names)


def test_two_checkouts_share_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dotenv.create_missing()
    one = dotenv.read(dotenv.DOTENV)
    monkeypatch.setattr(dotenv, "DOTENV", tmp_path / "other.env")
    dotenv.create_missing()
    other = dotenv.read(dotenv.DOTENV)

    same = {name for name in one if one[name] == other[name]}

    assert same == {"ENVIRONMENT", "ADMIN_EMAIL", "SIMULATE", "LOG_ORIGIN"}


def test_reading_skips_comments_and_keeps_what_follows_the_first_equals_sign() -> None:
    dotenv.DOTENV.write_text("# a=b\n\n KEY = c=d \nQUOTED='e f'\nno setting\nEMPTY=\n")

    assert dotenv.read(dotenv.DOTENV) == {"KEY": "c=d", "QUOTED": "e f", "EMPTY": ""}


def test_a_missing_file_says_nothing() -> None:
    assert dotenv.read(dotenv.RUNTIME) == {}


def test_runtime_values_are_replaced_and_stay_private() -> None:
    dotenv.write_runtime({"A": "1", "B": "2"})
    dotenv.write_runtime({"A": "3"})

    assert dotenv.read(dotenv.RUNTIME) == {"A": "3"}
    assert _mode(dotenv.RUNTIME) == 0o600
