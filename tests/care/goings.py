"""What one receiver has of a client by each door out: as they read it, with its marks and its notice."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from sojourn.base import errors
from sojourn.care.handoff import referral, sending
from sojourn.care.papers import reading, sandbox
from sojourn.care.release import answering, requests
from sojourn.care.release.requests import Asked
from sojourn.doors.direct.sending import Direct
from sojourn.doors.fax.sending import Faxing
from sojourn.doors.mhd.providing import Providing
from sojourn.doors.sftp.dropping import Dropping
from sojourn.gate import disclosing, disclosurelog, papers
from sojourn.gate.exchange import consulting, ways
from sojourn.gate.exchange.cds import Calling
from sojourn.gate.exchange.partners import Partner
from sojourn.gate.exchange.ways import Way
from sojourn.web.outbound import Outbound
from sojourn.wire.ccda.reader import read as ccda
from sojourn.wire.cdshooks import Described
from tests.care import reach
from tests.care.comings import Came
from tests.care.reach import FAX
from tests.care.test_handoff import at
from tests.doors.direct.hisp import HOST
from tests.doors.direct.partner import THEM, ready
from tests.doors.direct.partner import read as letter
from tests.doors.fax.counterpart import Counterpart
from tests.doors.mhd.network import NEAR, Two
from tests.doors.sftp.partner import connected, opened
from tests.doors.sftp.partner import door as sftp
from tests.doors.sftp.test_out import put_out, taken
from tests.exports import make_exports
from tests.people import Clinic

RECEIVER: Final = "tpo"
"""An Organization that is somebody a client is referred to, a partner, and an application."""


@dataclass
class Got:
    """What arrived. marks: the codes on each record, where the form has them by record; told: the notice of 42 CFR 2.32 is in front; words: everything that can be read."""

    marks: dict[str, set[str]] = field(default_factory=dict)
    words: str = ""
    told: bool = False
    paper: bool = False

    def has(self, came: Came) -> bool:
        """Whether it holds something that came."""
        return re.sub(r"\s", "", came.word) in self.words if self.paper else came.ref in self.marks

    def hints(self, came: Came) -> bool:
        """Whether anything of it says that there is such a thing."""
        return self.has(came) or came.ref.partition("/")[2] in self.words or came.word in self.words


def _fhir(bodies: list[Any]) -> Got:
    got = Got(words=json.dumps(bodies))
    for body in bodies:
        every = [e.get("resource") or {} for e in body.get("entry", ())] if body.get("resourceType") == "Bundle" else [body]
        got.told |= disclosing.NOTICE in json.dumps(body)
        for one in every:
            if one.get("id"):
                got.marks[f"{one['resourceType']}/{one['id']}"] = {c["code"] for c in (one.get("meta") or {}).get("security", ())}
                got.words += "".join(base64.b64decode(c["attachment"]["data"]).decode("latin-1") for c in one.get("content", ()) if "data" in c.get("attachment", {}))
    return got


def _document(content: bytes) -> Got:
    """A clinical document: what it states of each record, with the marks of its entry."""
    if not content:
        return Got()
    found = ccda(content)
    got = Got(words=content.decode(), told=bool(found.marks.notice))
    for fact in found.facts():
        for identifier in fact.identifiers:
            marks = {p.code for p in fact.marks.policies} | {fact.marks.confidentiality}
            got.marks.setdefault(identifier.partition("|")[2].partition("#")[0], set()).update(marks)
    return got


async def _paper(content: bytes) -> Got:
    if not content:
        return Got(paper=True)
    texts = await sandbox.texts(content, reading.PDF)
    inside = [t for t in texts if "Confidential" not in t.splitlines()[0]]
    told = "Notice on redisclosure" in inside[0] and all("42 CFR part 2 prohibits unauthorized use" in " ".join(t.split()) for t in inside)
    return Got(words=re.sub(r"\s", "", "".join(texts)), told=told, paper=True)


async def _handed(clinic: Clinic, p: str, form: str = "") -> bytes:
    access = await at(clinic)
    handoff = await referral.one(access, await referral.prepare(access, p, RECEIVER, asks="Follow-up", why="Stable"))
    seen = await referral.preview(access, handoff)
    _, payload = await disclosurelog.payload(await at(clinic), await referral.send(await at(clinic), handoff, seen.digest, form))
    return payload


async def handoff(two: Two, p: str) -> Got:
    return _fhir([json.loads(await _handed(two.us, p))])


async def document(two: Two, p: str) -> Got:
    return _document(await _handed(two.us, p, "ccd"))


async def release(two: Two, p: str) -> Got:
    """A release of information, as a PDF, for an authorization."""
    access = await at(two.us)
    id_ = await requests.take(access, p, Asked("authorization", "Tpo", "2026-02-20", f"Organization/{RECEIVER}", purpose="TREAT", due="2026-03-20"))
    await requests.amend(access, await requests.one(access, id_), identity="id")
    access = await at(two.us)
    request = await requests.one(access, id_)
    found = await requests.preview(access, request)
    row = await disclosurelog.one(access, await answering.release(access, request, answering.digest(found, request.marks)))
    return await _paper(disclosing.payload(access, row))


async def _queued(clinic: Clinic, p: str, way: Way, **more: Any) -> None:
    await clinic.owner.execute("DELETE FROM record.exchange_partner")
    await reach.partner(clinic, RECEIVER, way, **more)
    access = await at(clinic)
    handoff = await referral.one(access, await referral.prepare(access, p, RECEIVER, asks="Follow-up", why="Stable"))
    await sending.queue(access, handoff, (await referral.preview(access, handoff)).digest)


async def _ended(clinic: Clinic) -> None:
    """The partner of one going is gone before the next, and nothing waits for it."""
    await clinic.owner.execute("UPDATE record.exchange_message SET state = 'mapped' WHERE state = 'received'")
    for table in ("exchange_partner", "sftp_account", "sftp_key", "direct_partner", "direct_certificate", "direct_mailbox"):
        await clinic.owner.execute(f"DELETE FROM record.{table}")


async def fax(two: Two, p: str) -> Got:
    there = Counterpart()
    await _queued(two.us, p, FAX)
    await reach.brought(two.us, {ways.FAX: Faxing(there.gateway())})
    await _ended(two.us)
    ((_, content),) = there.faxes.values()
    return await _paper(content)


async def direct(two: Two, p: str) -> Got:
    async with ready(two.us.gate, as_={"id": "lakeside"}) as (there, _):
        await _queued(two.us, p, Way(ways.DIRECT, THEM, "one"))
        await reach.brought(two.us, {ways.DIRECT: Direct(two.us.gate, [HOST])})
        (raw,) = there.inbox(THEM)
    await _ended(two.us)
    return _document(letter(raw).files[0].content)


async def exchange(two: Two, p: str) -> Got:
    """ITI-65, to another Sojourn."""
    known = {q.id for q in await papers.waiting(await at(two.network, "officer"))}
    await _queued(two.us, p, Way(ways.MHD, f"{two.theirs}/fhir"), fhir={"client": "bringer"})
    await reach.brought(two.us, {ways.MHD: Providing(two.us.gate.house, Outbound(NEAR))})
    await _ended(two.us)
    access = await at(two.network, "officer")
    (paper,) = [q for q in await papers.waiting(access) if q.id not in known]
    return _document(await papers.content(access, paper))


async def drop(two: Two, p: str) -> Got:
    """A single document put out by SFTP."""
    way = Way(ways.SFTP, "referrals", "one")
    await _queued(two.us, p, way)
    await opened(two.us.gate, as_={"id": "lakeside", "name": "Lakeside", "organization": f"Organization/{RECEIVER}", "reached": ways.facts([way])}, login="lakeside")
    await reach.brought(two.us, {ways.SFTP: Dropping(two.us.gate)})
    async with sftp(two.us.gate) as listener, connected(listener, login="lakeside") as client:
        (name,) = set(await client.listdir("/out")) - {".", "..", "manifest.json"}
        content = await taken(client, name)
    await _ended(two.us)
    return _document(content)


TYPES: Final = ("Condition", "Observation", "DocumentReference", "DiagnosticReport", "Provenance")


async def api(two: Two, p: str) -> Got:
    """An application that asks, searches, and reads one by one what it found."""
    bodies = [(await two.us.get(RECEIVER, f"Patient/{p}/$everything?_count=500")).json()]
    for type_ in TYPES:
        bodies.append((await two.us.get(RECEIVER, f"{type_}?patient={p}&_count=200")).json() if type_ != "Provenance" else (await two.us.get(RECEIVER, f"Provenance?patient={p}&_count=200")).json())
    got = _fhir(bodies)
    one_by_one = [await two.us.get(RECEIVER, ref) for ref in sorted(got.marks) if ref.partition("/")[0] in TYPES[:3]]
    assert {r.status for r in one_by_one} <= {200}
    return got


async def fetched(two: Two, p: str) -> Got:
    """ITI-67 and ITI-68."""
    found = await two.us.get(RECEIVER, f"DocumentReference?patient={p}&status=current&_count=200")
    got = _fhir([found.json()])
    for one in found.entries:
        for content in one.get("content", ()):
            reply = await two.us.get(RECEIVER, content["attachment"]["url"].partition("/fhir/")[2])
            assert reply.status == 200
            assert bool(reply.header("x-disclosure-notice")) == ("42CFRPart2" in got.marks[f"DocumentReference/{one['id']}"])
            got.words += reply.body.decode("latin-1")
    return got


async def bulk(two: Two, p: str) -> Got:
    begun = await two.us.get(RECEIVER, "$export", ("prefer", "respond-async"))
    place = begun.header("content-location").partition("/fhir/")[2]
    await make_exports(two.us)
    lines: list[Any] = []
    for file in (await two.us.get(RECEIVER, place)).json()["output"]:
        reply = await two.us.get(RECEIVER, file["url"].partition("/fhir/")[2], ("accept", "application/fhir+ndjson"))
        lines += [json.loads(line) for line in reply.body.splitlines()]
    got = _fhir(lines)
    got.told |= "RedisclosureProhibitionMark" in got.words
    return got


async def exports(two: Two, p: str) -> Got:
    """An export put out by SFTP."""
    await put_out(two.us)
    lines: list[Any] = []
    async with sftp(two.us.gate) as listener, connected(listener) as client:
        for one in json.loads(await taken(client, "manifest.json"))["files"]:
            lines += [json.loads(line) for line in (await taken(client, one["name"])).splitlines()]
    await _ended(two.us)
    got = _fhir(lines)
    got.told |= "RedisclosureProhibitionMark" in got.words
    return got


async def card(two: Two, p: str) -> Got:
    """What a CDS service is asked with."""
    service = Described("s", "patient-view", "Advice", "Looks.", {t: f"{t}?patient={{{{context.patientId}}}}" for t in TYPES[:3]})
    partner = Partner("advice", "Advice Ltd", door="cds", organization=f"Organization/{RECEIVER}")
    found = await consulting.question(await at(two.us), partner, Calling(), service, p)
    if found is None:
        return Got()
    await consulting.leaves(found)
    return _fhir(list(json.loads(found.body)["prefetch"].values()))


Going = Callable[[Two, str], Awaitable[Got]]
GOINGS: Final[dict[str, Going]] = {
    "a hand-off as FHIR": handoff, "a hand-off as C-CDA": document, "a release as PDF": release, "fax": fax, "Direct": direct, "document exchange, brought": exchange, "a document by SFTP": drop, "reads and searches": api,
    "document exchange, fetched": fetched, "a bulk export": bulk, "an export by SFTP": exports, "a CDS service": card,
}  # fmt: skip
"""Each way out. Messages and subscriptions tell of what changes: in_and_out has them."""
NOTHING: Final = (errors.Malformed, errors.Conflict)
