"""The published walkthrough over a real socket: every request it shows and every field it names."""

import json
import urllib.error
import urllib.request
from typing import Any
from uuid import UUID

import pytest

from tests.factories import new_key
from tests.telemetry.samples.published import EXAMPLE

pytestmark = pytest.mark.django_db(transaction=True)
RANGE = "start_time=2026-01-01T00:00:00Z&end_time=2026-02-01T00:00:00Z"


class Site:
    """The API as `curl` sees it; a key is sent as the walkthrough sends it."""

    def __init__(self, url: str, key: str | None = None) -> None:
        self._url = f"{url}/api/v1"
        self._headers = {"Content-Type": "application/json"} | ({"X-API-Key": key} if key else {})

    def ask(self, path: str, body: Any = None) -> tuple[int, Any]:
        request = urllib.request.Request(  # noqa: S310 - the test's own server
            f"{self._url}{path}",
            headers={**self._headers, "X-Request-ID": "walkthrough-1"},
            data=None if body is None else json.dumps(body).encode(),
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - likewise
                assert answer.headers["X-Request-ID"] == "walkthrough-1"
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, json.load(refusal)


def test_the_walkthrough_without_authentication(live_server: Any, settings: Any) -> None:
    settings.AUTH_ENABLED = False

    _walk_through(Site(live_server.url))


def test_the_walkthrough_with_a_platform_key(live_server: Any) -> None:
    nobody = Site(live_server.url)

    _walk_through(Site(live_server.url, new_key(None, scopes=("platform", "track"))))

    assert nobody.ask("/workspaces")[0] == 401
    assert nobody.ask("/reports/summary")[0] == 401


def _walk_through(site: Site) -> None:
    status, workspace = site.ask("/workspaces", {"name": "Demo Workspace"})
    assert status == 201
    assert set(workspace) == {"id", "name", "created_at", "updated_at"}
    home = f"/workspaces/{UUID(workspace['id'])}"
    assert site.ask("/workspaces") == (200, [workspace])
    assert site.ask(home) == (200, workspace)
    assert site.ask("/workspaces", {"name": "Demo Workspace"})[0] == 409
    assert site.ask("/workspaces/00000000-0000-0000-0000-000000000000")[0] == 404

    sample = _ingested(site, home)

    for path in (f"{home}/reports/summary?{RANGE}", f"/reports/summary?{RANGE}"):
        _check_report(*site.ask(path), workspace=workspace, sample=sample)
    later = "start_time=2026-02-01T00:00:00Z&end_time=2026-03-01T00:00:00Z"
    status, empty = site.ask(f"{home}/reports/summary?{later}")
    assert status == 200
    assert empty["total"]["usage_sample_count"] == 0
    assert empty["by_workspace"] == empty["by_provider"] == empty["by_region"] == []
    assert site.ask(f"{home}/reports/summary?start_time=2026-01-01T00:00:00")[0] == 422
    nowhere = "/workspaces/00000000-0000-0000-0000-000000000000"
    assert site.ask(f"{nowhere}/reports/summary")[0] == 404
    assert site.ask(f"{nowhere}/usage-samples", EXAMPLE)[0] == 404


def _ingested(site: Site, home: str) -> Any:
    status, sample = site.ask(f"{home}/usage-samples", EXAMPLE)
    assert status == 201
    shown = {
        "workspace_id": home.removeprefix("/workspaces/"),
        "provider": "sample-cloud",
        "region": "sample-region-1",
        "resource_type": "vcpu",
        "usage_amount": "10.000000",
        "usage_unit": "vcpu_hour",
        "measured_at": "2026-01-01T12:00:00Z",
        "normalized_usage_amount": "10.000000",
        "normalized_usage_unit": "vcpu_hour",
        "energy_kwh": "0.500000",
        "carbon_intensity_grams_co2e_per_kwh": "400.0000",
        "estimated_grams_co2e": "200.0000",
        "factor_source": "demo-static-v1",
    }
    assert {name: sample[name] for name in shown} == shown
    assert str(UUID(sample["id"])) == sample["id"]
    assert sample["created_at"].endswith("Z")
    assert site.ask(f"{home}/usage-samples", EXAMPLE | {"usage_unit": "gb"})[0] == 422
    return sample


def _check_report(status: int, report: Any, *, workspace: Any, sample: Any) -> None:
    sums = {
        "usage_sample_count": 1,
        "energy_kwh": "0.500000",
        "estimated_grams_co2e": "200.0000",
    }
    keys = {
        "by_workspace": {"workspace_id": workspace["id"], "workspace_name": "Demo Workspace"},
        "by_provider": {"provider": sample["provider"]},
        "by_region": {"region": sample["region"]},
    }
    assert status == 200
    assert report["time_range"] == {
        "start_time": "2026-01-01T00:00:00Z",
        "end_time": "2026-02-01T00:00:00Z",
    }
    assert sums.items() <= report["total"].items()
    for group, key in keys.items():
        (line,) = report[group]
        assert (key | sums).items() <= line.items()
