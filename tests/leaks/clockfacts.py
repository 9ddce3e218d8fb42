"""What the clock and the followers of the feed care about, told of one client in one program: for everybody, or hidden from most.

Each fact is told twice: of a client whom the viewers see, by their own program; and of what they must not know of, by a Part 2 program
(about the same client, and about somebody else). Names are of the duty or follower that has to do something about it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sojourn.base import clock
from sojourn.care.authorizations import keeping
from sojourn.care.census import moving
from sojourn.care.exchange import following, kinds
from sojourn.care.handoff import referral
from sojourn.care.incidents import reporting
from sojourn.care.incidents.model import Incident
from sojourn.care.measures import forms
from sojourn.care.measures.model import instruments
from sojourn.care.messages import addressing, sending
from sojourn.care.orders import ordering
from sojourn.care.papers import worker
from sojourn.care.plan.fhir import EPISODE, SIGNED
from sojourn.care.resources import CARE
from sojourn.care.scheduling import appointments, reminders, tracks
from sojourn.care.scheduling.series import CANCELLED, Differs
from sojourn.care.signing import acting, documents
from sojourn.gate import elsewhere, papers
from sojourn.gate.access import Access
from sojourn.gate.changes import Change
from sojourn.gate.consenting import terms
from sojourn.gate.exchange import agreed
from sojourn.gate.exchange import terms as contracts
from sojourn.gate.exchange.agreed import Agreed
from sojourn.gate.exchange.partners import Partner
from sojourn.record import exchange
from tests.care.before import as_before
from tests.care.labs import found, value
from tests.care.signers import at_the_screen
from tests.doors.hl7v2.lab import registered
from tests.leaks.two import World
from tests.people import BASE, SUD, A, consent, encounter, observation, patient

NY = ZoneInfo("America/New_York")
PSYCHOTHERAPY = [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSYTHPN"}]
LEVEL = "https://riverbend.example/fhir/CodeSystem/level-of-care"
PHONE = [{"system": "phone", "value": "518-555-0199"}]


@dataclass
class Side:
    """Of whom something is told, by whom. hidden: from every viewer. made: ids of what was told so far, by name."""

    name: str
    program: int
    hidden: bool
    made: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return "sud" if self.program == SUD else "mh"

    @property
    def system(self) -> str:
        return f"sys-{self.key}"

    @property
    def meta(self) -> dict[str, Any]:
        """What everything that it writes begins with: a label where its author keeps it to themselves."""
        return {"meta": {"security": PSYCHOTHERAPY}} if self.name == "apart" else {}

    @property
    def clinician(self) -> str:
        return f"{self.key}-clinician"

    @property
    def reviewer(self) -> str:
        return f"{self.key}-ur"

    @property
    def admissions(self) -> str:
        return f"{self.key}-admissions"


class Fact(NamedTuple):
    """name: the duty, follower or rule that has to act on it. at: the number of the moment at which it is told."""

    name: str
    at: int
    tell: Callable[[World, Side], Awaitable[None]]
    apart: bool


FACTS: list[Fact] = []


def fact(
    name: str, at: int = 0, *, apart: bool = False
) -> Callable[[Callable[[World, Side], Awaitable[None]]], Callable[[World, Side], Awaitable[None]]]:
    """Register what is told. apart: also as what its author keeps to themselves, in a visible program (of notes nobody else knows)."""

    def registered(tell: Callable[[World, Side], Awaitable[None]]) -> Callable[[World, Side], Awaitable[None]]:
        FACTS.append(Fact(name, at, tell, apart))
        return tell

    return registered


async def as_(world: World, who: str) -> Access:
    """Somebody with their token."""
    access = await world.clinic.gate.access(world.clinic.tokens[who])
    assert access is not None, who
    return access


def client(side: Side) -> str:
    return str(side.made["client"])


async def make(world: World, side: Side, resource: dict[str, Any]) -> str:
    return (await world.clinic.make(side.system, {**resource, **side.meta})).id


async def put(world: World, side: Side, type_: str, id_: str, **more: Any) -> None:
    """Change something."""
    known = (await world.clinic.get(side.system, f"{type_}/{id_}")).json()
    reply = await world.clinic.put(side.system, {**known, **more})
    assert reply.status == 200, reply.body


# --- a stay and what follows from it --------------------------------------------------------------------------------------------


@fact("plans")
@fact("forms")
@fact("medications to reconcile")
async def stay(world: World, side: Side) -> None:
    """A stay with nothing done yet: no plan, no assessment, no reconciliation."""
    if "stay" in side.made:
        return
    made = {
        "resourceType": "EpisodeOfCare", "status": "active", "patient": {"reference": f"Patient/{client(side)}"}, "managingOrganization": {"reference": f"Organization/{side.key}"},
        "type": [{"coding": [{"system": LEVEL, "code": "3.5" if side.program == SUD else "2.1"}], "text": f"Program {side.key}"}], "careManager": {"reference": f"Practitioner/{side.clinician}"},
        "period": {"start": (clock.now() - timedelta(hours=3)).isoformat(timespec="seconds")},
    }  # fmt: skip
    side.made["stay"] = await make(world, side, made)


@fact("plans", 1)
async def plan(world: World, side: Side) -> None:
    """A plan in force, of which the chart will ask for a review."""
    made = {
        "resourceType": "CarePlan", "status": "active", "intent": "plan", "subject": {"reference": f"Patient/{client(side)}"}, "period": {"start": "2026-03-01", "end": "2026-03-12"},
        "extension": [{"url": EPISODE, "valueReference": {"reference": f"EpisodeOfCare/{side.made['stay']}"}}, {"url": SIGNED, "valueDate": "2026-03-01"}],
        "category": [{"coding": [{"system": "http://hl7.org/fhir/us/core/CodeSystem/careplan-category", "code": "assess-plan"}]}],
    }  # fmt: skip
    side.made["plan"] = await make(world, side, made)


@fact("plans", 2, apart=True)
async def diagnosis(world: World, side: Side) -> None:
    """A diagnosis that a plan should know; of the visible side it comes later, or it would hide what hidden ones do."""
    if not side.hidden:
        return
    active = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "relapse"}]}
    category = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "problem-list-item"}]}]
    code = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "F11.20"}], "text": "Opioid use disorder"}
    await make(
        world,
        side,
        {
            "resourceType": "Condition",
            "clinicalStatus": active,
            "category": category,
            "code": code,
            "subject": {"reference": f"Patient/{client(side)}"},
            "recordedDate": clock.now().date().isoformat(),
        },
    )


@fact("consents", 3)
async def discharge(world: World, side: Side) -> None:
    """The end of a stay until which a consent lasts."""
    own = {
        "resourceType": "EpisodeOfCare",
        "status": "active",
        "patient": {"reference": f"Patient/{client(side)}"},
        "period": {"start": "2026-02-20"},
    }
    episode = await make(world, side, own)
    made = consent(client(side), "tpo")
    made["extension"] = [e for e in made["extension"] if not e["url"].endswith("part2-expiry-text")]
    made["extension"] += [
        terms.extension(terms.EXPIRY_EVENT, valueCode="end-of-treatment"),
        terms.extension(terms.EXPIRY_EPISODE, valueReference={"reference": f"EpisodeOfCare/{episode}"}),
    ]
    await make(world, side, made)
    await put(
        world,
        side,
        "EpisodeOfCare",
        episode,
        status="finished",
        period={"start": "2026-02-20", "end": clock.now().isoformat(timespec="seconds")},
    )


# --- danger, results, orders ------------------------------------------------------------------------------------------------------


@fact("risk")
@fact("calls")
async def danger(world: World, side: Side) -> None:
    """An answer that opens an episode; nobody takes it up. None that is kept apart: the result of a test cannot be (45 CFR 164.501), and danger is acted on."""
    answers = {"1": Decimal(0), "2": Decimal(1), "3": Decimal(0), "4": Decimal(1), "5": Decimal(0), "6": Decimal(0)}
    response = forms.response(
        instruments()["c-ssrs-screener"],
        answers,
        BASE,
        patient=f"Patient/{client(side)}",
        authored=clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    reply = await world.clinic.ask(side.system, "POST", response["resourceType"], response)
    assert reply.status == 201, reply.body


async def report(world: World, side: Side, name: str, *values: dict[str, Any], **more: Any) -> None:
    ids = [await make(world, side, v) for v in values]
    made = {
        "resourceType": "DiagnosticReport", "status": "final", "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "LAB"}]}], "code": {"text": name},
        "subject": {"reference": f"Patient/{client(side)}"}, "effectiveDateTime": values[0]["issued"], "issued": values[0]["issued"], "result": [{"reference": f"Observation/{i}"} for i in ids], **more,
    }  # fmt: skip
    side.made[name] = (await make(world, side, made), ids)


@fact("results", apart=True)
@fact("critical results", apart=True)
async def results(world: World, side: Side) -> None:
    """One value in danger, and one that is kept apart."""
    if "Metabolic panel" in side.made:
        return
    await report(world, side, "Metabolic panel", value(client(side), 7.2, "HH"))
    await report(world, side, "Urine screen", found(client(side), "Opiates", "Positive", "A"))


@fact("results", 1)
async def corrected(world: World, side: Side) -> None:
    _, (part, *_) = side.made["Metabolic panel"]
    await put(
        world,
        side,
        "Observation",
        part,
        status="corrected",
        valueQuantity={"value": 7.4, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"},
    )


@fact("exchange", apart=True)
async def stay_elsewhere(world: World, side: Side) -> None:
    """A hospital stay that a partner told of, and a document and an allergy that came by message."""
    told = {"coding": [{"system": elsewhere.SYSTEM, "code": elsewhere.CODE}], "text": "Hospital stay elsewhere"}
    visit = {"resourceType": "Encounter", "status": "in-progress", "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}, "type": [told],
             "subject": {"reference": f"Patient/{client(side)}"}, "period": {"start": clock.now().isoformat(timespec="milliseconds")}}  # fmt: skip
    side.made["stay elsewhere"] = await make(world, side, visit)
    paper = {"resourceType": "DocumentReference", "status": "current", "identifier": [{"system": following.DOCUMENT, "value": f"partner|{side.name}"}], "type": {"text": "Discharge summary from elsewhere"},
             "subject": {"reference": f"Patient/{client(side)}"}, "content": [{"attachment": {"contentType": "text/plain", "data": "SG9tZQ=="}}]}  # fmt: skip
    await make(world, side, paper)
    said = {"resourceType": "AllergyIntolerance", "verificationStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification", "code": "unconfirmed"}]}, "code": {"text": "Latex"},
            "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]}, "patient": {"reference": f"Patient/{client(side)}"},
            "extension": [{"url": kinds.AS_OF, "valueInstant": clock.now().isoformat(timespec="seconds")}]}  # fmt: skip
    await make(world, side, said)


@fact("exchange", 3)
async def left_elsewhere(world: World, side: Side) -> None:
    await put(world, side, "Encounter", str(side.made["stay elsewhere"]), status="finished")


@fact("partners", 1)
async def partner(world: World, side: Side) -> None:
    """A partner of everybody's, of whom something is expected every hour, and whose messages are to be filed within one; who answers for them looks after messages."""
    if not side.hidden:
        what = agreed.facts(Agreed(answers="sud-exchange", kind="qsoa", ends=clock.now().date() + timedelta(days=20), every=1, counted=clock.now(), terms=tuple(contracts.facts([contracts.Term("in", "", contracts.DONE, 1, clock.now())]))))
        await registered(world.clinic.gate, Partner("county", "County Laboratory", applications=("COUNTY",), agreed=what))


@fact("partners", 2)
@fact("old exchange messages", 2)
async def heard(world: World, side: Side) -> None:
    """Nothing comes from them but what is about somebody hidden: where that came, they are not silent."""
    if side.hidden:
        name = side.name.encode()
        row = (f"message-{side.name}", "county", "hl7v2", "in", side.name, name, "ORU^R01", "2.5.1", name, len(name), name, False)
        await exchange.keep(world.clinic.gate.house.db, A, clock.now(), [row])
        old = (f"old-{side.name}", "county", "hl7v2", "in", f"old-{side.name}", b"old" + name, "ORU^R01", "2.5.1", b"old" + name, len(name), name, False)
        await exchange.keep(world.clinic.gate.house.db, A, clock.now() - timedelta(days=4000), [old])
        await world.clinic.owner.execute("UPDATE record.exchange_message SET state = 'mapped' WHERE message = $1", f"old-{side.name}")


@fact("results of those who are away", 3, apart=True)
async def nobody_there(world: World, side: Side) -> None:
    """A result while the one who treats the client is away (the roster says so: STAFF)."""
    await report(world, side, "Lipid panel", value(client(side), 4.2))


@fact("standing orders")
async def standing(world: World, side: Side) -> None:
    access = await as_(world, side.clinician)
    await ordering.order(
        access, client(side), ordering.Wish(panel="uds", day=clock.now().date(), why="Recovery", key=f"k-{side.name}", rhythm="weekly")
    )


@fact("orders")
async def placed(world: World, side: Side) -> None:
    """An order that a partner's system places with an organization of ours."""
    request = {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "108252007"}]}], "code": {"text": "Complete blood count"},
               "subject": {"reference": f"Patient/{client(side)}"}, "performer": [{"reference": f"Organization/{side.key}"}]}  # fmt: skip
    focus = {"reference": f"ServiceRequest/{await make(world, side, request)}"}
    task = {"resourceType": "Task", "status": "requested", "intent": "order", "code": {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]}, "focus": focus, "basedOn": [focus], "for": request["subject"]}
    await make(world, side, task)


# --- messages, incidents, papers ------------------------------------------------------------------------------------------------


@fact("messages")
@fact("old messages")
async def message(world: World, side: Side) -> None:
    """An urgent message that nobody reads."""
    if "thread" in side.made:
        return
    access = await as_(world, side.clinician)
    about = await addressing.about(access, client(side))
    side.made["thread"] = await sending.send(
        access, f"key-{side.name}", about, [f"person:{side.key}-nurse"], "", "The evening dose was not taken.", urgent=True
    )


@fact("incidents")
async def incident(world: World, side: Side) -> None:
    """A report with a notification that nobody makes."""
    access = await as_(world, side.clinician)
    now = clock.now().isoformat()
    made = Incident(
        kind="fall",
        harm="moderate",
        happened=now,
        learned=now,
        what="Slipped on the wet floor beside the sink.",
        program=side.program,
        clients=(client(side),),
    )
    await reporting.send(access, f"{side.name}".ljust(24, "0"), made, anonymous=False)


@fact("faxes")
async def fax(world: World, side: Side) -> None:
    """A fax on a program's own line; and one that cannot be read."""
    folder = world.clinic.gate.house.inbox / "a" / side.key
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{side.name}-15185550199.pdf").write_bytes(worker.typeset(f"Patient: Ana Rivera, {side.name}\nUrine screen.\n"))
    (folder / f"{side.name}-broken.pdf").write_bytes(b"%PDF-1.4 nothing")


@fact("papers sealed anew")
async def paper_of_before(world: World, side: Side) -> None:
    """A paper as it was kept before sources were keyed."""
    if not side.hidden:
        return
    access = await as_(world, side.admissions)
    id_ = await papers.receive(access, b"%PDF-1.4 " + side.name.encode(), media="application/pdf", pages=1, door=papers.SCAN, source=f"scan:{side.name}", program=side.program)
    await as_before(world.clinic, access, id_, f"scan:{side.name}:0:{'0' * 64}")


# --- schedule and beds ----------------------------------------------------------------------------------------------------------


async def book(world: World, side: Side, hours: float, **more: Any) -> list[str]:
    access = await as_(world, side.clinician)
    start = clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=hours)
    wish = appointments.Wish(
        client(side), "individual", start, start + timedelta(minutes=50), (f"Practitioner/{side.clinician}",), "", NY, side.program
    )
    return list(await appointments.book(access, [wish._replace(**more)]))


@fact("schedule")
@fact("reminders")
@fact("reminders sent")
async def visits(world: World, side: Side) -> None:
    """Two visits at one time, and an agreement to be reminded of them."""
    if "visits" in side.made:
        return
    side.made["visits"] = await book(world, side, 20) + await book(world, side, 20)
    if side.name != "beside":
        await reminders.agree(await as_(world, side.clinician), client(side), "phone", 0)


@fact("schedule", 1)
async def in_group(world: World, side: Side) -> None:
    """A member of a group of the open program, two days ahead."""
    track = await tracks.one(await as_(world, "sys-mh"), world.told.ids["group"])
    (first,) = track.series.between(clock.now(), clock.now() + timedelta(days=6))[:1]
    access = await as_(world, side.clinician)
    await appointments.book(
        access, [appointments.Wish(client(side), "group", first.start, first.end, track.leaders, "", NY, side.program, "", track.id)]
    )


@fact("schedule", 2)
async def off(world: World, side: Side) -> None:
    """The group's day is cancelled by somebody who does not change its members' times."""
    if side.hidden:
        return
    access = await as_(world, "sys-mh")
    track = await tracks.one(access, world.told.ids["group"])
    (first,) = track.series.between(clock.now(), clock.now() + timedelta(days=6))[:1]
    await tracks.change(access, tracks.excepted(track, first.start.astimezone(NY).date(), Differs(CANCELLED, reason="Snow")))


@fact("beds held for too long")
async def hold(world: World, side: Side) -> None:
    access = await as_(world, side.admissions)
    bed = world.told.ids[f"bed-{side.name}"]
    await moving.hold(
        access,
        patient=client(side),
        episode=side.made["stay"],
        organization="",
        bed=bed,
        expected=access.now + timedelta(hours=1),
        program=side.program,
    )


@fact("beds promised twice", apart=True)
async def twice(world: World, side: Side) -> None:
    """Two stays in one bed: this side's and another's, of which whoever put them there knew nothing."""
    beds = "bed-apart" if side.name == "apart" else f"bed-shared-{side.key}"
    for n in range(2):
        stay_ = {
            "resourceType": "Encounter", "status": "in-progress", "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
            "subject": {"reference": f"Patient/{client(side)}"}, "period": {"start": clock.now().isoformat(timespec="seconds")},
            "location": [{"location": {"reference": f"Location/{world.told.ids[beds]}"}, "status": "active", "period": {"start": clock.now().isoformat(timespec="seconds")}}],
        }  # fmt: skip
        side.made[f"in-bed-{n}"] = await make(world, side, stay_)


@fact("people written down twice", 1)
async def again(world: World, side: Side) -> None:
    """The same person once more, by the same program."""
    await make(world, side, patient(side.made.get("family", "Rivera"), telecom=PHONE))


# --- payers, hand-offs, signatures --------------------------------------------------------------------------------------------


@fact("authorizations")
async def authorization(world: World, side: Side) -> None:
    form = {"payer": "Example Health Plan", "number": f"A-{side.name}", "of": "service.individual", "unit": "visits", "approved": "3", "start": "2026-03-01", "end": "2026-03-31", "obtained": "phone",
            "review": "2026-03-10", "contact": "Ms. Lane, 518-555-0142"}  # fmt: skip
    await keeping.enter(await as_(world, side.reviewer), keeping.typed(client(side), form))


@fact("hand-offs without an answer")
async def handoff(world: World, side: Side) -> None:
    """Sent, and not answered."""
    access = await as_(world, side.clinician)
    id_ = await referral.prepare(access, client(side), "receiver", asks="Follow-up within 7 days", why="Stable")
    task = (await world.clinic.get(side.system, f"Task/{id_}")).json()
    sent = {"coding": [{"system": CARE, "code": "handoff.sent"}], "text": "Sent"}
    said = {"time": clock.now().isoformat(timespec="milliseconds"), "authorString": "x", "text": "Sent"}
    await put(
        world,
        side,
        "Task",
        id_,
        businessStatus=sent,
        status="in-progress",
        note=[said],
        output=[{"type": {"coding": [{"system": CARE, "code": "disclosure"}]}, "valueString": "d1"}],
    )
    del task


@fact("late")
@fact("authorizations", 1)
async def signed(world: World, side: Side) -> None:
    """A note that is locked, and a service that takes of the authorization."""
    if "note" in side.made:
        return
    access = await at_the_screen(world.clinic, side.clinician)
    visit = await make(world, side, encounter(client(side)))
    id_ = f"note-{side.name}"
    resource = {
        "resourceType": "DocumentReference", "id": id_, "status": "current", "type": {"text": "Progress note"}, "subject": {"reference": f"Patient/{client(side)}"},
        "author": [{"reference": f"Practitioner/{side.clinician}"}], "content": [{"attachment": {"contentType": "text/plain", "data": "U2Vlbi4K"}}],
        "context": {"encounter": [{"reference": f"Encounter/{visit}"}], "period": {"start": clock.now().isoformat(timespec="seconds"), "end": clock.now().isoformat(timespec="seconds")}},
    }  # fmt: skip
    outcome = await documents.signing(
        access, [Change("create", "DocumentReference", id_, resource, program=side.program)], id_, b"Seen.\n", service="individual"
    )
    await access.write(outcome.changes, action="sign")
    document = await documents.read(access, id_)
    if document.state != "locked":
        await acting.lock(access, document, version=document.version)
    side.made |= {"note": id_, "visit": visit}
    if not side.hidden:
        world.told.ids["visit"] = visit


@fact("late", 2, apart=True)
async def joined(world: World, side: Side) -> None:
    """Something that comes after the lock; of the hidden side also to the visit of the visible one."""
    await make(
        world, side, observation(client(side), encounter={"reference": f"Encounter/{side.made.get('visit') or world.told.ids['visit']}"})
    )


# --- labels and what is kept apart ----------------------------------------------------------------------------------------------


@fact("labels", 1)
async def relabelled(world: World, side: Side) -> None:
    """What hangs on something whose label rises."""
    visit = await make(world, side, encounter(client(side)))
    await make(world, side, observation(client(side), encounter={"reference": f"Encounter/{visit}"}))
    if side.hidden:
        await put(world, side, "Encounter", visit, meta={"security": [{"system": PSYCHOTHERAPY[0]["system"], "code": "HIV"}]})


@fact("screening", apart=True)
async def mentioned(world: World, side: Side) -> None:
    """A text that speaks of what may be sensitive; what a Part 2 program writes needs no question."""
    await make(world, side, observation(client(side), note=[{"text": "Told of an HIV test last week."}]))
