"""Emergencies: declared with a reason, open for hours, announced at once, documented, reviewed.

An emergency is no way around the decision: it adds the rows (a relation, and grants for the emergency purposes) by which the one
predicate lets its author in. They name `emergency:ACCOUNT`, and a staff member asks under that name only with one of those purposes.
Whether the person sought is here is told only after the declaration, which is recorded either way (docs/decisions/0018-disclosure.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sojourn.base import errors, ids, log
from sojourn.fhir import dates
from sojourn.fhir.fold import fold
from sojourn.gate import bases, documenting, emergencypolicy
from sojourn.gate.access import Access
from sojourn.gate.decide import EMERGENCY, emergency_key, staff_mask
from sojourn.record import disclosures

if TYPE_CHECKING:
    from sojourn.gate.found import Receipt

_log = log.logger(__name__)

DECISIONS = ("appropriate", "not-appropriate", "follow-up")
"""What a review may find."""


@dataclass(frozen=True, slots=True)
class Sought:
    """Whom an emergency is about: an exact identity as it was typed, or (from a chart that is open) the id."""

    family: str = ""
    given: str = ""
    born: str = ""
    number: str = ""
    patient: str = ""

    @property
    def text(self) -> str:
        """For the review."""
        said = ", ".join(filter(None, (self.family, self.given, self.born, self.number)))
        return said or f"Patient/{self.patient}"


@dataclass(frozen=True, slots=True)
class Declared:
    """An emergency as declared. patient: None when nobody, or more than one person, has this identity."""

    id: str
    patient: str | None
    until: datetime
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands: (id, patient, until) of each of their emergencies in force; reviews that wait, for who oversees."""

    emergencies: tuple[tuple[str, str, datetime], ...] = ()
    waiting: int = 0


async def declare(access: Access, sought: Sought, *, reason: str, because: str, attested: bool, facility: str = "", discloser: str = "") -> Declared:
    """Declare an emergency. Raises Forbidden (role), Malformed (reason, words, attestation or identity missing).

    Where Part 2 records are opened, the documentation of 42 CFR 2.51(c) stands in the patient's record before anything is opened. If
    it cannot be written (the trail takes no line), care goes on: it is said in the queue, and written when the emergency is reviewed.
    facility: the affiliation of who receives the records; discloser: the individual who gives them out, if another person does.
    """
    await access.check("emergency", "*", "declare")
    rule = emergencypolicy.reason(reason, access.now)
    if rule is None or not because.strip() or not attested:
        raise errors.Malformed("An emergency needs a reason, what happened in your words, and your attestation.")
    emergent = Access(access.house, replace(access.caller, purpose=EMERGENCY[0]), access.request)
    opens = [bit for code in rule.opens if (bit := bases.bit_of(code))]
    found = await disclosures.emergency_find(access.house.db, access.head, *_terms(access, sought), staff_mask() | sum(opens))
    patient = found[0]["patient"] if len(found) == 1 else None
    programs = [n for n in found[0]["programs"] if n not in access.caller.programs] if patient and bases.PART2 in opens else []
    until = access.now + timedelta(hours=emergencypolicy.hours(access.now))
    id_ = ids.new_id()
    said = documenting.Said(rule, because.strip(), facility.strip() or access.tenant.name, discloser.strip() or f"{access.caller.name}, who opened the record", access.caller.name, access.caller.agent, access.now)
    documented = await _document(emergent, id_, patient, programs, said)
    await disclosures.emergency_declare(
        access.house.db, access.head, id_, access.caller.account, access.request, sought.text, patient, reason, because.strip(), programs,
        emergency_key(access.caller.account), list(EMERGENCY), bases.PART2, until,
    )  # fmt: skip
    if not documented:
        await disclosures.emergency_documented(access.house.db, access.head, id_, access.caller.account, done=False)
    entry = emergent.entry("emergency", "Patient", f"emergency/{id_}", outcome="done" if patient else "absent", patients=[patient] if patient else [])
    return Declared(id_, patient, until, await emergent.note(entry))


async def _document(access: Access, id_: str, patient: str | None, programs: list[int], said: documenting.Said) -> bool:
    """Whether what must be written could be."""
    try:
        await documenting.emergency(access, id_, patient, programs, said)
    except errors.StaleCredential:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not stand between a person and their care
        _log.error("an emergency could not be documented yet", error, request=access.request)
        return False
    return True


def _terms(access: Access, sought: Sought) -> tuple[Any, ...]:
    """The identity as the index of the record knows it. Raises Malformed when it is not exact."""
    keys = access.house.keys[access.tenant.number]
    names = [keys.name("Patient", name) for name in ("family", "given", "birthdate")]
    if sought.patient:
        return (names[0], "", names[1], "", names[2], access.now, access.now, None, sought.patient)
    family, given = fold(sought.family), fold(sought.given)
    try:
        low, high = dates.bounds(sought.born)
    except ValueError:
        raise errors.Malformed("The birth date must be a whole date, such as 1988-03-04.") from None
    if not family or not given or len(sought.born) != 10:
        raise errors.Malformed("Family name, given name and the whole birth date are needed.")
    number = keys.token("Patient", "identifier", None, sought.number) if sought.number else None
    return (names[0], family, names[1], given, names[2], low, high, number, None)


def opened(access: Access, purpose: str = EMERGENCY[0]) -> Access:
    """The same caller asking under their emergencies: everything they ask is decided, and recorded, with that purpose."""
    return Access(access.house, replace(access.caller, purpose=purpose), access.request)


async def standing(access: Access) -> Standing:
    """Where the caller stands, for the top of every page."""
    if access.caller.kind != "staff":
        return Standing()
    rows = await disclosures.standing(access.house.db, access.head, access.decided, _reader(access), access.caller.account)
    found = tuple((row["emergency"], row["patient"], row["until"]) for row in rows if row["emergency"])
    return Standing(found, next((row["waiting"] for row in rows if row["emergency"] is None), 0))


@dataclass(frozen=True, slots=True)
class Left:
    """Emergencies that nobody has reviewed for longer than `days`: how many, and when the oldest was declared."""

    number: int
    oldest: datetime
    days: int


async def left(access: Access) -> Left | None:
    """What waits too long for a review, for who manages accounts: they can let somebody review. Nothing of anybody is told. Raises Forbidden.

    A client may have forbidden the only officer to look, and nobody reviews their own (docs/decisions/0111-reviews-that-wait.md).
    """
    await access.check("administer", "Login", "emergencies")
    days = emergencypolicy.review_days(access.now)
    row = await disclosures.emergencies_left(access.house.db, access.head, access.now - timedelta(days=days))
    return Left(row["number"], row["oldest"], days) if row["number"] else None


async def end(access: Access, id_: str) -> None:
    """End an emergency of one's own before its time; who reviews one may end it. Raises NotFound when none is in force."""
    oversee = access.may("*", "oversee") and bool(await disclosures.emergencies(access.house.db, access.head, access.decided, _reader(access), id_, 1))
    ended = await disclosures.emergency_end(access.house.db, access.head, id_, access.caller.account, anybody=oversee)
    await access.note(access.entry("emergency-end", "Patient", f"emergency/{id_}", outcome="done" if ended else "absent"))
    if not ended:
        raise errors.NotFound("There is no such emergency in force.")


async def review(access: Access, id_: str, decision: str, note: str) -> None:
    """What the privacy officer found. Raises Forbidden, Malformed (decision or note missing, or it is one's own) or NotFound."""
    await access.check("oversee", "*", f"emergency/{id_}")
    if decision not in DECISIONS or not note.strip():
        raise errors.Malformed("A review needs a decision and a note.")
    row = await one(access, id_)
    if row["account"] == access.caller.account:
        raise errors.Malformed("Nobody reviews their own emergency. Ask another privacy officer.")
    if not row["documented"]:
        await _document_late(access, row)
    programs = None if _reader(access) == "whole" else access.decision.programs
    await disclosures.emergency_review(access.house.db, access.head, id_, access.caller.account, decision, note.strip(), programs)
    await documenting.reviewed(access, id_)
    await access.note(access.entry("emergency-review", "Patient", f"emergency/{id_}"))


async def _document_late(access: Access, row: Any) -> None:
    """Write what could not be written when it was declared. Raises what keeps it from being written: then the review waits, too."""
    rule = emergencypolicy.reason(row["reason"], row["declared"])
    if rule is None:
        raise errors.Malformed("The reason of this emergency is not in the rules any more.")
    said = documenting.Said(rule, row["because"], access.tenant.name, f"{row['name']}, who opened the record", row["name"], row["agent"], row["declared"])
    await documenting.emergency(access, row["emergency"], row["patient"], list(row["programs"]), said)
    await disclosures.emergency_documented(access.house.db, access.head, row["emergency"], access.caller.account, done=True)


async def queue(access: Access, *, limit: int = 200) -> list[Any]:
    """Emergencies for review: those that wait first, then the newest. Raises Forbidden."""
    await access.check("oversee", "*", "emergencies")
    rows = await disclosures.emergencies(access.house.db, access.head, access.decided, _reader(access), None, limit)
    await access.note(access.entry("emergencies", "Patient", "", patients=sorted({r["patient"] for r in rows if r["patient"]})))
    return rows


async def one(access: Access, id_: str) -> Any:
    """One emergency with its review. Raises Forbidden or NotFound."""
    await access.check("oversee", "*", f"emergency/{id_}")
    rows = await disclosures.emergencies(access.house.db, access.head, access.decided, _reader(access), id_, 1)
    patients = [r["patient"] for r in rows if r["patient"]]
    await access.note(access.entry("emergencies", "Patient", f"emergency/{id_}", outcome="done" if rows else "absent", patients=patients))
    if not rows:
        raise errors.NotFound("There is no such emergency.")
    return rows[0]


def _reader(access: Access) -> str:
    """How the caller reviews: whole (they see every program's records), part, or not at all."""
    return "none" if not access.may("*", "oversee") else "whole" if access.decision.entire else "part"
