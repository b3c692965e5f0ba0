"""Secrets in the keyring and at AWS (moto, over real HTTP): one behaviour."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.common import secret_stores
from apps.common.aws_secrets import RECOVERY_DAYS, SecretStoreUnavailableError
from apps.common.secret_stores import Place
from apps.common.secrets import BrokenSealError, Secret
from devstack.ports import any_free
from tests.aws import running_aws, secrets_go_to

KEY = Secret("sk-admin-canary0123456789-abcd")
HERE = Place("provider-key", "ws-1", "con_1")
ELSEWHERE = Place("provider-key", "ws-1", "con_2")


@pytest.fixture(scope="module")
def aws_url() -> Iterator[str]:
    with running_aws() as url:
        yield url


@pytest.fixture
def aws(aws_url: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    return secrets_go_to(aws_url, settings, monkeypatch)


@pytest.fixture(params=["keyring", "aws"])
def store(request: pytest.FixtureRequest) -> str:
    if request.param == "aws":
        request.getfixturevalue("aws")
    return str(request.param)


def test_what_was_sealed_is_revealed_and_never_shown_by_what_the_row_keeps(store: str) -> None:
    sealed = secret_stores.seal(KEY, HERE)

    assert secret_stores.store_of(sealed) == store
    assert secret_stores.reveal(sealed, HERE) == KEY
    assert KEY.reveal() not in str(sealed)


@pytest.mark.usefixtures("store")
def test_it_opens_in_no_other_place() -> None:
    sealed = secret_stores.seal(KEY, HERE)

    with pytest.raises((BrokenSealError, SecretStoreUnavailableError)):
        secret_stores.reveal(sealed, ELSEWHERE)


@pytest.mark.usefixtures("aws")
def test_reading_follows_the_row_and_not_the_setting(settings: Any) -> None:
    at_aws = secret_stores.seal(KEY, HERE)
    settings.SECRET_STORE = "keyring"
    in_row = secret_stores.seal(KEY, HERE)

    assert secret_stores.store_of(in_row) == "keyring"
    assert secret_stores.reveal(at_aws, HERE) == KEY
    settings.SECRET_STORE = "aws"
    assert secret_stores.reveal(in_row, HERE) == KEY


def test_a_secret_at_aws_is_named_after_its_owner_and_never_written_over(aws: Any) -> None:
    first = secret_stores.seal(KEY, HERE)
    second = secret_stores.seal(Secret("another"), HERE)

    names = [one["Name"] for one in aws.list_secrets()["SecretList"]]
    assert len(set(names)) == 2
    assert all(name.startswith("carbon/provider-key/ws-1/con_1/") for name in names)
    assert secret_stores.reveal(first, HERE, is_fresh=True) == KEY
    assert secret_stores.reveal(second, HERE, is_fresh=True).reveal() == "another"


def test_a_discarded_secret_is_unreadable_at_once_and_recoverable_for_a_while(aws: Any) -> None:
    sealed = secret_stores.seal(KEY, HERE)
    secret_stores.reveal(sealed, HERE)

    secret_stores.discard(sealed)
    secret_stores.discard(sealed)  # safe to repeat

    with pytest.raises(SecretStoreUnavailableError):
        secret_stores.reveal(sealed, HERE)
    described = aws.describe_secret(SecretId=sealed["arn"])
    left = described["DeletedDate"] - datetime.now(UTC)
    assert timedelta(days=RECOVERY_DAYS - 1) < left <= timedelta(days=RECOVERY_DAYS)


@pytest.mark.usefixtures("aws")
def test_what_was_read_is_remembered_until_it_is_discarded(settings: Any) -> None:
    sealed = secret_stores.seal(KEY, HERE)
    secret_stores.reveal(sealed, HERE)
    settings.SECRETS_ENDPOINT_URL = f"http://127.0.0.1:{any_free()}"  # nobody listens

    assert secret_stores.reveal(sealed, HERE) == KEY
    with pytest.raises(SecretStoreUnavailableError):
        secret_stores.reveal(sealed, HERE, is_fresh=True)
    secret_stores.discard(sealed)
    with pytest.raises(SecretStoreUnavailableError):
        secret_stores.reveal(sealed, HERE)


@pytest.mark.usefixtures("aws")
def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_stores, "MOST_REMEMBERED", 2)
    sealed = [secret_stores.seal(Secret(f"key {number}"), HERE) for number in range(4)]

    for one in sealed:
        secret_stores.reveal(one, HERE)

    assert len(secret_stores._remembered._found) <= 2
    assert secret_stores.reveal(sealed[0], HERE).reveal() == "key 0"


def test_what_is_remembered_is_forgotten_after_a_while(
    aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret_stores, "REMEMBERED_SECONDS", 0.0)
    sealed = secret_stores.seal(KEY, HERE)
    secret_stores.reveal(sealed, HERE)
    aws.delete_secret(SecretId=sealed["arn"], ForceDeleteWithoutRecovery=True)

    with pytest.raises(SecretStoreUnavailableError):
        secret_stores.reveal(sealed, HERE)


@pytest.mark.usefixtures("aws")
def test_what_an_interrupted_write_left_is_discarded_and_what_counts_stays() -> None:
    left, kept = secret_stores.seal(KEY, HERE), secret_stores.seal(KEY, HERE)
    another = secret_stores.seal(KEY, ELSEWHERE)
    later = datetime.now(UTC) + timedelta(hours=1)

    secret_stores.discard_others(HERE, kept, before=later - timedelta(hours=2))
    assert secret_stores.reveal(left, HERE, is_fresh=True) == KEY  # it may be a write under way
    secret_stores.discard_others(HERE, kept, before=later)

    with pytest.raises(SecretStoreUnavailableError):
        secret_stores.reveal(left, HERE, is_fresh=True)
    assert secret_stores.reveal(kept, HERE, is_fresh=True) == KEY
    assert secret_stores.reveal(another, ELSEWHERE, is_fresh=True) == KEY


@pytest.mark.usefixtures("aws")
def test_without_aws_nothing_is_sealed_and_the_refusal_has_no_secret(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SECRETS_ENDPOINT_URL = f"http://127.0.0.1:{any_free()}"
    caplog.set_level(logging.DEBUG)

    with pytest.raises(SecretStoreUnavailableError) as refused:
        secret_stores.seal(KEY, HERE)

    assert refused.value.status == 503
    assert KEY.reveal() not in f"{refused.value!r}{refused.value.__cause__!r}"
    assert KEY.reveal() not in caplog.text


@pytest.mark.usefixtures("aws")
def test_not_even_a_talkative_log_shows_a_secret(capsys: Any, settings: Any) -> None:
    logging.getLogger().setLevel(logging.DEBUG)
    try:
        sealed = secret_stores.seal(KEY, HERE)
        secret_stores.reveal(sealed, HERE)
    finally:
        logging.getLogger().setLevel(settings.LOG_LEVEL)

    assert KEY.reveal() not in capsys.readouterr().out


def test_a_store_nobody_knows_is_refused(settings: Any) -> None:
    settings.SECRET_STORE = "drawer"

    with pytest.raises(ValueError, match="keyring, aws"):
        secret_stores.seal(KEY, HERE)
