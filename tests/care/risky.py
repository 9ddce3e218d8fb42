"""A clinic with a client, the people around them and a clock that stands, for the tests of the risk path."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.care.measures import forms
from sojourn.care.measures.model import Answer, instruments
from sojourn.care.risk import duty
from sojourn.care.risk.episode import Episode, read
from sojourn.care.staffing import changing
from sojourn.care.staffing.model import AWAY, NEVER, ON_CALL, SITE_LEAD, SUPERVISOR, Entry
from sojourn.gate.access import Access
from sojourn.gate.clockwork import Clockwork
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests.people import BASE, FAR, MH, SUD, A, Clinic, close_clinic, encounter, open_clinic, patient

NIGHT = datetime(2026, 3, 4, 7, tzinfo=UTC)
"""Two o'clock at night in New York, a Wednesday."""
DAY = datetime(2026, 3, 4, 15, tzinfo=UTC)
PEOPLE = {"therapist": "clinician", "night": "on-call", "boss": "supervisor", "lead": "supervisor", "blind": "supervisor"}
"""Account -> role. All work in both programs but `blind`, who works at another site."""


@dataclass
class Ward:
    """What a test of the risk path has at hand."""

    clinic: Clinic
    clock: FakeClock
    client: str = ""
    program: int = MH
    refs: dict[str, str] = field(default_factory=dict)

    @property
    def organization(self) -> str:
        return "Organization/mh" if self.program == MH else "Organization/sud"

    @property
    def system(self) -> str:
        return "sys-mh" if self.program == MH else "sys-sud"

    def later(self, **step: float) -> None:
        self.clock.advance(timedelta(**step))

    async def access(self, who: str) -> Access:
        found = await self.clinic.gate.access(self.clinic.tokens[who])
        assert found is not None
        return found

    async def tick(self) -> None:
        """What the clock does when it looks."""
        await duty.escalate(await Clockwork(self.clinic.gate).access(A))

    async def minutes(self, count: int) -> None:
        """So many minutes, the clock looking at each."""
        for _ in range(count):
            self.later(minutes=1)
            await self.tick()

    async def answer(self, instrument: str, answers: Mapping[str, Answer], *, who: str = "", **more: Any) -> Any:
        """Post a response through the FHIR API."""
        made = forms.response(instruments()[instrument], answers, BASE, patient=f"Patient/{self.client}", authored=clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"))
        return await self.clinic.ask(who or self.system, "POST", made["resourceType"], {**made, **more})

    async def episodes(self, who: str = "") -> list[Episode]:
        found = await (await self.access(who or self.system)).search("ClinicalImpression", [("patient", self.client), ("_sort", "-date")], count=50)
        return [e for s in found.matches if (e := read(s.resource, s.version)) is not None]

    async def episode(self) -> Episode:
        (found,) = [e for e in await self.episodes() if e.open]
        return found

    async def notices(self, who: str) -> list[dict[str, Any]]:
        """The open notices of a person, as they see them themselves."""
        access = await self.access(who)
        found = await access.search("Task", [("owner", self.refs[who]), ("status", "requested,accepted,in-progress"), ("code", "risk-notice")])
        return found.resources

    async def put(self, kind: str, who: str, hours: float = 0, *, start: float = 0, **more: Any) -> None:
        now = clock.now()
        end = now + timedelta(hours=hours) if hours else NEVER
        await changing.add(await self.access(self.system), [Entry("", "", kind, self.refs[who], None, (), now - timedelta(minutes=1) + timedelta(hours=start), end, **more)])

    def told(self, episode: Episode) -> list[tuple[str, str, str]]:
        """(kind, step, who) of what the chain did, in order."""
        names = {ref: who for who, ref in self.refs.items()}
        return [(e.kind, e.step or "", names.get(e.who, "")) for e in episode.events if e.kind in ("notified", "skipped", "reminded", "all-hands")]


async def another(ward: Ward, at: datetime) -> Ward:
    """The same ward in a later week, at this hour of a Wednesday, with another client, nobody in danger, and somebody on call."""
    hour, now = at.timetz(), ward.clock.now()
    day = now.date() + timedelta(days=7 + (2 - now.weekday()) % 7)
    ward.clock.set(datetime.combine(day, hour))
    await ward.clinic.owner.execute("DELETE FROM record.resource WHERE type IN ('ClinicalImpression', 'Task', 'RiskAssessment')")
    await _admit(ward)
    await ward.put(ON_CALL, "night", 8)
    return ward


async def _admit(made: Ward) -> None:
    made.client = (await made.clinic.make(made.system, patient())).id
    await made.clinic.make(made.system, encounter(made.client))
    stay = {"resourceType": "EpisodeOfCare", "status": "active", "patient": {"reference": f"Patient/{made.client}"}, "period": {"start": "2026-02-01"}, "managingOrganization": {"reference": made.organization}, "careManager": {"reference": made.refs["therapist"]}}
    await made.clinic.make(made.system, stay)


def phq9(item9: int = 1) -> dict[str, Answer]:
    return {**{str(n): Decimal(0) for n in range(1, 9)}, "9": Decimal(item9), "10": Decimal(0)} if item9 else {str(n): Decimal(0) for n in range(1, 10)}


def cssrs(**yes: int) -> dict[str, Answer]:
    given = {f"q{n}": 0 for n in (1, 2, 6)} | yes
    if given["q2"]:
        given = {**{f"q{n}": 0 for n in (3, 4, 5)}, **given}
    if given["q6"]:
        given.setdefault("q6a", 0)
    return {key[1:]: Decimal(value) for key, value in given.items()}


@asynccontextmanager
async def ward(database: Dsn, *, at: datetime = NIGHT, program: int = MH, rostered: bool = True) -> AsyncIterator[Ward]:
    """A client with a stay, a therapist who answers for them, and (rostered) an on-call person, a supervisor and a site lead."""
    stopped = FakeClock(at)
    with clock.using(stopped):
        clinic = await open_clinic(database)
        made = Ward(clinic, stopped, program=program)
        for who, role in PEOPLE.items():
            id_ = (await clinic.make("sys-mh", {"resourceType": "Practitioner", "active": True, "name": [{"family": who.title(), "given": ["Robin"]}]})).id
            made.refs[who] = f"Practitioner/{id_}"
            mine = (FAR,) if who == "blind" else (SUD, MH)
            row = organization.AccountRow(who, "staff", who, who.title(), None, made.refs[who], role, list(mine), mine[0] if who == "blind" else program, [])
            await organization.account(clinic.owner, A, row, clock.now())
            clinic.tokens[who] = await clinic.gate.token(clinic.gate.house.tenants[A], who)
        await _admit(made)
        if rostered:
            await made.put(ON_CALL, "night", 8)
            await made.put(SUPERVISOR, "boss")
            await made.put(SITE_LEAD, "lead")
        yield made
        await close_clinic(clinic)


__all__ = ["AWAY", "DAY", "NIGHT", "ON_CALL", "SITE_LEAD", "SUPERVISOR", "Ward", "another", "cssrs", "phq9", "ward"]
