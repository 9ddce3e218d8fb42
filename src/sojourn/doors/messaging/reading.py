"""What a FHIR message states: read by its event and the partner's profile, or why it cannot be. Pure.

https://hl7.org/fhir/R4/messaging.html. Each event of HL7 v2 table 0003 means here what the same message of HL7 v2 means, and is filed by the same code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sojourn.care.exchange import kinds, naming
from sojourn.care.exchange.becoming import moment
from sojourn.care.exchange.facts import CannotMap, Draft, Resource, Stated
from sojourn.doors.messaging import appointments, marks, meter, people, results, visits
from sojourn.doors.messaging.copying import Copier
from sojourn.fhir import codec, messages
from sojourn.fhir import validate as validation
from sojourn.fhir.messages import Message, NoMessage
from sojourn.fhir.outcome import is_error
from sojourn.gate import papers
from sojourn.gate.exchange.partners import Partner

_Read = Callable[[Stated, Message, Copier, Partner], None]


class Reading:
    """Reads them (care/exchange/facts.py, Reader)."""

    door = kinds.MESSAGING
    brings = papers.API

    def read(self, content: bytes, partner: Partner) -> Stated:
        """What a message states."""
        try:
            bundle = codec.loads(content)
            message = messages.read(bundle)
        except (NoMessage, codec.BadJson) as error:
            return Stated(failed=f"It cannot be read: {error}")
        kind = kinds.of_event(message.event)
        said = Stated(kind, f"FHIR message ({kind})", kept=lambda made: meter.kept(message, made))
        read = READERS.get(kind)
        if read is None:
            said.failed = f"Messages {kind.replace('^', ' ') or 'of an unknown event'} are kept and not filed by themselves. Read it, do what it asks, and set it aside."
            return said
        if any(is_error(i) for i in validation.validate(bundle)):  # it was checked when it came; what reads it below relies on that
            said.failed = "It is not valid FHIR. Ask the sender to send it anew."
            return said
        try:
            said.labels = marks.of(message, partner)
            read(said, message, Copier(message, partner), partner)
        except CannotMap as error:
            said.failed = error.why
        return said


def _about(said: Stated, message: Message, copier: Copier, partner: Partner) -> Resource:
    """Whom it is about, kept with what it states."""
    patient = people.about(message)
    said.person, said.writes = naming.person(partner, patient), people.writes(copier, partner, patient)
    return patient


def _person(said: Stated, message: Message, copier: Copier, partner: Partner) -> None:
    """A visit, or a person: who they are, where the sender keeps our register, and what was found."""
    patient, event = _about(said, message, copier, partner), message.event
    out = said.draft = Draft(at=moment(message.sent), registers=said.kind in kinds.WRITES_DOWN, admits=True)
    stays = visits.visits(message, copier, partner, patient, event) if said.kind not in kinds.PERSONS else []
    out.pieces += [piece for _, piece in stays]
    if not stays and said.kind not in kinds.PERSONS and message.of("Encounter"):
        said.findings.append("It does not say which visit it is (MessageHeader.focus); no visit was written down.")
    out.pieces += visits.found(message, copier, partner, patient, stays)
    if partner.registers:
        out.person = said.writes
        out.pieces += people.relatives(message, copier, patient)


def _joined(said: Stated, message: Message, _copier: Copier, partner: Partner) -> None:
    """Two numbers are one person: put to who decides, and nothing is merged."""
    joins = people.joined(message, partner)
    said.person, said.draft = joins[0][0], Draft(at=moment(message.sent), joins=joins)


def _result(said: Stated, message: Message, copier: Copier, partner: Partner) -> None:
    said.reports = results.reports(message, copier, partner, _about(said, message, copier, partner))


def _appointment(said: Stated, message: Message, copier: Copier, partner: Partner) -> None:
    said.draft = appointments.draft(message, copier, partner, _about(said, message, copier, partner), message.event)
    said.draft.at = moment(message.sent)


READERS: Final[dict[str, _Read]] = {
    **dict.fromkeys((*kinds.VISITS, *kinds.PERSONS), _person), **dict.fromkeys(kinds.JOINS, _joined), **dict.fromkeys(kinds.RESULTS, _result), **dict.fromkeys(kinds.APPOINTMENTS, _appointment),
}  # fmt: skip
"""What reads a message of a type. Every other one is kept, and read by people: what is added here is filed by itself."""
