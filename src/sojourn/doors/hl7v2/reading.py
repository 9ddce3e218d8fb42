"""What a message of HL7 v2 states, by its type and the partner's profile; or why it is not read. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sojourn.care.exchange import kinds
from sojourn.care.exchange.facts import CannotMap, Draft, Stated
from sojourn.doors.hl7v2 import adt, demographics, documents, marks, meter, oru, persons, scheduled
from sojourn.doors.hl7v2.out import client
from sojourn.gate import papers
from sojourn.gate.exchange.partners import Partner
from sojourn.wire import hl7v2
from sojourn.wire.hl7v2 import Message, NotReadable

DOOR: Final = "hl7v2"
READERS: Final[dict[str, Callable[[Message, Partner], Draft]]] = {**dict.fromkeys(adt.TYPES, adt.draft), **dict.fromkeys(kinds.DOCUMENTS, documents.draft), **dict.fromkeys(kinds.APPOINTMENTS, scheduled.draft)}
"""What reads a message of a type."""
MAPPED_TYPES: Final = ("ORU^R01", *READERS)
"""What becomes resources; every other message is kept, and read by people."""


class Reading:
    """Reads them (care/exchange/facts.py, Reader)."""

    door = DOOR
    brings = papers.HL7

    def read(self, content: bytes, partner: Partner) -> Stated:
        """What a message states."""
        try:
            message = hl7v2.parse(content, partner.charset)
        except NotReadable as error:
            return Stated(failed=f"It cannot be read: {error}")
        said = Stated(message.type, f"HL7 v2 ({message.type})", findings=message.findings, kept=lambda made: meter.kept(message, made))
        if (answers := _answers(message)) is not None:
            said.answers = answers
        elif message.type not in MAPPED_TYPES:
            said.failed = f"Messages {message.type or 'without a type (MSH-9)'} are kept and not filed by themselves. Read it, do what it asks, and set it aside."
        else:
            try:
                _stated(said, message, partner)
            except CannotMap as error:
                said.failed = f"{error.why}" + (f" See {error.where}." if error.where and error.where not in error.why else "")
        return said


def _stated(said: Stated, message: Message, partner: Partner) -> None:
    if message.type in READERS:
        said.draft = READERS[message.type](message, partner)
    else:
        said.reports = oru.reports(message, partner)
    said.person, said.labels = persons.person(message, partner), marks.of(message, partner)
    said.writes = demographics.patient(message, partner)


def _answers(message: Message) -> tuple[str, str] | None:
    """Of an acknowledgement: which message of ours it answers, and why they refused that, or ''."""
    msa = message.one("MSA") if message.header.v(9) == "ACK" else None
    if msa is None or (said := client.verdict_of(message)) is None:
        return None
    where = f", {said.where}" if said.where else ""
    return msa.v(2), "" if said.verdict == client.ACCEPTED else f"They refused it ({said.code}{where}). Put right what they name, and send it again; or ask them. What they wrote is in their acknowledgement."
