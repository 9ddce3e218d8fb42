"""Invented courses of care for reports, from a seed: stays, visits, cases, plans, notes, corrections."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sojourn.gate.importing import Arrival, bring_in
from tests.people import FAR, MH, SUD, Clinic

NY = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 30, 8, 0, tzinfo=NY)
CARE = "https://sojourn.example/fhir/CodeSystem/care"
LEVELS = ("1.5", "2.1", "PHP", "3.5", "OP", "")
STAGES = {"inquiry": "Inquiry", "pre-screen": "Pre-screen", "benefits": "Benefits", "ready": "Ready to come", "waitlist": "Waiting list", "admitted": "Admitted", "lost": "Lost contact", "declined": "Declined by us"}
STEPS = {"sent": "Sent", "acknowledged": "Acknowledged", "scheduled": "Appointment made", "kept": "Appointment kept", "reported": "Reported back", "declined": "Declined by the receiver"}
WHO = ("mh-clinician", "sud-clinician", "both-clinician")
ORGANIZATION = {SUD: "sud", MH: "mh", FAR: "far"}


class Made(NamedTuple):
    """A resource and the program that makes it; None for what belongs to nobody."""

    program: int | None
    resource: dict[str, Any]


def concept(code: str, text: str = "") -> dict[str, Any]:
    """Of our own code system."""
    return {"coding": [{"system": CARE, "code": code}], **({"text": text} if text else {})}


class Courses:
    """Everything of one seed, in the order in which it can be written."""

    def __init__(self, seed: int, *, clients: int = 16, homes: tuple[int, ...] = (MH, MH, SUD, FAR), beside: Courses | None = None) -> None:
        """homes: programs that a client may come to first. beside: others whose beds and directory these share."""
        self.random = Random(seed)
        self.seed, self.homes = seed, homes
        self.made: list[Made] = []
        self._n = 0
        if beside is None:
            self._directory()
        else:
            self.beds, self.receiver = beside.beds, beside.receiver
        for n in range(clients):
            self._client(n)

    # --- small things ---

    def put(self, program: int | None, type_: str, **body: Any) -> str:
        """Add a resource; its id."""
        self._n += 1
        id_ = f"c{self.seed}-{self._n:04}"
        self.made.append(Made(program, {"resourceType": type_, "id": id_, **body}))
        return id_

    def ago(self, least: float, most: float) -> datetime:
        """Some moment so many days back."""
        return NOW - timedelta(minutes=int(self.random.uniform(least, most) * 1440))

    def at(self, moment: datetime) -> str:
        """With its offset, mostly the place's own."""
        return moment.astimezone(NY if self.random.random() < 0.8 else ZoneInfo("UTC")).isoformat(timespec="seconds")

    def day(self, moment: datetime) -> str:
        """A day alone or a moment, as resources have either."""
        return moment.astimezone(NY).date().isoformat() if self.random.random() < 0.4 else self.at(moment)

    def pick(self, *of: Any) -> Any:
        """One of them."""
        return self.random.choice(of)

    def _directory(self) -> None:
        for id_ in WHO:
            self.made.append(Made(None, {"resourceType": "Practitioner", "id": id_, "active": True, "name": [{"family": id_.title(), "given": ["Pat"]}]}))
        kinds = (("si", "North", ""), ("wa", "House", "si"), ("ro", "Room 1", "wa"))
        at: dict[str, str] = {}
        for kind, name, above in kinds:
            at[kind] = self.put(None, "Location", status="active", name=name, physicalType={"coding": [{"code": kind}]}, **({"partOf": {"reference": f"Location/{at[above]}"}} if above else {}))
        south = self.put(None, "Location", status="active", name="South", physicalType={"coding": [{"code": "si"}]})
        self.beds = [self.put(None, "Location", status="active", name=f"Bed {n}", physicalType={"coding": [{"code": "bd"}]}, partOf={"reference": f"Location/{at['ro']}"}) for n in range(5)]
        for program, site in ((MH, at["si"]), (SUD, south)):
            self.put(None, "HealthcareService", active=True, providedBy={"reference": f"Organization/{ORGANIZATION[program]}"}, location=[{"reference": f"Location/{site}"}])
        self.receiver = self.put(None, "Organization", active=True, name="Lakeside Primary Care")

    # --- one client ---

    def _client(self, n: int) -> None:
        r = self.random
        home = self.pick(*self.homes)
        self.patient = self.put(home, "Patient", name=[{"family": f"Family{n}", "given": ["Ana"]}])
        self.subject = {"reference": f"Patient/{self.patient}"}
        for program in [home] + ([self.pick(MH, SUD)] if r.random() < 0.4 else []):
            for _ in range(self.pick(1, 1, 2)):
                self._stay(program)
        for _ in range(r.randrange(7)):
            self._visit(self.pick(home, MH, SUD))
        for _ in range(r.randrange(3)):
            self._case(self.pick(home, home, SUD))
        for _ in range(r.randrange(3)):
            self._handoff(home)
        for _ in range(r.randrange(3)):
            self._note(self.pick(home, MH))
        for _ in range(r.randrange(6)):
            self._score(home)
        if r.random() < 0.5:
            self._flag(home)

    def _stay(self, program: int) -> None:
        r = self.random
        level, start = self.pick(*LEVELS), self.ago(0, 150)
        over = r.random() < 0.4
        end = start + (NOW - start) * r.random()
        status = self.pick("finished") if over else self.pick("active", "active", "active", "onhold", "planned", "cancelled", "waitlist")
        period = {"start": self.day(start), **({"end": self.day(end)} if over else {})}
        if period.get("end", "9")[:10] < period["start"][:10] or (len(period.get("end", "")) == 10 and period["end"] == period["start"][:10]):
            period["end"] = (start.astimezone(NY) + timedelta(days=1)).date().isoformat()
        type_ = {"type": [{"coding": [{"system": "urn:x:level-of-care", "code": level}], "text": f"Program {program}"}]} if level else {}
        manager = {"careManager": {"reference": f"Practitioner/{self.pick(*WHO)}"}} if r.random() < 0.8 else {}
        stay = self.put(program, "EpisodeOfCare", status=status, patient=self.subject, managingOrganization={"reference": f"Organization/{ORGANIZATION[program]}"}, period=period, **type_, **manager)
        if level == "3.5" or r.random() < 0.15:
            self._bed(program, stay, period, over=over)
        if r.random() < 0.8:
            self._plan(program, stay, start)

    def _bed(self, program: int, stay: str, period: dict[str, str], *, over: bool) -> None:
        r = self.random
        begin = period["start"] if len(period["start"]) > 10 else f"{period['start']}T12:00:00-05:00"
        end = {"end": period["end"] if len(period["end"]) > 10 else f"{period['end']}T10:00:00-05:00"} if over and "end" in period else {}
        named = {"episodeOfCare": [{"reference": f"EpisodeOfCare/{stay}"}]} if r.random() < 0.5 else {}
        entry = {"location": {"reference": f"Location/{self.pick(*self.beds)}"}, "status": "completed" if end else "active", "period": {"start": begin, **end}}
        status = "finished" if over else self.pick("in-progress", "arrived", "onleave", "planned")
        self.put(program, "Encounter", status=status, **{"class": {"code": "IMP"}}, subject=self.subject, period={"start": begin, **end}, location=[entry],
                 serviceProvider={"reference": f"Organization/{ORGANIZATION[program]}"}, **named)  # fmt: skip

    def _plan(self, program: int, stay: str, start: datetime) -> None:
        r = self.random
        signed = {"url": "https://sojourn.example/fhir/StructureDefinition/plan-signed-on", "valueDate": (start + timedelta(days=r.randrange(9))).date().isoformat()}
        about = {"url": "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare", "valueReference": {"reference": f"EpisodeOfCare/{stay}"}}
        status = self.pick("active", "active", "draft", "completed", "revoked", "entered-in-error")
        due = {"end": self.ago(-20, 30).date().isoformat()} if r.random() < 0.85 else {}
        begun = min(start.date().isoformat(), due.get("end", "9"))
        plan = self.put(program, "CarePlan", status=status, intent="plan", category=[{"coding": [{"code": "assess-plan"}]}], subject=self.subject, period={"start": begun, **due},
                        extension=[about, *([signed] if status != "draft" and r.random() < 0.8 else [])], **({"supportingInfo": [{"reference": "DocumentReference/none"}]} if r.random() < 0 else {}))  # fmt: skip
        for _ in range(self.pick(0, 1, 2)):
            self.put(program, "ClinicalImpression", status=self.pick("completed", "completed", "in-progress"), subject=self.subject, effectiveDateTime=self.ago(0, 40).date().isoformat(),
                     supportingInfo=[{"reference": f"CarePlan/{plan}"}])  # fmt: skip

    def _visit(self, program: int) -> None:
        start, minutes = self.ago(-2, 20), self.pick(30, 50, 90, 180)
        end = start + timedelta(minutes=minutes)
        status = self.pick("finished", "finished", "finished", "in-progress", "cancelled", "planned")
        visit = self.put(program, "Encounter", status=status, **{"class": {"code": "AMB"}}, subject=self.subject, period={"start": self.at(start), **({"end": self.at(end)} if self.random.random() < 0.9 else {})},
                         participant=[{"individual": {"reference": f"Practitioner/{self.pick(*WHO)}"}}], type=[{"text": self.pick("Individual session", "Group session")}])  # fmt: skip
        if self.random.random() < 0.5:
            self.put(program, "DocumentReference", status=self.pick("current", "current", "entered-in-error"), subject=self.subject, date=self.at(end + timedelta(hours=self.pick(1, 30, 200))), type={"text": "Progress note"},
                     content=[{"attachment": {"contentType": "text/plain", "data": "aGk="}}], context={"encounter": [{"reference": f"Encounter/{visit}"}]})  # fmt: skip
        if self.random.random() < 0.8:
            booked = self.ago(-5, 20)
            state = self.pick("booked", "fulfilled", "fulfilled", "noshow", "cancelled", "arrived", "entered-in-error", "checked-in")
            self.put(program, "Appointment", status=state, start=self.at(booked), end=self.at(booked + timedelta(minutes=50)), participant=[{"actor": self.subject, "status": "accepted"}])

    def _case(self, program: int) -> None:
        r, begun = self.random, self.ago(0, 110)
        stages, when, notes = list(STAGES), begun, []
        first = self.pick("inquiry", "pre-screen", "benefits")
        stage = first
        for _ in range(r.randrange(4)):
            stage, when = self.pick(*stages), when + (NOW - when) * r.random() * 0.5
            notes.append({"time": self.at(when), "authorString": "Adam", "text": STAGES[stage] + self.pick("", ". They said why.")})
            if stage in ("admitted", "lost", "declined"):
                break
        if r.random() < 0.3:
            notes.append({"time": self.at(when), "authorString": "Adam", "text": "Given to somebody else."})
        status = {"admitted": "completed", "lost": "cancelled", "declined": "rejected", "waitlist": "on-hold"}.get(stage, "in-progress" if notes else "requested")
        self.put(program, "Task", status=status, intent="order", code=concept("admission"), **{"for": self.subject}, authoredOn=self.at(begun), lastModified=self.at(when), note=notes or None,
                 businessStatus=concept(f"stage.{stage}", STAGES[stage]),
                 input=[{"type": concept("level"), "valueString": self.pick("3.5", "2.1")}, {"type": concept("program"), "valueString": str(program)}, *([{"type": concept("began"), "valueString": first}] if r.random() < 0.8 else [])])  # fmt: skip

    def _handoff(self, program: int) -> None:
        r, begun = self.random, self.ago(0, 200)
        when, step, notes = begun, "prepared", []
        for step_ in list(STEPS)[: r.randrange(len(STEPS) + 1)]:
            if step_ == "declined" or r.random() < 0.2:
                continue
            step, when = step_, when + (NOW - when) * r.random() * 0.4
            notes.append({"time": self.at(when), "authorString": "Dana", "text": STEPS[step] + self.pick("", ". By telephone.")})
        status = {"reported": "completed", "declined": "rejected"}.get(step, "in-progress")
        self.put(program, "Task", status=status, intent="order", code=concept("handoff"), **{"for": self.subject}, authoredOn=self.at(begun), lastModified=self.at(when), note=notes or None,
                 businessStatus=concept(f"handoff.{step}"), owner={"reference": f"Practitioner/{self.pick(*WHO)}"},
                 input=[{"type": concept("recipient"), "valueReference": {"reference": f"Organization/{self.receiver}"}}])  # fmt: skip

    def _note(self, program: int) -> None:
        r, start = self.random, self.ago(0, 45)
        period = {"period": {"start": self.at(start), "end": self.at(start + timedelta(minutes=50))}} if r.random() < 0.8 else {}
        document = self.put(program, "DocumentReference", status=self.pick("current", "current", "current", "entered-in-error"), docStatus=self.pick("preliminary", "final"), subject=self.subject,
                            date=self.at(start + timedelta(minutes=70)), type={"text": self.pick("Progress note", "Group note")}, category=[{"coding": [{"code": "clinical-note"}]}],
                            author=[{"reference": f"Practitioner/{self.pick(*WHO)}"}], content=[{"attachment": {"contentType": "text/plain", "data": "aGk="}}], context=period or None)  # fmt: skip
        for kind in self.random.sample(["note-unsigned", "note-returned", "note-cosign"], r.randrange(3)):
            begun = start + timedelta(hours=2 + r.randrange(40))
            ended = begun + (NOW - begun) * r.random() if begun < NOW else begun
            status = self.pick("requested", "completed", "cancelled", "accepted", "in-progress", "entered-in-error")
            self.put(program, "Task", status=status, intent="order", code=concept(kind), **{"for": self.subject}, focus={"reference": f"DocumentReference/{document}"}, authoredOn=self.at(begun),
                     lastModified=self.at(ended if status != "requested" else begun))  # fmt: skip

    def _score(self, program: int) -> None:
        measure, most = self.pick(("phq-9.total", 27), ("gad-7.total", 21), ("pcl-5.total", 80))
        version = {"version": "1"} if self.random.random() < 0.1 else {}
        self.put(program, "Observation", status=self.pick("final", "final", "final", "final", "entered-in-error"), code={"coding": [{"system": "urn:sojourn:measure", "code": measure, **version}]}, subject=self.subject,
                 effectiveDateTime=self.at(self.ago(-1, 190)), valueQuantity={"value": self.random.randrange(most)})  # fmt: skip

    def _flag(self, program: int) -> None:
        start = self.ago(0, 60)
        over = self.random.random() < 0.4
        period = {"start": self.day(start), **({"end": self.at(start + (NOW - start) * self.random.random())} if over else {})}
        if "end" in period and period["end"][:10] <= period["start"][:10]:
            period = {"start": self.at(start), "end": self.at(NOW)}
        self.put(program, "Flag", status=self.pick("active", "active", "inactive", "entered-in-error"), category=[{"coding": [{"code": self.pick("safety", "safety", "diet")}]}], subject=self.subject, code={"text": "Watch"}, period=period)

    # --- into the record ---

    async def write(self, clinic: Clinic, *, only: Callable[[Made], bool] = lambda made: True) -> None:
        """All of it, or some, through the gate; then corrections and deletions of some of that."""
        access = await clinic.gate.access(clinic.tokens["sys-none"])
        assert access is not None
        made = [m for m in self.made if only(m)]
        arrivals = [Arrival(f"c:{m.resource['id']}", m.program, {k: v for k, v in m.resource.items() if v is not None}) for m in made]
        async for outcome in bring_in(access, arrivals):
            assert outcome.refused == (), outcome
        await self._afterwards(clinic, made)

    async def _afterwards(self, clinic: Clinic, every: list[Made]) -> None:
        for made in every:
            if made.program is None or made.resource["resourceType"] == "Patient":
                continue
            who = {SUD: "sys-sud", MH: "sys-mh", FAR: "sys-far"}[made.program]
            chance = self.random.random()
            if chance < 0.08:
                await self._correct(clinic, who, made)
            elif chance < 0.11 and made.resource["resourceType"] in ("Observation", "Flag", "Appointment", "ClinicalImpression"):
                await clinic.ask(who, "DELETE", f"{made.resource['resourceType']}/{made.resource['id']}")

    async def _correct(self, clinic: Clinic, who: str, made: Made) -> None:
        body = {k: v for k, v in made.resource.items() if v is not None}
        match made.resource["resourceType"]:
            case "EpisodeOfCare" | "Encounter" if body.get("period", {}).get("start", "")[10:]:
                start = datetime.fromisoformat(body["period"]["start"]) - timedelta(hours=31)
                body = {**body, "period": {**body["period"], "start": start.isoformat()}}
            case "Observation":
                body = {**body, "valueQuantity": {"value": 1}}
            case "Appointment":
                body = {**body, "status": "noshow"}
            case _:
                return
        answer = await clinic.put(who, body)
        assert answer.status == 200, answer.body
