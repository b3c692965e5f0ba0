"""manage.py verify_receipt: check a receipt file, with the database and the network away."""

import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.common.errors import DomainError
from apps.receipts import offline, published_keys, seeds, selectors
from apps.receipts.key_directory import KeyDirectory, PublishedKey
from apps.receipts.signing import decode_base64
from apps.receipts.tlog_proof import LogTrust
from apps.receipts.verification import verify

_EVERY_STEP = 2


class Command(BaseCommand):
    help = (
        "Check a receipt file: prints `valid` and exits 0, or the first failed check and exits 1. "
        "Offline: the keys come from --keys or --key, otherwise from the configured signing keys. "
        "With -v 2 every check is shown."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--keys", type=Path, help="saved answer of /api/v1/public/keys")
        parser.add_argument(
            "--key", action="append", default=[], help="<version>:<base64>; may be repeated"
        )
        parser.add_argument(
            "--online", action="store_true", help="ask the database for the receipt's status too"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            keys, log = _trusted(options["keys"], options["key"])
            data = offline.read_receipt(options["file"])
            answer = verify(data, keys, log)
            if options["online"] and answer.valid and answer.payload is not None:
                answer = verify(data, keys, log, selectors.status_of(answer.payload))
        except (OSError, ValueError) as fault:
            raise CommandError(str(fault), returncode=2) from fault
        except DomainError as refusal:
            raise CommandError(refusal.message, returncode=2) from refusal
        if options["verbosity"] >= _EVERY_STEP:
            for line in offline.steps(answer):
                self.stdout.write(line)
        self.stdout.write(answer.reason or "valid")
        if lacks := offline.lacks(answer):
            self.stderr.write(lacks)
        if not answer.valid:
            sys.exit(1)


def _trusted(file: Path | None, stated: list[str]) -> tuple[KeyDirectory, LogTrust | None]:
    if file is not None:
        return published_keys.read(file.read_bytes())
    if stated:
        return KeyDirectory(_key(text) for text in stated), _configured_log()
    return seeds.configured_directory(), _configured_log()


def _configured_log() -> LogTrust | None:
    try:
        return seeds.log_trust()
    except DomainError:
        return None  # the check of the log is then named as not run


def _key(text: str) -> PublishedKey:
    version, _, encoded = text.partition(":")
    return PublishedKey(
        key_version=int(version),
        public_key=decode_base64(encoded),
        valid_from=datetime.min.replace(tzinfo=UTC),
        valid_until=None,
        status="active",
    )
