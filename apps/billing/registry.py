"""The registry's side of a retirement: one request, one confirmation, by HTTP.

The one gateway at hand is the demonstration registry of a developer's machine. Where no registry
offers an interface, an operator records the confirmation in the admin instead.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from apps.common.http import Limits, post_json


@dataclass(frozen=True, slots=True)
class RetirementRequest:
    """Whole tonnes of one batch, by their serials."""

    order_id: str
    registry: str
    project_id: str
    serial_range: str
    serial_first: int
    serial_last: int
    tonnes: int
    beneficiary: str
    reason: str


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the registry says it did, and where anyone can read it."""

    retirement_id: str
    retired_on: date
    registry_url: str
    certificate_sha256: str
    is_demonstration: bool = False


class RegistryAnswerError(ValueError):
    """The registry answered with something that is not a confirmation."""


def request_retirement(base_url: str, request: RetirementRequest) -> Confirmation:
    """Ask for the retirement. Safe to repeat: the order's id is the idempotency key.

    Raises BusyError or RefusedError of apps.common.outside, or RegistryAnswerError.
    """
    reply = post_json(
        f"{base_url.rstrip('/')}/retirements",
        {
            "order_id": request.order_id,
            "registry": request.registry,
            "project_id": request.project_id,
            "serial_range": request.serial_range,
            "serial_first": str(request.serial_first),
            "serial_last": str(request.serial_last),
            "tonnes": request.tonnes,
            "beneficiary": request.beneficiary,
            "reason": request.reason,
        },
        headers={"Idempotency-Key": request.order_id},
        limits=Limits(tries=3),
    )
    return _confirmation(reply.json)


def _confirmation(answer: Any) -> Confirmation:
    try:
        if answer["status"] != "retired":
            raise RegistryAnswerError(f"the registry's status is {str(answer['status'])[:40]!r}")
        return Confirmation(
            retirement_id=str(answer["retirement_id"]),
            retired_on=date.fromisoformat(answer["retired_on"]),
            registry_url=str(answer["registry_url"]),
            certificate_sha256=str(answer["certificate_sha256"]),
            is_demonstration=bool(answer.get("demonstration")),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as fault:
        raise RegistryAnswerError("the registry's answer is not a confirmation") from fault
