"""Asking a partner about a client: what was asked, who was found there, which documents; sealed.

Whether the client may be named to that partner is decided as the partner itself would be shown the record, when somebody asks and again before anything
leaves, and each time by what whoever asks may see (gate/knowing.py); it is written down as a disclosure first. What was asked for one program is shown to those who work in it: that somebody there asked tells that the client is there.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.base import addresses, clock, crypto, errors, ids
from sojourn.fhir import codec
from sojourn.gate import disclosing, knowing, releasing, security
from sojourn.gate.access import Access
from sojourn.gate.exchange import documented, partners, telling
from sojourn.gate.releasing import Wish
from sojourn.record import asking as record
from sojourn.record import exchange

if TYPE_CHECKING:
    from sojourn.gate.caller import Tenant
    from sojourn.gate.disclosing import Outgoing
    from sojourn.gate.exchange.partners import Envoys, Partner
    from sojourn.gate.gate import House

WAITING, OPEN, FAILED, STOPPED = "waiting", "open", "failed", "stopped"
MATCH, FIND, FETCH = "match", "find", "fetch"
"""What is done next of one that waits."""
PURPOSE: Final = "TREAT"
NEEDS: Final = (("Patient", "read"), ("*", "release"))
"""Asking names the client to somebody outside: the right of who releases."""
NO_CONSENT: Final = "No consent or care relation lets this client be named to them for treatment. Nothing was asked."
CHANNEL: Final = "query"
LEASE: Final = timedelta(minutes=5)
_SEAL: Final = "outside ask"
_TOLD: Final = ("name", "birthDate", "gender", "address", "telecom")
"""What of a client is told so that they are found there."""
_NEAR: Final = ("127.0.0.1", "localhost", "::1")
_NOT_THERE: Final = "There is no such search."


class Service(NamedTuple):
    """How a partner is asked. base: of its FHIR server; client: our client id there, '' where it asks for none; scope: what we ask for there; on: whether it may be asked."""

    base: str = ""
    client: str = ""
    scope: str = "system/Patient.rs system/DocumentReference.rs"
    on: bool = False


def service(partner: Partner) -> Service:
    """How a partner is asked. What a newer version wrote beside is left out."""
    return Service(**{k: v for k, v in partner.fhir.items() if k in Service._fields})


def checked(said: Service) -> Service:
    """The same, sound. Raises Malformed with what to do."""
    parts = addresses.parts(said.base.strip())
    sound = parts is not None and not (parts.query or parts.fragment) and (parts.scheme == "https" or parts.hostname in _NEAR)
    if (said.on or said.base.strip()) and not sound:
        raise errors.Malformed("Write the address of their FHIR server as https://fhir.network.example/r4: encrypted, without anything behind it.")
    return said._replace(base=said.base.strip().rstrip("/"), client=said.client.strip()[:200], scope=" ".join(said.scope.split())[:400])


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody whom the partner knows and who may be the client. sure: the grade that it gives (http://terminology.hl7.org/CodeSystem/match-grade)."""

    id: str
    name: str
    born: str = ""
    sex: str = ""
    place: str = ""
    sure: str = ""


@dataclass(frozen=True, slots=True)
class Paper:
    """A document that the partner has. labels: system and code, as it says; state: '', wanted, fetched, failed or taken; blob: of its bytes, sealed; filed: where it is here."""

    key: str
    url: str
    title: str = ""
    media: str = ""
    day: str = ""
    author: str = ""
    size: int = 0
    labels: tuple[tuple[str, str], ...] = ()
    state: str = ""
    blob: str = ""
    problem: str = ""
    filed: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """One ask. next: what is done next while it waits; person: the id there of who was chosen; why: of one that failed; sent: (digest, disclosure) of what left.

    by: what lets the client be named to them, `Type/id` each, as far as whoever asked may see it; nothing else lets the ask go on.
    """

    id: str
    partner: str
    patient: str
    program: int
    account: str
    state: str = WAITING
    stamp: str = ""
    made: datetime | None = None
    updated: datetime | None = None
    tries: int = 0
    next: str = MATCH
    people: tuple[Found, ...] = ()
    person: str = ""
    papers: tuple[Paper, ...] = ()
    matched: bool = False
    listed: bool = False
    more: bool = False
    why: str = ""
    sent: tuple[str, str] = ("", "")
    by: tuple[str, ...] = ()


_ROW: Final = frozenset({"id", "partner", "patient", "program", "account", "state", "stamp", "made", "updated", "tries"})


def _context(tenant: int, ask: str) -> bytes:
    return f"{tenant}\0{ask}".encode()


def _sealed(house: House, tenant: int, ask: Ask) -> str:
    said = {k: v for k, v in asdict(ask).items() if k not in _ROW}
    return house.key.seal(_SEAL, json.dumps(said).encode(), _context(tenant, ask.id))


def _read(house: House, tenant: int, r: Any) -> Ask:
    said: dict[str, Any] = json.loads(house.key.open(_SEAL, r["body"], _context(tenant, r["ask"])))
    known = {f.name for f in fields(Ask)} - _ROW
    said = {k: v for k, v in said.items() if k in known}
    said["people"] = tuple(Found(**p) for p in said["people"])
    said["papers"] = tuple(Paper(**{**p, "labels": tuple((s, c) for s, c in p["labels"])}) for p in said["papers"])
    said["sent"] = (said["sent"][0], said["sent"][1])
    said["by"] = tuple(said.get("by", ()))
    return Ask(r["ask"], r["partner"], r["patient"], r["program"], r["account"], r["state"], r["stamp"], r["made"], r["updated"], r["tries"], **said)


# --- for whoever asks -----------------------------------------------------------------------------------------------------------


async def askable(access: Access) -> list[Partner]:
    """The partners that may be asked, by name. Raises Forbidden."""
    return sorted((p for p in await known(access) if p.active and p.organization and service(p).on), key=lambda p: (p.name, p.id))


async def known(access: Access) -> list[Partner]:
    """Every partner there is, for who asks some of them. Raises Forbidden."""
    await access.check("release", "*", "asking outside")
    return [partners.of_row(r) for r in await exchange.partners(access.house.db, access.tenant.number)]


async def begin(access: Access, patient: str, partner: str, program: int, key: str) -> str:
    """Ask a partner about a client; the id. key: of the form. Raises NotFound, Malformed where nothing lets the client be named to them."""
    them = next((p for p in await askable(access) if p.id == partner), None)
    if them is None:
        raise errors.Malformed("Choose whom to ask.")
    if program not in access.caller.programs:
        raise errors.Malformed("Choose the program for which you ask.")
    await documented.check(access, them, "ask-outside", documented.ASK)
    await access.read("Patient", patient)
    ask = Ask(key, them.id, patient, program, access.caller.account, by=await _by(access, them, patient))
    if not ask.by:
        raise errors.Malformed(NO_CONSENT)
    await record.put(access.house.db, access.head, key, them.id, patient, program, access.caller.account, _sealed(access.house, access.tenant.number, ask), ids.new_id("stamp"))
    await access.note(access.entry("ask-outside", "Patient", f"Patient/{patient}", patients=[patient]))
    return key


async def _by(access: Access, partner: Partner, patient: str) -> tuple[str, ...]:
    """By what the client may be named to the partner, as far as the caller may see it; nothing where they may not. The caller must see the client."""
    them = await releasing.as_recipient(access, Wish(patient, partner.organization, PURPOSE))
    by = await knowing.by(access, them, patient)
    async with knowing.only(them, patient, by.all) as seen:
        out = await named(seen, patient)
    return tuple(by.all) if out is not None and by.relates else ()


async def anew(access: Access, ask: Ask) -> Ask:
    """The same by what lets the client be named to them now, as far as the caller may see it."""
    partner = next((p for p in await askable(access) if p.id == ask.partner), None)
    return replace(ask, by=await _by(access, partner, ask.patient) if partner is not None else ())


async def of_patient(access: Access, patient: str) -> list[Ask]:
    """What was asked about a client for the caller's programs, and by something that they may see, the newest first. The caller must see the client: NotFound."""
    await access.check("release", "*", "asking outside")
    await access.read("Patient", patient)
    rows = await record.asks(access.house.db, access.head, patient, access.caller.programs)
    return await _shown(access, rows)


async def unasked_for_want(access: Access, most: int) -> tuple[list[Ask], bool]:
    """Of the last so many that ended without an answer those that were not asked because nothing let the client be named any more, of the caller's programs, and by something that they may
    see, the last first; and whether there are no more. The caller asks whether they may see the client."""
    rows = await record.failed(access.house.db, access.head, access.caller.programs, most)
    return [a for a in await _shown(access, rows) if a.why == NO_CONSENT], len(rows) < most


async def _shown(access: Access, rows: Sequence[Any]) -> list[Ask]:
    """Those of them that rest on something that the caller may see, or are their own: another would tell of a consent."""
    asks = [_read(access.house, access.tenant.number, r) for r in rows]
    seen = await knowing.seen(access, [source for a in asks for source in a.by])
    return [a for a in asks if not a.by or seen & set(a.by) or a.account == access.caller.account]


async def one(access: Access, patient: str, id_: str) -> Ask:
    """One of them. Raises NotFound alike for one that is not there, of another program, by what is hidden, or of a client who may not be seen."""
    await access.check("release", "*", "asking outside")
    await access.read("Patient", patient)
    found = await _shown(access, await record.asks(access.house.db, access.head, patient, access.caller.programs, id_, 1))
    if not found:
        raise errors.NotFound(_NOT_THERE)
    return found[0]


async def keep(access: Access, ask: Ask, seen: str, action: str) -> None:
    """Keep what somebody decided about one. seen: the stamp that they saw. Raises VersionConflict where it went on meanwhile."""
    stamp = ids.new_id("stamp")
    if not await record.change(access.house.db, access.head, ask.id, seen, ask.state, _sealed(access.house, access.tenant.number, ask), stamp):
        raise errors.VersionConflict("It went on meanwhile. It is shown as it is now.", current="", expected="")
    await access.note(access.entry(action, "Patient", f"Patient/{ask.patient}", patients=[ask.patient]))


# --- what leaves ----------------------------------------------------------------------------------------------------------------


async def as_partner(envoys: Envoys, tenant: Tenant, partner: Partner, account: str) -> Access:
    """The partner asking for the record itself, on behalf of the account that asks it: by that the disclosure is known. Raises StaleCredential, Unavailable."""
    them = await telling.recipient(envoys, tenant, partner, PURPOSE)
    made = Access(them.house, replace(them.caller, account=account), them.request)
    made.now = them.now
    return made


async def unasked(house: House, tenant: Tenant, partner: Partner) -> str:
    """Why a partner is not asked now, in words; ''."""
    why = await documented.lacks(house, tenant.number, partner.id, documented.ASK)
    return f"{documented.WHY[why]} {documented.ASKING}" if why else ""


async def named(them: Access, patient: str) -> Outgoing | None:
    """The client as they may be named to a partner who asks (`them`), ready to leave; None where they may not."""
    try:
        seen = (await them.read("Patient", patient)).resource
    except (errors.NotFound, errors.Gone, errors.Forbidden):
        return None
    told = {"resourceType": "Patient", "id": patient, "meta": seen.get("meta") or {}, **{k: seen[k] for k in _TOLD if seen.get(k)}}
    return await disclosing.prepare(them, codec.dumps(told))


async def still(them: Access, ask: Ask) -> Outgoing | None:
    """The client as they may be named to the partner (`them`) now, by what whoever asked could see; None where that is over."""
    now = await knowing.sources(them, ask.patient)
    async with knowing.only(them, ask.patient, ask.by) as seen:
        out = await named(seen, ask.patient)
    return out if now.relates & set(ask.by) else None


def question(out: Outgoing) -> bytes:
    """The Parameters of $match over what may be told."""
    told: dict[str, Any] = codec.loads(out.body)
    told.pop("id", None)
    meta = {k: v for k, v in (told.pop("meta", None) or {}).items() if k in ("security", "extension")}
    person = {**told, **({"meta": meta} if out.notice else {})}
    return codec.dumps({"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": person}, {"name": "count", "valueInteger": 10}]})


async def told(them: Access, ask: Ask, out: Outgoing, payload: bytes, organization: str) -> tuple[str, str]:
    """Write down what leaves before it does; what is sent again as it was is the same disclosure. The digest and the id."""
    digest = crypto.sha256_hex(payload)
    if ask.sent[0] == digest:
        return ask.sent
    return digest, await disclosing.record(them, out, payload, recipient=organization, channel=CHANNEL)


# --- for who does it ------------------------------------------------------------------------------------------------------------


async def claim(house: House, tenant: int) -> Ask | None:
    """The next that is to be done; None where there is none."""
    now = clock.now()
    row = await record.claim(house.db, tenant, now, now + LEASE)
    return _read(house, tenant, row) if row is not None else None


async def step(house: House, tenant: int, ask: Ask, *, again: float | None = None) -> Ask | None:
    """Keep how far it is; None where somebody stopped or changed it. again: seconds until the same is tried once more."""
    now, stamp = clock.now(), ids.new_id("stamp")
    tries = ask.tries + 1 if again is not None else ask.tries
    held = ask.state == WAITING and again is None
    lease = now + LEASE if held else now
    if not await record.step(house.db, tenant, now, ask.id, ask.stamp, ask.state, _sealed(house, tenant, ask), stamp, now + timedelta(seconds=again or 0), lease, tries):
        return None
    return replace(ask, stamp=stamp, tries=tries, updated=now)


async def put_aside(house: House, tenant: int, ask: Ask, paper: Paper, content: bytes) -> str:
    """Keep the bytes of a document, sealed; the name of their file."""
    sealed = house.key.seal(_SEAL, content, _context(tenant, f"{ask.id}\0{paper.key}")).encode()
    return await asyncio.to_thread(house.blobs.put, tenant, sealed)


async def content(access: Access, ask: Ask, paper: Paper) -> bytes:
    """The bytes of a document that was fetched. Raises NotFound."""
    if not paper.blob:
        raise errors.NotFound("There is no such document.")
    kept = await asyncio.to_thread(access.house.blobs.get, access.tenant.number, paper.blob)
    return access.house.key.open(_SEAL, kept.decode(), _context(access.tenant.number, f"{ask.id}\0{paper.key}"))


def with_paper(ask: Ask, paper: Paper) -> Ask:
    """The same with one document as it is now."""
    return replace(ask, papers=tuple(paper if p.key == paper.key else p for p in ask.papers))


def wanted(ask: Ask, keys: Sequence[str]) -> Ask:
    """The same with these documents to be fetched. Raises Malformed where none of them can be."""
    chosen = {p.key for p in ask.papers if p.key in keys and p.state in ("", "failed")}
    if not chosen:
        raise errors.Malformed("Choose at least one document.")
    papers = tuple(replace(p, state="wanted", problem="") if p.key in chosen else p for p in ask.papers)
    return replace(ask, papers=papers, state=WAITING, next=FETCH, why="")


# --- for the clock --------------------------------------------------------------------------------------------------------------


async def destroy(access: Access, before: datetime, most: int = 50) -> bool:
    """Destroy what some asks brought that are over since before a moment; whether there were any. The line about it is in the trail with it."""
    await access.check("watch", "Exchange")
    asks = [_read(access.house, access.tenant.number, r) for r in await record.old(access.house.db, access.head, before, most)]
    if not asks:
        return False
    blobs = sorted({p.blob for a in asks for p in a.papers if p.blob})
    said = f"asks={len(asks)}&before={before:%Y-%m-%d}"
    return await security.told(
        access, "ask-destroy", said, "gate.asks_destroy($1, $2, $3, $4, $5, $6, $7, $8)", *access.head, [a.id for a in asks], [a.stamp for a in asks], before, blobs, type_="Exchange"
    )
