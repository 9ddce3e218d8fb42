"""What a message states, before it is known whose it is and what is there already. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from sojourn.care.exchange import kinds
from sojourn.care.exchange.matching import Person

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
