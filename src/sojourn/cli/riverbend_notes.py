"""Notes at the sample organization: one of each format, drafts, some to sign, and some kept apart."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from sojourn.care.notes import drafting, saving, snippets, templates, writing
from sojourn.care.notes.model import NewNote
from sojourn.care.notes.snippets import Snippet
from sojourn.care.plan import fhir as plan
from sojourn.care.resources import id_of
from sojourn.care.scheduling import zones
from sojourn.care.signing import documents
from sojourn.cli.riverbend_desk import at_browser
from sojourn.gate.access import Access
from sojourn.gate.gate import Gate
from sojourn.sample.directory import ZONE, Directory
from sojourn.sample.programs import PROGRAM

TENANT, SEED = 1, 1


class Said(NamedTuple):
    """A note of the sample: its format, service, minutes, and what its sections say, in their order."""

    template: str
    service: str
    minutes: int
    texts: tuple[str, ...]
    modality: str = "in-person"
    others: str = ""
    risk: str = "none"
    risk_note: str = ""


_DANA = (
    Said("dap", "individual", 50, ("Came with her planner. Slept six hours on four nights; the walk after dinner happened three times.", "Activity is back before mood is, as it usually goes. She reads the bad day as a relapse less quickly.", "Keep the walk, add one call to her sister. Same time next week.")),
    Said("soap", "individual", 45, ("“I said no at work and nobody fell over.”", "Well kept, slower speech at first, brighter when speaking of the team.", "Assertiveness carries over to work; worry about the review is left.", "Write down three sentences for the review. Next week by video.")),
    Said("birp", "individual", 50, ("Restless, sat near the door, spoke of two panic attacks on the bus.", "Interoceptive exposure: straw breathing, twice, with ratings.", "Fear fell from 80 to 40 within each round; he asked for a third.", "Once a day at home, on the log. Bus to the library with his brother.")),
    Said("girp", "individual", 38, ("Objective of the plan: leave the flat four days a week.", "Reviewed the week on the calendar and took the stairs together.", "Left on three days. Names the stairwell as the hard part, not the street.", "Neighbor walks down with her on Monday and Thursday.")),
    Said("pie", "individual", 50, ("Grief on the first birthday since the death.", "Letter to her mother, read aloud; a place for the box of photographs was chosen.", "Cried and felt lighter. Sleep to be looked at next week.")),
    Said("family", "family", 50, ("Client and both parents, on the rules of the evening.", "Each said back what the other had asked for before answering.", "The client offered the first rule himself; father thanked him for it.", "Try the rules for two weeks. Parents' meeting on the third."), others="both parents"),
    Said("case-management", "case-management", 30, ("The letter of the housing office has a deadline on Friday.", "Called the office with her; the form is at the front desk, and the clinic's letter was printed and given to her.", "She brings the form on Thursday; we fax it together."), "audio"),
    Said("collateral", "collateral", 15, ("School counselor, under the consent that is in the chart.", "Attendance is back to four days. Lunch is the hard hour.", "Counselor offers the library at lunch; client to be asked."), "audio", "school counselor"),
    Said("crisis", "crisis", 60, ("Called from the parking lot after the custody hearing and could not drive.", "Thoughts of being dead, no plan, no means at hand; two children whom she names at once.", "Sat with her, sister came; safety plan read line by line and one line changed.", "Home with her sister at 18:20. Sister has the medicine box.", "Call tomorrow at nine; visit on Wednesday; on-call told."), risk="present", risk_note="Passive thoughts, no plan, no intent. C-SSRS asked."),
    Said("discharge", "discharge", 30, ("Low mood and withdrawal after moving here.", "Eleven sessions of behavioral activation, two with the partner.", "Both objectives reached; PHQ-9 in the mild band for eight weeks.", "Working four days, sleeping seven hours, sees two friends.", "None.", "Booster session in three months; knows the walk-in and 988.")),
)  # fmt: skip
_OKAFOR = (
    Said("psychiatric-evaluation", "evaluation-medical", 60, ("Asked for an opinion on medication by the therapist.", "Two months of early waking, poor appetite, no interest in the choir.", "One episode ten years ago, sertraline helped; no substance use.", "Thyroid normal in spring; no medicine; penicillin rash.", "Lives with partner; teacher.", "Well kept, quiet speech, low mood, full range, no odd beliefs, oriented, good judgment.", "Second episode of depression, moderate.", "Sertraline again, slowly; talk about the first two weeks; see in two weeks.")),
    Said("psychiatric-follow-up", "medication", 25, ("Better sleep, less early waking. Dry mouth, which she does not mind.", "Brighter, jokes, no thoughts of death.", "Half way there.", "Sertraline stays as it is.", "Four weeks; blood pressure today.")),
)  # fmt: skip
_NINA = (Said("nursing", "nursing", 20, ("CIWA 6 at eight in the morning, hands steady, ate half of breakfast.", "Fluids, thiamine, sat with him for ten minutes.", "Slept until eleven; CIWA 3 at noon.")),)
_TO_SIGN = Said("dap", "individual", 52, ("Spoke little at first and then about the letter of the landlord.", "Shame keeps the letter in the drawer; naming it was the step of today.", "Bring the letter unopened. Open it here."))
_HALF = ("Came early. Says the week was “more gray than black”. Did the breathing on two mornings, not on the others, because", "", "")


async def lay_out(gate: Gate, today: date) -> None:
    """Once. Everything goes through the gate as the people of the sample would do it, each at a screen of their own."""
    async with at_browser(gate, "dana") as dana:
        if await drafting.listed(dana):
            return
        await snippets.keep_own(dana, [Snippet("mse", "Mental status, unremarkable", "Alert and oriented. Speech and thought clear. Mood euthymic, affect full. No thoughts of harm to self or others."), Snippet("bact", "Behavioral activation", "Went through the activity log, rated pleasure and mastery, planned the next step.")])
        clients = await _clients(dana)
        for n, (patient, said) in enumerate(zip(clients, _DANA, strict=False)):
            await _write(dana, patient, said, _at(today, n + 1))
        for n, patient in enumerate(clients[10:12]):
            await _write(dana, patient, _TO_SIGN, _at(today, n + 1, 16), sign=False)
        for n, patient in enumerate(clients[12:15]):
            await _draft(dana, patient, today, n)
        for patient in clients[:1]:
            await _apart(dana, patient, "psychotherapy", "Feels pulled to reassure before she has finished. Her silence after the word “mother” is where the work is; bring to consultation.", _at(today, 1, 18))
    async with at_browser(gate, "okafor") as okafor:
        for n, (patient, said) in enumerate(zip((await _clients(okafor))[3:], _OKAFOR, strict=False)):
            await _write(okafor, patient, said, _at(today, n + 1, 17))
    async with at_browser(gate, "nina") as nina:
        for patient in (await _clients(nina))[:1]:
            await _write(nina, patient, _NINA[0], _at(today, 1, 8))
    async with at_browser(gate, "sam") as sam:
        await snippets.keep_shared(sam, [Snippet("988", "Crisis line", "Crisis line 988 reviewed; client knows how to call and text it."), Snippet("consent", "Telehealth, place and privacy", "Client gave their place at the start, is alone, and agreed to meet by video.")])
        for patient in (await _clients(sam))[:1]:
            await _apart(sam, patient, "sud-counseling", "What he does not say about the weekend is louder than what he says. Ask about his cousin when he is ready.", _at(today, 1, 18))


async def _clients(access: Access) -> list[str]:
    """Who is in care and on the caller's caseload before others, in an order that stays."""
    found = await access.search("EpisodeOfCare", [("status", "active")], count=200)
    mine = {id_of(e["patient"], "Patient") for e in found.resources if e.get("careManager", {}).get("reference") == access.caller.agent}
    everybody = {id_of(e["patient"], "Patient") for e in found.resources if saving.program_of(access, id_of(e.get("managingOrganization"), "Organization")) is not None}
    return [*sorted(mine & everybody), *sorted(everybody - mine)]


def _at(today: date, days: int, hour: int = 12) -> datetime:
    """A time of a working day that many working days ago."""
    day = today
    while days:
        day -= timedelta(days=1)
        days -= day.weekday() < 5
    return datetime.combine(day, time(hour, 5), zones.zone(ZONE))


async def _about(access: Access, patient: str) -> dict[str, tuple[str, ...]]:
    """Problems, objectives and the stay that a note of this client is about."""
    conditions = (await access.search("Condition", [("patient", patient), ("category", "problem-list-item"), ("clinical-status", "active")], count=1)).resources
    goals = (await access.search("Goal", [("patient", patient), ("lifecycle-status", "active")], count=40)).resources
    stays = (await access.search("EpisodeOfCare", [("patient", patient), ("status", "active")], count=10)).resources
    mine = [s for s in stays if saving.program_of(access, id_of(s.get("managingOrganization"), "Organization")) is not None]
    return {"diagnoses": tuple(c["id"] for c in conditions), "objectives": tuple(g["id"] for g in goals if plan.is_objective(g))[:2], "stay": tuple(s["id"] for s in mine[:1]),
            "organization": tuple(id_of(s.get("managingOrganization"), "Organization") for s in mine[:1])}  # fmt: skip


def _site(access: Access, program: int | None) -> str:
    """Where a program works."""
    key = access.rules.programs[program].key if program is not None and program in access.rules.programs else ""
    return Directory(SEED).reference("Location", PROGRAM[key].site).removeprefix("Location/") if key in PROGRAM else ""


def _sections(template: str, texts: tuple[str, ...]) -> Mapping[str, str]:
    return {s.key: text for s, text in zip(templates.shipped()[template].sections, texts, strict=False)}


async def _write(access: Access, patient: str, said: Said, start: datetime, *, sign: bool = True) -> None:
    """A note, signed or waiting for its signature."""
    about = await _about(access, patient)
    program = saving.program_of(access, next(iter(about["organization"]), ""))
    note = NewNote(
        patient, said.template, _sections(said.template, said.texts), start, start + timedelta(minutes=said.minutes), service=said.service, stay=next(iter(about["stay"]), ""),
        location=_site(access, program), modality=said.modality, participants=("client",), others=said.others, diagnoses=about["diagnoses"], objectives=about["objectives"],
        no_objective="" if about["objectives"] else "The plan is being written.", risk=said.risk, risk_note=said.risk_note, program=program, final=sign,
        document=drafting.begun(patient, templates.shipped()[said.template]).id,
    )  # fmt: skip
    if not sign:
        await saving.save(access, note, templates.shipped()[said.template])
        return
    ready = await writing.ready(access, note)
    outcome = await documents.signing(access, ready.changes, ready.document, ready.shown, service=said.service)
    await access.write(outcome.changes, action="sign")


async def _draft(access: Access, patient: str, today: date, n: int) -> None:
    """What was begun and left: one in the middle of a sentence."""
    template = templates.shipped()[("dap", "birp", "soap")[n % 3]]
    begun = drafting.begun(patient, template)
    day = _at(today, n + 1)
    values = {**begun.values, "date": [day.date().isoformat()], "start": ["14:00"], "modality": ["in-person"], "participants": ["client"]}
    texts = {drafting.SECTION + s.key: [text] for s, text in zip(template.sections, _HALF, strict=False) if text} if n == 0 else {}
    await drafting.keep(access, begun.with_values({**values, **texts}))


async def _apart(access: Access, patient: str, template: str, words: str, start: datetime) -> None:
    """A note of one's own, kept apart from the record."""
    about = await _about(access, patient)
    program = saving.program_of(access, next(iter(about["organization"]), ""))
    made = drafting.begun(patient, templates.shipped()[template])
    note = NewNote(patient, template, _sections(template, (words,)), start, start + timedelta(minutes=20), program=program, document=made.id)
    await saving.save(access, note, templates.shipped()[template])
