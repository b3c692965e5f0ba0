"""AWS Secrets Manager as moto plays it, over real HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3  # type: ignore[import-untyped]  # it ships no types
import pytest
from moto.server import ThreadedMotoServer

REGION = "eu-central-1"


@contextmanager
def running_aws() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def secrets_go_to(url: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let secrets be written there; answers a client to look behind the scenes with."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    settings.SECRET_STORE = "aws"
    settings.SECRETS_REGION = REGION
    settings.SECRETS_ENDPOINT_URL = url
    client = boto3.client("secretsmanager", region_name=REGION, endpoint_url=url)
    for secret in client.list_secrets(MaxResults=100)["SecretList"]:
        client.delete_secret(SecretId=secret["ARN"], ForceDeleteWithoutRecovery=True)
    return client
