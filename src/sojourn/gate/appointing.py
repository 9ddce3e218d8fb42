"""From when until when a guardian or attorney acts: the days of the order, put into their entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.gate import minors, patientaccounts
from sojourn.gate.changes import Change
from sojourn.gate.consent import EVER
from sojourn.gate.consenting import validity
from sojourn.gate.relationships import GUARDIANS

if TYPE_CHECKING:
    from datetime import date

    from sojourn.gate.access import Access
    from sojourn.gate.patientaccounts import Person, Resource

NEEDS = ("RelatedPerson", "update")


def appointed(person: Resource) -> bool:
    """Whether their entry says that a court or the client appointed them: a guardian, or who has a health care power of attorney."""
    return not GUARDIANS.isdisjoint(str(c.get("code")) for concept in person.get("relationship", ()) for c in concept.get("coding", ()))


def may_appoint(access: Access, who: Person) -> bool:
    """Whether the caller may write the days of this person's order."""
    return appointed(who.resource) and access.may(*NEEDS)


async def appoint(access: Access, patient: str, id_: str, *, since: date, until: date | None, evidence: str) -> None:
    """Write from when until when the order holds (both days count). What it opens, and until when, is decided from it (decision 115).

    Raises Invalid with what is wrong, ProofNeeded, NotFound, Forbidden, and VersionConflict where the entry was changed meanwhile.
    """
    who = await patientaccounts.person(access, patient, id_)
    await access.require_fresh()
    if not appointed(who.resource):
        raise errors.Invalid("Only a guardian, or who has a health care power of attorney, acts by an order.")
    if evidence != "appointed":
        raise errors.Invalid("Say that you have seen the order or power of attorney itself.")
    if since > access.today:
        raise errors.Invalid("The first day is still to come. Write it when it has come.")
    if until is not None and until < since:
        raise errors.Invalid("The last day must not come before the first.")
    client = (await access.read("Patient", patient)).resource
    grown = who.right.age is not None and who.right.age >= minors.majority(who.right.states, access.now)
    if grown and not minors.of_an_adult(minors.latest(client.get("birthDate")), validity.moment(since.isoformat(), EVER), who.right.states, access.now):
        raise errors.Invalid("On this day the client was not of age: an order of then was for a child, and ended with childhood (45 CFR 164.502(g)). Write the first day of the order for the adult.")
    entry = await access.read("RelatedPerson", id_)
    period: dict[str, Any] = {"start": since.isoformat()} | ({"end": until.isoformat()} if until else {})
    await access.write([Change("update", "RelatedPerson", id_, {**entry.resource, "period": period}, if_match=entry.version)])
