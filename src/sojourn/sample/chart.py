"""One client's record while it is being made: what is known so far, and where resources are added."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sojourn.sample.diagnoses import Diagnosis
from sojourn.sample.directory import Directory
from sojourn.sample.identity import Ids, stream
from sojourn.sample.parts import US_CORE, Json, ref
from sojourn.sample.people import Person
from sojourn.sample.programs import SUD_PROGRAMS
from sojourn.sample.staff import Staff
from sojourn.sample.stories import Stay, severity


class Item(NamedTuple):
    """A resource and the program that made it; None for the shared directory."""

    program_key: str | None
    resource: dict[str, Any]


class Chart:
    """A client's resources in the order in which they can be stored."""

    def __init__(self, seed: int, directory: Directory, person: Person, today: date) -> None:
        self.seed = seed
        self.directory = directory
        self.person = person
        self.today = today
        self.rng = stream(seed, f"chart:{person.key}")
        self.stays: list[Stay] = []
        self.teams: dict[int, dict[str, Staff]] = {}
        self.diagnoses: list[Diagnosis] = []
        self.problems: dict[str, str] = {}
        self.goals: dict[int, list[str]] = {}
        self.episodes: dict[int, str] = {}
        self.referrals: dict[int, str] = {}
        self.relatives: list[str] = []
        self.scores: list[tuple[datetime, str, int]] = []
        self.items: list[Item] = []
        self._ids = Ids(seed)
        self._counts: Counter[str] = Counter()
        self.patient = f"Patient/{self._ids(f'Patient:{person.key}')}"
        self.subject = ref(self.patient)

    def put(self, program: str | None, kind: str, profile: str, body: Json) -> str:
        """Add a resource made by a program and return its literal reference.

        `profile`: the last part of a US Core canonical, several divided by spaces, or nothing.
        """
        self._counts[kind] += 1
        number = self._counts[kind]
        key = f"{kind}:{self.person.key}" if kind == "Patient" else f"{kind}:{self.person.key}:{number}"
        head: Json = {"resourceType": kind, "id": self._ids(key)}
        if profile:
            head["meta"] = {"profile": [US_CORE + name for name in profile.split(" ")]}
        self.items.append(Item(program, head | body))
        return f"{kind}/{head['id']}"

    def at(self, kind: str, key: str) -> Json:
        """Return a Reference to an entry of the directory."""
        return ref(self.directory.reference(kind, key))

    def by(self, staff: Staff) -> Json:
        """Return a Reference to somebody of the staff, with the name for reading."""
        return ref(self.directory.reference("Practitioner", staff.key), staff.name)

    def program(self, stay: Stay) -> Json:
        """Return a Reference to the Organization of a stay's program."""
        return self.at("Organization", f"program:{stay.program}")

    def home(self) -> str:
        """Return the program that made what belongs to no stay: the first one, else registration."""
        return self.stays[0].program if self.stays else "central"

    def sud(self) -> bool:
        """Whether any stay is in a substance use program."""
        return any(stay.program in SUD_PROGRAMS for stay in self.stays)

    def strength(self, day: date) -> float:
        """Return how strong the symptoms are on a day, 1.0 at the start of the story."""
        if not self.stays:
            return 1.0
        recent = max(self.stays[0].start, self.today - timedelta(days=90))
        progress = (day - recent).days / 75
        return severity(self.person.course, min(max(progress, 0.0), 1.0))

    def main_problem(self, stay: Stay) -> Diagnosis | None:
        """Return the diagnosis that a stay treats."""
        family = "sud" if stay.part2 else "mh"
        fitting = [d for d in self.diagnoses if d.family == family]
        return fitting[0] if fitting else self.diagnoses[0] if self.diagnoses else None
