"""The receipt file alone, checked by another process that has neither database nor network."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client

from apps.receipts import published_keys, selectors
from apps.receipts.canonical import canonicalize
from apps.receipts.models import SigningKey
from apps.receipts.services import receipts
from apps.receipts.signing import Seed, encode_base64, public_key
from apps.receipts.verification import verify
from tests.receipts import issuing
from tests.receipts.issuing import NOW

pytestmark = pytest.mark.usefixtures("platform")

NOWHERE = {
    "ENV_FILE": os.devnull,
    "ENVIRONMENT": "local",
    "SECRET_KEY": "k" * 50,
    "SECRET_KEYRING": os.environ["SECRET_KEYRING"],
    "PUBLIC_URL": "http://testserver",
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1",
}


@pytest.fixture
def files(client: Client, tmp_path: Path) -> tuple[Path, Path]:
    """A receipt file and the published keys, as somebody else has saved them."""
    receipt = receipts.issue(issuing.closed_period().pk, now=NOW)
    file, keys = tmp_path / "receipt.json", tmp_path / "keys.json"
    file.write_bytes(selectors.receipt_file(receipt))
    keys.write_bytes(client.get("/api/v1/public/keys").content)
    return file, keys


def run(*arguments: Any, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_command_checks_a_file_with_database_and_redis_away(files: tuple[Path, Path]) -> None:
    file, keys = files

    answer = run("manage.py", "verify_receipt", file, "--keys", keys, "-v", "2", **NOWHERE)

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[-1] == "valid"
    assert answer.stderr == "not checked: status\n"
    assert answer.stdout.count(" passed ") == 9


def test_without_a_file_of_keys_the_configured_seeds_are_asked(files: tuple[Path, Path]) -> None:
    seeds = {
        "RECEIPT_SIGNING_KEYS": settings.RECEIPT_SIGNING_KEYS,
        "LOG_SIGNING_KEY": settings.LOG_SIGNING_KEY,
    }

    answer = run("manage.py", "verify_receipt", files[0], **NOWHERE, **seeds)

    assert (answer.returncode, answer.stdout) == (0, "valid\n")


def test_a_forged_file_names_the_first_failed_check(files: tuple[Path, Path]) -> None:
    file, keys = files
    file.write_bytes(file.read_bytes().replace(b'"covered"', b'"none"'))

    answer = run("manage.py", "verify_receipt", file, "--keys", keys, **NOWHERE)

    assert (answer.returncode, answer.stdout) == (1, "hash_mismatch\n")


def test_without_any_setting_at_all_the_file_can_still_be_checked(
    files: tuple[Path, Path],
) -> None:
    answer = run("-m", "apps.receipts.offline", *files)

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[-1] == "valid"
    assert answer.stderr == "not checked: status\n"


def test_no_byte_of_the_file_can_be_changed_unseen(files: tuple[Path, Path]) -> None:
    data = files[0].read_bytes()
    keys, log = published_keys.read(files[1].read_bytes())
    signed = canonicalize(json.loads(data)["payload"])
    chance = random.Random(20261004)  # noqa: S311 - a sample, not a secret

    for position in chance.sample(range(len(data)), 200):
        other = chance.choice([byte for byte in range(256) if byte != data[position]])
        changed = data[:position] + bytes([other]) + data[position + 1 :]

        answer = verify(changed, keys, log)

        assert not answer.valid or canonicalize(answer.payload) == signed


def test_asked_online_the_command_says_the_receipts_status_too(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    key = SigningKey.objects.get()
    stated = f"1:{encode_base64(bytes(key.public_key))}"

    call_command("verify_receipt", files[0], "--key", stated, "--online")

    assert capsys.readouterr().out.splitlines()[-1] == "valid"


def test_another_key_of_the_same_version_does_not_verify(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    other = f"1:{encode_base64(public_key(Seed(b'x' * 32)))}"

    with pytest.raises(SystemExit) as ended:
        call_command("verify_receipt", files[0], "--key", other)

    assert ended.value.code == 1
    assert capsys.readouterr().out.splitlines()[-1] == "signature_invalid"
