"""Where somebody writes an address down, and what we ask there: never our own network, however it is written (SSRF). A table of addresses, by each place."""

from __future__ import annotations

import ast
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

import sojourn
from sojourn.base import clock, errors, gateways
from sojourn.doors.api.subscriptions import reading
from sojourn.doors.direct.post import NotPosted, Post
from sojourn.doors.hl7v2.out import client
from sojourn.doors.hl7v2.out.client import Identity, Line
from sojourn.doors.sftp.errands import Errands
from sojourn.gate.apps import sound
from sojourn.gate.apps.refusing import Refused
from sojourn.gate.apps.registry import App
from sojourn.gate.exchange import asking, cds, profile, ways
from sojourn.gate.exchange.asking import Service
from sojourn.gate.exchange.cds import Calling
from sojourn.gate.exchange.partners import Partner
from sojourn.gate.exchange.profile import Profile
from sojourn.gate.exchange.ways import Way
from sojourn.web.outbound import TAKEN, NotReached, Outbound, resolve

NAMES = {
    "public.example": ["93.184.216.34"], "moved.example": ["93.184.216.35"], "inside.example": ["10.0.0.5"], "here.example": ["127.0.0.1"], "here6.example": ["::1"],
    "half.example": ["93.184.216.34", "192.168.0.7"], "cloud.example": ["169.254.169.254"], "nowhere.example": [],
}  # fmt: skip
BAD = [
    # of this machine, its network and its cloud, as people write them
    "https://127.0.0.1/", "https://localhost/", "https://10.0.0.5/", "https://172.31.0.1/", "https://192.168.1.1/", "https://169.254.169.254/latest/meta-data/", "https://0.0.0.0/", "https://100.64.0.1/", "https://[::1]/",
    "https://[::]/", "https://[fe80::1]/", "https://[fd00:ec2::254]/", "https://[fec0::1]/", "https://[ff02::1]/",
    # the same, otherwise: IPv4 within IPv6, decimal, octal, hexadecimal, short
    "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::ffff:169.254.169.254]/", "https://[::127.0.0.1]/", "https://[64:ff9b::7f00:1]/", "https://[64:ff9b:1::a00:5]/", "https://[2002:7f00:1::]/",
    "https://2130706433/", "https://0x7f000001/", "https://0x7f.0.0.1/", "https://0177.0.0.1/", "https://017700000001/", "https://127.1/", "https://2852039166/", "https://0/",
    # names that lead there, all of their addresses or one
    "https://inside.example/", "https://here.example/", "https://here6.example/", "https://half.example/", "https://cloud.example/", "https://nowhere.example/", "https://HERE.example/", "https://here.example./",
    # what is no address of the web, or is read in two ways
    "http://public.example/", "file:///etc/passwd", "gopher://public.example/_x", "ftp://public.example/", "dict://public.example:11211/", "data:text/plain,x", "//public.example/", "nothing", "", "https://", "https:///x",
    "https://user@public.example/", "https://user:word@public.example/", "https://@public.example/", "https://public.example@127.0.0.1/", "https://public.example\\@127.0.0.1/", "https://public.example /",
    "https://public.example/\r\nX-Forwarded-For: 127.0.0.1", "https://public.example/\tx", "https://public.example/\0", "https://pub\u200blic.example/", "https://①②⑦.0.0.1/", "https://[::1", "https://public.example:port/", "https://public.example:99999/",
    # ports of other services
    "https://public.example:22/", "https://public.example:25/", "https://public.example:0/", "https://public.example:389/",
]  # fmt: skip
GOOD = ["https://public.example/cds-services", "https://public.example:8443/cds-services", "https://93.184.216.34/cds-services", "https://[2606:2800:220:1::1]/cds-services"]

EMPTY: dict[str, Any] = {}


class Outside:
    """All that is not here: who was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.outbound = Outbound(resolver=self.resolved, transport=httpx.MockTransport(self._answer))

    async def resolved(self, host: str, port: int) -> list[str]:
        """As the names say; what is a number is read by the machine, which knows every way to write one."""
        return NAMES[host.rstrip(".")] if host.rstrip(".") in NAMES else await resolve(host, port) if any(c in host for c in ":0123456789") or host == "localhost" else ["93.184.216.34"]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        if request.url.host == "93.184.216.35":
            return httpx.Response(307, headers={"location": "https://169.254.169.254/latest/meta-data/"})
        return httpx.Response(200, json={"services": []})


async def _keys(at: Outside, address: str) -> None:
    sound._jwks_uri(App("", "X", ("service",), "outside", "private_key_jwt", "", jwks_uri=address))
    await at.outbound.kept(address)


async def _subscription(at: Outside, address: str) -> None:
    facts = reading.facts({"criteria": reading.ANYTHING, "channel": {"type": "rest-hook", "endpoint": address, "payload": "application/fhir+json", "_payload": {"extension": [{"url": "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content", "valueCode": "id-only"}]}}})
    if await at.outbound.post(facts.endpoint, b"{}", {}) != TAKEN:
        raise NotReached


async def _discovery(at: Outside, address: str) -> None:
    made = cds.checked(Calling(discovery=address if address.endswith("/cds-services") else address.rstrip("/") + "/cds-services" if address else ""), Partner("p", "P"))
    await at.outbound.get(made.discovery)
    await at.outbound.fetch("POST", made.discovery, body=b"{}")


async def _network(at: Outside, address: str) -> None:
    made = asking.checked(Service(base=address, on=True))
    await at.outbound.fetch("GET", made.base)


async def _recipient(at: Outside, address: str) -> None:
    (made,) = ways.checked([Way(ways.MHD, address, "x")], [], "x")
    await at.outbound.fetch("POST", made.address, body=b"{}")


async def _revoked(at: Outside, address: str) -> None:
    """A list of revoked certificates: signed itself, so that it may come by HTTP."""
    await at.outbound.fetch("GET", address, plain=not address.startswith("http://public"))


PLACES: dict[str, Callable[[Outside, str], Awaitable[None]]] = {
    "an app's keys": _keys, "a subscription's endpoint": _subscription, "a CDS service": _discovery, "a network that is asked": _network, "a document recipient": _recipient, "a revocation list": _revoked,
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("address", BAD)
async def test_nobody_is_asked_there(place: str, address: str) -> None:
    at = Outside()
    with pytest.raises((NotReached, Refused, errors.SojournError)) as raised:
        await PLACES[place](at, address)
    assert at.asked == []
    assert raised.value.status < 500  # type: ignore[union-attr]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("address", GOOD)
async def test_others_are(place: str, address: str) -> None:
    at = Outside()
    await PLACES[place](at, address)
    assert at.asked
    assert all(httpx.URL(one).host in ("93.184.216.34", "2606:2800:220:1::1") for one in at.asked), "the very address that was looked at"


async def test_nobody_is_followed_to_where_they_point() -> None:
    at = Outside()
    with pytest.raises(NotReached):
        await at.outbound.get("https://moved.example/")
    assert (await at.outbound.fetch("GET", "https://moved.example/")).status == 307
    assert await at.outbound.post("https://moved.example/", b"", {}) != TAKEN
    assert len(at.asked) == 3
    assert {httpx.URL(one).host for one in at.asked} == {"93.184.216.35"}


@pytest.mark.parametrize("header", ["X: a\r\nHost: 10.0.0.5", "X: a\nY: b", "X\r\nY: b", "Host: 10.0.0.5", "Content-Length: 0", "Transfer-Encoding: chunked"])
def test_a_subscription_sends_no_header_that_makes_another_request(header: str) -> None:
    with pytest.raises(errors.Invalid):
        reading.facts({"criteria": reading.ANYTHING, "channel": {"type": "rest-hook", "endpoint": "https://public.example/", "payload": "application/fhir+json", "header": [header]}})


@pytest.mark.parametrize("address", [*(a for a in BAD if not a.startswith("https://") or any(c in a for c in "@\\ \r\t\0\u200b①") or a.endswith((":port/", ":99999/", "[::1")) or a in ("https://", "https:///x")), "http://10.0.0.5/"])
def test_a_gateway_of_our_own_has_a_sound_address(address: str) -> None:
    """Whoever runs the server names it, and it may be in our network; it is written in one way."""
    assert not gateways.sound(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.5", "169.254.169.254", "::1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "127.1"])
async def test_mail_and_files_go_to_no_server_of_ours(host: str) -> None:
    with pytest.raises(NotPosted, match="our own network"):
        await Post()._address(host, 993)
    assert await Post([host])._address(host, 993), "unless whoever runs the server says so"
    errands = Errands.__new__(Errands)
    errands._hosts = frozenset()
    with pytest.raises(Exception, match="our own network"):
        async with errands._connected(_Doing(host)):  # type: ignore[arg-type]
            pass


class _Doing:
    def __init__(self, host: str) -> None:
        self.errand = type("Errand", (), {"host": host, "port": 22})


@pytest.mark.parametrize("host", ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "224.0.0.1", "0.0.0.0", "::"])
def test_hl7_goes_to_no_address_that_is_nobodys(host: str) -> None:
    """A receiver may be in our network: an interface engine stands there. Where a cloud answers for a machine none does."""
    said = Profile(host=host, port=2575, kinds=("ADT^A01",), plain="Inside our own network.")
    with pytest.raises(errors.Malformed, match="nobody's receiver"):
        profile.checked(said, "Organization/x", clock.now())
    assert profile.checked(replace(said, host="10.0.0.5"), "Organization/x", clock.now()).host == "10.0.0.5"


async def test_hl7_goes_to_no_name_that_leads_there(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[bytes] = []

    class There:
        def get_extra_info(self, _: str) -> tuple[str, int]:
            return ("169.254.169.254", 80)

        def is_closing(self) -> bool:
            return False

        def write(self, data: bytes) -> None:
            said.append(data)

        def close(self) -> None:
            pass

        async def wait_closed(self) -> None:
            pass

    async def connected(*_: object, **__: object) -> tuple[None, There]:
        return None, There()

    monkeypatch.setattr(client.asyncio, "open_connection", connected)
    with pytest.raises(client.NotReached, match="nobody's receiver"):
        await Line(Profile(host="2852039166", port=80, plain="Inside our own network."), Identity()).open()
    assert said == []


CONNECTS = {
    "web/outbound.py": "the guard itself", "web/oidc.py": "the provider that whoever runs the server named, and hosts of it alone", "doors/fax/gateways.py": "a gateway of our own", "doors/calling/texting.py": "a gateway of our own",
    "doors/direct/post.py": "looks at where it goes, as the guard does", "doors/sftp/errands.py": "looks at where it goes, as the guard does", "doors/hl7v2/out/client.py": "receivers, also in our network", "base/submission.py": "an address that its caller looked at",
}  # fmt: skip
_OUT = {"AsyncClient", "Client", "open_connection", "create_connection", "urlopen", "getaddrinfo", "HTTPSConnection", "HTTPConnection"}


def test_nothing_else_connects_to_anybody() -> None:
    """A new way out begins at the guard, or stands here with its reason."""
    found = set()
    root = Path(sojourn.__file__).parent
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            name = node.attr if isinstance(node, ast.Attribute) else ""
            if name in _OUT and isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Call) or (name == "connect" and isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "asyncssh"):
                found.add(path.relative_to(root).as_posix())
    assert found == CONNECTS.keys()
