"""What an operator sees of an import: while it runs, at its end, and in the admin."""

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from apps.telemetry.models import UsageImport
from apps.workspaces.models import Workspace
from tests.telemetry.imports.bills import Row, as_csv, cur2
from tests.telemetry.imports.conftest import Import

pytestmark = pytest.mark.django_db


def traffic(gb: str) -> Row:
    return cur2(
        line_item_resource_id=gb,
        line_item_usage_amount=gb,
        line_item_usage_type="DataTransfer-Out-Bytes",
        pricing_unit="GB",
    )


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_report_in_words_and_numbers(tmp_path: Path, run_import: Import) -> None:
    rows = [
        traffic("1000"),
        traffic("3000"),
        cur2(line_item_line_item_type="Tax"),
        cur2(line_item_line_item_type="Credit"),
        cur2(line_item_line_item_type="Tax"),
        cur2(line_item_usage_type="EUC1-Mystery"),
    ]

    run = run_import(as_csv(tmp_path / "october.csv", rows))

    grams = UsageImport.objects.get().tally["sums"]["gb"][3]
    assert run.code == 3
    # 4000 GB x 0.001 kWh x PUE 1.135
    assert run.said.splitlines()[1:] == [
        "october.csv (AWS CUR 2.0):",
        "Lines read: 6",
        "Samples stored: 2",
        "Samples known before: 0",
        f"  4,000.000 GB of traffic: 4.540 kWh, {float(grams) / 1000:.3f} kg CO2e",
        f"Together: 4.540 kWh, {float(grams) / 1000:.3f} kg CO2e",
        "Lines without usage: 3",
        "  2  taxes, first in line 3",
        "  1  credits, first in line 4",
        "Changed since imported: 0",
        "Lines not understood: 1",
        "  1  unknown usage type: AmazonEC2 EUC1-Mystery, first in line 6",
    ]


def test_a_terminal_gets_a_bar(tmp_path: Path, workspace: Workspace) -> None:
    path = as_csv(tmp_path / "a.csv", [cur2()])
    out = Terminal()

    call_command("import_usage", str(path), "--workspace", workspace.slug, stdout=out)

    assert f"\r[{'#' * 40}] 100%  1 lines\n" in out.getvalue()


def test_an_unknown_workspace_is_refused(tmp_path: Path) -> None:
    path = as_csv(tmp_path / "a.csv", [cur2()])

    with pytest.raises(CommandError, match="No workspace"):
        call_command("import_usage", str(path), "--workspace", "nobody")


def test_the_exit_codes_are_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("import_usage", "--help")

    assert "3: imported, but some lines were not" in " ".join(capsys.readouterr().out.split())


def test_the_admin_lists_imports_and_changes_none(
    tmp_path: Path, run_import: Import, admin_client: Client
) -> None:
    run_import(as_csv(tmp_path / "october.csv", [traffic("5")]))
    row = UsageImport.objects.get()

    listed = admin_client.get("/admin/telemetry/usageimport/")
    shown = admin_client.get(f"/admin/telemetry/usageimport/{row.pk}/change/")

    assert "october.csv" in listed.content.decode()
    assert "&quot;gb&quot;" in shown.content.decode()
    assert admin_client.get("/admin/telemetry/usageimport/add/").status_code == 403
    assert admin_client.post(f"/admin/telemetry/usageimport/{row.pk}/delete/").status_code == 403
