"""What a document says, as plain values: its sections, and a fact for each clinical statement."""

from __future__ import annotations

from typing import NamedTuple

from sojourn.wire.ccda.values import Coded, Quantity, Span


class Name(NamedTuple):
    """A name in its parts; use as HL7 v3 has it (L, C, P …)."""

    use: str
    prefix: tuple[str, ...]
    given: tuple[str, ...]
    family: tuple[str, ...]
    suffix: tuple[str, ...]


class Telecom(NamedTuple):
    """A number or address by which somebody is reached: `tel:…`, `mailto:…`."""

    use: str
    value: str


class Place(NamedTuple):
    """An address as (element, words)."""

    use: str
    parts: tuple[tuple[str, str], ...]


class Person(NamedTuple):
    """Whom a document is about. died: a time, `true`, `false` or ''; spoken: languages, and which is preferred."""

    name: str = ""
    given: tuple[str, ...] = ()
    family: str = ""
    born: str = ""
    gender: str = ""
    identifiers: tuple[str, ...] = ()
    telecoms: tuple[str, ...] = ()
    address: tuple[str, ...] = ()
    names: tuple[Name, ...] = ()
    reached: tuple[Telecom, ...] = ()
    places: tuple[Place, ...] = ()
    race: tuple[Coded, ...] = ()
    ethnicity: tuple[Coded, ...] = ()
    marital: Coded = Coded()
    spoken: tuple[tuple[str, bool], ...] = ()
    died: str = ""


class Marks(NamedTuple):
    """How sensitive it is said to be: confidentiality codes (v3: N, R, V), and DS4P's obligations, refrains and purposes."""

    confidentiality: str = ""
    policies: tuple[Coded, ...] = ()
    notice: str = ""


class Fact(NamedTuple):
    """One clinical statement. `kind`: allergy, problem, medication, immunization, result, vital, procedure, encounter, social, assessment,
    plan, goal, dispense, team, relative, device, coverage, note, instruction, risk, report (the panel of results), mark (of privacy) or other."""

    kind: str
    what: Coded
    """What it is about: the substance, the problem, the medicine, what was measured or done."""
    status: str = ""
    time: Span = Span()
    value: Coded | Quantity | str | None = None
    negated: bool = False
    mood: str = "EVN"
    details: tuple[tuple[str, Coded | Quantity | str], ...] = ()
    """reaction, severity, criticality, dose, route, rate, interpretation, range, frequency, location, diagnosis, performer, authored … What says more about
    one of them follows it (`severity of it`, `role` after `member`)."""
    identifiers: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()
    author: str = ""
    text: str = ""
    """The words that it refers to, on one line; of a note and of instructions with their lines."""
    marks: Marks = Marks()
    line: int = 0
    at: int = 0
    """By which byte of the document it begins."""
    number: str = ""
    """Of its author, as an id: root|extension."""
    holds: tuple[int, ...] = ()
    """Of a report, by which byte each of its results begins."""

    def detail(self, name: str) -> Coded | Quantity | str | None:
        """The first detail of a name."""
        return next((value for key, value in self.details if key == name), None)


class Section(NamedTuple):
    """A section: its kind (sections.toml, or `other`), narrative as text, facts, and how many entries gave none (`unread`)."""

    kind: str
    code: Coded
    title: str
    narrative: str
    facts: tuple[Fact, ...]
    unread: tuple[str, ...]
    null: str = ""
    marks: Marks = Marks()
    line: int = 0


class Document(NamedTuple):
    """A document. `templates`: roots that say which kind it is; `about` only of what could not be read, by line."""

    code: Coded
    title: str
    identifier: str
    version: tuple[str, str]
    """Its set and number: a later number of a set replaces the earlier."""
    made: str
    language: str
    templates: tuple[str, ...]
    patient: Person
    authors: tuple[str, ...]
    custodian: str
    marks: Marks
    sections: tuple[Section, ...]
    unstructured: tuple[str, bytes] | None = None
    """Content type and bytes of a document whose body is no structure."""
    consents: tuple[tuple[str, Coded], ...] = ()
    """Consents that its header names: number and kind of each."""
    related: tuple[tuple[str, str, str], ...] = ()
    """Documents that it is about: RPLC, APND or XFRM, the other's id, and its set."""
    people: int = 1
    """How many people it is about (recordTarget): of more than one no statement says of whom it is."""

    def facts(self, kind: str = "") -> list[Fact]:
        """The facts of a kind, or all."""
        return [fact for section in self.sections for fact in section.facts if kind in ("", fact.kind)]
