"""A call of somebody who looks for care: who it may be already, and keeping what was said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sojourn.base import errors
from sojourn.care import policies, tasks
from sojourn.care.admissions import case as cases
from sojourn.care.admissions import merging
from sojourn.care.forms import actions, shipping
from sojourn.care.forms.filling import Filled
from sojourn.care.forms.model import Form
from sojourn.care.resources import concept, ref
from sojourn.gate.access import Access
from sojourn.gate.caller import Program
from sojourn.gate.changes import Change, new_id

SHEET: Final = "call-sheet.1"
NEEDS: Final = (("Patient", "create"), ("EpisodeOfCare", "create"), ("Task", "create"), ("QuestionnaireResponse", "create"))
"""What a role must allow to take a call."""
LEVELS: Final = ("", "3.7", "3.5", "3.1", "2.5", "PHP", "2.1", "1.7", "1.5", "OP")
OUTCOMES: Final = {"inquiry": "Call back", "pre-screen": "Pre-screen", "benefits": "Look into benefits first", "waitlist": "Waiting list", "referred-out": "Referred elsewhere",
                   "declined": "Declined", "not-coming": "Only wanted information"}  # fmt: skip
LEVEL_SYSTEM: Final = "https://sojourn.example/fhir/CodeSystem/level-of-care"
SAFETY_TASK: Final = "call-safety"
_LIKE: Final = 8
"""People who may be the same, shown at most."""


@dataclass(slots=True)
class Person:
    """Who looks for care, as they were named. known: the id of the one whom the caller of the page recognized; '' for somebody new."""

    family: str
    given: str
    born: str = ""
    gender: str = "unknown"
    phone: str = ""
    called: str = ""
    known: str = ""


def sheet(access: Access) -> Form:
    """The call sheet."""
    return shipping.shipped(access.house.base)[SHEET]


def programs(access: Access) -> list[Program]:
    """The programs that somebody can be taken for: those in which the caller works."""
    return access.programs


async def alike(access: Access, family: str, given: str, born: str, phone: str = "") -> list[dict[str, Any]]:
    """People whom the caller may see and who may be the one who calls: the same birth date or telephone and a name that begins alike, or both names.

    Somebody whom the caller may not see is not among them, and nothing tells: what was written twice is found afterwards (`duplicates`).
    """
    found: dict[str, dict[str, Any]] = {}
    wanted: list[list[tuple[str, str]]] = []
    if family and born:
        wanted.append([("birthdate", born), ("family", family[:3])])
    if family and given:
        wanted.append([("family", family), ("given", given)])
    if given and born:
        wanted.append([("birthdate", born), ("given", given[:3])])
    if phone and family:
        wanted.append([("phone", phone), ("family", family[:3])])
    for params in wanted:
        answer = await access.search("Patient", [(name, value.replace(",", " ").replace("|", " ").replace("$", " ")) for name, value in params], count=5)
        found |= {str(p["id"]): p for p in answer.resources}
    return [hit.person for hit in await merging.once(access, list(found.values())[:_LIKE])]


async def take(access: Access, person: Person, filled: Filled, *, program: int, level: str, outcome: str, note: str) -> str:
    """Keep a call: the person if they are new, the sheet, and the case, or one more call in the case that is open. The id of the case.

    Raises Malformed for what is missing (the safety question first), Forbidden for a program that is not the caller's.
    """
    _check(access, person, filled, program, outcome, note)
    rules = await policies.of(access)
    known = person.known
    if known:
        await access.read("Patient", known)
        open_ = await cases.of_person(access, known)
        if open_:
            return await _again(access, open_[0], filled, note)
    patient, episode, id_ = known or new_id(), new_id(), new_id()
    danger = _answer(filled, "danger")
    due = None if cases.stages()[outcome].ended else access.now + timedelta(hours=rules.number("admissions.callback-hours", level))
    changes = [] if known else [Change("create", "Patient", patient, _patient(person), program=program)]
    changes += [
        Change("create", "EpisodeOfCare", episode, _episode(access, patient, program, level, outcome), program=program),
        cases.begun(access, id_=id_, patient=patient, episode=episode, stage=outcome, level=level, program=program, owner=access.caller.agent, due=due, urgent=danger != "no", note=note),
        *_sheet(access, patient, filled, program), *_danger(access, danger, patient, id_, program),
    ]  # fmt: skip
    await access.write(changes, action="call")
    return id_


def _check(access: Access, person: Person, filled: Filled, program: int, outcome: str, note: str) -> None:
    if not _answer(filled, "danger"):
        raise errors.Malformed("Ask whether anybody is in danger now. The call cannot be closed without it.")
    if filled.problems:
        raise errors.Malformed("Some questions of the sheet need an answer.")
    if not person.known and not (person.family.strip() and person.given.strip()):
        raise errors.Malformed("Write the name of the person who needs care; 'Unknown' if they do not give one.")
    if program not in {p.number for p in programs(access)}:
        raise errors.Malformed("Choose the program that they are taken for: one in which you work.")
    if outcome not in OUTCOMES:
        raise errors.Malformed("Choose how the call ended.")
    if outcome in ("referred-out", "declined") and not note.strip():
        raise errors.Malformed("Say where they were referred to, or why they were declined.")


async def _again(access: Access, case: cases.Case, filled: Filled, note: str) -> str:
    danger = _answer(filled, "danger")
    said = cases.saying(access, case, f"Called again. {note}".strip(), **({"priority": "urgent"} if danger != "no" else {}))
    await access.write([said, *_sheet(access, case.patient, filled, case.program or None), *_danger(access, danger, case.patient, case.id, case.program or None)], action="call")
    return case.id


def _answer(filled: Filled, link: str) -> str:
    node = next((n for n in filled.all if n.item.link == link and n.applies), None)
    if node is None or not node.answers:
        return ""
    return str(node.answers[0].get("valueCoding", {}).get("code", ""))


def _sheet(access: Access, patient: str, filled: Filled, program: int | None) -> list[Change]:
    _, changes = actions.changes(access, patient, filled)
    for change in changes:
        change.program = program
    return changes


def _danger(access: Access, danger: str, patient: str, case: str, program: int | None) -> list[Change]:
    """Somebody may be in danger: whoever leads and whoever is on duty are told at once, in words that tell nothing."""
    if danger == "no":
        return []
    text = "A call needs somebody now"
    due = access.now + timedelta(minutes=15)
    return [tasks.new(access, SAFETY_TASK, text, patient=patient, role=role, focus=f"Task/{case}", priority="stat", due=due, program=program) for role in ("supervisor", "on-call")]


def _patient(person: Person) -> dict[str, Any]:
    made: dict[str, Any] = {
        "resourceType": "Patient", "active": True, "gender": person.gender if person.gender in ("male", "female", "other", "unknown") else "unknown",
        "name": [{"use": "official", "family": person.family.strip(), "given": person.given.split()}, *([{"use": "usual", "given": [person.called.strip()]}] if person.called.strip() else [])],
    }  # fmt: skip
    if person.born:
        made["birthDate"] = person.born
    if person.phone.strip():
        made["telecom"] = [{"system": "phone", "value": person.phone.strip(), "use": "mobile"}]
    return made


def _episode(access: Access, patient: str, program: int, level: str, outcome: str) -> dict[str, Any]:
    ran = access.rules.programs[program]
    kind: dict[str, Any] = {"text": ran.name}
    if level:
        kind["coding"] = [{"system": LEVEL_SYSTEM, "code": level}]
    ended = cases.stages()[outcome].ended
    return {
        "resourceType": "EpisodeOfCare", "status": "cancelled" if ended else "waitlist" if outcome == "waitlist" else "planned", "type": [kind], "patient": ref("Patient", patient),
        **({"managingOrganization": ref("Organization", ran.organization.rpartition("/")[2])} if ran.organization else {}),
    }  # fmt: skip


def outcome_text(code: str) -> str:
    """How a call ended, in words."""
    return OUTCOMES.get(code, code)


def concept_of_level(level: str, text: str) -> dict[str, Any]:
    """A level of care as a concept."""
    return concept(level, text, LEVEL_SYSTEM)
