"""Who may do what: rights, the roles of people that hold them, the scope a key needs. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

OWNER, ADMIN, MEMBER, AUDITOR = "owner", "admin", "member", "auditor"


class Right(StrEnum):
    READ = "read"  # dashboards, reports, receipts, packs
    ESTIMATE = "estimate"
    TRACK = "track"  # send events and samples
    PROJECTS = "projects"  # and budgets
    CONNECTIONS = "connections"
    KEYS = "keys"  # and members
    BILLING = "billing"  # plan, portal
    CLOSE = "close"  # a period; delete the workspace


@dataclass(frozen=True, slots=True)
class Holders:
    """Roles and the scope of keys that have a right; no scope: no key has it."""

    roles: frozenset[str]
    scope: str | None


RIGHTS: Final[Mapping[Right, Holders]] = MappingProxyType(
    {
        Right.READ: Holders(frozenset({OWNER, ADMIN, MEMBER, AUDITOR}), "read"),
        Right.ESTIMATE: Holders(frozenset({OWNER, ADMIN, MEMBER, AUDITOR}), "estimate"),
        Right.TRACK: Holders(frozenset({OWNER, ADMIN, MEMBER}), "track"),
        Right.PROJECTS: Holders(frozenset({OWNER, ADMIN, MEMBER}), "write"),
        Right.CONNECTIONS: Holders(frozenset({OWNER, ADMIN}), "write"),
        Right.KEYS: Holders(frozenset({OWNER, ADMIN}), None),
        Right.BILLING: Holders(frozenset({OWNER, ADMIN}), "billing"),
        Right.CLOSE: Holders(frozenset({OWNER}), None),
    }
)
RIGHT_OF_SCOPE: Final[Mapping[str, Right]] = MappingProxyType(
    {
        "read": Right.READ,
        "write": Right.CONNECTIONS,
        "track": Right.TRACK,
        "estimate": Right.ESTIMATE,
        "billing": Right.BILLING,
    }
)
PLATFORM_SCOPE: Final = "platform"
WORKSPACE_SCOPES: Final = ("estimate", "track", "read", "write", "billing")
SCOPES: Final = (*WORKSPACE_SCOPES, PLATFORM_SCOPE)
