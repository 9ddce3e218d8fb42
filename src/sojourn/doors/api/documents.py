"""POST DocumentReference/$import-ccda: a clinical document is taken in; a person says whose it is."""

from __future__ import annotations

from typing import Final

from sojourn.base import errors
from sojourn.care.papers import receiving
from sojourn.doors.api.answer import Answer, of_json
from sojourn.doors.api.ask import Ask
from sojourn.fhir.outcome import Issue, outcome
from sojourn.gate.bulk import arriving

_MEDIA: Final = ("application/hl7-cda+xml", "application/cda+xml", "application/xml", "text/xml")
TAKEN: Final = "Taken in. It is in no chart yet: somebody here says whose it is."


async def take_in(ask: Ask, type_: str) -> Answer:
    """202, in the same words whoever it is about and whether it came before. Raises UnsupportedMedia, Malformed for what cannot be read."""
    if type_ != "DocumentReference":
        raise errors.NotSupported("$import-ccda is offered for DocumentReference.")
    access = ask.access
    await access.check("create", "DocumentReference")
    if ask.header("content-type").partition(";")[0].strip().lower() not in _MEDIA:
        raise errors.UnsupportedMedia("Send the document as it is, as application/hl7-cda+xml.")
    program = arriving.program(access, ask.param("program"))
    await receiving.bring(access, await ask.body(), program=program or 0)
    receipt = await access.note(access.entry("import", "DocumentReference", "$import-ccda"))
    answer = of_json(outcome([Issue("information", "informational", "", TAKEN)]), receipt=receipt)
    answer.status = 202
    return answer
