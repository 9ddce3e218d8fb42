"""Scopes in plain words, and which of those that an app asks for a person can give; never wider."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from sojourn.fhir.definitions import RESOURCE_TYPES
from sojourn.gate.scopes import MOST

OTHER: Final[Mapping[str, str]] = {
    "openid": "Know who you are",
    "fhirUser": "Know who you are in this record",
    "launch": "Open beside the chart that you have open",
    "launch/patient": "Know whose record it is about",
    "launch/encounter": "Know which visit it is about",
    "offline_access": "Go on while you are not using it, until you stop it",
}
"""Scopes that are about no data."""
CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/"
KINDS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "Observation": (
        (CATEGORY + "observation-category|laboratory", "laboratory results"), (CATEGORY + "observation-category|vital-signs", "vital signs"),
        (CATEGORY + "observation-category|social-history", "social history"), (CATEGORY + "observation-category|survey", "questionnaire scores"),
        ("http://hl7.org/fhir/us/core/CodeSystem/us-core-category|sdoh", "needs such as housing and food"),
    ),
    "Condition": (
        (CATEGORY + "condition-category|problem-list-item", "problems on the problem list"), (CATEGORY + "condition-category|encounter-diagnosis", "diagnoses made at visits"),
        ("http://hl7.org/fhir/us/core/CodeSystem/condition-category|health-concern", "health concerns"),
    ),
}  # fmt: skip
"""Categories for which a person can give a part of a type (US Core; 45 CFR 170.315(g)(10))."""
TYPES: Final[Mapping[str, str]] = {
    "Patient": "Name, date of birth and contact details", "Condition": "Diagnoses and problems", "Observation": "Measurements, results and scores",
    "MedicationRequest": "Prescriptions", "MedicationStatement": "Medicines taken", "MedicationDispense": "Medicines handed out", "AllergyIntolerance": "Allergies",
    "Immunization": "Vaccinations", "Procedure": "Treatments and procedures", "DiagnosticReport": "Reports", "DocumentReference": "Documents and notes",
    "CarePlan": "Care plans", "Goal": "Goals", "CareTeam": "Care team", "Encounter": "Visits and stays", "EpisodeOfCare": "Times in a program", "Appointment": "Appointments",
    "Coverage": "Insurance", "QuestionnaireResponse": "Forms that were filled in", "Consent": "Consents", "ServiceRequest": "Orders and referrals",
    "RelatedPerson": "Family and contacts", "Device": "Implanted devices", "Specimen": "Samples", "Media": "Pictures and recordings", "Provenance": "Who wrote what",
    "Practitioner": "Who works here", "PractitionerRole": "What those who work here do", "Organization": "Organizations", "Location": "Places", "Medication": "Names of medicines",
}  # fmt: skip
"""Types that are shown one by one where an app asks for everything; in this order."""
_BESIDE = frozenset({"Device", "Specimen", "Media", "Provenance", "Practitioner", "PractitionerRole", "Organization", "Location", "Medication", "MedicationStatement", "MedicationDispense"})
"""Types that nobody asks about when they read what an app does not get."""
_ONE = re.compile(r"(patient|user|system)/(\*|[A-Za-z]+)\.(read|write|\*|c?r?u?d?s?)(?:\?(\S+))?")
_V1 = {"read": "rs", "write": "cud", "*": "cruds"}
_VERBS = (("rs", "see"), ("c", "add"), ("u", "change"), ("d", "remove"))
_ACTION = {"c": "create", "r": "read", "u": "update", "d": "delete", "s": "search"}


class Part(NamedTuple):
    """A scope about data, taken apart. written: its letters as they came, in either version."""

    level: str
    type: str
    written: str
    search: str

    @property
    def letters(self) -> str:
        """Letters of cruds."""
        return _V1.get(self.written, self.written)

    @property
    def text(self) -> str:
        """The scope again."""
        return f"{self.level}/{self.type}.{self.written}" + (f"?{self.search}" if self.search else "")

    def covers(self, other: Part) -> bool:
        """Whether whoever has this one needs no other."""
        return (
            self.level == other.level and self.type in ("*", other.type) and set(other.letters) <= set(self.letters) and (not self.search or (self.search == other.search and self.type == other.type))
        )


class Row(NamedTuple):
    """One thing to allow. key: its name in the form; kinds: parts of it that can be given alone, (key, words)."""

    key: str
    words: str
    can: str
    part: Part
    kinds: tuple[tuple[str, str], ...] = ()


def part(text: str) -> Part | None:
    """A scope about data, or None."""
    match = _ONE.fullmatch(text)
    if match is None or not match[3] or (match[2] != "*" and match[2] not in RESOURCE_TYPES) or (match[2] == "*" and match[4]):
        return None
    return Part(match[1], match[2], match[3], match[4] or "")


def registrable(text: str, *, service: bool, people: bool) -> str:
    """Those of the scopes that an app of this use can have; empty if none."""
    kept = []
    for one in dict.fromkeys(text.split()):
        found = part(one)
        if (found and ((found.level == "system" and service) or (found.level != "system" and people))) or (found is None and one in OTHER and people):
            kept.append(one)
    return " ".join(kept[: MOST + len(OTHER)])


def within(asked: str, registered: str, levels: Iterable[str]) -> list[str]:
    """The scopes asked for that were registered, in their order; at most as many about data as a token can have."""
    most = [p for p in map(part, registered.split()) if p]
    out: list[str] = []
    for one in dict.fromkeys(asked.split()):
        found = part(one)
        if found is None:
            if one in OTHER and one in registered.split():
                out.append(one)
        elif found.level in levels and any(p.covers(found) for p in most) and sum(part(o) is not None for o in out) < MOST:
            out.append(one)
    return out


def rows(scopes: Sequence[str], may: Callable[[str, str], bool]) -> list[Row]:
    """What a person can allow. may: whether their role includes an action on a type; what it does not include is not offered.

    A scope for everything is shown as the types that there are, so that each can be left out, and `*` as all that has no line of its own.
    """
    out: list[Row] = []
    for n, found in enumerate(p for p in map(part, scopes) if p):
        if found.type == "*":
            named = [(t, f"{n}.{t}") for t in TYPES if any(may(t, _ACTION[letter]) for letter in found.letters)]
            out += [_row(key, found._replace(type=t), may) for t, key in named]
            out.append(Row(f"{n}.*", "Anything else in the record", can(found.letters), found))
        elif any(may(found.type, _ACTION[letter]) for letter in found.letters):
            out.append(_row(str(n), found, may))
    return out


def _row(key: str, found: Part, may: Callable[[str, str], bool]) -> Row:
    letters = "".join(letter for letter in found.letters if may(found.type, _ACTION[letter]))
    kinds = () if found.search else tuple((f"{key}.{k}", label) for k, (_, label) in enumerate(KINDS.get(found.type, ())))
    if kinds:
        kinds = (*kinds, (f"{key}.rest", "all others"))
    return Row(key, words(found), can(letters), found, kinds)


def can(letters: str) -> str:
    """`see, add and change`."""
    said = [verb for some, verb in _VERBS if set(some) & set(letters)]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}" if said else "nothing"


def words(found: Part) -> str:
    """What a scope is about: `Measurements, results and scores: only laboratory results`."""
    name = "Everything in the record" if found.type == "*" else TYPES.get(found.type) or re.sub(r"(?<!^)(?=[A-Z])", " ", found.type).capitalize()
    return f"{name}: only {_kind(found)}" if found.search else name


def _kind(found: Part) -> str:
    known = dict(KINDS.get(found.type, ()))
    bare = {code.partition("|")[2]: label for code, label in known.items()}
    said = []
    for name, value in parse_qsl(found.search):
        said += [known.get(v) or bare.get(v) or f"{name} {v.rpartition('|')[2]}" for v in value.split(",")] if name == "category" else [f"{name} {value.rpartition('|')[2]}"]
    return " and ".join(said) or "some of it"


def chosen(scopes: Sequence[str], offered: Sequence[Row], ticked: frozenset[str]) -> list[str]:
    """The scopes that remain of those asked for when only what is ticked is given. Raises nothing: what is not ticked is not there.

    A scope stays as it was written where nothing of it was left out; else it becomes what was ticked of it.
    """
    out = [one for one in scopes if part(one) is None and (one != "offline_access" or "offline_access" in ticked)]
    by_scope: dict[str, list[Row]] = {}
    for row in offered:
        by_scope.setdefault(row.key.partition(".")[0], []).append(row)
    written = [p for p in map(part, scopes) if p]
    for number, mine in by_scope.items():
        if all(_whole(row, ticked) for row in mine):
            out.append(written[int(number)].text)
        else:
            out += [text for row in mine if row.key in ticked for text in _given(row, ticked)]
    data = [one for one in dict.fromkeys(out) if part(one)]
    return [one for one in dict.fromkeys(out) if not part(one)] + data[:MOST]


def _whole(row: Row, ticked: frozenset[str]) -> bool:
    return row.key in ticked and all(key in ticked for key, _ in row.kinds)


def _given(row: Row, ticked: frozenset[str]) -> list[str]:
    if row.part.type == "*":
        return []  # "anything else" alone cannot be said in scopes
    if _whole(row, ticked) or not row.kinds:
        return [row.part.text]
    codes = KINDS[row.part.type]
    return [row.part._replace(search=f"category={codes[k][0]}").text for k in range(len(codes)) if f"{row.key}.{k}" in ticked]


def left_out(given: Sequence[str]) -> list[str]:
    """What an app will not see, in words: of the types that are shown one by one those that no scope names."""
    seen = {p.type for p in map(part, given) if p and set(p.letters) & set("rs")}
    return [] if "*" in seen else [said for type_, said in TYPES.items() if type_ not in seen | _BESIDE]


def listed(given: str) -> list[tuple[str, str]]:
    """(what, can) of each scope about data, for lists of what was allowed."""
    return [(words(p), can(p.letters)) for p in map(part, given.split()) if p]
