"""A made-up history of a clinic as labelled steps, told for everybody or for one viewer alone.

The generator knows by construction what each fact reveals and to whom. Told for a viewer, the story leaves out every step, reference
and element that this viewer must not know of: that is world B. Ids, versions and times follow from (seed, step), so that whatever
both worlds have is the same in both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.leaks import rules
from tests.leaks.rules import HIV, ORDINARY, PART2, PSYCHOTHERAPY, Fact, Grant, Relation, Viewer, may_see
from tests.people import FAR, MH, START, SUD, consent

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
LABELS = {HIV: "HIV", PART2: "SUD", PSYCHOTHERAPY: "PSYTHPN"}
INLINE = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
SECRET_WORDS = ("heroin", "relapse", "naloxone", "detox", "overdose", "craving")
PLAIN_WORDS = ("sleep", "walking", "cooking", "garden", "music", "work")
LONGITUDINAL = rules.SHARED
AUTHOR = Viewer(1, frozenset({SUD, MH, FAR}), False, frozenset(), everywhere=True)
"""Who writes what happens later: somebody of both programs, who knows everything but notes kept apart."""
STAFF_BY_PROGRAM = {SUD: "sys-sud", MH: "sys-mh", FAR: "sys-far"}


@dataclass
class Part:
    """An item of a list element; under a law of its own when `law` is set. since: the step that brought it."""

    value: dict[str, Any]
    law: str | None
    since: str


@dataclass
class Thing:
    """One resource of the story: what it reveals, and what it is made of."""

    key: str
    fact: Fact
    base: dict[str, Any]
    links: dict[str, list[str]] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    parts: dict[str, list[Part]] = field(default_factory=dict)
    told: bool = True
    """With a narrative."""
    law: str | None = None
    """The law of its labelled parts."""
    first: dict[str, Any] = field(default_factory=dict)
    """What it was made of when it was created: its narrative speaks of that for ever."""


@dataclass
class Step:
    """One write. kind: create, update, delete. secret: the laws of what the step changes, where that is only a labelled part."""

    label: str
    kind: str
    author: str
    key: str
    snapshot: dict[str, Any]
    secret: str | None = None
    also: dict[str, str] = field(default_factory=dict)
    apart: frozenset[str] = frozenset()
    """Of what it refers to, what is a note kept apart by then: later it may be more."""


@dataclass
class Story:
    """Things, the consents that were signed, and the steps in order."""

    seed: str
    things: dict[str, Thing] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)

    def end(self) -> datetime:
        """When the last step is over."""
        return START + timedelta(minutes=len(self.steps) + 1)

    def sees(self, viewer: Viewer | None, key: str, law: str | None = None) -> bool:
        """Whether the viewer may know of a thing, or of a part of it under a law; None knows everything."""
        if viewer is None:
            return True
        thing = self.things[key]
        now = self.end()
        if not may_see(viewer, thing.fact, self.grants, self.relations, now):
            return False
        if any(not any(self.sees(viewer, k) for k in thing.links[name]) for name in thing.required if thing.links.get(name)):
            return False  # without what it is about it says nothing
        return law is None or may_see(viewer, thing.fact, self.grants, self.relations, now, {law})


# --- making one up ------------------------------------------------------------------------------------------------------------


def random_count(random: Random) -> int:
    return random.choice((0, 1, 2))


def coded(system: str, code: str, text: str = "") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, **({"display": text} if text else {})}], **({"text": text} if text else {})}


LOINC, ICD, SNOMED, RXNORM = "http://loinc.org", "http://hl7.org/fhir/sid/icd-10-cm", "http://snomed.info/sct", "http://www.nlm.nih.gov/research/umls/rxnorm"
STATUS = "http://terminology.hl7.org/CodeSystem/condition-clinical"


def _date(random: Random) -> str:
    return (datetime(2025, 6, 1, 9, tzinfo=UTC) + timedelta(days=random.randrange(300), hours=random.randrange(9))).strftime("%Y-%m-%dT%H:%M:%SZ")


def _slot(random: Random) -> dict[str, str]:
    start = _date(random)
    return {"start": start, "end": start.replace(":00:00Z", ":50:00Z")}


def labelled(value: dict[str, Any], law: str) -> dict[str, Any]:
    return {"extension": [{"url": INLINE, "valueCoding": {"system": ACT, "code": LABELS[law]}}], **value}


# type -> (base, lists whose items may be labelled, links: element -> (types, many), required links)
Maker = Callable[[Random], dict[str, Any]]
MAKERS: dict[str, Maker] = {
    "Encounter": lambda r: {"status": r.choice(("finished", "in-progress")), "class": {"system": ACT, "code": r.choice(("AMB", "IMP", "VR"))}, "period": {"start": _date(r)}},
    "Observation": lambda r: {
        "status": r.choice(("final", "amended")), "category": [coded("http://terminology.hl7.org/CodeSystem/observation-category", r.choice(("vital-signs", "laboratory", "survey")))],
        "code": coded(LOINC, r.choice(("8867-4", "44261-6", "3397-7"))), "effectiveDateTime": _date(r),
        "valueQuantity": {"value": r.randrange(40, 120), "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
    },
    "Condition": lambda r: {"clinicalStatus": coded(STATUS, r.choice(("active", "resolved"))), "code": coded(ICD, r.choice(("F32.1", "F10.20", "I10", "F11.20"))), "recordedDate": _date(r)},
    "Procedure": lambda r: {"status": r.choice(("completed", "not-done")), "code": coded(SNOMED, r.choice(("408919008", "60112009", "77406008"))), "performedDateTime": _date(r)},
    "MedicationRequest": lambda r: {"status": "active", "intent": "order", "medicationCodeableConcept": coded(RXNORM, r.choice(("352741", "1431076", "310384"))), "authoredOn": _date(r)},
    "ServiceRequest": lambda r: {"status": "active", "intent": "order", "code": coded(SNOMED, r.choice(("408919008", "60112009"))), "authoredOn": _date(r)},
    "DocumentReference": lambda r: {
        "status": "current", "type": coded(LOINC, r.choice(("11506-3", "34133-9"))), "date": _date(r), "description": r.choice(PLAIN_WORDS),
        "content": [{"attachment": {"contentType": "text/plain", "data": "aGVsbG8=", "title": r.choice(PLAIN_WORDS)}}],
    },
    "Goal": lambda r: {"lifecycleStatus": "active", "description": coded(SNOMED, r.choice(("160573003", "281090004")), r.choice(PLAIN_WORDS)), "startDate": _date(r)[:10]},
    "CareTeam": lambda r: {"status": "active", "name": r.choice(PLAIN_WORDS)},
    "AllergyIntolerance": lambda r: {"clinicalStatus": coded("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "active"), "code": coded(SNOMED, r.choice(("91936005", "300916003"))), "recordedDate": _date(r)},
    "EpisodeOfCare": lambda r: {"status": r.choice(("active", "finished")), "period": {"start": _date(r)[:10]}},
    "Provenance": lambda r: {"recorded": _date(r), "agent": [{"who": {"reference": "Practitioner/nobody"}}]},
    "Task": lambda r: {"status": "requested", "intent": "order", "authoredOn": _date(r), "description": r.choice(PLAIN_WORDS)},
    "List": lambda r: {"status": "current", "mode": "working", "title": r.choice(PLAIN_WORDS), "date": _date(r)},
    "DiagnosticReport": lambda r: {"status": "final", "code": coded(LOINC, r.choice(("24323-8", "58410-2"))), "effectiveDateTime": _date(r)},
    "QuestionnaireResponse": lambda r: {"status": "completed", "questionnaire": f"http://example.org/Questionnaire/{r.choice(('phq', 'audit'))}", "authored": _date(r)},
    "CarePlan": lambda r: {"status": "active", "intent": "plan", "title": r.choice(PLAIN_WORDS), "period": {"start": _date(r)[:10]}},
    "Appointment": lambda r: {"status": "booked", "description": r.choice(PLAIN_WORDS), **_slot(r)},
}  # fmt: skip
SUBJECT = {"AllergyIntolerance": "patient", "EpisodeOfCare": "patient", "Provenance": "", "Task": "for", "Appointment": "participant.actor"}
REQUIRED_SUBJECT = {"CarePlan", "Appointment", "Condition", "Procedure", "MedicationRequest", "ServiceRequest", "Goal", "AllergyIntolerance", "EpisodeOfCare"}
LINKS: dict[str, dict[str, tuple[tuple[str, ...], bool]]] = {
    "Encounter": {"partOf": (("Encounter",), False), "diagnosis.condition": (("Condition",), True), "episodeOfCare": (("EpisodeOfCare",), True)},
    "Observation": {"encounter": (("Encounter",), False), "hasMember": (("Observation",), True), "derivedFrom": (("Observation", "DocumentReference"), True)},
    "Condition": {"encounter": (("Encounter",), False), "evidence.detail": (("Observation",), True)},
    "Procedure": {"encounter": (("Encounter",), False), "reasonReference": (("Condition", "Observation"), True), "basedOn": (("ServiceRequest",), True)},
    "MedicationRequest": {"encounter": (("Encounter",), False), "reasonReference": (("Condition", "Observation"), True)},
    "ServiceRequest": {"encounter": (("Encounter",), False), "reasonReference": (("Condition",), True)},
    "DocumentReference": {"context.encounter": (("Encounter",), True), "context.related": (("Observation", "Condition"), True)},
    "Goal": {"addresses": (("Condition", "Observation"), True)},
    "CareTeam": {"encounter": (("Encounter",), False), "reasonReference": (("Condition",), True)},
    "AllergyIntolerance": {"encounter": (("Encounter",), False)},
    "EpisodeOfCare": {"diagnosis.condition": (("Condition",), True)},
    "Provenance": {"target": (("Observation", "Condition", "Encounter", "Procedure"), True)},
    "Task": {"focus": (("ServiceRequest", "Condition"), False), "encounter": (("Encounter",), False)},
    "List": {"entry.item": (("Condition", "Observation", "MedicationRequest"), True), "encounter": (("Encounter",), False)},
    "DiagnosticReport": {"result": (("Observation",), True), "encounter": (("Encounter",), False)},
    "QuestionnaireResponse": {"encounter": (("Encounter",), False), "basedOn": (("ServiceRequest", "CarePlan"), True)},
    "CarePlan": {"encounter": (("Encounter",), False), "addresses": (("Condition",), True), "goal": (("Goal",), True), "careTeam": (("CareTeam",), True)},
    "Appointment": {"reasonReference": (("Condition", "Observation"), True), "basedOn": (("ServiceRequest",), True)},
}
ACROSS = ("List", "Provenance", "Observation")
"""Types that sometimes refer to another patient's things."""
MANY = {"DocumentReference": ("context.encounter", "context.related")}
PARTS: dict[str, tuple[str, Callable[[str, Random], dict[str, Any]]]] = {
    "Observation": ("component", lambda w, r: {"code": coded(LOINC, r.choice(("8302-2", "29463-7")), w), "valueString": w}),
    "Encounter": ("reasonCode", lambda w, r: coded(ICD, r.choice(("F10.20", "F32.1", "Z71.41")), w)),
    "Procedure": ("reasonCode", lambda w, r: coded(ICD, r.choice(("F11.20", "F41.1")), w)),
    "MedicationRequest": ("dosageInstruction", lambda w, r: {"text": w, "sequence": r.randrange(1, 9)}),
    "ServiceRequest": ("reasonCode", lambda w, r: coded(ICD, r.choice(("F11.20", "I10")), w)),
    "Patient": ("address", lambda w, r: {"city": w, "postalCode": str(r.randrange(10000, 99999))}),
    "CareTeam": ("identifier", lambda w, r: {"system": "http://example.org/teams", "value": f"{w}{r.randrange(9)}"}),
    "DocumentReference": ("identifier", lambda w, r: {"system": "http://example.org/documents", "value": f"{w}{r.randrange(9)}"}),
    "AllergyIntolerance": ("reaction", lambda w, r: {"manifestation": [coded(SNOMED, r.choice(("271807003", "39579001")), w)]}),
    "Condition": ("identifier", lambda w, r: {"system": "http://example.org/problems", "value": f"{w}{r.randrange(9)}"}),
    "Task": ("note", lambda w, _: {"text": w}),
    "QuestionnaireResponse": ("item", lambda w, r: {"linkId": str(r.randrange(9)), "text": w, "answer": [{"valueString": w}]}),
    "CarePlan": ("activity", lambda w, r: {"detail": {"status": "scheduled", "code": coded(SNOMED, r.choice(("408919008", "60112009")), w)}}),
    "Appointment": ("reasonCode", lambda w, r: coded(ICD, r.choice(("F11.20", "F32.1", "Z71.41")), w)),
}
TURNING = "Condition-turning"
"""What `turning` tells, which nothing else refers to: what a seed tells beside it is as it was before."""
NAMES = ("Rivera", "Okafor", "Lindgren", "Haddad", "Moreau")


class Teller:
    """Makes a story up from a seed."""

    def __init__(self, seed: str, size: int = 60, *, apart: bool = True) -> None:
        """size: how many writes after the beginning. apart: with psychotherapy notes, which nobody sees by role."""
        self.apart = apart
        self.random = Random(seed)
        self.story = Story(seed)
        self.size = size
        self.gone: set[str] = set()
        self.lasting: set[str] = set()

    def tell(self) -> Story:
        """A directory, patients, consents, then writes of every kind."""
        for n, (key, kind, name) in enumerate((("pr1", "Practitioner", "Sato"), ("org1", "Organization", "Harbor Clinic"), ("loc1", "Location", "Room 2"))):
            body = {"name": [{"family": name}]} if kind == "Practitioner" else {"name": name}
            thing = Thing(key, Fact(1, kind, key, None, set()), body, told=False)
            self.add(thing, "sys-none", f"directory{n}")
        for n, program in enumerate(("sud", "mh", "both", "both", "far")):
            self.patient(n, program)
        self.shared()
        self.consents()
        if self.apart:
            self.becoming()
        self.turning()
        for n in range(self.size):
            self.anything(f"{n:03d}")
        if self.apart:
            self.amended()
        return self.story

    def add(self, thing: Thing, author: str, label: str) -> None:
        self.story.things[thing.key] = thing
        thing.first = snapshot(thing)
        self.step(label, "create", author, thing)

    def step(self, label: str, kind: str, author: str, thing: Thing, secret: str | None = None, also: dict[str, str] | None = None) -> None:
        apart = frozenset(k for keys in thing.links.values() for k in keys if PSYCHOTHERAPY in self.story.things[k].fact.laws)
        self.story.steps.append(Step(f"{label} {kind} {thing.key}", kind, author, thing.key, snapshot(thing), secret, also or {}, apart))

    def patient(self, n: int, programs: str) -> None:
        key = f"p{n}"
        first = SUD if programs != "mh" else MH
        origin = {"sud": {SUD}, "mh": {MH}, "both": {SUD, MH}, "far": {SUD, MH, FAR}}[programs]
        fact = Fact(1, "Patient", key, key, set(origin), {PART2} if origin == {SUD} else set())
        body = {"name": [{"family": NAMES[n], "given": ["Ana"]}], "birthDate": f"198{n}-03-04", "gender": "female", "active": True}
        thing = Thing(key, fact, body, told=True, law=self.random.choice((HIV, PSYCHOTHERAPY if self.apart else HIV)))
        thing.parts["address"] = [self.part("Patient", f"patient{n} create {key}", thing.law) for _ in range(random_count(self.random))]
        # Whoever must not know of the Part 2 program sees a patient that the other program registered.
        self.add(thing, STAFF_BY_PROGRAM[first], f"patient{n}")
        self.story.steps[-1].also = {"mh": "sys-mh"} if {SUD, MH} <= origin else {}
        for program in sorted(origin):
            self.stay(f"stay{n}{program}", key, program)
            self.make("Encounter", f"admit{n}{program}", key, program, note=False)

    def stay(self, label: str, patient: str, program: int) -> None:
        """The episode by which a program has to do with a patient, to the end of the story. Only its own people know it if it is under Part 2."""
        fact = Fact(1, "EpisodeOfCare", f"EpisodeOfCare-{label}", patient, {program}, {PART2} if program == SUD else set(), moment("2026-01-05"))
        thing = Thing(fact.id, fact, {"status": "active", "period": {"start": "2026-01-05"}}, {"patient": [patient]}, ("patient",), told=False)
        self.lasting.add(thing.key)
        self.add(thing, STAFF_BY_PROGRAM[program], label)
        self.story.relations.append(Relation(patient, f"program:{program}"))

    def shared(self) -> None:
        """An outside organization on a care team, and no consent: it has to do with the patient, whatever it asks for."""
        fact = Fact(1, "CareTeam", "CareTeam-shared", "p1", {MH}, set())
        body = {"status": "active", "name": "shared care", "participant": [{"member": {"reference": "Organization/tpo"}}]}
        self.lasting.add(fact.id)
        self.add(Thing(fact.id, fact, body, {"subject": ["p1"]}, told=False), "sys-mh", "shared")
        self.story.relations.append(Relation("p1", "Organization/tpo"))

    def becoming(self) -> None:
        """What was ordinary when something referred to it, and is a note kept apart since: also from the past version that refers to it."""
        about = Thing("Observation-becoming", Fact(1, "Observation", "Observation-becoming", "p1", {MH}), MAKERS["Observation"](self.random), {"subject": ["p1"]}, told=False)
        refers = Thing("Condition-refers", Fact(1, "Condition", "Condition-refers", "p1", {MH}), MAKERS["Condition"](self.random),
                       {"subject": ["p1"], "evidence.detail": [about.key]}, ("subject",), told=False)  # fmt: skip
        for thing, date in ((about, "effectiveDateTime"), (refers, "recordedDate")):
            thing.fact.at = moment(thing.base[date])
            self.lasting.add(thing.key)
            self.add(thing, "sys-mh", "becoming")
        swapped = Thing("Condition-swapped", Fact(1, "Condition", "Condition-swapped", "p1", {MH}, at=refers.fact.at), dict(refers.base), {"subject": ["p1"], "evidence.detail": [about.key]}, ("subject",), told=False)
        self.lasting.add(swapped.key)
        self.add(swapped, "sys-mh", "becoming")
        refers.base = {**refers.base, "language": "en"}
        self.step("refers again", "update", "sys-mh", refers)
        # Taken out for an element that is such a note: once the other is one, too, nothing but notes was changed.
        swapped.links = {"subject": ["p1"]}
        note = labelled({"system": "http://example.org/problems", "value": "swapped"}, PSYCHOTHERAPY)
        swapped.parts["identifier"] = [Part(note, PSYCHOTHERAPY, "swapped update Condition-swapped")]
        self.step("swapped", "update", "sys-mh", swapped, secret=PSYCHOTHERAPY)
        about.fact.laws.add(PSYCHOTHERAPY)
        about.base = {**about.base, "meta": {"security": [{"system": ACT, "code": LABELS[PSYCHOTHERAPY]}]}}
        self.step("became a note", "update", "sys-mh", about)
        later = Thing("Observation-amended", Fact(1, "Observation", "Observation-amended", "p1", {MH}), MAKERS["Observation"](self.random), {"subject": ["p1"]}, told=False, law=HIV)
        later.fact.at = moment(later.base["effectiveDateTime"])
        self.lasting.add(later.key)
        self.add(later, "sys-mh", "amended later")

    def turning(self) -> None:
        """The same of a law: what is referred to is taken out for an element under it, and is under it since."""
        at = MAKERS["Condition"](Random(f"{self.story.seed} turning"))  # what else the seed tells stays the same
        made: dict[str, Thing] = {}
        for name in ("about", "changed"):
            links = {"subject": ["p2"]} | ({"evidence.detail": [made["about"].key]} if name == "changed" else {})
            key = f"{TURNING}-{name}"
            made[name] = Thing(key, Fact(1, "Condition", key, "p2", {MH}, at=moment(at["recordedDate"])), dict(at), links, ("subject",), told=False)
            self.lasting.add(key)
            self.add(made[name], "sys-mh", "turning")
        under = {"meta": {"security": [{"system": ACT, "code": LABELS[HIV]}]}}
        changed = made["changed"]
        changed.links = {"subject": ["p2"]}
        changed.parts["identifier"] = [Part(labelled({"system": "http://example.org/problems", "value": "changed"}, HIV), HIV, f"changed update {changed.key}")]
        self.step("changed", "update", "sys-mh", changed, secret=HIV)
        made["about"].fact.laws.add(HIV)
        made["about"].base = {**at, **under}
        self.step("turned", "update", "sys-mh", made["about"])

    def amended(self) -> None:
        """Long after it was made something gets a part about HIV: for whom that is withheld from it is as old as before."""
        thing = self.story.things["Observation-amended"]
        thing.parts["component"] = [self.part("Observation", f"amended update {thing.key}", HIV, sure=True)]
        self.step("amended", "update", "sys-mh", thing, secret=HIV)

    def make(self, type_: str, label: str, patient: str, program: int, *, note: bool = True) -> Thing:
        random = self.random
        laws = {PART2} if program == SUD and type_ not in LONGITUDINAL else set()
        if type_ in LONGITUDINAL and program == SUD:
            laws = {PART2}
        base = MAKERS[type_](random)
        if random.random() < 0.08 and self.apart and note:
            laws.add(PSYCHOTHERAPY)
            base["meta"] = {"security": [{"system": ACT, "code": "PSYTHPN"}]}
        subject = SUBJECT.get(type_, "subject")
        links: dict[str, list[str]] = {subject: [patient]} if subject else {}
        required = (subject,) if type_ in REQUIRED_SUBJECT else ()
        mine = [t for t in self.story.things.values() if t.fact.patient == patient and t.key not in self.gone and not t.key.startswith(TURNING)]
        if type_ in ACROSS and random.random() < 0.3:  # something of somebody else's
            mine += [t for t in self.story.things.values() if t.fact.patient not in (patient, None) and t.key not in self.gone and not t.key.startswith(TURNING)]
        for name, (types, many) in LINKS[type_].items():
            fits = [t.key for t in mine if t.fact.type in types]
            if fits and (random.random() < 0.6 or name == "target"):
                links[name] = random.sample(fits, min(len(fits), random.randint(1, 3))) if many else [random.choice(fits)]
        if type_ == "Provenance":
            if "target" not in links:
                links["target"] = [patient]
            required = ("target",)
        at = next((moment(base[k]) for k in ("effectiveDateTime", "recordedDate", "performedDateTime", "authoredOn", "date", "startDate", "recorded", "authored") if k in base), None)
        at = moment(base["period"]["start"]) if "period" in base else moment(base["start"]) if "start" in base else at
        key = f"{type_}-{label}"
        about_others = type_ == "Provenance" and links["target"] != [patient]  # in nobody's chart, unless it is of the patient's own resource
        about = frozenset(whose for k in links["target"] if (whose := self.story.things[k].fact.patient)) if about_others else frozenset()
        fact = Fact(1, type_, key, None if about_others else patient, {program}, laws, at, about=about)
        thing = Thing(key, fact, base, links, required, told=random.random() < 0.5, law=random.choice((HIV, PART2, PSYCHOTHERAPY if self.apart else HIV)))
        if type_ in PARTS:
            thing.parts[PARTS[type_][0]] = [self.part(type_, f"{label} create {key}", thing.law) for _ in range(random.randrange(3))]
        for name, keys in links.items():
            for source in keys:
                fact.laws |= passed_on(name, self.story.things[source].fact, fact)
        self.add(thing, STAFF_BY_PROGRAM[program], label)
        return thing

    def part(self, type_: str, since: str, law: str | None, *, sure: bool = False) -> Part:
        """An item, often under the law."""
        random = self.random
        chosen = law if sure or random.random() < 0.6 else None
        word = random.choice(SECRET_WORDS if chosen else PLAIN_WORDS)
        value = PARTS[type_][1](word, random)
        return Part(labelled(value, chosen) if chosen else value, chosen, since)

    def anything(self, label: str) -> None:
        random = self.random
        roll = random.random()
        changeable = [t for t in self.story.things.values() if t.fact.type in MAKERS and t.key not in self.gone | self.lasting and self.story.sees(AUTHOR, t.key)]
        if roll < 0.62 or not changeable:
            n = random.randrange(5)
            programs = self.story.things[f"p{n}"].fact.origin
            kind = random.choice([t for t in MAKERS if t != "Encounter"] if n in (0, 1) else list(MAKERS))
            self.make(kind, label, f"p{n}", random.choice(sorted(programs)))
            return
        thing = random.choice(changeable)
        author = STAFF_BY_PROGRAM[next(iter(thing.fact.origin))]
        if roll < 0.70:
            self.step(label, "delete", author, thing)
            self.gone.add(thing.key)
        elif roll < 0.76 and thing.fact.type not in LONGITUDINAL:
            # The whole is put under a law: from now on, and for its past versions too.
            # What admitted a patient is no note: whom it admitted would be labelled as if they had not been.
            law = PSYCHOTHERAPY if self.apart and random.random() < 0.5 and not thing.key.startswith("Encounter-admit") else PART2
            thing.fact.laws.add(law)
            thing.base = {**thing.base, "meta": {"security": [{"system": ACT, "code": {PSYCHOTHERAPY: "PSYTHPN", PART2: "42CFRPart2"}[law]}]}}
            self.step(label, "update", author, thing)
            self.spread(thing)
        elif roll < 0.86 and thing.fact.type in PARTS:
            law = thing.law or HIV
            full = f"{label} update {thing.key}"
            thing.parts.setdefault(PARTS[thing.fact.type][0], []).append(self.part(thing.fact.type, full, law, sure=True))
            self.step(label, "update", author, thing, secret=law)
        else:
            thing.base = {**thing.base, "language": random.choice(("en", "es", "fr", "de"))}
            self.step(label, "update", author, thing)

    def spread(self, source: Thing) -> None:
        """A law that something gets reaches what hangs on it, or holds it, and is still there."""
        for thing in self.story.things.values():
            if thing.key in self.gone:
                continue
            for name, keys in thing.links.items():
                more = passed_on(name, source.fact, thing.fact) - thing.fact.laws if source.key in keys else set()
                if more:
                    thing.fact.laws |= more
                    self.spread(thing)

    def consents(self) -> None:
        """TPO, revoked, expired, limited, and one for another recipient entirely."""
        for n in (2, 3):
            self.consent(f"tpo{n}", n, "tpo")
        self.consent("revoked2", 2, "revoked", after="inactive")
        self.consent("expired2", 2, "expired", provision={"period": {"start": "2025-01-01", "end": "2026-02-01"}})
        types = ["Patient", "Observation", "Encounter", "Condition", "Procedure"]
        limited = {"class": [{"system": "http://hl7.org/fhir/resource-types", "code": t} for t in types], "dataPeriod": {"start": "2025-09-01"}}
        self.consent("specific3", 3, "specific", kind="part2_specific", purposes=["TREAT"], provision=limited)
        self.consent("specific2", 2, "specific", kind="part2_specific", purposes=["TREAT"], provision={"class": limited["class"]})

        # An authorization for research: of what no law of its own protects it opens these types, and who it is about.
        self.consent("research3", 3, "tpo", kind="hipaa_authorization", purposes=["HRESCH"], organization=[{"reference": "Organization/mh"}],
                     provision={"class": [{"system": "http://hl7.org/fhir/resource-types", "code": t} for t in ("Observation", "Encounter")], "securityLabel": None})  # fmt: skip

        # What patients forbid: one clinician everything about HIV, also where it is one element; one recipient and one technician a type.
        self.forbid("forbids2", 2, "Practitioner/mh-clinician", law=HIV)
        self.forbid("forbids3", 3, "Organization/tpo", types=frozenset({"Procedure"}))
        self.forbid("forbids1", 1, "Practitioner/technician", types=frozenset({"Observation"}))
        if Random(f"{self.story.seed} forbids4").random() < 0.5:  # whoever is forbidden something is answered otherwise everywhere: both kinds are told of
            self.forbid("forbids4", 4, "Practitioner/both-clinician", types=frozenset({"Condition"}))

    def forbid(self, label: str, n: int, to: str, *, law: str | None = None, types: frozenset[str] | None = None) -> None:
        """A directive of a patient (45 CFR 164.522), kept by the mental health program."""
        whole = consent("PATIENT", "x", kind="patient_directive_deny")
        rule: dict[str, Any] = {"type": "deny", "period": {"start": "2026-01-01"}, "actor": [{"role": {"coding": [{"code": "IRCP"}]}, "reference": {"reference": to}}]}
        rule |= {"securityLabel": [{"system": ACT, "code": LABELS[law]}]} if law else {}
        rule |= {"class": [{"system": "http://hl7.org/fhir/resource-types", "code": t} for t in sorted(types)]} if types else {}
        base = {k: v for k, v in whole.items() if k not in ("resourceType", "patient", "performer")} | {"provision": rule}
        fact = Fact(1, "Consent", f"Consent-{label}", f"p{n}", {MH}, set(), moment("2026-01-01T10:00:00Z"))
        self.add(Thing(fact.id, fact, base, {"patient": [f"p{n}"], "performer": [f"p{n}"]}, told=False), "sys-mh", label)
        self.story.grants.append(Grant(f"p{n}", to, "*", "*", law, True, types=types, start=moment("2026-01-01")))

    def consent(self, label: str, n: int, to: str, *, after: str = "", **terms: Any) -> None:
        key = f"Consent-{label}"
        fact = Fact(1, "Consent", key, f"p{n}", {SUD}, {PART2}, moment("2026-01-01T10:00:00Z"))
        whole = consent("PATIENT", to, **terms)
        whole["provision"] = {k: v for k, v in whole["provision"].items() if v is not None}
        base = {k: v for k, v in whole.items() if k not in ("resourceType", "patient", "performer")}
        thing = Thing(key, fact, base, {"patient": [f"p{n}"], "performer": [f"p{n}"]}, told=False)
        self.add(thing, "sys-sud", label)
        self.story.steps[-1].also = {"to": f"Organization/{to}"}
        if after:
            thing.base = {**base, "status": after}
            self.step(label + "-after", "update", "sys-sud", thing, also={"to": f"Organization/{to}"})
        else:
            rule = whole["provision"]
            end = rule["period"].get("end")
            period = rule.get("dataPeriod", {})
            common = {"start": moment(rule["period"]["start"]), "end": moment(end) if end else None}
            types = frozenset(c["code"] for c in rule["class"]) if "class" in rule else None
            purposes = ("TREAT", "COC") if terms.get("kind") is None else tuple(terms["purposes"])
            self.story.relations.append(Relation(f"p{n}", f"Organization/{to}", common["start"], common["end"], frozenset(purposes)))
            if terms.get("kind") == "hipaa_authorization":
                for limits in ({"programs": frozenset({MH}), "types": types}, {"types": frozenset({"Patient"})}):
                    self.story.grants.append(Grant(f"p{n}", f"Organization/{to}", "HRESCH", "disclose", ORDINARY, **limits, **common))
                return
            for purpose in purposes:
                self.story.grants.append(
                    Grant(f"p{n}", f"Organization/{to}", purpose, "disclose", PART2, programs=frozenset({SUD}), types=types,
                          data_from=moment(period["start"]) if period else None, **common)
                )  # fmt: skip


def passed_on(link: str, source: Fact, fact: Fact) -> set[str]:
    """The laws that come over a link: of an encounter all but notes kept apart, of a result or an order all; none from another program's Part 2 record, none from another patient's."""
    if source.patient and fact.patient and source.patient != fact.patient:
        return set()
    whole = link == "result" or (link == "basedOn" and source.type == "ServiceRequest")
    laws = source.laws - {PSYCHOTHERAPY} if link in ("encounter", "context.encounter", "partOf") else set(source.laws) if whole else set()
    if PART2 not in source.laws:
        return laws
    if not source.origin <= fact.origin or (fact.type in LONGITUDINAL and PART2 not in fact.laws):
        return set()
    return laws - {PART2} if fact.type in LONGITUDINAL else laws


def moment(text: str) -> datetime:
    """The beginning of a date or time."""
    return datetime.fromisoformat(text.replace("Z", "+00:00") if "T" in text else text + "T00:00:00+00:00")


def snapshot(thing: Thing) -> dict[str, Any]:
    """What the thing is made of at this step."""
    return {"base": dict(thing.base), "links": {k: list(v) for k, v in thing.links.items()}, "parts": {k: list(v) for k, v in thing.parts.items()}}
