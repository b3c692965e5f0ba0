"""Checking a receipt file without this system: `python -m apps.receipts.offline FILE KEYS`.

Needs neither database nor network nor settings, only the file and the issuer's published keys as
saved from `/api/v1/public/keys`. `manage.py verify_receipt` prints the same.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from apps.receipts.canonical import MAX_BYTES
from apps.receipts.published_keys import PublishedKeysError, read
from apps.receipts.verification import Verification, verify

USAGE = "usage: python -m apps.receipts.offline FILE KEYS"
_ARGUMENTS = 2


def main(arguments: Sequence[str]) -> int:
    """0 for a valid receipt, 1 for an invalid one, 2 where nothing could be checked."""
    if len(arguments) != _ARGUMENTS:
        sys.stderr.write(f"{USAGE}\n")
        return 2
    try:
        keys, log = read(Path(arguments[1]).read_bytes())
        answer = verify(read_receipt(Path(arguments[0])), keys, log)
    except (OSError, PublishedKeysError) as fault:
        sys.stderr.write(f"{fault}\n")
        return 2
    sys.stdout.write("".join(f"{line}\n" for line in (*steps(answer), answer.reason or "valid")))
    sys.stderr.write(lacks(answer))
    return 0 if answer.valid else 1


def read_receipt(path: Path) -> bytes:
    """The file, or just enough of a larger one for it to be refused as too large."""
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def lacks(answer: Verification) -> str:
    """What a valid answer did not check; said beside `valid`, never passed over."""
    if not answer.valid or not answer.not_checked:
        return ""
    return f"not checked: {', '.join(answer.not_checked)}\n"


def steps(answer: Verification) -> Iterator[str]:
    """A line for each check, in order."""
    for step in answer.steps:
        outcome = step.outcome.replace("_", " ")
        yield f"{step.name:15} {outcome:12} {step.text}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
