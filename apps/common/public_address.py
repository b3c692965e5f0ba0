"""Addresses that somebody else chose: only what is reachable by everybody may be called.

A name is resolved once and the connection made to what was checked: a name that is asked twice may
answer twice.
"""

import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

HTTPS_PORT: Final = 443
_LOCAL_ENDINGS: Final = (".localhost", ".local", ".internal", ".home.arpa")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""No top-level domain is one; resolvers take `0x7f.1` for 127.0.0.1."""
_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")


class AddressError(Exception):
    """An address that is not called. `str()` is a sentence fit to be shown."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL points to, before anything is resolved."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = HTTPS_PORT if self.scheme == "https" else 80
        return host if self.port == usual else f"{host}:{self.port}"


def place_of(url: str, *, may_be_local: bool = False) -> Place:
    """What the URL says. Nothing is asked: a name that leads inside is refused by `addresses`."""
    if not url.isascii() or not url.isprintable() or " " in url:
        raise AddressError("The address has characters that no URL has.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise AddressError("The address is not a URL.") from None
    if parts.scheme not in ("https", *(["http"] if may_be_local else [])) or not host:
        raise AddressError("The address must begin with https:// and name a host.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise AddressError("The address must carry no credentials and no fragment.")
    usual = HTTPS_PORT if parts.scheme == "https" else 80
    place = Place(parts.scheme, host.rstrip("."), port if port is not None else usual, _target(url))
    if not may_be_local:
        _refuse_local(place)
    return place


def addresses(place: Place, *, may_be_local: bool = False) -> list[str]:
    """The IP addresses of the host, every one of them public. Asks the resolver once."""
    try:
        found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise AddressError("The host's name could not be resolved.") from None
    distinct = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not may_be_local and not all(is_public(address) for address in distinct):
        raise AddressError("The host's name leads to an address that is not public.")
    return distinct


def is_public(text: str) -> bool:
    """Whether the whole Internet may reach it, by its number alone."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and (
        address not in _GLOBAL_UNICAST or address.sixtofour or address.teredo
    ):
        return False  # mapped, translated and tunnelled addresses carry an IPv4 one inside
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _refuse_local(place: Place) -> None:
    if place.port != HTTPS_PORT:
        raise AddressError("The address must be at port 443.")
    try:
        ipaddress.ip_address(place.host)
    except ValueError:
        is_name = "." in place.host and not _NUMBER.fullmatch(place.host.rpartition(".")[2])
        is_local = not is_name or place.host.endswith(_LOCAL_ENDINGS)
    else:
        is_local = not is_public(place.host)
    if is_local:
        raise AddressError("The address must be a public one.")


def _target(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
