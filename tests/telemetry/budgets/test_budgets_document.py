"""docs/budgets.md: its code verifies what we send, its tables say what the code does."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from apps.common import webhooks
from apps.telemetry.services.alert_delivery import MOST_ATTEMPTS, WAITS
from tests.telemetry.budgets.keeping import NOW
from tests.telemetry.recorded import Answer, RecordedServer

TEXT = (Path(__file__).parents[3] / "docs" / "budgets.md").read_text()


@pytest.fixture
def verified() -> Any:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, "docs/budgets.md", "exec"), names)  # noqa: S102 - the document's own example
    return names["verified"]


def test_the_example_verifies_what_is_sent_and_nothing_else(verified: Any) -> None:
    secret, other = webhooks.new_secret(), webhooks.new_secret()
    with RecordedServer() as receiver:
        receiver.plays("/", Answer({}))
        message = webhooks.Message("dlv_1", '{"name": "Büro"}'.encode())
        webhooks.send(receiver.url, message, secret, now=NOW, may_be_local=True)
    (received,) = receiver.requests

    with time_machine.travel(NOW + timedelta(minutes=5), tick=False):
        given = (received.headers, received.body)
        assert verified(secret.reveal(), *given) == {"name": "Büro"}
        for wrong in (
            (other.reveal(), *given),
            (secret.reveal(), received.headers, received.body + b" "),
            (secret.reveal(), received.headers | {"webhook-id": "dlv_2"}, received.body),
        ):
            with pytest.raises(ValueError, match="not signed"):
                verified(*wrong)
    with (
        time_machine.travel(NOW + timedelta(minutes=6), tick=False),
        pytest.raises(ValueError, match="too old"),
    ):
        verified(secret.reveal(), received.headers, received.body)


def test_the_retry_table_is_the_one_that_is_kept() -> None:
    line = next(line for line in TEXT.splitlines() if line.startswith("| after the one before"))
    units = {"min": timedelta(minutes=1), "h": timedelta(hours=1)}
    waits = [int(number) * units[unit] for number, unit in re.findall(r"(\d+) (min|h)", line)]

    assert tuple(waits) == WAITS
    assert MOST_ATTEMPTS == 8
