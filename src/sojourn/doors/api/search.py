"""GET [type]? and POST _search (https://hl7.org/fhir/R4/search.html)."""

from __future__ import annotations

from collections.abc import Sequence

from sojourn.base import errors
from sojourn.doors.api import forms, persons
from sojourn.doors.api.answer import Answer, shown
from sojourn.doors.api.ask import Ask, decode_form
from sojourn.doors.api.mhd import documents, lists
from sojourn.fhir.outcome import Issue
from sojourn.gate.trail import asking


async def search(ask: Ask, type_: str | None) -> Answer:
    """A page of what matches and may be seen. Unknown parameters follow Prefer: handling (default: lenient, and named in the answer)."""
    await read_form(ask)
    if lists.asked(ask, type_):
        return await lists.find(ask)
    return await answered(ask, type_)


async def answered(ask: Ask, type_: str | None, *, also: Sequence[tuple[str, str]] = (), compartment: tuple[str, str] | None = None) -> Answer:
    """The page. `also`: parameters that the caller did not send."""
    ask.check_format()
    params = [*((k, v) for k, v in ask.search_params() if k != "page"), *also]
    lenient = ask.prefer("handling") != "strict"
    if type_ == "AuditEvent" and asking.generated(ask.access):
        found = await asking.search(ask.access, _of_patient(params, compartment), cursor=ask.param("page") or None, lenient=lenient)
    else:
        found = await ask.access.search(type_, params, cursor=ask.param("page") or None, lenient=lenient, compartment=compartment)
    await persons.tell(ask.access, shown(found))
    documents.listed(ask, found)
    notes = [Issue("warning", "not-supported", "", f"The parameter {_named(name)} is not known here and was not used.") for name in found.ignored]
    path = "/".join(part for part in ask.parts if part != "_search")
    return forms.searchset(ask, path, found, notes=notes)


def _of_patient(params: list[tuple[str, str]], compartment: tuple[str, str] | None) -> list[tuple[str, str]]:
    """The parameters with the compartment as one more."""
    if compartment and compartment[0] != "Patient":
        raise errors.NotSupported("AuditEvents are found in the compartments of patients; use agent or entity for others.")
    return [*params, ("patient", compartment[1])] if compartment else params


async def read_form(ask: Ask) -> None:
    """Parameters of a POST's body count as if they stood in the URL."""
    if ask.method != "POST":
        return
    media = ask.header("content-type").partition(";")[0].strip().lower()
    if media not in ("application/x-www-form-urlencoded", ""):
        raise errors.UnsupportedMedia("Send the search as application/x-www-form-urlencoded.")
    try:
        text = (await ask.body()).decode("ascii")
    except UnicodeDecodeError:
        raise errors.Malformed("The form must be ASCII; percent-encode the rest.") from None
    ask.read_also(decode_form(text))


def _named(name: str) -> str:
    """A parameter's name as it may be repeated: it is the caller's own text, but not more of it than needed."""
    return name[:64]
