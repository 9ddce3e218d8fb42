"""Each file of a partner to where its kind is dealt with; everything else waits for somebody.

It is the same by which door it came. What is told of a file to who sent it follows from the file alone: whom it is about, and whether we know them, is
found out later and told to nobody.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from sojourn.base import errors
from sojourn.base.gnupg import NotGood
from sojourn.care.papers import sandbox
from sojourn.care.papers.reading import MOST_BYTES, MOST_DOCUMENT
from sojourn.fhir import codec
from sojourn.gate import papers
from sojourn.gate.bulk import arriving
from sojourn.gate.exchange import asapp, pgp, received
from sojourn.gate.exchange.keeping import FAILED, MAPPED, Came, Keeper
from sojourn.gate.exchange.messages import Result
from sojourn.wire import filekind, hl7v2, hl7v2batch, xdm
from sojourn.wire.hl7v2 import NotReadable
from sojourn.wire.hl7v2person import key
from sojourn.wire.hl7v2write import VERSIONS

if TYPE_CHECKING:
    from sojourn.base.gnupg import Opened
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Tenant
    from sojourn.gate.exchange.boxes import Head
    from sojourn.gate.exchange.partners import Partner
    from sojourn.gate.gate import Gate

_HL7_MOST: Final = 50_000_000
_BUNDLE_MOST: Final = 50_000_000
_ZIP_MOST: Final = 50_000_000
_MESSAGES: Final = 50_000
"""Of one file."""
_TOLD: Final = 50
"""Messages of one file whose faults are told one by one."""


@dataclass
class Arrived:
    """One file that is to be looked at.

    door: of the tray of papers; source: what it is known by, the same whenever it is looked at again; stream: begins to read it. brings: the service under whose right
    records of this partner are imported, or ''. unseal: opens OpenPGP, where that was agreed; signs: what is encrypted must be signed. clear: what was in it, of
    one that was encrypted or packed; then the head is of that.
    """

    gate: Gate
    tenant: Tenant
    partner: Partner
    access: Access
    keeper: Keeper
    head: Head
    door: str
    source: str
    stream: Callable[[], AsyncIterator[bytes]]
    brings: str = ""
    unseal: Callable[[bytes], Awaitable[Opened]] | None = None
    signs: bool = False
    clear: bytes | None = None

    async def pieces(self) -> AsyncIterator[bytes]:
        """What it says."""
        if self.clear is not None:
            yield self.clear
            return
        async for piece in self.stream():
            yield piece

    async def whole(self, most: int) -> bytes:
        """All of it. Raises TooLarge."""
        if self.head.size > most:
            raise errors.TooLarge()
        return b"".join([piece async for piece in self.pieces()])

    def inside(self, content: bytes, *, name: str = "", source: str = "") -> Arrived:
        """Something that was in it."""
        head = self.head._replace(kind=filekind.of(content[:16_384]), size=len(content), name=name or self.head.name)
        return replace(self, clear=content, head=head, source=source or self.source)


@dataclass
class Outcome:
    """What became of a file. verdict and said: its receipt; reason: for those who look after it, without names; findings: for who may open it; became: as a Result has it."""

    state: str
    reason: str = ""
    verdict: str = "accepted"
    said: dict[str, Any] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    became: list[str] = field(default_factory=list)

    def result(self) -> Result | None:
        """As it is kept with the message."""
        return Result(findings=tuple(self.findings), became=tuple(self.became)) if self.findings or self.became else None


def _waits(why: str, verdict: str = "waits") -> Outcome:
    return Outcome(FAILED, why, verdict)


async def routed(came: Arrived) -> Outcome:
    """Hand it on. Doing it again does nothing twice. Raises Unavailable, StaleCredential."""
    kind = came.head.kind
    try:
        if kind == filekind.PGP and came.unseal is not None:
            return await _encrypted(came, came.unseal)
        if kind == filekind.HL7:
            return await _messages(came)
        if kind in (*filekind.PAPERS, filekind.CCDA):
            return await _paper(came)
        if kind in (filekind.NDJSON, filekind.FHIR):
            return await _records(came)
        if kind == filekind.GZIP and filekind.of(await _unpacked_begin(came)) == filekind.NDJSON:
            return await _records(came, packed=True)
        if kind == filekind.ZIP and (found := await _packed(came)) is not None:
            return found
    except errors.TooLarge:
        return Outcome(FAILED, "It is larger than files of its kind may be. Ask the sender to send it in parts.", "refused", {"reason": "Files of this kind may not be so large. Send it in parts."})
    if kind == filekind.EMPTY:
        return Outcome(FAILED, "The file is empty. Ask the sender for it again.", "refused", {"reason": "The file is empty."})
    return _waits(f"Files of this kind ({kind}) are kept and not filed by themselves. Open it, do what it asks, and set it aside.")


async def _encrypted(came: Arrived, unseal: Callable[[bytes], Awaitable[Opened]]) -> Outcome:
    """OpenPGP: what is in it goes its way, if it is signed where that was agreed."""
    if came.clear is not None:
        return _waits("It is encrypted twice.")
    try:
        found = await unseal(await came.whole(pgp.MOST))
    except NotGood as error:
        return Outcome(FAILED, str(error), "refused", {"reason": str(error)})
    except errors.Unavailable as error:
        return _waits(error.message)
    if came.signs and not found.signer:
        return Outcome(FAILED, "It is not signed by the key that was agreed with this partner. Ask them.", "refused", {"reason": "It is not signed by the key that was agreed."})
    inside = came.inside(found.content)
    outcome = await routed(inside)
    outcome.said["inside"] = inside.head.kind
    outcome.findings.insert(0, f"Decrypted: {inside.head.kind}, {len(found.content)} bytes, {'signed by their key' if found.signer else 'not signed by a key of theirs'}.")
    return outcome


async def _packed(came: Arrived) -> Outcome | None:
    """Documents laid out as IHE XDM has it: each goes its way. None for a zip file of another kind, or within another."""
    if came.clear is not None and came.source.endswith("/xdm"):
        return None
    try:
        there = await asyncio.to_thread(xdm.documents, await came.whole(_ZIP_MOST))
    except xdm.BadZip as error:
        return Outcome(FAILED, str(error), "refused", {"reason": str(error)})
    if there is None:
        return None
    done = [(one, await routed(came.inside(one.content, name=one.name, source=f"{came.source}/{n}/xdm"))) for n, one in enumerate(there)]
    return together([o for _, o in done], [filekind.of(one.content[:16_384]) for one, _ in done])


def together(done: list[Outcome], kinds: list[str]) -> Outcome:
    """What became of several files that came as one: done once each is. kinds: of each, as lists have them."""
    findings = [f"{n}. {kind}: {outcome.reason or 'accepted.'}" for n, (kind, outcome) in enumerate(zip(kinds, done, strict=True), 1)]
    findings += [line for outcome in done for line in outcome.findings]
    became = [one for outcome in done for one in outcome.became]
    left = [o for o in done if o.state != MAPPED]
    said: dict[str, Any] = {"documents": len(done), "taken": len(done) - len(left)}
    if not left:
        return Outcome(MAPPED, "", "accepted", said, findings, became)
    why = left[0].reason if len(done) == 1 else f"{len(left)} of {len(done)} files in it are not done. The first: {left[0].reason}"
    return Outcome(FAILED, why, "waits" if any(o.verdict == "waits" for o in left) else "refused" if len(left) == len(done) else "accepted", said, findings, became)


async def _messages(came: Arrived) -> Outcome:
    """HL7 v2: each message into the store of messages, as one that came by MLLP."""
    content = await came.whole(_HL7_MOST)
    if hl7v2batch.many(content, _MESSAGES):
        raise errors.TooLarge
    _, charset, _ = hl7v2.decoded(content, came.partner.charset)
    batch = hl7v2batch.split(content, came.partner.charset) if hl7v2batch.batched(content) else None
    raw = [m.encode(charset, "replace") for m in batch.messages] if batch is not None else [content if charset.startswith("utf-16") else content.strip(b"\x0b\x1c\r\n")]
    faults: list[tuple[int, str]] = []
    kept = again = 0
    became: list[str] = []
    for n, one in enumerate(raw, 1):
        if isinstance(made := _message(came.partner, one), str):
            faults.append((n, made))
            continue
        there = await came.keeper.keep(came.tenant, made)
        kept, again = kept + there.fresh, again + (not there.fresh)
        became.append(f"Exchange/{there.id}")
    said: dict[str, Any] = {"messages": len(raw), "taken": len(raw) - len(faults)}
    if faults:
        said["faults"] = [{"message": n, "reason": why} for n, why in faults[:_TOLD]]
    findings = [f"Messages in it: {len(raw)}; kept now: {kept}; there already: {again}.", *(batch.odd if batch is not None else ()), *(f"Message {n}: {why}" for n, why in faults)]
    if not faults and raw:
        return Outcome(MAPPED, "", "accepted", said, findings, became)
    why = f"{len(faults)} of {len(raw)} messages in it are not taken: {faults[0][1]}" if faults else "There is no message in it."
    return Outcome(FAILED, why, "accepted" if len(faults) < len(raw) else "refused", said, findings, became)


def _message(partner: Partner, content: bytes) -> Came | str:
    """A message as it is kept, or why it is not taken."""
    try:
        message = hl7v2.parse(content, partner.charset)
    except NotReadable:
        return "It cannot be read as HL7 v2."
    if not message.control:
        return "It has no control id (MSH-10)."
    if not message.header.v(9):
        return "It does not say of what type it is (MSH-9)."
    if message.version not in VERSIONS:
        return "Versions 2.1 to 2.9 are taken (MSH-12)."
    if partner.types and message.type not in partner.types and not (message.header.v(9) == "ACK" and partner.sending.get("kinds")):
        return "Messages of this type were not agreed (MSH-9)."
    if not partner.is_called(message.header.v(3), message.header.v(4)):
        return "It names another sender than was agreed (MSH-3, MSH-4)."
    return Came(partner.id, "hl7v2", message.control, message.type, message.version, key(message), content)


async def _paper(came: Arrived) -> Outcome:
    """Pages, and documents that people read: into the tray of papers."""
    content = await came.whole(MOST_DOCUMENT if came.head.kind == filekind.CCDA else MOST_BYTES)
    try:
        media, pages = await sandbox.checked(content)
    except sandbox.Unreadable as error:
        return Outcome(FAILED, f"It cannot be read. {error.message}", "refused", {"reason": error.message})
    paper = await papers.receive(
        came.access, content, media=media, pages=pages, door=came.door, source=came.source, program=came.partner.program or 0, name=came.head.name, sender=came.partner.name,
        marks=came.partner.laws, basis=came.partner.basis,
    )  # fmt: skip
    return Outcome(MAPPED, "", "accepted", {"pages": pages} if came.head.kind != filekind.CCDA else {}, [f"It is in the tray of papers, {pages} {'page' if pages == 1 else 'pages'}."], [f"Paper/{paper}"])


async def _unpacked_begin(came: Arrived) -> bytes:
    async for piece in came.pieces():
        try:
            return zlib.decompressobj(31).decompress(piece, 4096)
        except zlib.error:
            break
    return b""


async def _records(came: Arrived, *, packed: bool = False) -> Outcome:
    """FHIR, line by line or as a Bundle: imported under the right of the service that was named for it."""
    if came.head.kind == filekind.FHIR and _is_document(await _json(await came.whole(_BUNDLE_MOST))):
        return _waits("It is a FHIR document, which is for people to read. Open it, do what it asks, and set it aside.")
    if not came.brings:
        return _waits("It holds FHIR records, and no service is named under whose right what this partner brings is imported. Name one on the partner's page and do it again, or set it aside.")
    try:
        access = await asapp.access(came.gate, came.tenant, came.brings)
        await arriving.check(access)
    except errors.Forbidden as error:
        return _waits(error.message)
    try:
        source = came.pieces() if came.head.kind != filekind.FHIR else _of_bundle(await came.whole(_BUNDLE_MOST))
        brought = await arriving.bring(access, lambda: anext(source, b""), came.partner.program, packed=packed, came=received.stamp(came.partner))
    except errors.Malformed as error:
        why = f"It cannot be read as FHIR. {error.message}"
        return Outcome(FAILED, why, "refused", {"reason": why})
    findings = [f"Written: {brought.written}; there already: {brought.unchanged}; refused: {brought.refused}.", *(i.diagnostics for i in brought.issues[:_TOLD])]
    became = [f"Patient/{client}" for client in sorted(brought.clients)]
    said = {"records": brought.written + brought.unchanged + brought.refused}
    if brought.refused:
        return Outcome(FAILED, f"{brought.refused} of {said['records']} records in it were refused. Open it to see why; what could be written was.", "accepted", said, findings, became)
    return Outcome(MAPPED, "", "accepted", said, findings, became)


async def _json(content: bytes) -> Any:
    """Its value, read beside the event loop; None for what is no JSON. Raises TooLarge."""
    if codec.crowded(content):
        raise errors.TooLarge
    try:
        return await asyncio.to_thread(codec.loads, content)
    except codec.BadJson:
        return None


def _is_document(found: Any) -> bool:
    """Whether it is a Bundle that is a document (https://hl7.org/fhir/R4/documents.html)."""
    return isinstance(found, dict) and found.get("resourceType") == "Bundle" and found.get("type") == "document"


async def _of_bundle(content: bytes) -> AsyncIterator[bytes]:
    """The resources of a Bundle, or one resource, a line each. Raises Malformed."""
    if (found := await _json(content)) is None:
        raise errors.Malformed("This is no JSON.")
    if not isinstance(found, dict) or found.get("type") in ("document", "message", "history") or not isinstance(found.get("entry", []), list):
        raise errors.Malformed("A Bundle holds resources in its entries.")
    entries = [e.get("resource") for e in found.get("entry", []) if isinstance(e, dict)] if found.get("resourceType") == "Bundle" else [found]
    for one in entries:
        if isinstance(one, dict):
            yield codec.dumps(one) + b"\n"

