"""Messages of one partner become resources: read, matched, filed under the right program, labelled."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sojourn.care.exchange import matching
from sojourn.care.exchange.matching import Match, Question
from sojourn.doors.hl7v2 import marks, oru, persons
from sojourn.doors.hl7v2.oru import CannotMap, Report
from sojourn.fhir import codec
from sojourn.gate.changes import Change
from sojourn.gate.exchange.doing import Done, Taken, id_for
from sojourn.gate.exchange.keeping import FAILED, MAPPED, RECEIVED, REVIEW
from sojourn.gate.exchange.messages import Result
from sojourn.gate.preparing import instant
from sojourn.wire import hl7v2
from sojourn.wire.hl7v2 import Message, NotReadable

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.exchange.partners import Partner
    from sojourn.gate.found import Stored

MAPPED_TYPES: Final = ("ORU^R01",)
"""What becomes resources; every other message is kept, and read by people."""
SOURCE: Final = "https://sojourn.example/fhir/NamingSystem/exchange-message"
_SOME: Final = 60


@dataclass(slots=True)
class Work:
    """One message on its way. done: what became of it, once that is known."""

    taken: Taken
    message: Message | None = None
    reports: list[Report] = field(default_factory=list)
    question: Question | None = None
    match: Match = field(default_factory=Match)
    program: int | None = None
    done: Done | None = None
    changes: list[Change] = field(default_factory=list)

    def fail(self, state: str, why: str, candidates: tuple[str, ...] = ()) -> None:
        """It becomes nothing now."""
        findings = tuple(self.message.findings) if self.message is not None else ()
        self.done = Done(self.taken.id, state, why, Result(findings=findings, candidates=candidates))


async def mapped(access: Access, partner: Partner, taken: Sequence[Taken]) -> list[Work]:
    """What messages of one partner become. Nothing is written yet; what fails says why."""
    works = [_read(partner, t) for t in taken]
    await _whose(access, partner, [w for w in works if w.done is None])
    open_ = [w for w in works if w.done is None]
    there = await _there(access, partner, open_)
    touched: set[tuple[str, str]] = set()
    for work in open_:
        _build(access, partner, work, there)
        mine = {(c.type, c.id) for c in work.changes}
        if mine & touched:  # two messages of one round about the same report: the later one next time
            work.changes, work.done = [], Done(work.taken.id, RECEIVED)
        touched |= mine
    return works


def _read(partner: Partner, taken: Taken) -> Work:
    work = Work(taken)
    try:
        work.message = message = hl7v2.parse(taken.content, partner.charset)
        if message.type not in MAPPED_TYPES:
            work.fail(
                FAILED,
                f"Messages {message.type or 'without a type (MSH-9)'} are kept and not filed by themselves. Read it, do what it asks, and set it aside.",
            )
            return work
        work.reports = oru.reports(message, partner)
    except NotReadable as error:
        work.fail(FAILED, f"It cannot be read: {error}")
        return work
    except CannotMap as error:
        work.fail(FAILED, f"{error.why}" + (f" See {error.where}." if error.where and error.where not in error.why else ""))
        return work
    orders = tuple(dict.fromkeys(n for r in work.reports for n in r.numbers))
    work.question = Question(partner.id, persons.person(message, partner), orders, taken.chosen)
    return work


async def _whose(access: Access, partner: Partner, works: Sequence[Work]) -> None:
    """Whose each is and where it belongs; what is not certain waits for somebody."""
    if not works:
        return
    matches = await matching.answers(access, [w.question for w in works if w.question is not None])
    for work, match in zip(works, matches, strict=True):
        work.match = match
        if not match.patient:
            work.fail(REVIEW, match.why, match.candidates)
    found = [w for w in works if w.done is None]
    programs = await matching.programs_of(
        access, [w.match for w in found], [partner.program] * len(found), [w.taken.chosen[1] for w in found]
    )
    for work, program in zip(found, programs, strict=True):
        work.program = program
        if program is None:
            work.fail(
                REVIEW,
                "It does not say to which program it belongs: no order of ours is named, and the person is in none or in several. Choose it.",
                (work.match.patient,),
            )


async def _there(access: Access, partner: Partner, works: Sequence[Work]) -> dict[tuple[str, str], Stored]:
    """Of all that is to be written what is there already. Two searches for each sixty."""
    wanted: dict[str, list[str]] = {"DiagnosticReport": [], "Observation": []}
    for work in works:
        for report in work.reports:
            id_, parts = _ids(access, partner, work, report)
            wanted["DiagnosticReport"].append(id_)
            wanted["Observation"] += parts
    out: dict[tuple[str, str], Stored] = {}
    reports = await _search(access, "DiagnosticReport", wanted["DiagnosticReport"])
    out |= {(s.type, s.id): s for s in reports}
    if reports:  # values stand only under reports that stand
        out |= {(s.type, s.id): s for s in await _search(access, "Observation", wanted["Observation"])}
    return out


async def _search(access: Access, type_: str, ids: Sequence[str]) -> list[Stored]:
    found: list[Stored] = []
    for start in range(0, len(ids), _SOME):
        found += (await access.search(type_, [("_id", ",".join(ids[start : start + _SOME]))], count=_SOME)).matches
    return found


def _ids(access: Access, partner: Partner, work: Work, report: Report) -> tuple[str, list[str]]:
    """Ids that the same result always has: of this partner, this person and this program."""
    whole = id_for(access, partner.id, work.match.patient, str(work.program), "report", *report.key)
    return whole, [id_for(access, whole, *v.key) for v in report.values]


def _build(access: Access, partner: Partner, work: Work, there: dict[tuple[str, str], Stored]) -> None:
    assert work.message is not None  # noqa: S101 - it was read
    labels = marks.of(work.message, partner)
    findings = list(work.message.findings)
    written: list[str] = []
    seen: set[str] = set()
    for report in work.reports:
        ids = _ids(access, partner, work, report)
        if ids[0] in seen:
            work.fail(FAILED, "It states the same report twice (OBR-3, OBR-4). Ask the sender to send it once.")
            work.changes = []
            return
        seen.add(ids[0])
        before = there.get(("DiagnosticReport", ids[0]))
        if (
            before is not None
            and report.issued is not None
            and (known := _moment(before.resource.get("issued"))) is not None
            and known > report.issued
        ):
            findings.append("A newer message about the same report came before; what is there was left as it is.")
            continue
        orders = [
            s.id
            for s in work.match.orders
            if any(str(i.get("value", "")).upper() in {n.upper() for n in report.numbers} for i in s.resource.get("identifier") or ())
        ]
        for resource in oru.resources(report, ids, work.match.patient, orders, labels, before.resource if before is not None else None):
            reference = f"{resource['resourceType']}/{resource['id']}"
            written.append(reference)
            if (change := _change(resource, there.get((resource["resourceType"], resource["id"])), work.program)) is not None:
                work.changes.append(change)
    if work.changes:
        work.changes.append(_provenance(access, partner, work, written, labels))
    result = Result(work.match.patient, tuple(written), tuple(work.message.unseen()), tuple(findings))
    work.done = Done(work.taken.id, MAPPED, "", result, (work.program,) if work.program is not None else ())


def _change(resource: dict[str, Any], before: Stored | None, program: int | None) -> Change | None:
    """What writes it; None where it is there with the same content."""
    if before is None:
        return Change("create", resource["resourceType"], resource["id"], resource, program=program)
    if _content(before.resource) == _content(resource) and _labels(resource) <= _labels(before.resource):
        return None
    return Change("update", resource["resourceType"], resource["id"], resource, if_match=before.version, program=program)


def _content(resource: dict[str, Any]) -> bytes:
    """What it says, whatever the order and what the server added."""
    return codec.dumps(sorted((k, v) for k, v in resource.items() if k not in ("meta", "text")))


def _labels(resource: dict[str, Any]) -> set[tuple[str, str]]:
    """The labels that it carries."""
    return {(str(c.get("system")), str(c.get("code"))) for c in (resource.get("meta") or {}).get("security") or ()}


def _provenance(access: Access, partner: Partner, work: Work, written: Sequence[str], labels: Sequence[dict[str, Any]]) -> Change:
    """Where it came from, when, and through which message."""
    assert work.message is not None  # noqa: S101 - it was read
    who: dict[str, Any] = (
        {"reference": partner.organization, "display": partner.name} if partner.organization else {"display": partner.name}
    )
    digest = f"{zlib.crc32(repr(sorted(written)).encode()):08x}"
    made: dict[str, Any] = {
        "resourceType": "Provenance", "target": [{"reference": r} for r in written], "recorded": instant(access.now),
        "activity": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-DataOperation", "code": "CREATE"}], "text": f"Received by HL7 v2 ({work.message.type})"},
        "agent": [{"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "code": "author"}]}, "who": who}],
        "entity": [{"role": "source", "what": {"identifier": {"system": SOURCE, "value": work.taken.id}, "display": "The message as it came"}}],
    }  # fmt: skip
    if labels:
        made["meta"] = {"security": [dict(s) for s in labels]}
    return Change(
        "create", "Provenance", id_for(access, work.taken.id, "provenance", str(work.taken.tries), digest), made, program=work.program
    )


def _moment(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else None
