"""A call to track, a client that may, and what of it the rollups say."""

from decimal import Decimal
from typing import Any

from apps.telemetry.models import Rollup
from apps.workspaces.models import Workspace

TRACK = "/api/v1/track"
BATCH = "/api/v1/track/batch"
CALL = {
    "tenant_id": "client-acme",
    "model": "gpt-4o",
    "prompt_tokens": 1000,
    "completion_tokens": 500,
}


def total(workspace: Workspace, **which: Any) -> Decimal:
    return sum(
        (row.co2e_grams for row in Rollup.objects.filter(workspace=workspace, **which)), Decimal()
    )
