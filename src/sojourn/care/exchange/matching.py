"""Whose is it: a person is found for certain, or somebody here decides. Never by likeness alone.

For certain is: somebody here said so before, or the message carries an identifier of ours or the number of an order of ours; and family name or
birth date do not speak against it. Everything else waits, with those whom it may be.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sojourn.base.errors import SojournError
from sojourn.care.orders.ordering import NUMBER
from sojourn.care.resources import id_of
from sojourn.gate import origin
from sojourn.gate.exchange import doing
from sojourn.gate.exchange.messages import NEW

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.found import Stored

UNSURE: Final = "It is not certain whose it is, or to which program it belongs. Choose whose it is."
"""What an envelope says, whatever is or is not there: who reads it may not know."""
NOBODY: Final = "Nobody here has an identifier or an order that it names."
"""Also what somebody is told who may not see whom it names."""
_SOME: Final = 40  # values in one search
_LIKE: Final = 6


@dataclass(frozen=True, slots=True)
class Person:
    """A person as a sender names them. identifiers: (system, value). key: the first of them as one text, by which the sender means them again."""

    identifiers: tuple[tuple[str, str], ...] = ()
    family: str = ""
    given: tuple[str, ...] = ()
    born: str = ""
    sex: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """Whose a message is. orders: numbers of orders that it answers; chosen: (patient, program) that somebody decided."""

    partner: str
    person: Person
    orders: tuple[str, ...] = ()
    chosen: tuple[str, int | None] = ("", None)


@dataclass(frozen=True, slots=True)
class Match:
    """The answer. patient: '' where somebody has to decide; then why and who it may be. orders: ServiceRequests by number.

    why tells of what is there: it is for who may see whom it names, and the envelope says UNSURE. nobody: nobody has an identifier or an order
    that it names.
    """

    patient: str = ""
    why: str = ""
    nobody: bool = False
    candidates: tuple[str, ...] = ()
    orders: tuple[Stored, ...] = ()


def folded(text: str) -> str:
    """A name as it is compared: letters only, without marks and case."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in plain if c.isalnum())


async def answers(access: Access, questions: Sequence[Question]) -> list[Match]:
    """For each question its answer. A handful of searches for all of them, and one or two more for each who is found nowhere."""
    known = await doing.known(access, list(dict.fromkeys((q.partner, q.person.key) for q in questions if q.person.key)))
    by_number, by_identifier = await asyncio.gather(_orders(access, questions), _identified(access, questions))
    named = {id_ for q in questions if (id_ := q.chosen[0].replace(NEW, "") or known.get((q.partner, q.person.key), ""))}
    named |= {id_of(s.resource.get("subject"), "Patient") for stored in by_number.values() for s in stored}
    people = {s.id: s.resource for s in await _of(access, "Patient", "_id", named)} | {id_: r for found in by_identifier.values() for id_, r in found.items()}
    return [await _answer(access, q, known, by_number, by_identifier, people) for q in questions]


async def _answer(
    access: Access, q: Question, known: dict[tuple[str, str], str], by_number: dict[str, list[Stored]], by_identifier: dict[tuple[str, str], dict[str, Any]], people: dict[str, Any],
) -> Match:  # fmt: skip
    orders = [s for n in q.orders for s in by_number.get(n.upper(), ())]
    if q.chosen[0] == NEW:
        return Match(nobody=True)
    if q.chosen[0]:
        patient = q.chosen[0]
        return Match(patient, orders=tuple(s for s in orders if id_of(s.resource.get("subject"), "Patient") == patient)) if patient in people else Match(why="The person who was chosen cannot be seen by this partner's account.")
    found: dict[str, str] = {}
    for identifier in q.person.identifiers:
        found |= dict.fromkeys(by_identifier.get(identifier, ()), "an identifier")
    found |= {id_of(s.resource.get("subject"), "Patient"): "an order" for s in orders}
    if (before := known.get((q.partner, q.person.key))) is not None:
        found[before] = "what was decided before"
    sure = [id_ for id_ in found if id_ in people and not against(q.person, people[id_])]
    if len(sure) == 1 and len(found) == 1:
        return Match(sure[0], orders=tuple(s for s in orders if id_of(s.resource.get("subject"), "Patient") == sure[0]))
    if found:
        why = "What it says of the person points to several people." if len(found) > 1 else f"The person whom {next(iter(found.values()))} names has another family name or birth date."
        return Match(why=why, candidates=tuple(sorted(found))[:_LIKE])
    if not q.person.family and not q.person.identifiers:
        return Match(why="It does not say whose it is.", nobody=True)
    like = await _alike(access, q.person)
    return Match(why=NOBODY, nobody=True, candidates=tuple(like))


def against(person: Person, patient: dict[str, Any]) -> bool:
    """Whether family name or birth date speak against it: one of them said and different, and the other not said and the same."""
    born = str(patient.get("birthDate", ""))
    families = {folded(str(n.get("family", ""))) for n in patient.get("name") or ()} - {""}
    same_born = bool(person.born and born) and (born.startswith(person.born) or person.born.startswith(born))
    same_family = bool(person.family) and folded(person.family) in families
    other_born = bool(person.born and born) and not same_born
    other_family = bool(person.family and families) and not same_family
    return other_born or other_family and not same_born


async def _orders(access: Access, questions: Sequence[Question]) -> dict[str, list[Stored]]:
    """Orders of ours by their number."""
    numbers = {n for q in questions for n in q.orders}
    out: dict[str, list[Stored]] = {}
    for stored in await _of(access, "ServiceRequest", "identifier", (f"{NUMBER}|{_safe(n)}" for n in numbers)):
        for identifier in stored.resource.get("identifier") or ():
            if identifier.get("system") == NUMBER:
                out.setdefault(str(identifier.get("value", "")).upper(), []).append(stored)
    return out


async def _identified(access: Access, questions: Sequence[Question]) -> dict[tuple[str, str], dict[str, Any]]:
    """People by an identifier of ours."""
    wanted = {i for q in questions for i in q.person.identifiers if "://" in i[0] or i[0].startswith("urn:")}
    out: dict[tuple[str, str], dict[str, Any]] = {}
    for stored in await _of(access, "Patient", "identifier", (f"{_safe(s)}|{_safe(v)}" for s, v in wanted)):
        for identifier in stored.resource.get("identifier") or ():
            key = (str(identifier.get("system", "")), str(identifier.get("value", "")))
            if key in wanted and stored.resource.get("active") is not False:
                out.setdefault(key, {})[stored.id] = stored.resource
    return out


async def _alike(access: Access, person: Person) -> list[str]:
    """People of the same family name and birth date, for somebody to look at."""
    if not person.family or len(person.born) != len("2000-01-01"):
        return []
    try:
        found = await access.search("Patient", [("family", _safe(person.family)), ("birthdate", person.born)], count=_LIKE)
    except SojournError:
        return []
    return [s.id for s in found.matches]


async def _of(access: Access, type_: str, by: str, values: Iterable[str]) -> list[Stored]:
    wanted, found = sorted(set(values)), []
    for start in range(0, len(wanted), _SOME):
        found += (await access.search(type_, [(by, ",".join(wanted[start : start + _SOME]))], count=400)).matches
    return found


def _safe(value: str) -> str:
    """A value that is searched for as it is."""
    return "".join("\\" + c if c in "\\,|$" else c for c in value)


async def programs_of(access: Access, matches: Sequence[Match], usual: Sequence[int | None], chosen: Sequence[int | None]) -> list[int | None]:
    """To which program what answers each match belongs: what was chosen, that of the order, the partner's usual one, the only one the person is in.

    None where somebody has to decide. What has an order belongs where the order does, so that it is under the same law.
    """
    orders = {f"ServiceRequest/{s.id}" for m in matches for s in m.orders}
    made = await origin.makers(access, sorted(orders))
    out: list[int | None] = []
    alone = await _only(access, {m.patient for m, u, c in zip(matches, usual, chosen, strict=True) if m.patient and not m.orders and u is None and c is None})
    for match, partners, somebody in zip(matches, usual, chosen, strict=True):
        of_orders = {n for s in match.orders if (n := made[f"ServiceRequest/{s.id}"]) is not None}
        out.append(somebody if somebody is not None else next(iter(of_orders)) if len(of_orders) == 1 else partners if partners is not None and not of_orders else alone.get(match.patient))
    return out


async def _only(access: Access, patients: set[str]) -> dict[str, int]:
    """The one program in which a person has an open episode, where it is one."""
    return {patient: next(iter(programs)) for patient, programs in (await in_care(access, patients)).items() if len(programs) == 1}


async def in_care(access: Access, patients: set[str]) -> dict[str, set[int]]:
    """The programs in which each has an open episode. Two questions at most."""
    episodes = await _of(access, "EpisodeOfCare", "patient", patients) if patients else []
    active = [s for s in episodes if s.resource.get("status") in ("active", "onhold", "waitlist", "planned")]
    made = await origin.makers(access, [f"EpisodeOfCare/{s.id}" for s in active])
    found: dict[str, set[int]] = {}
    for s in active:
        if (n := made[f"EpisodeOfCare/{s.id}"]) is not None:
            found.setdefault(id_of(s.resource.get("patient"), "Patient"), set()).add(n)
    return found
