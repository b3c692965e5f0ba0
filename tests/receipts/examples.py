"""The published example receipts and a sound receipt of our own, for the pure tests."""

import copy
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from apps.billing.serials import parse
from apps.receipts.checkpoint import Checkpoint, VerifierKey, sign_checkpoint
from apps.receipts.envelope import Emissions, Receipt, RetirementLine
from apps.receipts.key_directory import KeyDirectory, PublishedKey
from apps.receipts.merkle import Tree, leaf_hash
from apps.receipts.payload_shape import parse_time
from apps.receipts.signing import Seed, decode_base64
from apps.receipts.tlog_proof import LogTrust, TlogProof
from tests.receipts.vectors import load

_EXAMPLE = load("receipt_v1")
_PROOFS = load("tlog_proofs")

ENVELOPE: dict[str, Any] = _EXAMPLE["receipts"][0]["envelope"]
SECOND_ENVELOPE: dict[str, Any] = _EXAMPLE["receipts"][1]["envelope"]
PAYLOAD: dict[str, Any] = ENVELOPE["payload"]
SEEDS = {key["key_version"]: Seed(bytes.fromhex(key["seed"])) for key in _EXAMPLE["keys"]}
PUBLISHED = {
    key["key_version"]: PublishedKey(
        key_version=key["key_version"],
        public_key=decode_base64(key["public_key"]),
        valid_from=parse_time(key["valid_from"]),
        valid_until=parse_time(key["valid_until"]) if key["valid_until"] else None,
        status=key["status"],
    )
    for key in _EXAMPLE["keys"]
}
KEYS = KeyDirectory(PUBLISHED.values())
TRUST = LogTrust(
    _PROOFS["origin"],
    (VerifierKey.parse(_PROOFS["log_vkey"]),),
    (VerifierKey.parse(_PROOFS["witness_vkey"]),),
)
PROOF: str = _PROOFS["proofs"][0]["proof"]
_LOG_SEED = Seed(bytes.fromhex(_PROOFS["log_seed"]))


def file_of(envelope: dict[str, Any]) -> bytes:
    return json.dumps(envelope).encode()


def changed(payload: dict[str, Any], **members: Any) -> dict[str, Any]:
    """A copy with members replaced; `emissions__co2e_grams` reaches into an inner object."""
    copied = copy.deepcopy(payload)
    for path, value in members.items():
        *outer, name = path.split("__")
        place = copied
        for step in outer:
            place = place[step]
        place[name] = value
    return copied


def changed_line(payload: dict[str, Any], **members: Any) -> dict[str, Any]:
    copied = copy.deepcopy(payload)
    copied["retirement"]["lines"][0].update(members)
    return copied


def proof_at(index: int, size: int, entry: bytes) -> str:
    """A true proof that `entry` stands at `index` of a log of other entries."""
    leaves = [leaf_hash(number.to_bytes(2, "big")) for number in range(size)]
    leaves[index] = leaf_hash(entry)
    tree = Tree(leaves)
    note = sign_checkpoint(Checkpoint(TRUST.origin, size, tree.root()), _LOG_SEED)
    return str(TlogProof(index, tuple(tree.inclusion_proof(index, size)), note))


def line(**changes: Any) -> RetirementLine:
    """The example's retirement line, as the issuer would state it."""
    stated: dict[str, Any] = {
        "serial": parse(
            "verra",
            "19385-941467007-941467431-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1",
        ),
        "gram_start": 3_000_000,
        "gram_end": 3_017_656,
        "project_id": "VCS1340",
        "project_name": "Bale Mountains Eco-region REDD+ project",
        "methodology": "VM0015",
        "vintage_start": date(2020, 1, 1),
        "vintage_end": date(2020, 12, 31),
        "mitigation": "reduction",
        "beneficiary": PAYLOAD["retirement"]["lines"][0]["beneficiary"],
        "labels": ("CCB-No Distinction",),
        "corresponding_adjustment": "none",
        "retired_on": date(2026, 11, 3),
        "registry_url": "https://registry.example/1",
    }
    return RetirementLine(**(stated | changes))


def receipt(**changes: Any) -> Receipt:
    """The example receipt, as the issuer would state it."""
    emissions = Emissions(
        co2e_grams=Decimal("17655.25"),
        co2e_grams_low=Decimal("12358.675"),
        co2e_grams_high=Decimal("22951.825"),
        energy_kwh=Decimal("41.906512"),
        adjustments_grams=Decimal("-12.5"),
        factor_version="2026.10.1",
        factor_sha256=bytes.fromhex(PAYLOAD["emissions"]["factor_sha256"][7:]),
        inputs_sha256=bytes.fromhex(PAYLOAD["emissions"]["inputs_sha256"][7:]),
        boundary="electricity of inference at the provider, use phase",
    )
    stated: dict[str, Any] = {
        "receipt_id": "rcpt_0001",
        "nonce": decode_base64(PAYLOAD["nonce"]),
        "issuer_name": "Carbon Platform (test)",
        "issuer_url": "https://carbon.example",
        "workspace_id": "ws_0001",
        "workspace_name": "Acme Robotics GmbH",
        "period_start": datetime(2026, 10, 1, tzinfo=UTC),
        "period_end": datetime(2026, 11, 1, tzinfo=UTC),
        "issued_at": datetime(2026, 11, 3, 0, 12, 41, tzinfo=UTC),
        "emissions": emissions,
        "grams_to_cover": Decimal("17655.25"),
        "lines": (line(),),
        "supersedes": None,
    }
    return Receipt(**(stated | changes))
