"""What waits at the sample privacy desk: emergencies, patients' requests, and what left."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any

from sojourn.base import clock
from sojourn.base.errors import SojournError
from sojourn.fhir import codec
from sojourn.gate import disclosing, emergency, patientrequests
from sojourn.gate.access import Access
from sojourn.gate.emergency import Sought
from sojourn.gate.gate import Gate
from sojourn.gate.signinrules import starting_rule

TENANT = 1


async def lay_out(gate: Gate, today: date) -> None:
    """Once, on a desk that is empty. Everything goes through the gate as the people of the sample would do it."""
    async with signed_in_as(gate, "priya") as officer:
        if await emergency.queue(officer, limit=1):
            return
        await _emergencies(gate, officer)
    async with signed_in_as(gate, "priya") as officer:
        await _requests(officer, today)
    async with signed_in_as(gate, "lakeside") as outside:
        await _disclosures(outside)


@asynccontextmanager
async def signed_in_as(gate: Gate, account: str) -> AsyncIterator[Access]:
    """A person of the sample, for as long as it takes."""
    secret = await gate.token(gate.house.tenants[TENANT], account, days=1)
    access = await gate.access(secret)
    assert access is not None  # noqa: S101 - it was just issued
    yield access
    await gate.identity.revoke(secret)


@asynccontextmanager
async def at_browser(gate: Gate, account: str) -> AsyncIterator[Access]:
    """A person of the sample at a browser, who has just proved who they are: they sign and release."""
    begun = await gate.identity.begin(gate.house.tenants[TENANT], account, starting_rule("staff", clock.now().date()), door="staff", methods=["password"])
    assert begun is not None  # noqa: S101 - the sample has them
    access = await gate.session(begun.token)
    assert access is not None  # noqa: S101 - it was just begun
    yield access
    await gate.sign_out(begun.token)


async def _emergencies(gate: Gate, officer: Access) -> None:
    """Two that wait for a review, of which one found nobody, and one that was reviewed."""
    stays = (await officer.search("EpisodeOfCare", [("status", "active"), ("_sort", "-date")], count=200)).resources
    of_part2 = [stay["patient"]["reference"].partition("/")[2] for stay in stays if any(c.get("code") == "42CFRPart2" for c in stay.get("meta", {}).get("security", ()))]
    people = [(await officer.read("Patient", id_)).resource for id_ in dict.fromkeys(of_part2[:2])]
    declared = []
    async with signed_in_as(gate, "dana") as therapist:
        for person, because in zip(people, ("Brought in unresponsive by a friend; breathing is shallow.", "Called from the street, confused, does not know which medicine she took."), strict=False):
            found = await emergency.declare(therapist, _sought(person), reason="medical-emergency", because=because, attested=True, facility="Riverbend, Mill Street walk-in")
            declared.append(found)
            await emergency.end(therapist, found.id)
        await emergency.declare(
            therapist, Sought("Whitcombe", "Arlo", "1991-07-19"), reason="medical-emergency", because="Mother called: he says he took all his pills at once.", attested=True
        )
    if declared:
        async with signed_in_as(gate, "priya") as later:
            await emergency.review(later, declared[0].id, "appropriate", "Spoke with the walk-in nurse. Naloxone was given; the medication list was needed.")


def _sought(person: dict[str, Any]) -> Sought:
    name = person["name"][0]
    return Sought(str(name["family"]), str(name["given"][0]), str(person["birthDate"]))


async def _requests(officer: Access, today: date) -> None:
    """One to amend that is due soon, one that has just come, and one that was denied with a statement of disagreement."""
    people = (await officer.search("Patient", [("_sort", "-family,given"), ("birthdate", "lt1995")], count=3)).resources
    wishes = (
        ("amendment", "My first visit says that I missed two appointments. The office cancelled one of them.", "It makes me look unreliable.", 51),
        ("restriction", "Please do not send anything about my visits to my health plan. I paid for them myself.", "My plan is my husband's.", 3),
        ("amendment", "Take out that I smoked. I stopped before I came here.", "", 40),
    )
    taken = [await patientrequests.take(officer, kind, str(person["id"]), what, why, received=today - timedelta(days=days)) for person, (kind, what, why, days) in zip(people, wishes, strict=False)]
    if len(taken) == len(wishes):
        await patientrequests.answer(officer, taken[-1], grant=False, reason="accurate", text="The note says when you stopped. It stays as it is; you may add a statement.")
        await patientrequests.disagree(officer, taken[-1], "I stopped three years before my first visit, and the note reads as if I had just quit.")


async def _disclosures(outside: Access) -> None:
    """What the primary care practice was given under consents: problems and medications of a few people."""
    people = (await outside.search("Patient", [], count=4)).resources
    for person in people:
        for type_ in ("Condition", "MedicationRequest"):
            try:
                found = await outside.search(type_, [("patient", str(person["id"]))], count=10)
            except SojournError:
                continue
            if not found.matches:
                continue
            entries = [{"fullUrl": f"{outside.house.base}/{s.type}/{s.id}", "resource": s.resource, "search": {"mode": "match"}} for s in found.matches]
            out = await disclosing.prepare(outside, codec.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entries}))
            await disclosing.record(outside, out, out.body)
