"""manage.py recalculate_emissions: value anew what no receipt has stated, and show the change."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from apps.billing.services.recalculated import SHOWN, Change, Report, Share
from apps.billing.services.recalculation import recalculate
from apps.common import clock
from apps.common.errors import DomainError
from apps.emissions.selectors import current_factors
from apps.workspaces.models import Workspace
from apps.workspaces.selectors import workspace_by_slug_or_id, workspaces

ACTOR: Final = "command:recalculate_emissions"
HEAVIEST: Final = 10
BAR: Final = 30
_REFUSED, _UNWRITABLE = 1, 3  # 2 is argparse's
_LABELS: Final = dict(
    zip(SHOWN, ("g CO2e, low", "g CO2e", "g CO2e, high", "kWh", "litres of water"), strict=True)
)


class Command(BaseCommand):
    help = (
        "Value usage that no receipt has stated yet by the current factor set and the overrides "
        "in force, and report before and after. What was stated never changes. Safe to repeat, and "
        "to kill: the next run does the rest. Exit code 0: done, or nothing to change; 1: no such "
        "workspace, or no factor set is published; 3: the report's file cannot be written."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", metavar="SLUG", help="only this one; by default all")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the report here too")
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="show the difference, write nothing",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        reports = []
        try:
            factors, now = current_factors(), clock.now()
            for workspace in self._chosen(options):
                report = recalculate(
                    workspace,
                    factors,
                    actor=ACTOR,
                    now=now,
                    is_dry_run=options["dry_run"],
                    progress=self._progress,
                )
                self.stdout.write("\n".join(_lines(report)))
                reports.append(report)
        except DomainError as refusal:
            raise CommandError(refusal.message, returncode=_REFUSED) from refusal
        if options["json"]:
            document = _document(reports, factors.version, is_dry_run=options["dry_run"])
            _write(options["json"], json.dumps(document, indent=2) + "\n")
        self._conclude(reports, is_dry_run=options["dry_run"])

    def _chosen(self, options: dict[str, Any]) -> Sequence[Workspace]:
        chosen = (
            [workspace_by_slug_or_id(options["workspace"])]
            if options["workspace"]
            else list(workspaces())
        )
        if options["json"]:
            _write(options["json"], "")  # refused now and not after the work
        return chosen

    def _progress(self, done: int, total: int) -> None:
        """A bar on a terminal; nothing where a file or another program reads."""
        if not self.stderr.isatty():
            return
        filled = BAR * min(done, total) // total
        bar = "#" * filled + "." * (BAR - filled)
        ending = "\n" if done >= total else ""
        self.stderr.write(f"\r[{bar}] {done:,} of {total:,} events", str, ending)

    def _conclude(self, reports: Sequence[Report], *, is_dry_run: bool) -> None:
        if changed := sum(report.changed for report in reports):
            verb = "would change" if is_dry_run else "changed"
            self.stdout.write(f"Events that {verb}: {changed:,}.")
        else:
            self.stdout.write(
                "Nothing to change: all that can be is on the current factors and overrides."
            )
        if is_dry_run:
            self.stdout.write("Dry run: nothing was written.")


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text)
    except OSError as fault:
        raise CommandError(f"{file}: {fault.strerror}", returncode=_UNWRITABLE) from fault


def _lines(report: Report) -> Iterator[str]:
    yield f"{report.workspace.slug} (events that receipts state already: {report.stated:,})"
    for share in report.in_order():
        yield f"  {share.title}"
        yield (
            f"    events: {share.looked_at:,} looked at, {share.changed:,} changed, "
            f"{share.left:,} left: already stated on a receipt"
        )
        for line in _aligned(list(_rows(share))):
            yield f"    {line}"
        for (before, after), events in sorted(share.versions.items()):
            yield f"    factors {before} -> {after} (events: {events:,})"
        for override, events in sorted(share.overrides.items()):
            yield f"    override {override} (events: {events:,})"


def _rows(share: Share) -> Iterator[tuple[str, ...]]:
    yield ("", "before", "after", "difference", "%")
    for name in SHOWN:
        yield (_LABELS[name], *_cells(share.totals[name]))
    for model, change in share.heaviest(HEAVIEST):
        yield (f"{model}, g CO2e", *_cells(change))


def _cells(change: Change) -> tuple[str, ...]:
    percent = "-" if change.percent is None else f"{change.percent:+.2f}"
    return (
        f"{change.before:,.6f}",
        f"{change.after:,.6f}",
        f"{change.difference:+,.6f}",
        percent,
    )


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for label, *numbers in rows:
        cells = [f"{number:>{width}}" for number, width in zip(numbers, widths[1:], strict=True)]
        yield "  ".join([f"{label:<{widths[0]}}", *cells])


def _document(reports: Sequence[Report], version: str, *, is_dry_run: bool) -> dict[str, Any]:
    return {
        "factor_version": version,
        "is_dry_run": is_dry_run,
        "workspaces": [
            {
                "workspace": report.workspace.slug,
                "stated": report.stated,
                "periods": [_plain(share) for share in report.in_order()],
            }
            for report in reports
        ],
    }


def _plain(share: Share) -> dict[str, Any]:
    """Exact numbers are strings."""
    return {
        "period": share.period.public_id if share.period else None,
        "looked_at": share.looked_at,
        "changed": share.changed,
        "left": share.left,
        "totals": {name: _numbers(share.totals[name]) for name in SHOWN},
        "models": [
            {"model": model, "co2e_grams": _numbers(change)}
            for model, change in share.heaviest(HEAVIEST)
        ],
        "factor_versions": [
            {"before": before, "after": after, "events": events}
            for (before, after), events in sorted(share.versions.items())
        ],
        "overrides": dict(sorted(share.overrides.items())),
    }


def _numbers(change: Change) -> dict[str, str | None]:
    return {
        "before": format(change.before, "f"),
        "after": format(change.after, "f"),
        "difference": format(change.difference, "f"),
        "percent": None if change.percent is None else f"{change.percent:.4f}",
    }
