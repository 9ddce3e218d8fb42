"""What a message states, before it is known whose it is and what is there already. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

from sojourn.care.exchange import kinds
from sojourn.care.exchange.matching import Person
from sojourn.gate.exchange.partners import Partner

AS_OF: Final = kinds.AS_OF
"""On what a message wrote: the moment of which that message speaks. An older message changes nothing."""

Resource = dict[str, Any]


class CannotMap(Exception):
    """The message cannot become anything: why, in words that name nobody. where: as in OBR-4."""

    def __init__(self, why: str, where: str = "") -> None:
        super().__init__(why)
        self.why, self.where = why, where


class Place(NamedTuple):
    """Where a piece is written. ids: of the other pieces of the message, by their keys; before: what is there, None where nothing is.

    clean: its files as one clean PDF; now: of the request, a FHIR instant; known: of what else is there, by `Type/id`;
    staff: people of ours by their NPI.
    """

    id: str
    patient: str
    ids: Mapping[tuple[str, ...], str]
    before: Resource | None
    clean: bytes = b""
    now: str = ""
    known: frozenset[str] = frozenset()
    staff: Mapping[str, str] = MappingProxyType({})


@dataclass(slots=True)
class Piece:
    """One resource. key: what it is for its sender, the same in every message about it; make: the resource without id and meta, None to leave it as it is.

    files: what it holds, as it came; it is made readable before.
    """

    type: str
    key: tuple[str, ...]
    make: Callable[[Place], Resource | None]
    files: tuple[bytes, ...] = ()


@dataclass(slots=True)
class Draft:
    """A message, read. at: the moment of which it speaks. numbers: of orders of ours that it names.

    person: what it says of the person as the Patient that there should be, from the one that is there; None where its sender does not keep
    our register. registers: whether it may write down somebody who is not here. admits: whether what it becomes belongs only where the person
    is in care. staff: NPIs of people who may be ours. joins: pairs of a person and whom the same person was before.
    paper: a clinical document in it, which is taken in as one that comes by any other door: whose it is, somebody here says.
    """

    pieces: list[Piece] = field(default_factory=list)
    at: datetime | None = None
    numbers: tuple[str, ...] = ()
    person: Callable[[Resource | None], Resource] | None = None
    registers: bool = False
    admits: bool = False
    staff: tuple[str, ...] = ()
    joins: tuple[tuple[Person, Person], ...] = ()
    paper: bytes = b""


class Value(NamedTuple):
    """One value of a report. key: what it is within its report; body: without id, subject; file: what came as a file, a FHIR Attachment."""

    key: tuple[str, ...]
    body: Resource
    file: Resource | None = None


@dataclass(slots=True)
class Report:
    """One report with its values. key: what it is for its sender, the same in every message about it; numbers: of the order it may answer."""

    key: tuple[str, ...]
    numbers: tuple[str, ...]
    body: Resource
    values: list[Value] = field(default_factory=list)
    issued: datetime | None = None


@dataclass(slots=True)
class Stated:
    """A message, read: a draft or reports, or why it becomes nothing (`failed`, in words that name nobody).

    how: by what it came, as in `HL7 v2 (ORU^R01)`. labels: what is put on all that it becomes. writes: the person as a Patient, from the one that
    is there. kept: of what it became, which of its elements stay in the message alone; of None, where nothing was done with it. findings: what was odd. answers: of an acknowledgement,
    (the number of the message of ours, why they refused it or ''); then it becomes nothing else.
    """

    kind: str = ""
    how: str = ""
    person: Person = field(default_factory=Person)
    draft: Draft | None = None
    reports: list[Report] = field(default_factory=list)
    labels: Sequence[Mapping[str, Any]] = ()
    writes: Callable[[Resource | None], Resource] | None = None
    kept: Callable[[Iterable[Resource] | None], tuple[str, ...]] = lambda _: ()
    findings: list[str] = field(default_factory=list)
    answers: tuple[str, str] | None = None
    failed: str = ""

    @property
    def numbers(self) -> tuple[str, ...]:
        """Of orders of ours that it may answer."""
        return self.draft.numbers if self.draft is not None else tuple(dict.fromkeys(n for r in self.reports for n in r.numbers))


class Reader(Protocol):
    """Reads the messages of one door. door: as the list of messages has it; brings: the door of papers by which a clinical document in one comes."""

    door: str
    brings: str

    def read(self, content: bytes, partner: Partner) -> Stated:
        """What a message states. Raises nothing: what cannot be read says so."""
