"""Who has to do with whom: relation rows, made in the transaction of what says so.

A row says: this key is related to this patient from then to then. Outside organizations are named by nothing that stands under a law
of its own, since the relation would tell of it. Staff are: by their program, which only its own people hold as a key, and by their
name within it (gate/reach.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sojourn.gate import bases, elsewhere, reach
from sojourn.gate.consent import EVER, FOREVER, Relation, _id_of, _moment

_NOBODYS = bases.UNLABELLED | bases.SUD_COUNSELING | bases.PSYCHOTHERAPY
"""Under these a source relates nobody: nobody sees it by their role."""


_TAKEN_BACK = timedelta(days=7)
"""For how long somebody outside whom an order named may still be told that it was taken back."""


def of_order(request: str, organization: str) -> str:
    """The key by which an organization outside (`Organization/id`) is told the end of one order, a ServiceRequest's id. It is among the keys of whoever tells
    them (gate/exchange/telling.py) and of no account: an order that was taken back, or was never meant for them, opens no chart."""
    return f"order:{request}:{organization}"


class Source(NamedTuple):
    """What is written: its bases, the programs that made it, who writes it (a key) and when; days: how long what is over lasts on."""

    own: int
    origin: Sequence[int]
    author: str | None
    now: datetime
    days: Mapping[str, int]
    created: bool


class _Said(NamedTuple):
    """What a resource says: about whom, who (staff and units, organizations), as what, from when to when."""

    patient: str | None
    people: set[str]
    organizations: set[str]
    kind: str
    start: datetime
    end: datetime


def compiled(resource: Mapping[str, Any], op: int, source: Source) -> list[Relation]:
    """The rows of record.relation_row that a resource creates; none for most types, and for what is over without a trace."""
    if resource["resourceType"] == "Patient":
        return _patient(resource, op, source) if source.created else []
    if resource["resourceType"] == "RelatedPerson":
        return _related(resource, op, source)
    if resource["resourceType"] == "ServiceRequest" and resource.get("status") in ("revoked", "entered-in-error"):
        return _taken_back(resource, op, source)
    reader = _READERS.get(resource["resourceType"])
    said = reader(resource, source) if reader else None
    if said is None or said.patient is None or source.own & _NOBODYS:
        return []
    return [(op, said.patient, key, said.kind, said.start, said.end) for key in _keys(said, source)]


def _keys(said: _Said, source: Source) -> Iterator[str]:
    yield from (reach.program_key(n) for n in source.origin)
    within = source.origin if source.own & bases.PART2 else [0]
    yield from (reach.known_in(who, n) for who in sorted(said.people) for n in within)
    if source.own == 0:
        yield from sorted(said.organizations)


def _patient(patient: Mapping[str, Any], op: int, source: Source) -> list[Relation]:
    """Whoever registered somebody, and their program; and everybody to themselves."""
    id_ = patient["id"]
    until = source.now + timedelta(days=source.days["registered"])
    within = source.origin if source.own & bases.PART2 else [0]
    keys = [reach.program_key(n) for n in source.origin] + ([reach.known_in(source.author, n) for n in within] if source.author else [])
    return [*((op, id_, key, "registered", source.now, until) for key in keys), (op, id_, f"Patient/{id_}", "self", EVER, FOREVER)]


def _care_team(team: Mapping[str, Any], source: Source) -> _Said | None:
    if team.get("status") in ("entered-in-error", "inactive"):
        return None
    actors = [p.get("member", {}).get("reference") for p in team.get("participant", ())]
    organizations = {o.get("reference") for o in team.get("managingOrganization", ())}
    return _said(team.get("subject"), actors, organizations, "care-team", team.get("period"), source)


def _episode(episode: Mapping[str, Any], source: Source) -> _Said | None:
    status = episode.get("status")
    if status in ("entered-in-error", "cancelled"):
        return None
    organizations = {episode.get("managingOrganization", {}).get("reference")}
    return _said(episode.get("patient"), [episode.get("careManager", {}).get("reference")], organizations, "episode", episode.get("period"), source, over=status == "finished")


def _visit(visit: Mapping[str, Any], source: Source) -> _Said | None:
    status = visit.get("status")
    if status in ("entered-in-error", "cancelled") or elsewhere.told(visit):
        return None
    actors = [p.get("individual", {}).get("reference") for p in visit.get("participant", ())]
    if status != "finished":
        actors += [place.get("location", {}).get("reference") for place in visit.get("location", ()) if place.get("status") in (None, "active", "reserved", "planned")]
    return _said(visit.get("subject"), actors, set(), "visit", visit.get("period"), source, over=status == "finished")


def _appointment(booked: Mapping[str, Any], source: Source) -> _Said | None:
    if booked.get("status") in ("entered-in-error", "cancelled") or elsewhere.told(booked):
        return None
    actors = [p.get("actor", {}) for p in booked.get("participant", ())]
    patients = [a for a in actors if _id_of(a, "Patient")]
    if len(patients) != 1:
        return None
    return _said(patients[0], [a.get("reference") for a in actors if _id_of(a, "Practitioner")], set(), "appointment", booked, source)


def _referral(asked: Mapping[str, Any], source: Source) -> _Said | None:
    """An order outside a visit: a referral that waits."""
    if asked.get("encounter") or asked.get("status") not in ("draft", "active", "on-hold"):
        return None
    return _said(asked.get("subject"), [p.get("reference") for p in asked.get("performer", ())], set(), "referral", None, source)


def _taken_back(asked: Mapping[str, Any], op: int, source: Source) -> list[Relation]:
    """Nobody has to do with the patient for its sake any more. Whom it named outside may be told that it is over, and nothing else."""
    patient = _id_of(asked.get("subject"), "Patient")
    if asked.get("encounter") or patient is None or source.own:
        return []
    outside = sorted({r for p in asked.get("performer", ()) if (r := str(p.get("reference"))).startswith("Organization/")})
    return [(op, patient, of_order(asked["id"], r), "referral", source.now, source.now + _TAKEN_BACK) for r in outside]


PARENTS = frozenset({"PRN", "MTH", "FTH", "NPRN", "NMTH", "NFTH", "ADOPTP", "ADOPTM", "ADOPTF", "STPPRN", "STPMTH", "STPFTH", "PRNFOST", "MTHFOST", "FTHFOST"})
"""Codes of v3-RoleCode for who is a parent, in law or in fact. They act for a child, until it is of age (gate/minors.py)."""
GUARDIANS = frozenset({"GUARD", "HPOWATT"})
"""A guardian and who has a power of attorney for health care act for whom they are appointed to (45 CFR 164.502(g)(2), (3))."""


def _related(person: Mapping[str, Any], op: int, source: Source) -> list[Relation]:
    """Who acts for a patient: parents and guardians. Everybody else needs a consent that names them."""
    patient = _id_of(person.get("patient"), "Patient")
    codes = {c.get("code") for concept in person.get("relationship", ()) for c in concept.get("coding", ())}
    kind = "guardian" if codes & GUARDIANS else "parent" if codes & PARENTS else None
    if patient is None or kind is None or person.get("active") is False or source.own & _NOBODYS:
        return []
    period = person.get("period", {})
    return [(op, patient, f"RelatedPerson/{person['id']}", kind, _moment(period.get("start"), EVER), _moment(period.get("end"), FOREVER, end=True))]


_READERS: dict[str, Callable[[Mapping[str, Any], Source], _Said | None]] = {
    "CareTeam": _care_team,
    "EpisodeOfCare": _episode,
    "Encounter": _visit,
    "Appointment": _appointment,
    "ServiceRequest": _referral,
}
SOURCES = frozenset({"Patient", "RelatedPerson", *_READERS})


def _said(subject: Mapping[str, Any] | None, actors: Sequence[str | None], organizations: set[str | None], kind: str, period: Mapping[str, Any] | None, source: Source, *, over: bool = False) -> _Said:
    """From the first day, or from now if that is to come, since people prepare; to the last and the days after it."""
    period = period or {}
    start = min(_moment(period.get("start"), EVER), source.now)
    end = _moment(period.get("end"), source.now if over else FOREVER, end=True)
    if end != FOREVER:
        end += timedelta(days=source.days[kind])
    people = {a for a in actors if a and a.partition("/")[0] in ("Practitioner", "Location")}
    outside = {a for a in (*actors, *organizations) if a and a.partition("/")[0] == "Organization"}
    return _Said(_id_of(subject, "Patient"), people, outside, kind, start, end)
