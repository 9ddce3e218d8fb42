"""How alike somebody who is asked about and a person of the record are, for those who ask outside.

Only what the caller may see is compared, so that what is hidden from them changes neither who is found nor how surely.
https://hl7.org/fhir/R4/patient-operation-match.html
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.care.exchange.matching import folded

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.found import Found, Stored

CERTAIN, PROBABLE, POSSIBLE = "certain", "probable", "possible"
"""http://terminology.hl7.org/CodeSystem/match-grade"""
TOO_LITTLE: Final = "Say more of whom you look for: an identifier with its system, or family name, given name and the whole birth date."
_SOME: Final = 50
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")


class Alike(NamedTuple):
    """Somebody who may be meant. score: from 0 to 1."""

    stored: Stored
    grade: str
    score: float


class Sought(NamedTuple):
    """What of somebody is compared."""

    identifiers: frozenset[tuple[str, str]]
    families: frozenset[str]
    given: frozenset[str]
    born: str
    sex: str
    numbers: frozenset[str]
    places: frozenset[str]
    family: str = ""


def sought(patient: dict[str, Any]) -> Sought:
    """What a Patient says of who they are."""
    names = [n for n in patient.get("name") or () if isinstance(n, dict)]
    identifiers = {(str(i.get("system") or ""), str(i.get("value") or "")) for i in patient.get("identifier") or () if isinstance(i, dict)}
    telecoms = {_number(str(t.get("value") or "")) for t in patient.get("telecom") or () if isinstance(t, dict)}
    places = {str(a.get("postalCode") or "")[:5] for a in patient.get("address") or () if isinstance(a, dict)}
    return Sought(
        frozenset(i for i in identifiers if all(i)), frozenset(folded(str(n.get("family") or "")) for n in names) - {""},
        frozenset(folded(str(g)) for n in names for g in n.get("given") or ()) - {""}, str(patient.get("birthDate") or "")[:10], str(patient.get("gender") or ""),
        frozenset(telecoms) - {""}, frozenset(places) - {""}, next((str(n["family"]) for n in names if n.get("family")), ""),
    )  # fmt: skip


def _number(text: str) -> str:
    """A telephone number or address of e-mail, as it is compared."""
    return text.strip().lower() if "@" in text else "".join(c for c in text if c.isdigit())[-10:]


def grade(wanted: Sought, person: Sought) -> tuple[str, float]:
    """How alike they are; '' where they are not. Nobody is certain by likeness: only by an identifier against which nothing speaks."""
    same_number = bool(wanted.identifiers & person.identifiers)
    born, family, given = wanted.born == person.born != "", bool(wanted.families & person.families), bool(wanted.given & person.given)
    against = (bool(wanted.born and person.born) and not born) + (bool(wanted.families and person.families) and not family and not born)
    if same_number:
        return (POSSIBLE, 0.5) if against else (CERTAIN, 1.0)
    if not (born and family):
        return "", 0.0
    other_sex = {wanted.sex, person.sex} == {"male", "female"}
    more = bool(wanted.numbers & person.numbers) + bool(wanted.places & person.places)
    score = 0.5 + 0.2 * given + 0.05 * (wanted.sex == person.sex != "") + 0.1 * more
    return (PROBABLE if given and not other_sex else POSSIBLE), round(min(score - 0.2 * other_sex, 0.95), 2)


async def found(access: Access, patient: dict[str, Any], *, certain: bool = False, most: int = 20) -> tuple[list[Alike], Found]:
    """Who may be meant, of those whom the caller may see, the likeliest first; and the last search, whose receipt proves them.

    certain: only those who are. Raises Malformed where too little is said to look for anybody.
    """
    wanted = sought(patient)
    asked: list[list[tuple[str, str]]] = []
    numbers = sorted(i for i in wanted.identifiers if ":" in i[0])[:10]
    if numbers:
        asked.append([("identifier", ",".join(f"{_safe(s)}|{_safe(v)}" for s, v in numbers))])
    if _DAY.fullmatch(wanted.born) and wanted.family and wanted.given:
        asked.append([("family", _safe(wanted.family)), ("birthdate", wanted.born)])
    if not asked:
        raise errors.Malformed(TOO_LITTLE)
    pages = await asyncio.gather(*(access.search("Patient", question, count=_SOME) for question in asked))
    people = {s.id: s for page in pages for s in page.matches if s.resource.get("active") is not False}
    graded = [Alike(s, *grade(wanted, sought(s.resource))) for s in people.values()]
    kept = sorted((a for a in graded if a.grade and (a.grade == CERTAIN or not certain)), key=lambda a: (-a.score, a.stored.id))
    return kept[:most], pages[-1]


def _safe(value: str) -> str:
    """A value that is searched for as it is."""
    return "".join("\\" + c if c in "\\,|$" else c for c in value)
