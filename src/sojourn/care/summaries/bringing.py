"""A document that a partner brought: into the chart where it is certain whose it is, or the tray.

Certain is only what a number says that was agreed with this partner, or that somebody here said before of theirs; and nothing may speak against it, nor
may the document itself name somebody else. https://profiles.ihe.net/ITI/MHD/
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.care import policies
from sojourn.care.exchange import following, matching, outside
from sojourn.care.exchange.matching import Match, Person, Question
from sojourn.care.papers import indexing, reading, sandbox, source
from sojourn.care.papers.indexing import Wish
from sojourn.care.summaries import fetching, filing, opening
from sojourn.gate import filemarks, papers
from sojourn.gate.changes import Change
from sojourn.gate.exchange.doing import Done, id_for
from sojourn.gate.exchange.keeping import ASIDE, MAPPED, REVIEW, Came
from sojourn.gate.exchange.messages import Result
from sojourn.gate.papers import Paper
from sojourn.wire.ccda.xml import BadDocument

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.exchange.doing import Taken
    from sojourn.gate.exchange.partners import Partner

KIND: Final = "document"
"""Of what type the monitor says that it is."""
WAITS: Final = "It waits in the tray of papers, where somebody says whose it is."
"""What an envelope says of what is not filed by itself, whatever is or is not there."""
_ELSEWHERE: Final = "The document names somebody else than its sender does, or nobody."
_PLACE: Final = "It does not say to which program it belongs, and the person is in none or in several."
_STATES: Final = {papers.WAITING: (REVIEW, WAITS), papers.INDEXED: (MAPPED, ""), papers.ASIDE: (ASIDE, "It was set aside in the tray.")}


class Brought(NamedTuple):
    """A document with what its sender says of it. reference: the DocumentReference as it came; patient: the Patient whom it names, or {}; unique: its number there."""

    reference: dict[str, Any]
    patient: dict[str, Any]
    unique: str
    media: str
    pages: int
    content: bytes

    @property
    def whose(self) -> str:
        """Whom it is said to be about, as words to search with: family name and birth date."""
        return " ".join(filter(None, (outside.words(_name(self.patient).get("family"), 40), outside.words(self.patient.get("birthDate"), 10))))

    @property
    def words(self) -> str:
        """What it is, in its sender's words; ''."""
        return outside.words((self.reference.get("type") or {}).get("text"), 80) or outside.words(self.reference.get("description"), 80)


def packed(one: Brought) -> bytes:
    """As it is kept: what is said of it on a line, then its bytes."""
    said = {k: v for k, v in one._asdict().items() if k != "content"}
    said["reference"] = {**one.reference, "content": [{"attachment": {k: v for k, v in a.items() if k != "data"}} for c in one.reference.get("content") or () for a in [c.get("attachment") or {}]]}
    return json.dumps(said).encode() + b"\n" + one.content


def unpacked(kept: bytes) -> Brought:
    """The same, read again."""
    head, _, content = kept.partition(b"\n")
    return Brought(**json.loads(head), content=content)


def came(access: Access, partner: Partner, one: Brought) -> Came:
    """The message that it is. Its number is keyed: its sender may write anything into it. The same document again is the same message."""
    number = access.house.key.sign("brought document", f"{access.tenant.number}\0{partner.id}\0{one.unique}".encode()).hex()[:12]
    return Came(partner.id, papers.MHD, number, KIND, "", "", packed(one), same=b"brought\0" + one.unique.encode() + b"\0" + one.content)


def place(access: Access, message: str) -> str:
    """The id of the document once it is in a chart, and of its paper until then: known when it comes, and no more told by the message."""
    return id_for(access, "brought", message)


def person(partner: Partner, patient: dict[str, Any]) -> Person:
    """The person whom it names. Only numbers of which it was agreed what they are here can tell who somebody is."""
    ours, key = [], ""
    for said in patient.get("identifier") or ():
        system, value = outside.words(said.get("system"), 200), outside.words(said.get("value"), 100)
        if not (system and value):
            continue
        known = partner.authorities.get(system) or partner.authorities.get(system.removeprefix("urn:oid:")) or (system if system in partner.authorities.values() else "")
        ours += [(known, value)] if known else []
        key = key or f"{system}|{value}"
    name = _name(patient)
    given = tuple(filter(None, (outside.words(g, 60) for g in name.get("given") or ())))
    return Person(tuple(dict.fromkeys(ours)), outside.words(name.get("family"), 80), given, outside.words(patient.get("birthDate"), 10), outside.words(patient.get("gender"), 10), key)


def _name(patient: dict[str, Any]) -> dict[str, Any]:
    return next((n for n in patient.get("name") or () if isinstance(n, dict)), {})


class Outcome(NamedTuple):
    """What becomes of one. changes: of the record; empty for one that is there already, or is in the tray."""

    done: Done
    changes: tuple[Change, ...] = ()


async def outcome(access: Access, partner: Partner, taken: Taken) -> Outcome:
    """Decide what becomes of one, and put it into the tray where it is not certain whose it is. Doing it again does nothing twice."""
    id_ = place(access, taken.id)
    if there := await papers.of_message(access, taken.id):
        state, why = _STATES[there]
        return Outcome(Done(taken.id, state, why))
    if (await access.search("DocumentReference", [("_id", id_)], count=1)).matches:
        return Outcome(Done(taken.id, MAPPED))
    one = unpacked(taken.content)
    named = person(partner, one.patient)
    (match,) = await matching.answers(access, [Question(partner.id, named)])
    (program,) = await matching.programs_of(access, [match], [partner.program], [None]) if match.patient else (None,)
    paper = Paper(
        id_, program or partner.program or 0, papers.MHD, papers.WAITING, taken.received, "", one.media, one.pages, tuple((n, 0) for n in range(one.pages)), one.words, partner.name, "", "", "",
        marks=fetching.marks(outside.labels(one.reference), partner), whose=one.whose, basis=partner.basis, partner=partner.id, person=named.key,
    )  # fmt: skip
    if not match.patient:
        return await _waits(access, taken, one, paper, match)
    if program is None:
        return await _waits(access, taken, one, paper, replace(match, why=_PLACE))
    made = await _filed(access, one, paper, Wish(match.patient, program, await _kind(access, one), _day(access, one), one.words or "Document"))
    if made is None:
        return await _waits(access, taken, one, paper, replace(match, why=_ELSEWHERE))
    return Outcome(Done(taken.id, MAPPED, "", Result(match.patient, tuple(f"{c.type}/{c.id}" for c in made if c.kind == "create")), (program,)), made)


async def _waits(access: Access, taken: Taken, one: Brought, paper: Paper, match: Match) -> Outcome:
    """Into the tray."""
    await papers.receive(
        access, one.content, media=one.media, pages=one.pages, door=papers.MHD, source=f"brought:{taken.id}", program=paper.program, name=paper.name, sender=paper.sender, arrived=taken.received,
        marks=paper.marks, whose=paper.whose, basis=paper.basis, partner=paper.partner, person=paper.person, id_=paper.id, message=taken.id,
    )  # fmt: skip
    candidates = (match.patient,) if match.patient else match.candidates
    return Outcome(Done(taken.id, REVIEW, WAITS, Result(candidates=candidates, why=match.why)))


async def _filed(access: Access, one: Brought, paper: Paper, wish: Wish) -> tuple[Change, ...] | None:
    """The document in the chart with its source; None where it names somebody else."""
    if one.media == reading.CCDA:
        try:
            document = await opening.opened(one.content)
        except BadDocument:
            return None
        them = (await access.read("Patient", wish.patient)).resource
        if matching.against(opening.person(document), them) or not (opening.person(document).family or opening.person(document).born):
            return None
        changes, labels = await filing.by_itself(access, paper.id, wish, document, one.content, paper.marks), filing.labels_of(document, (), paper.marks)
    else:
        paper = paper._replace(marks=tuple(dict.fromkeys((*paper.marks, *await filemarks.of(one.content)))))
        clean = await sandbox.composed([(one.content, one.media, paper.pages)])
        changes = [Change("create", "DocumentReference", paper.id, indexing.document(access, paper, wish, clean), program=wish.program)]
        labels = (changes[0].resource or {}).get("meta", {}).get("security", [])
    if not changes:  # the same bytes are in the chart already
        return ()
    body = changes[0].resource
    assert body is not None  # noqa: S101 - a create has one
    body["identifier"] = [*body["identifier"], {"system": following.DOCUMENT, "value": paper.id}]
    return (*changes, *source.provenance(access, paper, labels, wish.program))


async def _kind(access: Access, one: Brought) -> str:
    """What it is called here: as its sender says, where that is a word of ours."""
    kinds = list((await policies.of(access)).value("papers.kinds"))
    return one.words if one.words in kinds else str(next(iter(kinds), "Record"))


def _day(access: Access, one: Brought) -> str:
    """Of which day it is; today where nothing says it."""
    attachment = next((c.get("attachment") or {} for c in one.reference.get("content") or ()), {})
    context = one.reference.get("context") or {}
    today = access.today.isoformat()
    for said in (attachment.get("creation"), (context.get("period") or {}).get("start"), one.reference.get("date")):
        day = outside.words(said, 10)
        try:
            date.fromisoformat(day)
        except ValueError:
            continue
        return min(day, today)
    return today
