"""Which of the known formats a file has, by its header."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from apps.telemetry.billing_exports import cur2, focus
from apps.telemetry.billing_exports.errors import ExportError
from apps.telemetry.billing_exports.lines import Batch, Line

AUTO: Final = "auto"


@dataclass(frozen=True, slots=True)
class Format:
    """A format: the columns it needs, those it can use, and how it reads them."""

    name: str
    title: str
    needed: Sequence[str]
    columns: Callable[[Sequence[str]], Sequence[str]]
    """From the header's columns to those that are read, missing ones included."""
    lines: Callable[[Batch, int], Iterator[Line]]
    """From a batch, and how many lines came before it, to its lines."""

    def missing(self, header: Sequence[str]) -> list[str]:
        return [name for name in self.needed if name not in header]


FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        "cur2": Format("cur2", "AWS CUR 2.0", cur2.NEEDED, cur2.columns, cur2.lines),
        "focus": Format("focus", "FOCUS", focus.NEEDED, focus.columns, focus.lines),
    }
)


def detect(header: Sequence[str], name: str) -> Format:
    """The format of this name, or with `auto` the one whose columns are all there.

    Raises ExportError and names the columns that were missed.
    """
    asked = FORMATS.values() if name == AUTO else [FORMATS[name]]
    for candidate in asked:
        if not candidate.missing(header):
            return candidate
    told = "; ".join(
        f"{candidate.title} needs {', '.join(candidate.missing(header))}" for candidate in asked
    )
    raise ExportError(f"Columns are missing: {told}.")
