"""Papers and release requests of the sample: a tray with a fax, a letter to look at, a moved one."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from typing import Any

from sojourn.base.errors import SojournError
from sojourn.care.papers import filed, indexing, receiving
from sojourn.care.papers.indexing import Wish
from sojourn.care.papers.receiving import File
from sojourn.care.release import answering, requests
from sojourn.care.release.requests import Asked
from sojourn.cli.riverbend_desk import at_browser
from sojourn.gate import origin, papers
from sojourn.gate.access import Access
from sojourn.gate.gate import Gate

_LAB = """CEDAR RIDGE LABORATORY

Patient: {name}    Born: {born}
Collected: {day}

Complete metabolic panel
  ALT   62 U/L   (7 to 56)   high
  AST   48 U/L   (10 to 40)  high
  Creatinine 0.9 mg/dL
Comment: repeat in four weeks.
"""
_FAX = """LAKESIDE PRIMARY CARE
Fax cover: 3 pages with this one

To: Riverbend Behavioral Health
Re: records that you asked for

Please find the last two visit notes. Blood pressure was 148 over 92 in September.
""" + "\n" * 60 + "Visit note, 4 September. Headaches for two weeks. Plan: check again in a month.\n" + "\n" * 60 + "Visit note, 2 October. Headaches are gone. Continue.\n"
_WRONG = """MILL STREET PHARMACY

Refill request: sertraline 100 mg, 30 tablets.
"""


async def lay_out(gate: Gate, today: date) -> None:
    """Once, while nothing has come in yet. As the people of the sample would do it."""
    async with at_browser(gate, "adam") as adam:
        if await papers.waiting(adam):
            return
        people = (await adam.search("Patient", [("_sort", "family,given")], count=12)).resources
        if len(people) < 4:
            return
        await _tray(adam, people, today)
    async with at_browser(gate, "priya") as priya:
        await _requests(priya, people, today)


async def _take(access: Access, name: str, text: str, *, program: int = 0, fax: str = "") -> papers.Paper:
    if fax:
        id_ = await papers.receive(access, text.encode(), media="text/plain", pages=3, door=papers.FAX, source=f"fax:sample:{name}", program=program, name=name, sender=fax)
    else:
        (id_,), _ = await receiving.take_in(access, [File(name, text.encode())], program=program, key="sample")
    return await papers.one(access, id_)


async def _tray(access: Access, people: list[dict[str, Any]], today: date) -> None:
    """A fax and a scan that wait; a laboratory's letter that a clinician has to look at; one that was in the wrong chart."""
    await _take(access, "fax-0412.txt", _FAX, fax="+15550142")
    await _take(access, "scan-mail-room.txt", "RIVERBEND\n\nForm: change of address.\nName: J. Alvarez\n")
    who = (await access.search("Practitioner", [("family", "Okafor")], count=1)).matches
    reviewer = f"Practitioner/{who[0].id}" if who else ""
    for n, person in enumerate(people[:2]):
        program = await origin.made_by(access, "Patient", str(person["id"])) or min(access.caller.programs)
        name = person["name"][0]
        text = _LAB.format(name=f"{name['given'][0]} {name['family']}", born=person["birthDate"], day=today - timedelta(days=3)) if n == 0 else _WRONG
        paper = await _take(access, f"mail-{n}.txt", text, program=program)
        wish = Wish(str(person["id"]), program, "Laboratory result" if n == 0 else "Letter", (today - timedelta(days=3)).isoformat(), "Metabolic panel: liver values high" if n == 0 else "Refill request",
                    born=str(person["birthDate"]), reviewer=reviewer if n == 0 else "", urgent=n == 0)  # fmt: skip
        document = await indexing.index(access, paper, wish)
        if n == 1:
            with suppress(SojournError):
                await filed.move(access, await filed.one(access, str(person["id"]), document), str(people[2]["id"]), "The pharmacy called: the prescription is another person's.")


async def _requests(access: Access, people: list[dict[str, Any]], today: date) -> None:
    """A subpoena for somebody in a Part 2 program, a patient's own copy that is due soon, and one that was refused."""
    stays = (await access.search("EpisodeOfCare", [("status", "active"), ("_sort", "-date")], count=200)).resources
    of_part2 = [str(s["patient"]["reference"]).partition("/")[2] for s in stays if any(c.get("code") == "42CFRPart2" for c in s.get("meta", {}).get("security", ()))]
    due = (today + timedelta(days=9)).isoformat()
    asked = [
        (of_part2[0] if of_part2 else str(people[3]["id"]), Asked("subpoena", "Harlan and Pike, attorneys", (today - timedelta(days=4)).isoformat(), name="Harlan and Pike, attorneys", address="200 Court Street", due=due)),
        (str(people[0]["id"]), Asked("access", "The patient", (today - timedelta(days=25)).isoformat(), scope="documents")),
        (str(people[3]["id"]), Asked("subpoena", "County Prosecutor", (today - timedelta(days=12)).isoformat(), name="County Prosecutor", address="1 Justice Plaza", due=today.isoformat())),
    ]  # fmt: skip
    for n, (patient, wish) in enumerate(asked):
        with suppress(SojournError):
            id_ = await requests.take(access, patient, wish)
            request = await requests.one(access, id_)
            if n == 0:
                await requests.amend(access, request, identity="court", parts="assurance")
            if n == 2:
                await answering.refuse(access, request, "A subpoena without an order under 42 CFR part 2, and without assurance.", "")
