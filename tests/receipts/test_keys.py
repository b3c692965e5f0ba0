"""Publishing keys: once, in order, never with another meaning; old receipts stay valid."""

import base64
from datetime import timedelta

import pytest
from django.core.management import call_command
from pytest_django import Settings

from apps.receipts import selectors
from apps.receipts.errors import SigningKeyError
from apps.receipts.models import SigningKey
from apps.receipts.seeds import log_trust
from apps.receipts.services import keys, receipts
from apps.receipts.verification import verify
from tests.receipts import issuing
from tests.receipts.issuing import KEYS_FROM, NOW


def seed(letter: str) -> str:
    return base64.b64encode(letter.encode() * 32).decode()


@pytest.mark.usefixtures("platform")
def test_registering_again_publishes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("register_signing_keys")

    assert capsys.readouterr().out.splitlines()[-1] == "signing keys: nothing new"
    assert SigningKey.objects.count() == 1


@pytest.mark.usefixtures("platform")
def test_after_a_change_of_keys_old_receipts_verify_without_the_old_seed(
    settings: Settings,
) -> None:
    old = receipts.issue(issuing.closed_period().pk, now=NOW)
    settings.RECEIPT_SIGNING_KEYS = f"2:{seed('D')}"

    keys.register(now=NOW - timedelta(days=1))  # even with a clock that went back
    new = receipts.issue(issuing.closed_period().pk, now=NOW)

    statuses = SigningKey.objects.order_by("key_version").values_list("status", flat=True)
    assert list(statuses) == ["retired", "active"]
    assert (old.key_id, new.key_id) == (1, 2)
    for receipt in (old, new):
        file = selectors.receipt_file(receipt)
        assert verify(file, selectors.key_directory(), log_trust()).valid


@pytest.mark.usefixtures("platform")
def test_receipts_of_one_key_are_never_dated_back() -> None:
    first = receipts.issue(issuing.closed_period().pk, now=NOW)
    second = receipts.issue(issuing.closed_period().pk, now=NOW - timedelta(hours=1))

    assert second.issued_at == first.issued_at


@pytest.mark.usefixtures("platform")
@pytest.mark.parametrize(
    ("configured", "reason"),
    [
        (f"1:{seed('D')}", "published with another key"),
        (f"1:{seed('B')},2:{seed('B')}", "two of them are equal"),
        (f"1:{seed('B')},2:{seed('C')}", "two of them are equal"),  # the log's own seed
        (f"1:{seed('B')},1:{seed('D')}", "each version once"),
        ("1:short", "a seed is the base64"),
        ("", "names no key"),
    ],
)
def test_keys_that_do_not_fit_are_refused(settings: Settings, configured: str, reason: str) -> None:
    settings.RECEIPT_SIGNING_KEYS = configured

    with pytest.raises(SigningKeyError, match=reason):
        keys.register(now=NOW)

    assert SigningKey.objects.count() == 1


@pytest.mark.usefixtures("platform")
def test_an_older_version_is_not_published_after_a_newer_one(settings: Settings) -> None:
    settings.RECEIPT_SIGNING_KEYS = f"3:{seed('D')}"
    keys.register(now=KEYS_FROM + timedelta(days=1))
    settings.RECEIPT_SIGNING_KEYS = f"2:{seed('E')},3:{seed('D')}"

    with pytest.raises(SigningKeyError, match="version 3 is published already"):
        keys.register(now=NOW)


@pytest.mark.usefixtures("platform")
def test_without_its_seed_the_active_key_signs_nothing(settings: Settings) -> None:
    settings.RECEIPT_SIGNING_KEYS = f"2:{seed('D')}"

    with pytest.raises(SigningKeyError, match="seed of key version 1"):
        receipts.issue(issuing.closed_period().pk, now=NOW)
