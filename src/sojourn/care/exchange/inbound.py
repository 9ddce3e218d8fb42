"""Messages of one partner become resources: read, matched, filed under the right program, labelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sojourn.care.exchange import becoming, composing, matching
from sojourn.care.exchange.composing import READ
from sojourn.care.exchange.facts import Draft, Report, Stated
from sojourn.care.exchange.matching import UNSURE, Match, Question
from sojourn.gate import filemarks
from sojourn.gate.changes import Change
from sojourn.gate.exchange.doing import Done, Taken, id_for
from sojourn.gate.exchange.keeping import ASIDE, FAILED, MAPPED, RECEIVED, REVIEW
from sojourn.gate.exchange.messages import NEW, Result

if TYPE_CHECKING:
    from sojourn.care.exchange.composing import Composer
    from sojourn.care.exchange.facts import Reader
    from sojourn.gate.access import Access
    from sojourn.gate.exchange.partners import Partner
    from sojourn.gate.found import Stored

PAPER: Final = ("clinical document",)
TWICE: Final = "It states the same report twice. Ask the sender to send it once."
IN_TRAY: Final = "It holds a clinical document (C-CDA), which is in the tray of papers."


@dataclass(slots=True)
class Work:
    """One message on its way. done: what became of it, once that is known. known: who of theirs is who of ours from now on; alike: pairs of patients who are said to be one person.

    waits: until its files are made readable; it stays where it is. marks: codes of what it says of its confidentiality, for a document that goes to the tray.
    """

    taken: Taken
    said: Stated = field(default_factory=Stated)
    question: Question | None = None
    match: Match = field(default_factory=Match)
    program: int | None = None
    done: Done | None = None
    changes: list[Change] = field(default_factory=list)
    known: list[tuple[str, str, str]] = field(default_factory=list)
    alike: list[tuple[str, str]] = field(default_factory=list)
    clean: dict[tuple[str, ...], bytes] = field(default_factory=dict)
    marks: tuple[str, ...] = ()
    waits: bool = False

    @property
    def draft(self) -> Draft | None:
        """What it states, where that is no result."""
        return self.said.draft

    @property
    def paper(self) -> bytes:
        """A clinical document in it, once it was found readable."""
        return self.clean.get(PAPER, b"") if self.done is not None and self.done.state == MAPPED else b""

    @property
    def alone(self) -> bool:
        """Whether it holds nothing but a clinical document: then nobody is looked for, since somebody says whose that is."""
        return self.draft is not None and bool(self.draft.paper) and not self.draft.pieces

    def fail(self, state: str, why: str, candidates: tuple[str, ...] = (), detail: str = "") -> None:
        """It becomes nothing now, and all that it says stands in it alone. detail: for who may see the candidates."""
        self.done = Done(self.taken.id, state, why, Result(unmapped=self.said.kept(None), findings=tuple(self.said.findings), candidates=candidates, why=detail))

    def unsure(self, partner: Partner, detail: str, candidates: tuple[str, ...]) -> None:
        """Somebody has to decide whose it is or where it belongs."""
        self.fail(ASIDE if partner.strangers == "aside" else REVIEW, UNSURE, candidates, detail)


async def mapped(access: Access, partner: Partner, taken: Sequence[Taken], reader: Reader, composer: Composer) -> list[Work]:
    """What messages of one partner become. Nothing is written yet; what fails says why."""
    works = [_read(partner, t, reader) for t in taken]
    await _whose(access, partner, [w for w in works if w.done is None and not w.alone])
    open_ = [w for w in works if w.done is None]
    there = await _there(access, partner, open_)
    for work in open_:
        _readable(access, partner, work, there, composer)
    staff = await becoming.staff(access, [n for w in open_ if w.draft is not None for n in w.draft.staff])
    touched: set[tuple[str, str]] = set()
    for work in (w for w in open_ if not w.waits and (w.done is None or w.done.state == MAPPED)):
        if work.draft is not None:
            _draft(access, partner, work, there, staff)
        else:
            _build(access, partner, work, there)
        mine = {(c.type, c.id) for c in work.changes}
        if mine & touched:  # two messages of one round about the same report: the later one next time
            work.changes, work.known, work.alike, work.done = [], [], [], Done(work.taken.id, RECEIVED)
        touched |= mine
    return works


def _read(partner: Partner, taken: Taken, reader: Reader) -> Work:
    work = Work(taken, reader.read(taken.content, partner))
    said = work.said
    if said.answers is not None:
        work.done = Done(taken.id, MAPPED, "", Result(unmapped=said.kept(()), findings=tuple(said.findings)))
    elif said.failed:
        work.fail(FAILED, said.failed)
    else:
        work.question = Question(partner.id, said.person, said.numbers, taken.chosen)
    return work


async def _whose(access: Access, partner: Partner, works: Sequence[Work]) -> None:
    """Whose each is and where it belongs; what is not certain waits for somebody."""
    if not works:
        return
    matches = await matching.answers(access, [w.question for w in works if w.question is not None])
    for work, match in zip(works, matches, strict=True):
        work.match = match
        joins = work.draft is not None and work.draft.joins
        if not joins and not match.patient and not _new(access, partner, work):
            work.unsure(partner, match.why, match.candidates)
    await _joined(access, partner, [w for w in works if w.done is None and w.draft is not None and w.draft.joins])
    found = [w for w in works if w.done is None and not (w.draft is not None and w.draft.joins)]
    for work, program in zip(found, await _programs(access, partner, found), strict=True):
        work.program = program
        if program is None:
            why = "It does not say to which program it belongs: no order of ours is named, and the person is in none or in several. Choose it."
            work.unsure(partner, why, (work.match.patient,) if not work.match.nobody else ())


def _new(access: Access, partner: Partner, work: Work) -> bool:
    """Whether the message writes down somebody who is not here: our own registration system by a number of ours, or somebody said so."""
    draft, question = work.draft, work.question
    if draft is None or question is None or not draft.registers or not work.match.nobody:
        return False
    ours = {i for i in question.person.identifiers if i[0] in partner.authorities.values()}
    if not (work.taken.chosen[0] == NEW or partner.registers and ours and question.person.family and question.person.born):
        return False
    work.match = Match(becoming.new_patient(access, partner, question.person.key), nobody=True)
    if draft.person is None:
        draft.person = work.said.writes
    if question.person.key:
        work.known.append((partner.id, question.person.key, work.match.patient))
    return True


async def _joined(access: Access, partner: Partner, works: Sequence[Work]) -> None:
    """Two numbers of theirs are one person: the number that is left means whom the earlier one meant, or both are put to who decides."""
    for work in works:
        assert work.draft is not None and work.question is not None  # noqa: S101, PT018 - it was read
        pairs = work.draft.joins
        found = await matching.answers(access, [Question(partner.id, who, chosen=work.taken.chosen if who.key == work.question.person.key else ("", None)) for pair in pairs for who in pair])
        for (who, _), now, before in zip(pairs, found[::2], found[1::2], strict=True):
            if not now.patient and not now.nobody:  # it does not wait: that it does would tell that somebody of that number is here
                work.said.findings.append("It is not certain whom the number that is left means; nothing was moved. What comes under it waits for somebody.")
                continue
            here = now.patient or before.patient
            if here and who.key:
                work.known.append((partner.id, who.key, here))
            if before.patient and before.patient != here:
                work.alike.append((here, before.patient))
        here = next((m.patient for m in found if m.patient), "")
        if work.alike:
            work.said.findings.append("Both numbers are people of ours: they stand among people written down twice, where somebody links them or says that they are two.")
        work.done = Done(work.taken.id, MAPPED, "", Result(here, (), work.said.kept(()), tuple(work.said.findings)))


async def _programs(access: Access, partner: Partner, works: Sequence[Work]) -> list[int | None]:
    """To which program each belongs. What relates to a stay belongs where the person is in care, or where what it changes belongs."""
    plain = [w for w in works if w.draft is None or not w.draft.admits]
    answers = dict(zip(map(id, plain), await matching.programs_of(access, [w.match for w in plain], [partner.program] * len(plain), [w.taken.chosen[1] for w in plain]), strict=True)) if plain else {}
    rest = [w for w in works if w.draft is not None and w.draft.admits]
    anchors = {id(w): _anchor(access, partner, w) for w in rest}
    made = await becoming.makers(access, sorted({a for a in anchors.values() if a}))
    cares = await matching.in_care(access, {w.match.patient for w in rest if not w.match.nobody})
    for work in rest:
        mine = cares.get(work.match.patient, set())
        known = made.get(anchors[id(work)])
        usual = partner.program if partner.program is not None and (partner.program in mine or work.match.nobody) else None
        chosen = work.taken.chosen[1]
        answers[id(work)] = chosen if chosen is not None else known if known is not None else usual if usual is not None else next(iter(mine)) if len(mine) == 1 else None
    return [answers[id(w)] for w in works]


def _anchor(access: Access, partner: Partner, work: Work) -> str:
    """What the message is about, if it is there already: a visit, or the person alone."""
    assert work.draft is not None  # noqa: S101 - asked of those that have one
    if not work.draft.pieces:
        return f"Patient/{work.match.patient}" if not work.match.nobody else ""
    first = work.draft.pieces[0]
    return f"{first.type}/{becoming.ids(access, partner, work.draft, work.match.patient)[first.key]}"


async def _there(access: Access, partner: Partner, works: Sequence[Work]) -> dict[tuple[str, str], Stored]:
    """Of all that is to be written what is there already. Two searches for each sixty, and one for each further type."""
    wanted: dict[str, list[str]] = {"DiagnosticReport": [], "Observation": []}
    drafted: dict[str, list[str]] = {}
    for work in works:
        for report in work.said.reports:
            id_, parts = _ids(access, partner, work, report)
            wanted["DiagnosticReport"].append(id_)
            wanted["Observation"] += parts
        if work.draft is not None:
            mine = becoming.ids(access, partner, work.draft, work.match.patient)
            for piece in work.draft.pieces:
                drafted.setdefault(piece.type, []).append(mine[piece.key])
            if work.draft.person is not None:
                drafted.setdefault("Patient", []).append(work.match.patient)
    out = await becoming.search(access, {"DiagnosticReport": wanted["DiagnosticReport"], **drafted})
    if any(type_ == "DiagnosticReport" for type_, _ in out):  # values stand only under reports that stand
        out |= await becoming.search(access, {"Observation": wanted["Observation"]})
    return out


def _readable(access: Access, partner: Partner, work: Work, there: dict[tuple[str, str], Stored], composer: Composer) -> None:
    """One clean PDF of the files of a message, unless they are there already, and what their words say of all of it; while that is not known the message waits."""
    if work.done is not None:
        return
    files = _files(access, partner, work, there)
    if not files:
        return
    made = composer.made(work.taken.id, files)
    if made is None:
        composer.begin(work.taken, files)
        work.waits = True
    elif made.error is not None:
        raise made.error
    elif made.wrong:
        work.fail(FAILED, f"The file in it cannot be taken. {made.wrong}")
    else:
        work.clean = {key: content for key, (_, content) in made.clean.items()}
        if made.noticed:
            work.said.labels = filemarks.added(work.said.labels)


def _files(access: Access, partner: Partner, work: Work, there: dict[tuple[str, str], Stored]) -> dict[tuple[str, ...], tuple[bytes, ...]]:
    """The files of a message by the key of their piece; those that are only read by one that begins with READ."""
    if work.draft is None:
        found = tuple(f for report in work.said.reports for f in filemarks.attached(report.body))
        return {(READ,): found} if found else {}
    mine = becoming.ids(access, partner, work.draft, work.match.patient)
    files: dict[tuple[str, ...], tuple[bytes, ...]] = {}
    for piece in (p for p in work.draft.pieces if p.files):
        was = there.get((piece.type, mine[piece.key]))
        same = was is not None and composing.same(was.resource, composing.digest(piece.files))
        files[(READ, *piece.key) if same else piece.key] = piece.files
    if work.draft.paper:
        files[PAPER] = (work.draft.paper,)
    return files


def _ids(access: Access, partner: Partner, work: Work, report: Report) -> tuple[str, list[str]]:
    """Ids that the same result always has: of this partner, this person and this program."""
    whole = id_for(access, partner.id, work.match.patient, str(work.program), "report", *report.key)
    return whole, [id_for(access, whole, *v.key) for v in report.values]


def _draft(access: Access, partner: Partner, work: Work, there: dict[tuple[str, str], Stored], staff: dict[str, str]) -> None:
    """The changes of a message that is no result."""
    draft, said = work.draft, work.said
    if draft is None or draft.joins:
        return
    if draft.paper:
        work.marks = tuple(str(c["code"]) for c in said.labels)
        said.findings.append(IN_TRAY)
    work.changes, made, findings = becoming.changes(access, partner, draft, work.match.patient, work.program, said.labels, there, work.clean, staff)
    _settled(access, partner, work, made, findings)


def _settled(access: Access, partner: Partner, work: Work, made: list[dict[str, Any]], findings: list[str]) -> None:
    """Where it came from, and what became of it."""
    said, written = work.said, [f"{r['resourceType']}/{r['id']}" for r in made]
    if work.changes:
        work.changes.append(becoming.provenance(access, partner, work.taken.id, work.taken.tries, said.how, written, said.labels, work.program))
    result = Result(work.match.patient, tuple(written), said.kept(made), (*said.findings, *findings))
    work.done = Done(work.taken.id, MAPPED, "", result, (work.program,) if work.program is not None else ())


def _build(access: Access, partner: Partner, work: Work, there: dict[tuple[str, str], Stored]) -> None:
    findings: list[str] = []
    made: list[dict[str, Any]] = []
    seen: set[str] = set()
    for report in work.said.reports:
        ids = _ids(access, partner, work, report)
        if ids[0] in seen:
            work.fail(FAILED, TWICE)
            work.changes = []
            return
        seen.add(ids[0])
        before = there.get(("DiagnosticReport", ids[0]))
        if before is not None and report.issued is not None and (known := becoming.moment(before.resource.get("issued"))) is not None and known > report.issued:
            findings.append("A newer message about the same report came before; what is there was left as it is.")
            continue
        for resource in becoming.reported(report, ids, work.match.patient, _orders(work, report), work.said.labels, before.resource if before is not None else None):
            made.append(resource)
            if (change := becoming.change_of(resource, there.get((resource["resourceType"], resource["id"])), work.program)) is not None:
                work.changes.append(change)
    _settled(access, partner, work, made, findings)


def _orders(work: Work, report: Report) -> list[Any]:
    """Ids of the orders that a report answers."""
    wanted = {n.upper() for n in report.numbers}
    return [s.id for s in work.match.orders if any(str(i.get("value", "")).upper() in wanted for i in s.resource.get("identifier") or ())]
