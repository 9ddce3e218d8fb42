"""Ask, or send to, an address that somebody else chose, never in our own network (SSRF).

Refused are: anything but HTTPS, addresses that are not public (RFC 6890) however their name resolves, ports of other services, redirects,
credentials in the address, more than a quarter of a megabyte, and more than five seconds. The connection goes to the very address that was looked at, so
that a name which resolves differently the second time (DNS rebinding) leads nowhere.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cache
from typing import Any, Final, NamedTuple
from urllib.parse import SplitResult

import httpx

from sojourn.base import addresses
from sojourn.base.errors import SojournError
from sojourn.web import bounded

LARGEST: Final = 1 << 18
SECONDS: Final = 5.0
TAKEN, REFUSED, UNSURE = "taken", "refused", "unsure"
"""What came of sending something."""
_WEB, _FREE = (80, 443), 1024
"""Ports of the web, and from which on anybody may have chosen one (RFC 6335, 6)."""
_CARRIERS = ipaddress.ip_network("100.64.0.0/10")  # shared address space (RFC 6598), which is neither private nor public
_UNICAST = ipaddress.ip_network("2000::/3")  # all that is given out of IPv6 (IANA, IPv6 Global Unicast Address Assignments)
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # IPv4 behind NAT64 (RFC 6052)

class Reply(NamedTuple):
    """What an address answered. headers: with small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Resolve = Callable[[str, int], Awaitable[list[str]]]


class NotReached(SojournError):
    """The address could not be asked."""

    status = 400
    code = "transient"


async def resolve(host: str, port: int) -> list[str]:
    """The IP addresses of a host name."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@cache
def authorities() -> ssl.SSLContext:
    """Whom we trust to vouch for others, read once: the list of authorities takes 25 ms to read, in which the server does nothing else."""
    return httpx.create_ssl_context()


def public(address: str) -> bool:
    """Whether an IP address is one of the public internet: not of this machine, its network, its cloud or anything reserved."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None) or (ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _TRANSLATED else None)
        if inner is not None:
            return public(str(inner))
        if ip not in _UNICAST:
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and ip not in _CARRIERS


def _lasting(headers: httpx.Headers) -> float | None:
    """For how many seconds an answer may be kept (RFC 9111, 5.2.2), the shortest that is said; None: nothing is said."""
    said = [one.strip().lower().partition("=") for one in headers.get("cache-control", "").split(",")]
    if {"no-store", "no-cache"} & {name for name, _, _ in said}:
        return 0.0
    ages = [int(value.strip('" ')) if value.strip('" ').isdecimal() else 0 for name, _, value in said if name in ("max-age", "s-maxage")]
    spent = headers.get("age", "0")
    return max(0.0, float(min(ages) - (int(spent) if spent.isdecimal() else 0))) if ages else None


class Outbound:
    """Asks addresses of others. hosts: of our own network, which may be asked too, also without HTTPS."""

    def __init__(self, hosts: Iterable[str] = (), *, resolver: Resolve = resolve, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """resolver and transport: for tests."""
        self._hosts = frozenset(h.strip().lower() for h in hosts if h.strip())
        self._resolve = resolver
        self._transport = transport

    async def get(self, address: str) -> Any:
        """The JSON at an address. Raises NotReached."""
        return (await self.kept(address))[0]

    async def kept(self, address: str) -> tuple[Any, float | None]:
        """The JSON at an address, and for how many seconds its owner lets it be kept; None where they do not say. Raises NotReached."""
        try:
            return await asyncio.wait_for(self._get(address), SECONDS)
        except (TimeoutError, OSError, httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError):
            raise NotReached from None

    async def post(self, address: str, body: bytes, headers: Mapping[str, str], *, seconds: float = SECONDS) -> str:
        """Send something: TAKEN (any success), REFUSED (they certainly do not have it) or UNSURE (they may have it, and did not say so)."""
        began = False
        try:
            async with asyncio.timeout(seconds):
                parts, there, host = await self._place(address)
                client = httpx.AsyncClient(timeout=seconds, follow_redirects=False, trust_env=False, verify=authorities(), transport=self._transport)
                async with client:
                    began = True
                    sent = {**headers, "host": host if parts.port is None else f"{host}:{parts.port}", "accept-encoding": "identity"}
                    async with client.stream("POST", there, content=body, headers=sent, extensions={"sni_hostname": host}) as answer:
                        return TAKEN if answer.is_success else REFUSED
        except (NotReached, httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol):
            return REFUSED
        except (TimeoutError, OSError, httpx.HTTPError, httpx.InvalidURL, ValueError):
            return UNSURE if began else REFUSED

    async def fetch(self, method: str, address: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None, seconds: float = SECONDS, most: int = LARGEST, plain: bool = False) -> Reply:
        """One request with its answer, whatever its status, redirects not followed. most: bytes of the answer; plain: also by HTTP, for what is signed itself. Raises NotReached."""
        try:
            async with asyncio.timeout(seconds):
                parts, there, host = await self._place(address, plain=plain)
                sent = {**(headers or {}), "host": host if parts.port is None else f"{host}:{parts.port}", "accept-encoding": "identity"}
                client = httpx.AsyncClient(timeout=seconds, follow_redirects=False, trust_env=False, verify=authorities(), transport=self._transport)
                async with client, client.stream(method, there, content=body or None, headers=sent, extensions={"sni_hostname": host}) as answer:
                    return Reply(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, await bounded.body(answer, most))
        except (TimeoutError, OSError, httpx.HTTPError, httpx.InvalidURL, ValueError):
            raise NotReached from None

    async def _get(self, address: str) -> tuple[Any, float | None]:
        parts, target, host = await self._place(address)
        headers = {"host": host if parts.port is None else f"{host}:{parts.port}", "accept": "application/json", "accept-encoding": "identity"}
        client = httpx.AsyncClient(timeout=SECONDS, follow_redirects=False, trust_env=False, verify=authorities(), transport=self._transport)
        async with client, client.stream("GET", target, headers=headers, extensions={"sni_hostname": host}) as answer:
            if answer.status_code != httpx.codes.OK:
                raise NotReached
            found = json.loads(await bounded.body(answer, LARGEST))
        return found, _lasting(answer.headers)

    async def _place(self, address: str, *, plain: bool = False) -> tuple[SplitResult, httpx.URL, str]:
        """The address, the very machine that it leads to, and its name. Raises NotReached for one that may not be asked."""
        if (parts := addresses.parts(address)) is None:
            raise NotReached
        host = (parts.hostname or "").lower()
        own = host in self._hosts
        if parts.scheme != "https" and not own and not plain:
            raise NotReached
        port = parts.port if parts.port is not None else 443 if parts.scheme == "https" else 80
        if port < _FREE and port not in _WEB:
            raise NotReached  # no web server: SSH, mail and the like would be spoken to
        found = await self._resolve(host, port)
        if not found or (not own and not all(public(one) for one in found)):
            raise NotReached
        there = found[0]
        netloc = f"[{there}]:{port}" if ":" in there else f"{there}:{port}"
        target = httpx.URL(f"{parts.scheme}://{netloc}{parts.path or '/'}" + (f"?{parts.query}" if parts.query else ""))
        return parts, target, host
