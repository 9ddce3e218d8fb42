"""Forms at the sample organization: assessments, ratings, one draft, one form of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from random import Random
from typing import Any

from sojourn.base import crypto
from sojourn.care.forms import extracting, library, responses, shipping
from sojourn.care.forms.filling import fill
from sojourn.care.forms.model import Form
from sojourn.care.levels import Stay, stay
from sojourn.cli.riverbend_desk import signed_in_as
from sojourn.doors.staff import keeping
from sojourn.fhir import codec
from sojourn.gate import drafts
from sojourn.gate.access import Access
from sojourn.gate.gate import Gate
from sojourn.gate.importing import Arrival, bring_in

TENANT = 1
IMPORTER = "system-import"
RATED = ("1.5", "1.7", "2.1", "3.5", "3.7")
_LEVELS = {"1.5": 1, "1.7": 2, "2.1": 3, "3.5": 7, "3.7": 8}
"""Places of the levels among the answers of the rating."""
_WHY = ("I want to sleep again.", "My daughter stopped calling.", "The court gave me until March.", "I could not get out of bed any more.", "I used again after my father's funeral.", "I keep losing jobs and I do not know why.")
_STRENGTHS = ("Comes on time, says what is hard.", "Two years of sobriety behind her; knows what helped.", "A steady sister; plays music every week.", "Good with his hands; wants to work.")
_NEEDS = ("A place to live after this.", "Somebody to call at night.", "A doctor who takes the pain seriously.", "Help with the forms for the court.")
_SUMMARY = (
    "Low mood since a loss a year ago, kept going by drinking alone in the evening. Work and a sister hold. Treat both together.",
    "Worry since school, panic since the accident; avoiding makes the world smaller. Motivated; reads between sessions.",
    "Long use with two good years in between. What ended them was the loss of the home. Housing first, medication steady.",
)


async def lay_out(gate: Gate, today: date) -> None:
    """Once. What was answered is imported with its days; the draft and the form are made as people make them."""
    async with signed_in_as(gate, "sam") as sam:
        if await library.stored(sam, [("title", "Evening check-in")]):
            return
    tenant = gate.house.tenants[TENANT]
    secret = await gate.token(tenant, IMPORTER, door="import", days=1)
    access = await gate.access(secret)
    assert access is not None  # noqa: S101 - it was just issued
    numbers = {p.organization: p.number for p in access.rules.programs.values() if p.organization}
    stays = await _stays(access)
    async for _ in bring_in(access, _answered(access.house.base, stays, numbers, today), gate.renewed):
        pass
    await gate.identity.revoke(secret)
    await _draft(gate)
    await _own(gate)


async def _stays(access: Access) -> list[Stay]:
    found, cursor = [], None
    while True:
        page = await access.search("EpisodeOfCare", [("status", "active"), ("_sort", "_id")], count=200, cursor=cursor)
        found += [stay(e) for e in page.resources]
        cursor = page.next
        if cursor is None:
            return found


def _answered(base: str, stays: Sequence[Stay], numbers: Mapping[str, int], today: date) -> Iterator[Arrival]:
    forms = {form.url.rpartition("/")[2]: form for form in shipping.current(base)}
    for n, one in enumerate(stays):
        program = numbers.get(f"Organization/{one.organization}", numbers.get(one.organization, 0))
        begun = date.fromisoformat(one.started[:10])
        rng = Random(f"forms:{one.id}")  # noqa: S311 - a made-up organization
        if not program or begun > today or n % 11 == 0:  # some are still owed
            continue
        yield from _made(forms["biopsychosocial"], _assessment(rng, one), one, program, begun + timedelta(days=min(1, (today - begun).days)), f"bps-{n}")
        if one.level in RATED:
            yield from _made(forms["level-of-care"], _rating(rng, one.level, "0"), one, program, begun + timedelta(days=min(1, (today - begun).days)), f"rating-{n}")
            recent = today - timedelta(days=1 + n % 9)
            if recent > begun + timedelta(days=3):
                yield from _made(forms["level-of-care"], _rating(rng, one.level, "1"), one, program, recent, f"rating-{n}-again")


def _made(form: Form, raw: Mapping[str, Sequence[str]], one: Stay, program: int, day: date, name: str) -> Iterator[Arrival]:
    """A response and what is drawn from it, as arrivals with ids that stay the same."""
    filled = fill(form, raw)
    at, id_ = f"{day.isoformat()}T15:30:00Z", _id(one.id, name)
    reference = {"patient": f"Patient/{one.patient}", "author": one.clinician or None}
    made = responses.response(filled, patient=reference["patient"] or "", authored=at, author=reference["author"])
    yield Arrival(name, program, {**made, "id": id_})
    found = extracting.observations(filled, patient=reference["patient"] or "", effective=at, derived_from=f"QuestionnaireResponse/{id_}", performer=reference["author"])
    for k, observation in enumerate(found):
        yield Arrival(f"{name}-{k}", program, {**observation, "id": _id(one.id, f"{name}-{k}")})


def _id(stay_: str, name: str) -> str:
    """Always the same, and nobody reads in it of which stay it is, nor which number it has: who sees the answer may not know of the stay."""
    return crypto.sha256(f"{stay_}\0{name}".encode()).hex()[:22]


def _assessment(rng: Random, one: Stay) -> dict[str, list[str]]:
    substances = one.level in RATED
    raw = {
        "informants": "0", "presenting": rng.choice(_WHY), "history": "Began gradually about two years ago, worse since last winter.", "uses": "true" if substances else "false",
        "attempts": "false", "self-harm": "false", "violence": "false", "hospital": "false", "trauma-any": rng.choice(("true", "false")), "trauma-now": "false", "pain": str(rng.randint(0, 4)),
        "sleep": "Five hours, wakes early.", "family-now": "A sister in town; two children with their mother.", "education": "1", "work": str(rng.randint(0, 3)), "military": "false", "housing": str(rng.randint(0, 2)),
        "housing-safe": "true", "food": "false", "transport": "true", "legal": "0", "strengths": rng.choice(_STRENGTHS), "needs": rng.choice(_NEEDS), "preferences": "Mornings; one person rather than many.",
        "mood": "Tired.", "affect": "1", "insight": "1", "judgment": "1", "risk-suicide": "false", "risk-others": "false", "means": "No firearms at home.", "protective": "Her children; reasons to be well.",
        "risk-view": "No thoughts of suicide now. Low for today; look again when sleep gets worse.", "summary": rng.choice(_SUMMARY), "level": f"{one.program or 'This program'}: what is needed can be given here.",
        "recommendations": "Individual sessions weekly; look at sleep first; measures every second week.", "diagnosis+rows": "1", "dx@0": "See the problem list",
    }  # fmt: skip
    if substances:
        raw |= {"substance+rows": "1", "what@0": str(rng.choice((0, 3, 4))), "first@0": str(rng.randint(13, 24)), "pattern@0": "Daily until admission.", "naloxone": "true", "withdrawal": "1"}
    out = {k: [v] for k, v in raw.items()}
    if rng.random() < 0.3:
        out["identity+refused"] = ["yes"]
    return out


def _rating(rng: Random, level: str, occasion: str) -> dict[str, list[str]]:
    at = str(_LEVELS[level])
    raw = {"edition": "0", "occasion": occasion, "recommended": at, "recommended-why": "What the dimensions ask for together.", "actual": at}
    for n in range(1, 7):
        raw[f"d{n}-risk"], raw[f"d{n}-why"] = str(rng.randint(0, 3)), "As said and seen in the last days."
        if n < 6:
            raw[f"d{n}-level"] = at if n in (1, 5) else str(rng.randint(1, int(at)))
    if rng.random() < 0.15:
        raw |= {"recommended": str(min(int(at) + 1, 9)), "difference": "4", "difference-why": "No bed before next week."}
    return {k: [v] for k, v in raw.items()}


async def _draft(gate: Gate) -> None:
    """Dana was called away in the middle of an assessment."""
    async with signed_in_as(gate, "dana") as dana:
        found = await dana.search("EpisodeOfCare", [("care-manager", dana.caller.agent or ""), ("status", "active"), ("_sort", "-date")], count=1)
        if not found.resources:
            return
        patient, form = stay(found.resources[0]).patient, next(f for f in shipping.current(dana.house.base) if f.kind == "assessment")
        raw: dict[str, Any] = {"informants": ["0"], "presenting": ["I thought it would pass by itself."], "history": ["Since the move in spring; began with "]}
        await drafts.keep(dana, keeping.key_of(patient, form), codec.dumps({"raw": raw, "window": "", "turn": 0}), patient=patient)


async def _own(gate: Gate) -> None:
    """A form that the supervisor made, in its first version, with a second one begun."""
    yes_no = [{"valueCoding": {"system": "https://sojourn.example/fhir/CodeSystem/form", "code": c, "display": t}} for c, t in (("calm", "Calm"), ("restless", "Restless"), ("low", "Low"))]
    items: list[dict[str, Any]] = [
        {"linkId": "q1", "text": "How is the evening so far?", "type": "choice", "required": True, "answerOption": yes_no},
        {"linkId": "q2", "text": "Is there something that the night staff should know?", "type": "boolean", "required": True},
        {"linkId": "q3", "text": "What is it?", "type": "text", "enableWhen": [{"question": "q2", "operator": "=", "answerBoolean": True}]},
        {"linkId": "q4", "text": "What would help to sleep?", "type": "string"},
    ]
    async with signed_in_as(gate, "sam") as sam:
        id_ = await library.begin(sam, "Evening check-in", items=items, more={"description": "Asked in the residence after dinner."})
        form, version = await library.opened(sam, id_)
        await library.publish(sam, form, version)
    async with signed_in_as(gate, "sam") as sam:
        published, _ = await library.opened(sam, id_)
        again, version = await library.opened(sam, await library.next_version(sam, published))
        items.append({"linkId": "q5", "text": "One good thing today", "type": "string"})
        await library.save(sam, {**again.resource, "item": items}, version)
