"""The payload of a receipt, version 1, and the signed envelope around it.

Quantities are plain decimal strings, never floats; times are UTC to the second. What is signed is
the SHA-256 of the payload's canonical bytes; nothing outside the payload is believed.
"""

import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from typing import Any

from apps.billing.serials import SerialRange
from apps.receipts.canonical import digest
from apps.receipts.consistency import inconsistencies
from apps.receipts.signing import Seed, encode_base64, sign_digest
from apps.receipts.statements import statement_for

ALGORITHM = "ed25519-sha256-jcs"
TYPE = "carbon-receipt"
VERSION = 1
NONCE_BYTES = 16
_EXACT_DIGITS = 60  # more than a payload can hold: the subtraction never rounds


class InconsistentReceiptError(ValueError):
    """The payload contradicts itself, so it is not signed."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Emissions:
    """A period's footprint with its bounds, and what binds it to the rows it sums up."""

    co2e_grams: Decimal
    co2e_grams_low: Decimal
    co2e_grams_high: Decimal
    energy_kwh: Decimal
    adjustments_grams: Decimal
    factor_version: str
    factor_sha256: bytes
    inputs_sha256: bytes
    boundary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetirementLine:
    """Grams `[gram_start, gram_end)` of a batch, counted from the first serial of its range."""

    serial: SerialRange
    gram_start: int
    gram_end: int
    project_id: str
    project_name: str
    methodology: str
    vintage_start: date
    vintage_end: date
    mitigation: str
    beneficiary: str
    labels: tuple[str, ...]
    corresponding_adjustment: str
    retired_on: date | None
    """None until the registry has confirmed the retirement."""
    registry_url: str | None

    @property
    def grams(self) -> int:
        return self.gram_end - self.gram_start


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Everything a receipt states. The retirement's status and the wording follow from it."""

    receipt_id: str
    nonce: bytes
    issuer_name: str
    issuer_url: str
    workspace_id: str
    workspace_name: str
    period_start: datetime
    period_end: datetime
    issued_at: datetime
    emissions: Emissions
    grams_to_cover: Decimal
    """The footprint at its central value, or at the high bound where the workspace chose so."""
    lines: tuple[RetirementLine, ...]
    supersedes: str | None


def receipt_payload(receipt: Receipt) -> dict[str, Any]:
    """The version 1 payload of a receipt."""
    if len(receipt.nonce) != NONCE_BYTES:
        raise ValueError(f"a nonce has {NONCE_BYTES} bytes")
    retirement = _retirement(receipt.lines, receipt.grams_to_cover)
    return {
        "type": TYPE,
        "version": VERSION,
        "receipt_id": receipt.receipt_id,
        "nonce": encode_base64(receipt.nonce),
        "issuer": {"name": _nfc(receipt.issuer_name), "url": receipt.issuer_url},
        "workspace": {"id": receipt.workspace_id, "name": _nfc(receipt.workspace_name)},
        "period": {"start": time_text(receipt.period_start), "end": time_text(receipt.period_end)},
        "issued_at": time_text(receipt.issued_at),
        "emissions": _emissions(receipt.emissions),
        "retirement": retirement,
        "supersedes": receipt.supersedes,
        "statement": statement_for(retirement["status"]),
    }


def make_envelope(
    payload: dict[str, Any], seed: Seed, key_version: int, proof: str | None = None
) -> dict[str, Any]:
    """Sign a payload that does not contradict itself. The same input gives the same bytes."""
    faults = inconsistencies(payload)
    if faults:
        raise InconsistentReceiptError(faults)
    return assemble_envelope(payload, sign_digest(seed, digest(payload)), key_version, proof)


def assemble_envelope(
    payload: dict[str, Any], signature: bytes, key_version: int, proof: str | None = None
) -> dict[str, Any]:
    """The envelope around a payload that was signed before."""
    envelope = {
        "payload": payload,
        "payload_hash": hash_text(digest(payload)),
        "signature": encode_base64(signature),
        "algorithm": ALGORITHM,
        "key_version": key_version,
    }
    return envelope if proof is None else {**envelope, "proof": proof}


def decimal_text(value: Decimal) -> str:
    """Plain digits: no exponent, no plus, no minus before zero, trailing zeros as they are."""
    if not value.is_finite():
        raise ValueError(f"{value} is no quantity")
    return format(value.copy_abs() if value.is_zero() else value, "f")


def time_text(value: datetime) -> str:
    """`YYYY-MM-DDTHH:MM:SSZ`. A fraction of a second is refused, not silently dropped."""
    if value.tzinfo is None or value.microsecond:
        raise ValueError(f"{value.isoformat()} is not a whole second with a time zone")
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def hash_text(sha256: bytes) -> str:
    return f"sha256:{sha256.hex()}"


def _emissions(emissions: Emissions) -> dict[str, str]:
    return {
        "co2e_grams": decimal_text(emissions.co2e_grams),
        "co2e_grams_low": decimal_text(emissions.co2e_grams_low),
        "co2e_grams_high": decimal_text(emissions.co2e_grams_high),
        "energy_kwh": decimal_text(emissions.energy_kwh),
        "adjustments_grams": decimal_text(emissions.adjustments_grams),
        "factor_version": emissions.factor_version,
        "factor_sha256": hash_text(emissions.factor_sha256),
        "inputs_sha256": hash_text(emissions.inputs_sha256),
        "boundary": emissions.boundary,
    }


def _retirement(lines: tuple[RetirementLine, ...], grams_to_cover: Decimal) -> dict[str, Any]:
    """`uncovered_grams` is what no retired credit covers, so it is zero only when covered."""
    retired = sum(line.grams for line in lines if line.retired_on)
    covers = retired >= grams_to_cover
    with localcontext(prec=_EXACT_DIGITS):
        missing = grams_to_cover - retired
    if not lines:
        status = "none"
    elif any(line.retired_on is None for line in lines):
        status = "pending"
    else:
        status = "covered" if covers else "partly_covered"
    return {
        "status": status,
        "allocated_grams": str(sum(line.grams for line in lines)),
        "uncovered_grams": "0" if covers else decimal_text(missing),
        "lines": [_line(line) for line in lines],
    }


def _line(line: RetirementLine) -> dict[str, Any]:
    first, last = None, None
    if line.serial.parsed:
        numbers = line.serial.serials_at(line.gram_start, line.gram_end)
        first, last = map(str, numbers)
    return {
        "registry": line.serial.registry,
        "project_id": line.project_id,
        "project_name": _nfc(line.project_name),
        "methodology": line.methodology,
        "vintage_start": line.vintage_start.isoformat(),
        "vintage_end": line.vintage_end.isoformat(),
        "mitigation": line.mitigation,
        "serial_range": line.serial.text,
        "serial_first": first,
        "serial_last": last,
        "gram_start": str(line.gram_start),
        "gram_end": str(line.gram_end),
        "retired_on": line.retired_on.isoformat() if line.retired_on else None,
        "beneficiary": _nfc(line.beneficiary),
        "registry_url": line.registry_url or None,
        "labels": list(line.labels),
        "corresponding_adjustment": line.corresponding_adjustment,
    }


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)
