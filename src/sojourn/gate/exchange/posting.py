"""Documents on their way to partners: queued as looked at, decided anew at every attempt.

A document is a message (door `document`) whose body is what leaves, in every form that a door may want, all made from one preview. Whether it may leave is not kept: it is
asked each time as the partner, of the same entries; where they would be shown anything else now than when somebody looked, nothing leaves. docs/decisions/0073.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.base import clock, crypto, errors, ids
from sojourn.fhir import codec
from sojourn.gate import disclosing, knowing, releasing
from sojourn.gate.access import Access
from sojourn.gate.consenting.membership import answers_to
from sojourn.gate.exchange import documented, partners, ways
from sojourn.gate.exchange.keeping import DOCUMENT, MAPPED, PURPOSE, RECEIVED, REVIEW, context
from sojourn.gate.exchange.messages import Result
from sojourn.gate.feed import Turn
from sojourn.record import exchange, reaching

if TYPE_CHECKING:
    from sojourn.gate.disclosing import Outgoing
    from sojourn.gate.exchange.partners import Envoys, Partner
    from sojourn.gate.gate import House
    from sojourn.gate.releasing import Preview, Wish

DOOR: Final = DOCUMENT
CHANGED: Final = "What may leave is not what somebody looked at any more: a consent, a label or the record changed. Nothing has left by this way. Whoever sent it looks again."
NOT_TAKEN_BACK: Final = "What may leave changed while it was on its way, and it could not be taken back: whoever looks after this partner asks them to destroy it."
STOPPED: Final = (CHANGED, NOT_TAKEN_BACK)
"""Why one did not leave because of what may."""
CHANNEL: Final = "release-"
"""With the name of the way behind it: the channel in the log of disclosures."""
_COMPARED: Final = 10
"""Digits of a number that are compared: a line may leave out the country."""
_OUTSIDE: Final = "outside"
_LOGGED: Final = ("patients", "what", "consents", "notice", "scope")
_LEASE: Final = timedelta(seconds=60)


class Content(NamedTuple):
    """One form of what leaves. media: its content type."""

    media: str
    body: bytes


class Queued(NamedTuple):
    """A document whose turn it is. kind: what it is, in neutral words; job: what is kept of it (`put`)."""

    id: str
    partner: str
    control: str
    kind: str
    tries: int
    contents: tuple[Content, ...]
    job: dict[str, Any]
    sent: bool


class State(NamedTuple):
    """How far one is. way: by which it left last, or ''; state: of gate/exchange/keeping.py."""

    id: str
    partner: str
    way: str
    state: str
    reason: str
    tries: int
    made: datetime
    updated: datetime


class Finding(NamedTuple):
    """What is known of a way. kind: found, arrived or failed."""

    way: str
    kind: str
    said: str
    at: datetime


# --- queued -----------------------------------------------------------------------------------------------------------------------


async def partner_of(access: Access, organization: str) -> Partner | None:
    """The active partner that an organization (`Organization/id`) is, with ways that somebody entered; else None."""
    found = [partners.of_row(r) for r in await exchange.partners(access.house.db, access.tenant.number)]
    return next((p for p in found if p.active and p.organization == organization and p.reached.get("ways")), None)


async def faxing(access: Access, number: str) -> Partner | None:
    """The active partner whose confirmed fax number this is, as a line says it: it is what they say, and no proof. None where two have it."""
    digits = re.sub(r"\D", "", number)[-_COMPARED:]
    if len(digits) < _COMPARED:
        return None
    known = [partners.of_row(r) for r in await exchange.partners(access.house.db, access.tenant.number)]
    found = [p for p in known if p.active and any(w.door == ways.FAX and w.usable and w.address.endswith(digits) for w in ways.of(p.reached))]
    return found[0] if len(found) == 1 else None


async def put(access: Access, partner: Partner, wish: Wish, found: Preview, contents: Sequence[Content], origin: Mapping[str, str], kind: str) -> str:
    """Queue what was just decided (`releasing.decided`); its id. origin: `kind` and `id` of the task that it belongs to. kind: neutral words. Raises Malformed."""
    if wish.served is not None or not wish.recipient.startswith("Organization/"):
        raise errors.Malformed("It does not go to them by itself. Release it, and hand it over.")  # the decision asked again is that of an organization under consents
    await documented.check(access, partner, "document-queue")
    refs = sorted(f"{s.type}/{s.id}" for s in found.leaves)
    them = await as_them(access, wish.recipient, wish.purpose)
    if not all(them.may(ref.partition("/")[0], "search") for ref in refs):
        raise errors.Malformed("Something goes with it that is not sent by itself, such as a statement of disagreement. Release it, and hand it over yourself.")
    by = (await knowing.by(access, them, wish.patient)).all
    async with knowing.only(them, wish.patient, by) as seen:
        now = await decided(seen, refs)
    if now is None:
        raise errors.Conflict(releasing.CHANGED)
    house, number, id_ = access.house, access.tenant.number, ids.new_id()
    job = {
        "patient": wish.patient, "recipient": wish.recipient, "purpose": wish.purpose, "refs": refs, "print": crypto.sha256_hex(now.body), "origin": dict(origin), "account": access.caller.account,
        "by": by, "programs": sorted(access.caller.programs), "out": {k: getattr(found.outgoing, k) for k in _LOGGED}, "owner": access.caller.agent or "", "tried": {}, "failed": [], "keys": {}, "disclosures": {}, "way": "", "reference": "",
        "notice": disclosing.statement("release", "whole", access.today).text if found.outgoing.notice else "", "day": access.today.isoformat(),
    }  # fmt: skip
    body = json.dumps([[c.media, base64.b64encode(c.body).decode()] for c in contents]).encode()
    result = Result(wish.patient, tuple(refs))
    done = await reaching.put(
        house.db, access.head, id_, partner.id, id_.replace("-", "")[:20].upper(), house.key.sign("exchange digest", body), kind[:20], house.key.sign("exchange lane", id_.encode()), len(body),
        house.key.encrypt(PURPOSE, body, context(number, id_)), _sealed(house, number, id_, job), house.key.encrypt(PURPOSE, json.dumps(result._asdict()).encode(), context(number, id_)), access.caller.account,
    )  # fmt: skip
    if not done:
        raise errors.Malformed("This partner was stopped. Nothing goes to them until whoever looks after partners lets them go on.")
    await access.note(access.entry("document-queue", "Exchange", id_, patients=[wish.patient]))
    return id_


def _sealed(house: House, tenant: int, id_: str, job: Mapping[str, Any]) -> bytes:
    return house.key.encrypt(PURPOSE, json.dumps(job).encode(), context(tenant, id_))


def job_of(house: House, tenant: int, r: Any) -> dict[str, Any]:
    """What is kept of one beside its contents."""
    found: dict[str, Any] = json.loads(house.key.decrypt(PURPOSE, bytes(r["job"]), context(tenant, r["message"])))
    return found


def opened(house: House, tenant: int, r: Any) -> Queued:
    """One as it is kept."""
    open_, here = house.key.decrypt, context(tenant, r["message"])
    said = json.loads(open_(PURPOSE, bytes(r["body"]), here))
    contents = tuple(Content(media, base64.b64decode(body)) for media, body in said)
    return Queued(r["message"], r["partner"], r["control"], r["kind"], r["tries"], contents, json.loads(open_(PURPOSE, bytes(r["job"]), here)), r["sent"] is not None)


# --- decided --------------------------------------------------------------------------------------------------------------------


async def as_them(access: Access, organization: str, purpose: str) -> Access:
    """The organization asking for the record themselves for that purpose, through whoever acts for them. Raises NotFound."""
    found = (await access.read("Organization", organization.removeprefix("Organization/"))).resource
    types = [c["code"] for concept in found.get("type", ()) for c in concept.get("coding", ()) if c.get("code")]
    keys = (organization, *answers_to(organization, types))
    caller = replace(access.caller, kind="organization", agent=organization, role=_OUTSIDE, programs=(), keys=keys, purpose=purpose, door="release", scopes=None, standing=None)
    made = Access(access.house, caller, access.request)
    made.now = access.now
    return made


async def decided(them: Access, refs: Sequence[str]) -> Outgoing | None:
    """What they are shown now of these entries, ready to leave; None where one is missing."""
    shown = await _shown(them, refs)
    if set(shown) != set(refs):
        return None
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"fullUrl": f"{them.house.base}/{ref}", "resource": shown[ref]} for ref in sorted(refs)]}
    return await disclosing.prepare(them, codec.dumps(bundle), channel="release")


async def _shown(them: Access, refs: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Of these entries those that somebody is shown now."""
    wanted: dict[str, list[str]] = {}
    for ref in refs:
        type_, _, id_ = ref.partition("/")
        wanted.setdefault(type_, []).append(id_)
    shown: dict[str, dict[str, Any]] = {}
    for type_, ids_ in sorted(wanted.items()):
        for start in range(0, len(ids_), 100):
            some = ids_[start : start + 100]
            shown |= {f"{s.type}/{s.id}": s.resource for s in (await them.search(type_, [("_id", ",".join(some))], count=len(some))).matches}
    return shown


async def anew(them: Access, job: Mapping[str, Any]) -> Outgoing | None:
    """The same for what is queued; None where it may not leave as it was looked at, nor by what whoever queued it saw (gate/knowing.py)."""
    by = await knowing.sources(them, job["patient"])
    async with knowing.only(them, job["patient"], job.get("by", by.all)) as seen:
        now = await decided(seen, job["refs"])
    if now is None or crypto.sha256_hex(now.body) != job["print"] or not by.relates & set(job.get("by", by.all)):
        return None
    said: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in job["out"].items()}
    return replace(now, **said)  # as it was looked at: what leaves is no more than that


# --- leaving --------------------------------------------------------------------------------------------------------------------


class Post:
    """What waits in one organization."""

    def __init__(self, envoys: Envoys, tenant: int) -> None:
        self._envoys, self._house, self._tenant = envoys, envoys.house, tenant

    async def take(self, without: Sequence[str], wait: float, most: int = 8) -> list[Queued]:
        """The next that are due, of each partner one. wait: seconds that an attempt may last; after them another process takes it."""
        now = clock.now()
        return [opened(self._house, self._tenant, r) for r in await reaching.take(self._house.db, self._tenant, now, now + _LEASE + timedelta(seconds=wait), without, most)]

    async def decide(self, partner: Partner, one: Queued) -> tuple[Access, Outgoing | None]:
        """(as whom it is shown, what leaves or None). Raises StaleCredential where the partner was stopped, Unavailable."""
        own = await self._envoys.access(self._house.tenants[self._tenant], partner)
        try:
            them = await as_them(own, one.job["recipient"], one.job["purpose"])
        except errors.NotFound:
            return own, None
        return them, await anew(them, one.job)

    async def left(self, them: Access, one: Queued, out: Outgoing, way: str, content: Content) -> dict[str, Any] | None:
        """Write down that it leaves by a way, with these bytes, before it does; its job from then on. None where somebody held it. The same bytes tried again are one line."""
        return await leave(self._house, self._tenant, them, one, out, way, content)

    async def settle(self, one: Queued, state: str, reason: str, *, job: Mapping[str, Any] | None = None, again: float = 0.0, said: str = "") -> bool:
        """Say what became of it. again: seconds until its next turn, for one that stays received; said: a line of what happened. No words of either name anybody."""
        now = clock.now()
        due = now + timedelta(seconds=again if state == RECEIVED else 0)
        sealed = _sealed(self._house, self._tenant, one.id, job) if job is not None else None
        return await reaching.settle(self._house.db, self._tenant, now, one.id, RECEIVED, state, reason[:500], due, sealed, (said or (reason if state != RECEIVED else ""))[:500], "")

    async def lacks(self, one: Queued) -> str:
        """Why nothing goes to its partner now, a key of documented.WHY; ''."""
        return await documented.lacks(self._house, self._tenant, one.partner)

    async def wait(self, partner: Partner, one: Queued, why: str, again: float) -> None:
        """It may leave, and its partner gets nothing now. Said, and in the trail, when that begins."""
        first, words = one.job.get("lacks") != why, f"{documented.WHY[why]} {documented.WAITING}"
        if first:
            own = await self._envoys.access(self._house.tenants[self._tenant], partner)
            await own.note(own.entry("document-wait", "Exchange", one.id, outcome="denied", patients=[one.job["patient"]]))
        await self.settle(one, RECEIVED, words, job={**one.job, "lacks": why}, again=again, said=words if first else "")

    async def lost(self) -> list[tuple[Queued, str]]:
        """Those that counted as arrived and did not, each with why, of which nobody was told."""
        return [(opened(self._house, self._tenant, r), str(r["reason"])) for r in await reaching.lost(self._house.db, self._tenant)]

    async def lost_told(self, one: Queued) -> None:
        """What it belongs to was told."""
        await reaching.lost_told(self._house.db, self._tenant, one.id)

    async def find(self, partner: str, way: str, kind: str, said: str) -> None:
        """Keep what was found of a way (found, arrived, failed), with its day."""
        await reaching.find(self._house.db, self._tenant, clock.now(), partner, way, kind, said[:500])


async def leave(house: House, tenant: int, them: Access, one: Queued, out: Outgoing, way: str, content: Content) -> dict[str, Any] | None:
    """As Post.left."""
    job = {**one.job, "way": way}
    async with house.db.together() as transaction:
        if way not in job["disclosures"]:
            told = Turn(tenant, transaction).inside(them)
            told.caller = replace(told.caller, account=one.job["account"])
            id_ = await disclosing.record(told, out, content.body, recipient=one.job["recipient"], channel=CHANNEL + way, media=content.media)
            job["disclosures"] = {**job["disclosures"], way: id_}
        done = await reaching.leaving(transaction, tenant, clock.now(), one.id, way, _sealed(house, tenant, one.id, job))
    return job if done else None


_NOTHING: Final = "There is nothing to print."

# --- for people -----------------------------------------------------------------------------------------------------------------


async def states(access: Access, ids_: Sequence[str]) -> list[State]:
    """How far some are, for whoever knows their ids from what they belong to."""
    return [State(*r) for r in await reaching.states(access.house.db, access.head, ids_)] if ids_ else []


async def findings(access: Access, partner: str) -> list[Finding]:
    """What is known of a partner's ways. Raises Forbidden."""
    if not access.may("Exchange", "administer"):
        await access.check("operate", "Exchange")
    return [Finding(*r) for r in await reaching.findings(access.house.db, access.tenant.number, partner)]


async def find(access: Access, partner: Partner, way: str, kind: str, said: str) -> None:
    """Keep what somebody who looks after partners found of a way, with its day. Raises Forbidden."""
    await access.check("administer", "Exchange")
    await reaching.find(access.house.db, access.tenant.number, access.now, partner.id, way, kind, said[:500])


async def _for_hand(access: Access, id_: str, task: str) -> Queued:
    """One that is printed. Raises NotFound alike for one that is not there, not printed, or of another task."""
    await access.check("release", "*")
    row = await reaching.one(access.house.db, access.head, id_)
    one = opened(access.house, access.tenant.number, row) if row is not None else None
    if row is None or one is None or row["state"] != REVIEW or one.job["origin"].get("id") != task:
        raise errors.NotFound(_NOTHING)
    return one


async def printed(access: Access, id_: str, task: str, media: str) -> Content:
    """What is to be printed, decided anew and written down as left. task: to which it belongs, which the caller may see. Raises NotFound, Conflict where it changed since.

    It says what whoever queued it saw. So it is for them, and for who works in all their programs: what is in it has no part in that.
    """
    one = await _for_hand(access, id_, task)
    job = one.job
    if job["account"] != access.caller.account and not ("programs" in job and set(job["programs"]) <= set(access.caller.programs)):
        raise errors.NotFound(_NOTHING)
    if set(await _shown(access, [ref for ref in job["refs"] if access.may(ref.partition("/")[0], "search")])) != set(job["refs"]):
        raise errors.NotFound(_NOTHING)
    if why := await documented.lacks(access.house, access.tenant.number, one.partner):
        await access.refuse("document-print", "Exchange", id_)
        raise errors.Conflict(f"{documented.WHY[why]} {documented.SENDING}")
    content = next((c for c in one.contents if c.media == media), None)
    them = await as_them(access, one.job["recipient"], one.job["purpose"])
    out = await anew(them, one.job)
    if out is None or content is None:
        raise errors.Conflict(CHANGED)
    if await leave(access.house, access.tenant.number, them, one, out, "print", content) is None:
        raise errors.NotFound(_NOTHING)
    await access.note(access.entry("document-print", "Exchange", id_, patients=[one.job["patient"]]))
    return content


async def posted(access: Access, id_: str, task: str, note: str) -> str:
    """Somebody printed it and gave it away; the disclosure. Raises Malformed where it was never printed, NotFound, Conflict."""
    one = await _for_hand(access, id_, task)
    disclosure = str(one.job["disclosures"].get("print", ""))
    if not disclosure:
        raise errors.Malformed("Print it first.")
    done = await reaching.settle(access.house.db, access.tenant.number, clock.now(), id_, REVIEW, MAPPED, "", clock.now(), None, note.strip()[:300] or "Printed and sent.", access.caller.account)
    if not done:
        raise errors.Conflict("Somebody said meanwhile what became of it. It is shown as it is now.")
    await access.note(access.entry("document-posted", "Exchange", id_, patients=[one.job["patient"]]))
    return disclosure
