"""How these tests ask the simulator: one function per provider, with the key that works."""

from typing import Any

import requests

from devstack.simulator.testing import RunningSimulator

OPENAI_KEY = "sk-admin-simulated-0001"
ANTHROPIC_KEY = "sk-ant-admin01-simulated-0001"
OPENROUTER_KEY = "sk-or-v1-simulated-management-0001"
LITELLM_KEY = "sk-litellm-simulated-0001"
NOON = 1_794_916_800  # 2026-11-17T12:00:00Z
HOUR, DAY = 3600, 86400

Query = dict[str, Any]


def openai(
    simulator: RunningSimulator,
    path: str = "usage/completions",
    key: str = OPENAI_KEY,
    **query: Any,
) -> requests.Response:
    return requests.get(
        f"{simulator.url}/openai/v1/organization/{path}",
        params=query,
        headers={"Authorization": f"Bearer {key}"},
        timeout=10,
        allow_redirects=False,
    )


def anthropic(
    simulator: RunningSimulator,
    path: str = "usage_report/messages",
    key: str = ANTHROPIC_KEY,
    **query: Any,
) -> requests.Response:
    return requests.get(
        f"{simulator.url}/anthropic/v1/organizations/{path}",
        params=query,
        headers={"x-api-key": key, "anthropic-version": "2023-06-01"},
        timeout=10,
    )


def openrouter(
    simulator: RunningSimulator, path: str = "activity", key: str = OPENROUTER_KEY, **query: Any
) -> requests.Response:
    return requests.get(
        f"{simulator.url}/openrouter/api/v1/{path}",
        params=query,
        headers={"Authorization": f"Bearer {key}"},
        timeout=10,
    )


def litellm(
    simulator: RunningSimulator, path: str = "spend/logs/v2", key: str = LITELLM_KEY, **query: Any
) -> requests.Response:
    return requests.get(
        f"{simulator.url}/litellm/{path}",
        params=query,
        headers={"Authorization": f"Bearer {key}"},
        timeout=10,
    )


def total(page: Any, field: str) -> int:
    """The sum of one count over every row of a bucketed page."""
    return sum(row[field] for bucket in page["data"] for row in bucket["results"])
