"""Asking a server that plays answers, with a key that must not be seen again."""

import pytest

from apps.common import http
from apps.common.http import Credential, Limits, OutsideError, Reply
from apps.common.secrets import Secret
from tests.telemetry.recorded import RecordedServer

KEY = "sk-admin-canary0123456789-abcd"
QUICK = Limits(connect_s=2, read_s=2, total_s=5)


class Waits(list[float]):
    """Takes the place of sleeping, and remembers."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def get(server: RecordedServer, limits: Limits = QUICK, wait: Waits | None = None) -> Reply:
    return http.get_json(
        f"{server.url}/usage",
        params=[("group_by[]", "model"), ("group_by[]", "project")],
        credential=Credential("Authorization", Secret(KEY), "Bearer "),
        limits=limits,
        wait=Waits() if wait is None else wait,
    )


def failure(server: RecordedServer, limits: Limits = QUICK) -> OutsideError:
    with pytest.raises(OutsideError) as raised:
        get(server, limits)
    return raised.value
