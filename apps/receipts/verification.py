"""Whether a receipt file is genuine: one list of checks for the page, the API and offline.

The checks run in a fixed order and the first failure decides. A check that could not run, for
lack of a proof or of this system's own records, is named as not checked, never passed over.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from apps.receipts.canonical import StrictJsonError, digest, strict_loads
from apps.receipts.consistency import inconsistencies
from apps.receipts.envelope import ALGORITHM, hash_text
from apps.receipts.key_directory import KeyDirectory, PublishedKey
from apps.receipts.merkle import ProofError
from apps.receipts.payload_shape import parse_time
from apps.receipts.signing import SIGNATURE_BYTES, decode_base64, verify_digest
from apps.receipts.tlog_proof import Inclusion, LogTrust, TlogProof

PASSED = "passed"
FAILED = "failed"
NOT_CHECKED = "not_checked"

_MEMBERS = {
    "payload": dict,
    "payload_hash": str,
    "signature": str,
    "algorithm": str,
    "key_version": int,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the answer. `code` is set on failure, and by the status."""

    name: str
    outcome: str
    text: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class ReceiptStatus:
    """What this system says of the receipt today: `current`, `superseded` or `withdrawn`."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Verification:
    """The checks in order, and the payload as it was read (None when it could not be)."""

    steps: tuple[Step, ...]
    payload: dict[str, Any] | None

    @property
    def valid(self) -> bool:
        """Nothing failed. Say so only together with `not_checked`."""
        return self.reason is None

    @property
    def reason(self) -> str | None:
        """The code of the first failure."""
        return next((step.code for step in self.steps if step.outcome == FAILED), None)

    @property
    def not_checked(self) -> tuple[str, ...]:
        return tuple(step.name for step in self.steps if step.outcome == NOT_CHECKED)

    @property
    def verdict(self) -> str:
        """`valid`, `valid; not checked: …` or `invalid: <code>`."""
        if not self.valid:
            return f"invalid: {self.reason}"
        return "; not checked: ".join(filter(None, ["valid", ", ".join(self.not_checked)]))


def verify(
    data: bytes,
    keys: KeyDirectory,
    log: LogTrust | None,
    status: ReceiptStatus | None = None,
) -> Verification:
    """Run every check over the bytes of a receipt file. What is in them never raises."""
    case = _Case(data, keys, log)
    steps: list[Step] = []
    for name, check in _CHECKS:
        if any(step.outcome == FAILED for step in steps):
            steps.append(Step(name, NOT_CHECKED, "An earlier check failed."))
        else:
            steps.append(_run(name, check, case))
    steps.append(_status_step(status))
    return Verification(tuple(steps), case.payload if case.is_read else None)


class _CheckError(Exception):
    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class _LackError(Exception):
    pass


class _Case:
    """One file under examination, and what the checks have read from it so far."""

    is_read = False
    payload: dict[str, Any]
    key: PublishedKey
    digest: bytes
    signature: bytes

    def __init__(self, data: bytes, keys: KeyDirectory, log: LogTrust | None) -> None:
        self.data = data
        self.keys = keys
        self.trust = log

    def check_form(self) -> str:
        try:
            self.envelope = strict_loads(self.data)
        except StrictJsonError as fault:
            raise _CheckError(fault.code, f"The file cannot be read: {fault}.") from fault
        for name, kind in _MEMBERS.items():
            if type(self.envelope.get(name)) is not kind:
                raise _CheckError("malformed", f"The member {name} is missing or of another type.")
        if unknown := self.envelope.keys() - _MEMBERS.keys() - {"proof"}:
            raise _CheckError("malformed", f"{len(unknown)} members are not known.")
        if not isinstance(self.envelope.get("proof", ""), str):
            raise _CheckError("malformed", "The proof is not a text.")
        self.payload = self.envelope["payload"]
        self.is_read = True
        return "The file is one strict JSON object with the members of a receipt."

    def check_algorithm(self) -> str:
        if self.envelope["algorithm"] != ALGORITHM:
            raise _CheckError("unknown_algorithm", f"The algorithm is not {ALGORITHM}.")
        return f"The algorithm is {ALGORITHM}."

    def check_key(self) -> str:
        version = self.envelope["key_version"]
        key = self.keys.find(version)
        if key is None:
            raise _CheckError("unknown_key", f"No key with version {version} was published.")
        self.key = key
        return f"Key {version} is published."

    def check_hash(self) -> str:
        self.digest = digest(self.payload)
        if self.envelope["payload_hash"] != hash_text(self.digest):
            raise _CheckError("hash_mismatch", "The payload is not the one that was hashed.")
        return f"The payload's hash is {hash_text(self.digest)}."

    def check_signature_form(self) -> str:
        try:
            self.signature = decode_base64(self.envelope["signature"])
        except ValueError as fault:
            raise _CheckError("signature_malformed", f"The signature is {fault}.") from fault
        if len(self.signature) != SIGNATURE_BYTES:
            raise _CheckError(
                "signature_malformed", f"The signature is not {SIGNATURE_BYTES} bytes long."
            )
        return f"The signature is the canonical base64 of {SIGNATURE_BYTES} bytes."

    def check_signature(self) -> str:
        if not verify_digest(self.key.public_key, self.digest, self.signature):
            raise _CheckError("signature_invalid", "The key did not make this signature.")
        return f"Key {self.key.key_version} signed exactly this payload."

    def check_key_validity(self) -> str:
        try:
            issued_at = parse_time(str(self.payload.get("issued_at")))
        except ValueError as fault:
            raise _CheckError("key_not_valid_then", "The time of issue is unreadable.") from fault
        if self.key.is_revoked and not self._is_logged_before_distrust():
            raise _CheckError(
                "key_revoked", "The key was revoked, and no log entry before that is shown."
            )
        if not self.key.is_valid_at(issued_at):
            raise _CheckError("key_not_valid_then", "The key was not valid at the time of issue.")
        if self.key.is_revoked:
            return "The key was revoked later; the log shows this receipt before that."
        return "The key was valid at the time of issue."

    def check_consistency(self) -> str:
        if faults := inconsistencies(self.payload):
            raise _CheckError("inconsistent", f"The receipt contradicts itself: {faults[0]}.")
        return "Quantities, times, serials and wording agree with each other."

    def check_log(self) -> str:
        inclusion = self._inclusion()
        return (
            f"Entry {inclusion.index} of the log {inclusion.checkpoint.origin} under its "
            f"checkpoint of size {inclusion.checkpoint.size}; "
            f"known witnesses of that checkpoint: {len(inclusion.witnesses)}."
        )

    def _inclusion(self) -> Inclusion:
        if "proof" not in self.envelope:
            raise _LackError("The file carries no proof of its place in the log.")
        if self.trust is None:
            raise _LackError("The log's public key is not at hand.")
        try:
            return TlogProof.parse(self.envelope["proof"]).verify(self.digest, self.trust)
        except ProofError as fault:
            raise _CheckError("not_in_log", f"Not shown to be in the log: {fault}.") from fault

    def _is_logged_before_distrust(self) -> bool:
        if self.key.distrust_after is None:
            return False
        try:
            return self._inclusion().index < self.key.distrust_after
        except (_CheckError, _LackError):
            return False


def _run(name: str, check: Callable[[_Case], str], case: _Case) -> Step:
    try:
        return Step(name, PASSED, check(case))
    except _LackError as lack:
        return Step(name, NOT_CHECKED, str(lack))
    except _CheckError as failure:
        return Step(name, FAILED, str(failure), failure.code)


def _status_step(status: ReceiptStatus | None) -> Step:
    """Shown beside the checks; whatever it says, the signature stays what it is."""
    if status is None:
        return Step("status", NOT_CHECKED, "Only the issuer's system knows the receipt's status.")
    return Step("status", PASSED, status.text, status.code)


_CHECKS: tuple[tuple[str, Callable[[_Case], str]], ...] = (
    ("form", _Case.check_form),
    ("algorithm", _Case.check_algorithm),
    ("key", _Case.check_key),
    ("hash", _Case.check_hash),
    ("signature_form", _Case.check_signature_form),
    ("signature", _Case.check_signature),
    ("key_validity", _Case.check_key_validity),
    ("consistency", _Case.check_consistency),
    ("log", _Case.check_log),
)
