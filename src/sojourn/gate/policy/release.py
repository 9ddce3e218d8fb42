"""May somebody see a record: decided from the signed Consents, as the predicate decides from rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sojourn.gate import bases
from sojourn.gate.policy import tables
from sojourn.gate.policy.signed import Asker, House, Resource, Signed, Thing, of_programs

_ALWAYS = datetime.min.replace(tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)
_USUAL = ("treatment", "payment", "operations")
_ASKED = bases.PART2 | bases.SUD_COUNSELING | bases.PSYCHOTHERAPY


@dataclass(frozen=True, slots=True)
class Tie:
    """Somebody has to do with a patient for a while: a care team, an episode of care."""

    patient: str
    actor: str
    start: datetime = _ALWAYS
    end: datetime = _NEVER


def may_see(asker: Asker, thing: Thing, consents: Iterable[Resource | Signed], ties: Sequence[Tie], now: datetime, house: House) -> tuple[bool, str]:
    """(whether, the reason). Deny wins; who needs a relation has one; every law needs a permission of its own."""
    read = (c if isinstance(c, Signed) else Signed(c, house) for c in consents)
    about = [c for c in read if thing.patient is not None and c.patient == thing.patient]
    if any(c.forbids(asker, thing, now) for c in about):
        return False, "the patient forbids it"
    if asker.related and thing.patient is not None and not _related(asker, thing, about, ties, now):
        return False, "no relation to the patient"
    for law in _split(thing.laws):
        if not _lawful(law, asker, thing, about, now):
            return False, f"no permission for {law}"
    if asker.outside and thing.patient is not None and not _usual(asker, thing) and not any(c.authorizes(asker, thing, now) for c in about):
        return False, "no authorization for this purpose"
    return True, "permitted"


def _related(asker: Asker, thing: Thing, about: list[Signed], ties: Sequence[Tie], now: datetime) -> bool:
    return any(t.patient == thing.patient and t.actor in asker.names and t.start <= now < t.end for t in ties) or any(c.opens(asker, now) for c in about)


def _lawful(law: int, asker: Asker, thing: Thing, about: list[Signed], now: datetime) -> bool:
    if law == bases.UNLABELLED:
        return False
    if law & asker.laws or (law == bases.PART2 and of_programs(asker.programs, thing)):
        return True
    return any(c.permits(law, asker, thing, now) for c in about)


def _usual(asker: Asker, thing: Thing) -> bool:
    """Whether no authorization is needed: treatment, payment and operations (45 CFR 164.506), or another law asks for a permission already."""
    return any(asker.purpose in tables.purposes(kind) for kind in _USUAL) or bool(thing.laws & _ASKED)


def _split(mask: int) -> list[int]:
    return [1 << n for n in range(mask.bit_length()) if mask >> n & 1]
