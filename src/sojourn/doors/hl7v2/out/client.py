"""MLLP to a partner: TLS with its peer verified, one message at a time, answers of either mode.

HL7 v2.8, 2.9: in original mode AA, AE, AR answer; in enhanced mode CA, CE, CR say first whether it is kept.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from sojourn.base import addresses, crypto
from sojourn.gate.exchange.profile import Profile
from sojourn.wire import hl7v2
from sojourn.wire.mllp import Blocks, NotFramed, TooLarge, framed

ACCEPTED, AGAIN, REFUSED = "accepted", "again", "refused"
_CHUNK: Final = 64 * 1024
_NOBODYS: Final = "Their address is nobody's receiver: of one link alone, of many, or of none. Nothing was sent. Correct the host."
_MOST: Final = 1 << 20  # bytes of an answer


class Answer(NamedTuple):
    """What a partner said of a message. code: MSA-1; where: codes of ERR, as in `207 PID-3`; words: what they wrote beside, which may name people."""

    verdict: str
    code: str
    where: str = ""
    words: str = ""


class NotReached(Exception):
    """Nobody was reached, or nobody who is them; nothing has left. why: in words that name nobody, and what to do."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class NotAnswered(Exception):
    """It left, and no answer came. why: in words that name nobody."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Identity(NamedTuple):
    """By what we are known to partners who ask for a certificate."""

    certificate: Path | None = None
    key: Path | None = None


class Line:
    """A connection to one partner, kept while it works."""

    def __init__(self, profile: Profile, identity: Identity) -> None:
        self.profile = profile
        self._identity = identity
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._blocks = Blocks(_MOST)
        self._heard: list[bytes] = []

    async def open(self) -> None:
        """Connect, unless that was done. Raises NotReached."""
        if self._writer is not None and not self._writer.is_closing() and self._reader is not None and not self._reader.at_eof():
            return
        await self.close()
        p = self.profile
        if not p.tls and not (p.plain.strip() or _near(p.host)):
            raise NotReached("They are not reached without TLS, and no administrator wrote down why that is permitted.")
        context = _tls(p, self._identity) if p.tls else None
        try:
            async with asyncio.timeout(p.timeout):
                self._reader, self._writer = await asyncio.open_connection(p.host, p.port, ssl=context, server_hostname=p.host if context is not None else None, limit=_CHUNK)
        except ssl.SSLCertVerificationError:
            raise NotReached("Their certificate is not one that we know: it is not by an authority that this server trusts, or of another name. Check it with them, and enter its fingerprint.") from None
        except ssl.SSLError:
            raise NotReached("No encrypted connection came about. Ask them which versions of TLS and which certificates they take.") from None
        except (OSError, TimeoutError, ValueError):
            raise NotReached("They cannot be reached at their address. Ask them whether their receiver runs, and check host and port.") from None
        if addresses.nobodys(str((self._writer.get_extra_info("peername") or ("",))[0])):
            await self.close()
            raise NotReached(_NOBODYS)
        if context is not None and p.certificate:
            shown = self._writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            if not shown or crypto.sha256_hex(shown) != p.certificate:
                await self.close()
                raise NotReached("Whoever answers at their address has another certificate than the one that was agreed. Nothing was sent. Ask them whether they changed it.")
        self._blocks, self._heard = Blocks(_MOST), []

    async def say(self, content: bytes, control: str) -> Answer:
        """Send one, and wait for what is said of it. Raises NotAnswered, after which the connection is closed."""
        reader, writer, p = self._reader, self._writer, self.profile
        if reader is None or writer is None:
            raise NotAnswered("The connection was closed.")
        try:
            async with asyncio.timeout(p.timeout):
                writer.write(framed(content))
                await writer.drain()
                kept = await self._hear(reader, control)
                if p.acknowledgement != "both" or kept.code[:1] != "C" or kept.verdict != ACCEPTED:
                    return kept
                return await self._hear(reader, control, application=True)
        except TimeoutError:
            why = f"No answer came within {p.timeout} seconds. It is sent again, with the same number."
        except (NotFramed, TooLarge):
            why = "What they answered is no MLLP. It is sent again, with the same number."
        except (OSError, ssl.SSLError):
            why = "The connection ended before they answered. It is sent again, with the same number."
        await self.close()
        raise NotAnswered(why)

    async def _hear(self, reader: asyncio.StreamReader, control: str, *, application: bool = False) -> Answer:
        """The next answer to this message; those to others, and what cannot be read, are passed over. Raises OSError at the end of the stream."""
        while True:
            while self._heard:
                found = answer(self._heard.pop(0), control)
                if found is not None and (not application or found.code[:1] == "A"):
                    return found
            some = await reader.read(_CHUNK)
            if not some:
                raise ConnectionResetError
            self._heard += self._blocks.feed(some)

    async def close(self) -> None:
        """Hang up."""
        writer, self._reader, self._writer = self._writer, None, None
        if writer is not None:
            writer.close()
            with suppress(Exception):
                async with asyncio.timeout(2):
                    await writer.wait_closed()


def answer(block: bytes, control: str) -> Answer | None:
    """What a block says of a message; None where it is no acknowledgement of it."""
    try:
        message = hl7v2.parse(block)
    except hl7v2.NotReadable:
        return None
    msa = message.one("MSA")
    return verdict_of(message) if msa is not None and msa.v(2) == control else None


def verdict_of(message: hl7v2.Message) -> Answer | None:
    """What an acknowledgement says, whichever message it is of; None where it says nothing."""
    msa = message.one("MSA")
    if msa is None:
        return None
    code = msa.v(1).upper()
    verdict = {"A": ACCEPTED, "E": AGAIN, "R": REFUSED}.get(code[1:2]) if code[:1] in ("A", "C") and len(code) == 2 else None  # noqa: PLR2004 - as in AA
    if verdict is None:
        return None
    where, words = [], [msa.v(3)]
    for err in message.all("ERR"):
        number = err.v(3) or err.v(1, 4)
        place = [err.v(2, 1), err.v(2, 3)] if err.v(2, 1) else [err.v(1, 1), err.v(1, 3)]
        said = " ".join(filter(None, ("".join(c for c in number if c.isalnum())[:10], "-".join(filter(None, ("".join(c for c in one if c.isalnum())[:5] for one in place))))))
        where += [said] if said else []
        words += [err.v(3, 2), err.v(7), err.v(8)]
    return Answer(verdict, code, ", ".join(where[:5]), " ".join(filter(None, words))[:2000])


def _near(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _tls(profile: Profile, identity: Identity) -> ssl.SSLContext:
    """TLS 1.2 or newer; the peer by its agreed certificate, else by the authorities of this machine and its name. Raises NotReached."""
    try:
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if profile.certificate:  # exactly this one, compared before anything is sent
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if identity.certificate is not None:
            context.load_cert_chain(identity.certificate, identity.key)
    except (OSError, ssl.SSLError):
        raise NotReached("Our own certificate (SOJOURN_MLLP_CERTIFICATE, SOJOURN_MLLP_KEY) cannot be read. Ask whoever runs the server.") from None
    return context
