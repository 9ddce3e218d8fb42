"""What is to be answered by when: assessments, level-of-care ratings and measures."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from sojourn.care import levels, policies
from sojourn.care.forms.model import Form
from sojourn.care.levels import Stay
from sojourn.care.measures import forms as measured
from sojourn.care.measures.model import instruments
from sojourn.care.policies import Policies
from sojourn.gate.access import Access

ASSESSMENT, RATING = "biopsychosocial", "level-of-care"
NEEDS: Final = (("EpisodeOfCare", "search"), ("QuestionnaireResponse", "search"), ("Observation", "search"))
IN_CARE: Final = ("active", "onhold")
MOST_CLIENTS: Final = 60
_MEASURE = "measure."


class Due(NamedTuple):
    """One thing. what: the id of a form or instrument. by: when; last: when it was answered the last time, if ever. why: the rule, in words."""

    patient: str
    kind: str
    what: str
    title: str
    by: datetime
    last: datetime | None
    why: str


class Answers(NamedTuple):
    """The newest answer of each client, by form (last part of its canonical) or instrument."""

    newest: Mapping[tuple[str, str], datetime]


def _moment(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _patient(resource: Mapping[str, Any]) -> str:
    return str((resource.get("subject") or {}).get("reference", "")).removeprefix("Patient/")


def codes() -> str:
    """The codes of the scores by which it is known that a measure was asked: of those that a rule of cadence exists for."""
    out = []
    for id_ in cadenced():
        for rule in instruments()[id_].scores:
            out.append(f"{measured.MEASURE}|{id_}.{rule.id}")
            if rule.code and "code" not in rule.unverified:
                out.append(f"{measured.LOINC}|{rule.code}")
    return ",".join(out)


def cadenced() -> list[str]:
    """Instruments that a rule says something about."""
    found = (key.removeprefix(_MEASURE).removesuffix(".days") for key in policies.shipped() if key.startswith(_MEASURE) and key.endswith(".days"))
    return [id_ for id_ in found if id_ in instruments()]


def _instrument_of(observation: Mapping[str, Any]) -> str:
    for coding in (observation.get("code") or {}).get("coding", ()):
        if coding.get("system") == measured.MEASURE:
            return str(coding.get("code", "")).partition(".")[0]
        for id_ in cadenced():
            if coding.get("system") == measured.LOINC and any(r.code == coding.get("code") for r in instruments()[id_].scores):
                return id_
    return ""


def same_as(forms: Iterable[Form]) -> dict[str, str]:
    """Which of the organization's forms stand for the shipped assessment and rating: canonical to the shipped name, by their kind."""
    kinds = {"assessment": ASSESSMENT, "level-of-care": RATING}
    return {form.url: kinds[form.kind] for form in forms if form.kind in kinds}


def newest(responses: Iterable[Mapping[str, Any]], observations: Iterable[Mapping[str, Any]], alike: Mapping[str, str] | None = None) -> Answers:
    """The latest of each; what is marked as an error does not count."""
    found: dict[tuple[str, str], datetime] = {}
    for r in responses:
        if r.get("status") in ("completed", "amended"):
            url = str(r.get("questionnaire", "")).partition("|")[0]
            _later(found, _patient(r), (alike or {}).get(url) or url.rpartition("/")[2], _moment(r.get("authored")))
    for o in observations:
        if o.get("status") not in ("entered-in-error", "cancelled"):
            _later(found, _patient(o), _instrument_of(o), _moment(o.get("effectiveDateTime")))
    return Answers(found)


def _later(found: dict[tuple[str, str], datetime], patient: str, what: str, at: datetime | None) -> None:
    if what and at and (at > found.get((patient, what), datetime.min.replace(tzinfo=UTC))):
        found[patient, what] = at


def owed(stays: Sequence[Stay], answers: Answers, rules: Policies, now: datetime) -> list[Due]:
    """What is due for the clients of these stays, the earliest first; once each, however many stays ask for it."""
    out: dict[tuple[str, str], Due] = {}
    for stay in stays:
        begun = _moment(stay.started)
        if stay.status not in IN_CARE or begun is None or begun > now:
            continue
        for due in [*_first(stay, begun, answers, rules), *_again(stay, begun, answers, rules)]:
            key = (due.patient, due.what)
            if key not in out or due.by < out[key].by:
                out[key] = due
    return sorted(out.values(), key=lambda d: d.by)


def _first(stay: Stay, begun: datetime, answers: Answers, rules: Policies) -> list[Due]:
    """The assessment: once for a stay. An answer from up to 30 days before it began counts."""
    last = answers.newest.get((stay.patient, ASSESSMENT))
    if last and last >= begun - timedelta(days=30):
        return []
    hours = rules.number("form.assessment.hours", stay.level)
    by = begun + timedelta(hours=hours)
    return [Due(stay.patient, "form", ASSESSMENT, "Biopsychosocial assessment", by, last, f"within {_span(hours)} of the beginning of {stay.program or 'the stay'}")] if hours else []


def _again(stay: Stay, begun: datetime, answers: Answers, rules: Policies) -> list[Due]:
    out = []
    days = rules.number("form.level-of-care.days", stay.level)
    last = answers.newest.get((stay.patient, RATING))
    hours = rules.number("form.assessment.hours", stay.level)
    if days:
        first = last is None or last < begun - timedelta(days=30)
        by = begun + timedelta(hours=hours) if first or last is None else last + timedelta(days=days)
        out.append(Due(stay.patient, "form", RATING, "Level-of-care rating", by, last, "for the first time" if first else f"every {days:g} days at this level of care"))
    for id_ in cadenced():
        days = rules.number(f"{_MEASURE}{id_}.days", stay.level)
        if days:
            last = answers.newest.get((stay.patient, id_))
            by = (last if last and last >= begun - timedelta(days=days) else begun) + timedelta(days=days if last and last >= begun - timedelta(days=days) else min(days, 7))
            out.append(Due(stay.patient, "measure", id_, instruments()[id_].short, by, last, f"every {days:g} days at this level of care"))
    return out


def _span(hours: float) -> str:
    return f"{hours:g} hours" if hours < 96 else f"{hours / 24:g} days"


def soon(dues: Iterable[Due], now: datetime, ahead: timedelta = timedelta(days=3)) -> list[Due]:
    """Those that are late or due within a few days."""
    return [d for d in dues if d.by <= now + ahead]


def place(due: Due, askable: Iterable[Form]) -> str:
    """Where it is done. askable: the forms that can be asked now."""
    if due.kind == "measure":
        return f"/patients/{due.patient}/measures/ask/{due.what}"
    kind = {ASSESSMENT: "assessment", RATING: "level-of-care"}[due.what]
    form = next((f for f in askable if f.kind == kind), None)
    return f"/patients/{due.patient}/forms/{form.id}" if form else f"/patients/{due.patient}/forms"


async def of_patient(access: Access, patient: str, own: Iterable[Form]) -> list[Due]:
    """What is due for one client: late, or within three days. own: the organization's forms. Four questions, asked together."""
    if not all(access.may(type_, action) for type_, action in NEEDS):
        return []
    stays, rules, responses, observations = await asyncio.gather(levels.current(access, patient), policies.of(access), _responses(access, patient), _observations(access, patient))
    return soon(owed(stays, newest(responses, observations, same_as(own)), rules, access.now), access.now)


async def of_mine(access: Access, own: Iterable[Form]) -> list[Due]:
    """The same for the clients of whose stay the caller is the care manager. Two questions, and two for each client."""
    agent = access.caller.agent or ""
    if not agent.startswith("Practitioner/") or not all(access.may(type_, action) for type_, action in NEEDS):
        return []
    found = await access.search("EpisodeOfCare", [("care-manager", agent), ("status", ",".join(IN_CARE))], count=MOST_CLIENTS)
    stays = [levels.stay(e) for e in found.resources]
    patients = sorted({s.patient for s in stays if s.patient})
    if not patients:
        return []
    # Chart by chart: one search over several charts took more than twenty seconds where these take three (a loaded machine, 15 clients).
    rules, responses, observations = await asyncio.gather(policies.of(access), _each(_responses, access, patients), _each(_observations, access, patients))
    return soon(owed(stays, newest(responses, observations, same_as(own)), rules, access.now), access.now)


async def _each(ask: Callable[[Access, str], Awaitable[list[dict[str, Any]]]], access: Access, patients: Iterable[str]) -> list[dict[str, Any]]:
    """What is asked of each chart, at the same time."""
    return [resource for found in await asyncio.gather(*(ask(access, patient) for patient in patients)) for resource in found]


async def _responses(access: Access, patients: str) -> list[dict[str, Any]]:
    since = (access.now - timedelta(days=400)).date().isoformat()
    return (await access.search("QuestionnaireResponse", [("patient", patients), ("authored", f"ge{since}"), ("_sort", "-authored")], count=400)).resources


async def _observations(access: Access, patients: str) -> list[dict[str, Any]]:
    since = (access.now - timedelta(days=120)).date().isoformat()
    return (await access.search("Observation", [("patient", patients), ("code", codes()), ("date", f"ge{since}"), ("_sort", "-date")], count=600)).resources
