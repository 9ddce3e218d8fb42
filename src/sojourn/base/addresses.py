"""Web addresses that somebody else writes down: taken apart, or refused before they are kept."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

SCHEMES = ("https", "http")


def parts(address: str) -> SplitResult | None:
    """The parts of an address of the web. None for what is none: another scheme, no host, a port or an IPv6 address that cannot be, somebody's name or password in it, blanks, backslashes,
    control characters, letters that a host may pretend to be of (RFC 3986, 2 to 3.2; what readers of addresses do not agree on leads one of them elsewhere)."""
    if not address.isascii() or any(c <= " " or c in "\\\x7f" for c in address):
        return None
    try:
        found = urlsplit(address)
        host, _ = found.hostname, found.port
    except ValueError:
        return None
    return found if found.scheme in SCHEMES and host and found.username is None and found.password is None else None


def nobodys(address: str) -> bool:
    """Whether an IP address is nobody's receiver: of a link alone, as where clouds answer what they know of a machine (RFC 3927, RFC 4291, 2.5.6), many, none, or kept for later."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return ip.is_link_local or ip.is_multicast or ip.is_unspecified or (ip.is_reserved and not ip.is_loopback)
