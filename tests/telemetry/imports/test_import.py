"""A billing export becomes samples, each exactly once."""

from decimal import Decimal
from pathlib import Path

import pytest

from apps.telemetry.models import UsageImport, UsageSample, UsageSampleRollup
from apps.workspaces.models import Workspace
from tests.telemetry.imports.bills import as_csv, cur2
from tests.telemetry.imports.conftest import Import

pytestmark = pytest.mark.django_db


def test_an_hour_of_an_instance_becomes_a_sample(
    tmp_path: Path, run_import: Import, workspace: Workspace
) -> None:
    run = run_import(as_csv(tmp_path / "october.csv", [cur2()]))

    sample = UsageSample.objects.get()
    assert run.code == 0, run.said
    assert (sample.provider, sample.region) == ("aws", "eu-central-1")
    assert (sample.resource_type, sample.instance_type) == ("instance", "m5.large")
    assert (sample.usage_amount, sample.usage_unit) == (Decimal(1), "instance_hour")
    assert f"{sample.measured_at:%Y-%m-%dT%H:%M%z}" == "2026-10-05T10:00+0000"
    assert sample.workspace == workspace
    assert UsageSampleRollup.objects.get().samples == 1
    assert UsageImport.objects.get().finished_at is not None
