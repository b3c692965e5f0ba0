"""Where secrets lie: sealed in their own row by the local keyring, or in AWS Secrets Manager.

The JSON that a row keeps says where its secret is: reading follows the row, writing follows the
setting SECRET_STORE. A secret at AWS is never written over: each write is a secret of its own, so
whatever a row refers to stays readable until the row refers to another one.
"""

import secrets as random
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, Literal

import structlog
from django.conf import settings

from apps.common.aws_secrets import AwsSecrets, Listed, SecretStoreUnavailableError
from apps.common.secrets import Keyring, Secret

log = structlog.get_logger(__name__)

Store = Literal["keyring", "aws"]
STORES: Final[tuple[Store, ...]] = ("keyring", "aws")
REMEMBERED_SECONDS: Final = 300.0
MOST_REMEMBERED: Final = 1000
_ROOT: Final = "carbon"


@dataclass(frozen=True, slots=True)
class Place:
    """What a secret belongs to. It opens nowhere else."""

    purpose: str
    workspace: str
    owner: str

    @property
    def aad(self) -> str:
        return f"{self.purpose}|{self.workspace}|{self.owner}"

    @property
    def folder(self) -> str:
        return f"{_ROOT}/{self.purpose}/{self.workspace}/{self.owner}/"


def chosen_store() -> Store:
    """Where the next secret is written."""
    for store in STORES:
        if store == settings.SECRET_STORE:
            return store
    raise ValueError(f"SECRET_STORE is one of {', '.join(STORES)}")


def store_of(sealed: Mapping[str, Any]) -> Store:
    return "aws" if sealed.get("store") == "aws" else "keyring"


def seal(secret: Secret, place: Place, *, store: Store | None = None) -> dict[str, Any]:
    """Store a secret and answer what the row keeps of it. Not inside a transaction.

    Raises SecretStoreUnavailableError when AWS cannot be reached; then nothing refers to anything.
    """
    if (store or chosen_store()) == "keyring":
        return keyring().seal(secret, aad=place.aad)
    # Which secret of this owner counts is said by the row alone, so the end of a name is any.
    arn, version_id = _aws().write(place.folder + random.token_hex(8), secret)
    return {"store": "aws", "arn": arn, "version_id": version_id}


def reveal(sealed: Mapping[str, Any], place: Place, *, is_fresh: bool = False) -> Secret:
    """The secret in clear. What AWS told is remembered for five minutes unless `is_fresh`."""
    if store_of(sealed) == "keyring":
        return keyring().open(sealed, aad=place.aad)
    arn, version_id = str(sealed["arn"]), str(sealed["version_id"])
    if f":secret:{place.folder}" not in arn:  # a row copied over another one opens nothing
        raise SecretStoreUnavailableError("get_secret_value", "another place")
    known = None if is_fresh else _remembered.get((arn, version_id))
    if known is None:
        known = _aws().read(arn, version_id)
        _remembered.put((arn, version_id), known)
    return known


def discard(sealed: Mapping[str, Any] | None) -> None:
    """Delete a secret that no row refers to any more. What fails is left for `leftovers`."""
    if sealed is None or store_of(sealed) == "keyring":
        return  # a sealed text is gone with its row
    _remembered.forget(str(sealed["arn"]))
    try:
        _aws().delete(str(sealed["arn"]))
    except SecretStoreUnavailableError as fault:
        log.warning("secret_left_behind", arn=sealed["arn"], reason=fault.reason)


def discard_others(place: Place, kept: Mapping[str, Any] | None, *, before: datetime) -> None:
    """Delete what earlier, interrupted writes of this owner left behind at AWS."""
    if chosen_store() != "aws":
        return
    try:
        found = list(_aws().listed(place.folder))
    except SecretStoreUnavailableError as fault:
        log.warning("secrets_not_listed", reason=fault.reason)
        return
    for one in found:
        if one.created_at < before and (kept is None or one.arn != kept.get("arn")):
            discard({"store": "aws", "arn": one.arn})


def stored_at_aws(purpose: str) -> Iterator[tuple[Listed, str]]:
    """Every secret of a purpose with its workspace's public id."""
    prefix = f"{_ROOT}/{purpose}/"
    for one in _aws().listed(prefix):
        yield one, one.name.removeprefix(prefix).partition("/")[0]


def keyring() -> Keyring:
    return Keyring.from_text(settings.SECRET_KEYRING)


def _aws() -> AwsSecrets:
    return _client(settings.SECRETS_REGION, settings.SECRETS_ENDPOINT_URL)


@cache
def _client(region: str, endpoint_url: str) -> AwsSecrets:
    return AwsSecrets(region, endpoint_url)


class _Remembered:
    """Secrets by ARN and version: at most so many, each for a while, in this process only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[tuple[str, str], tuple[float, Secret]] = OrderedDict()

    def get(self, key: tuple[str, str]) -> Secret | None:
        with self._lock:
            until, secret = self._found.get(key, (0.0, None))
            return secret if time.monotonic() < until else None

    def put(self, key: tuple[str, str], secret: Secret) -> None:
        with self._lock:
            self._found[key] = (time.monotonic() + REMEMBERED_SECONDS, secret)
            self._found.move_to_end(key)
            while len(self._found) > MOST_REMEMBERED:
                self._found.popitem(last=False)

    def forget(self, arn: str) -> None:
        with self._lock:
            for key in [key for key in self._found if key[0] == arn]:
                del self._found[key]


_remembered = _Remembered()
