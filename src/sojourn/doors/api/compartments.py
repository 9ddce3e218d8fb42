"""GET [compartment]/[id]/[type]: search in a compartment (https://hl7.org/fhir/R4/http.html#vsearch)."""

from __future__ import annotations

from sojourn.base import errors
from sojourn.doors.api.answer import Answer
from sojourn.doors.api.ask import Ask
from sojourn.doors.api.search import answered, read_form
from sojourn.fhir.compartment import members


async def search(ask: Ask, owner: str, id_: str, type_: str) -> Answer:
    """Resources of a type in the compartment of one that may be seen."""
    if type_ not in members(owner):
        raise errors.NotFound(f"The compartment of {owner} has no {type_}.")
    return await _within(ask, owner, id_, type_)


async def every(ask: Ask, owner: str, id_: str) -> Answer:
    """Resources of all types in it."""
    if not members(owner):
        raise errors.NotFound(f"{owner} has no compartment.")
    return await _within(ask, owner, id_, None)


async def _within(ask: Ask, owner: str, id_: str, type_: str | None) -> Answer:
    await read_form(ask)
    if not ask.param("page"):
        await ask.access.read(owner, id_)
    also = [] if type_ or any(k == "_type" for k, _ in ask.params) else [("_type", ",".join(t for t in members(owner) if ask.access.may(t, "search")))]
    return await answered(ask, type_, also=also, compartment=(owner, id_))
