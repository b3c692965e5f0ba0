"""`python -m benchmarks [NAME …]`: run them, print a table, keep the figures as JSON."""

import argparse
import importlib
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measuring import Result
from benchmarks.services import database

NAMES = (
    "engine_scalar",
    "engine_vectorized",
    "estimate_http",
    "export_1m",
    "optimize",
    "record",
    "poll_cycle_5000",
    "sample_batch",
    "import_usage",
    "sample_single",
    "track",
    "summary",
    "receipt_sign_verify",
)
RESULTS = Path(__file__).resolve().parent / "results"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    names = parser.parse_args().names or NAMES
    if unknown := set(names) - set(NAMES):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    with database() as server:
        # Only now: their imports need the settings that name the database.
        results = [
            result
            for name in names
            for result in importlib.import_module(f"benchmarks.{name}").run()
        ]
    print(_table(results))
    print(f"\n{_keep(results, server)}")
    return 0


def _table(results: Sequence[Result]) -> str:
    lines = [("benchmark", "case", "median", "", "spread", "of the peer's", "peer")]
    lines += [
        (
            result.benchmark,
            result.case,
            f"{result.value:,.1f}" if result.value < 1000 else f"{result.value:,.0f}",  # noqa: PLR2004
            result.unit,
            f"{result.spread:.0%}",
            "" if result.ratio is None else f"{result.ratio:.0%}",
            result.peer,
        )
        for result in results
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    numeric = {2, 4, 5}
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place in numeric else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _keep(results: Sequence[Result], server: str) -> Path:
    """A day's last run stands; which machine it was decides what it may be compared with."""
    now = datetime.now(UTC)
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{now:%Y-%m-%d}.json"
    machine = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "database": server,
    }
    content = {
        "measured_at": now.isoformat(timespec="seconds"),
        "machine": machine,
        "results": [asdict(result) for result in results],
    }
    file.write_text(json.dumps(content, indent=1) + "\n")
    return file


if __name__ == "__main__":
    raise SystemExit(main())
