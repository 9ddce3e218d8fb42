"""The FHIR API in one page: where it is, how to sign in, and requests to copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sojourn.doors.staff.developers import reading
from sojourn.doors.staff.pages import PAGES

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


class Example(NamedTuple):
    """One request. `text` is what follows the base address."""

    title: str
    method: str
    text: str
    note: str = ""


EXAMPLES = (
    Example("Find a patient", "GET", "/Patient?name=rivera&birthdate=1988-03-04"),
    Example("Read one", "GET", "/Patient/{id}", "The ETag of the answer is the version to send in If-Match with a change."),
    Example("The newest PHQ-9 scores of a patient", "GET", "/Observation?patient={id}&code=http://loinc.org|44261-6&_sort=-date&_count=5"),
    Example("Visits, with the people and places they name", "GET", "/Encounter?patient={id}&_sort=-date&_include=Encounter:participant&_include=Encounter:location"),
    Example("Everything about one patient", "GET", "/Patient/{id}/$everything"),
    Example("What changed", "GET", "/Condition/{id}/_history"),
    Example("Create", "POST", "/Condition", "The body is a Condition; a fault is answered with an OperationOutcome that lists every problem and where it is."),
    Example("Change", "PUT", "/Condition/{id}", "With If-Match: if somebody was faster, the answer is 412 and nothing is saved."),
    Example("Several at once, all or none", "POST", "", "The body is a Bundle of type transaction."),
    Example("Check without saving", "POST", "/Patient/$validate"),
)


async def show(request: Request) -> Response:
    """GET /developers."""
    base = str(request.base_url).rstrip("/") + "/fhir"
    return PAGES.render(request, "developers/developers.html", base=base, examples=EXAMPLES, recipes=reading.listed(reading.RECIPES), reference=reading.listed(reading.REFERENCE))
