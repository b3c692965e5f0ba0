"""What a recalculation shows, to people and machines, and when it refuses to begin."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.telemetry.models import CarbonEntry
from apps.workspaces.models import Workspace
from tests.billing.recalculating import NEW, OLD, publish_new_factors, recalculate, shares
from tests.billing.stock import DECEMBER, NOVEMBER, OCTOBER, closing_period
from tests.billing.usage import use

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("factors")]

DAY = timedelta(days=1)
MUCH = 10_000_000


def test_the_report_names_models_and_versions_and_is_aligned(
    workspace: Workspace,
) -> None:
    november = closing_period(workspace, NOVEMBER, DECEMBER)
    use(workspace, MUCH, NOVEMBER + DAY)
    publish_new_factors()

    report, printed = recalculate()

    share = shares(report, workspace)[november.public_id]
    assert share["models"] == [{"model": "gpt-4o", "co2e_grams": share["totals"]["co2e_grams"]}]
    assert share["factor_versions"] == [{"before": OLD, "after": NEW, "events": 1}]
    assert f"factors {OLD} -> {NEW} (events: 1)" in printed
    lines = printed.splitlines()
    top = next(number for number, line in enumerate(lines) if line.endswith("%"))
    table = lines[top : top + 7]
    assert table[-1].split()[0] == "gpt-4o,"
    assert len({len(line) for line in table}) == 1


def test_a_bar_is_drawn_on_a_terminal_only(workspace: Workspace) -> None:
    use(workspace, MUCH, OCTOBER + DAY)

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal, pipe = Terminal(), io.StringIO()
    for stderr in (terminal, pipe):
        call_command("recalculate_emissions", stdout=io.StringIO(), stderr=stderr)

    assert terminal.getvalue().endswith("] 1 of 1 events\n")
    assert pipe.getvalue() == ""


def test_an_unknown_workspace_and_an_unwritable_report_are_refused_before_anything_is_written(
    workspace: Workspace, tmp_path: Path
) -> None:
    use(workspace, MUCH, OCTOBER + DAY)
    publish_new_factors()

    codes = []
    for arguments in (["--workspace", "nobody"], ["--json", str(tmp_path / "no" / "report.json")]):
        with pytest.raises(CommandError) as refusal:
            call_command("recalculate_emissions", *arguments)
        codes.append(refusal.value.returncode)

    assert codes == [1, 3]
    assert not CarbonEntry.objects.filter(reason="recalculated").exists()
