"""AWS Secrets Manager, as far as it is needed: write one, read one version, delete, list by name.

The only user of `boto3` for secrets. A failure is told by its code alone: the library's own text
may quote what was sent, and what was sent is the secret.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import boto3  # type: ignore[import-untyped]  # it ships no types
from botocore.config import Config  # type: ignore[import-untyped]  # it ships no types
from botocore.exceptions import (  # type: ignore[import-untyped]  # it ships no types
    BotoCoreError,
    ClientError,
)

from apps.common.errors import UnavailableError
from apps.common.secrets import Secret

RECOVERY_DAYS: Final = 7
"""The shortest that AWS offers: so long an operator can bring a deleted secret back."""
_ALREADY_GONE: Final = frozenset({"ResourceNotFoundException", "InvalidRequestException"})
_CONFIG: Final = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 3},
    parameter_validation=False,  # its refusals quote the parameters
)


class SecretStoreUnavailableError(UnavailableError):
    """The store of provider keys did not answer, or not with what was asked for."""

    code = "secret_store_unavailable"

    def __init__(self, operation: str, reason: str) -> None:
        super().__init__("The store of provider keys cannot be used just now; try again later.")
        self.operation = operation
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Listed:
    """A secret that exists and is not being deleted."""

    arn: str
    name: str
    created_at: datetime


class AwsSecrets:
    """One region's secrets. Safe to share between threads."""

    def __init__(self, region: str, endpoint_url: str = "") -> None:
        try:  # a session of its own: boto3's default one is not safe between threads
            self._client = boto3.session.Session().client(
                "secretsmanager",
                region_name=region or None,
                endpoint_url=endpoint_url or None,
                config=_CONFIG,
            )
        except BotoCoreError as fault:
            raise SecretStoreUnavailableError("client", type(fault).__name__) from None

    def write(self, name: str, secret: Secret) -> tuple[str, str]:
        """A new secret of this name; its ARN and version. The library repeats it safely."""
        answer = self._call("create_secret", Name=name, SecretString=secret.reveal())
        return answer["ARN"], answer["VersionId"]

    def read(self, arn: str, version_id: str) -> Secret:
        answer = self._call("get_secret_value", SecretId=arn, VersionId=version_id)
        return Secret(answer["SecretString"])

    def delete(self, arn: str) -> None:
        """Gone after RECOVERY_DAYS, unreadable at once. Safe to repeat."""
        try:
            self._call("delete_secret", SecretId=arn, RecoveryWindowInDays=RECOVERY_DAYS)
        except SecretStoreUnavailableError as fault:
            if fault.reason not in _ALREADY_GONE:
                raise

    def listed(self, prefix: str) -> Iterator[Listed]:
        """The secrets whose name begins so, a hundred with each call."""
        asked: dict[str, Any] = {"Filters": [{"Key": "name", "Values": [prefix]}]}
        while True:
            answer = self._call("list_secrets", MaxResults=100, **asked)
            for one in answer["SecretList"]:
                if one["Name"].startswith(prefix):  # AWS compares without regard to case
                    yield Listed(one["ARN"], one["Name"], one["CreatedDate"])
            if not answer.get("NextToken"):
                return
            asked["NextToken"] = answer["NextToken"]

    def _call(self, operation: str, **asked: Any) -> Any:
        reason = ""
        try:
            return getattr(self._client, operation)(**asked)
        except ClientError as refusal:
            reason = str(refusal.response.get("Error", {}).get("Code", "unknown"))
        except BotoCoreError as fault:
            reason = type(fault).__name__
        raise SecretStoreUnavailableError(operation, reason)
