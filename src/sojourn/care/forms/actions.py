"""Answer a form for a client, all in one transaction; and what was answered before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sojourn.base.errors import NotFound
from sojourn.care.forms import extracting, responses
from sojourn.care.forms.filling import Filled, Variables
from sojourn.care.forms.model import Form, Json
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id
from sojourn.gate.found import Stored

NEEDS: Final = (("QuestionnaireResponse", "search"), ("QuestionnaireResponse", "create"), ("Observation", "create"))
"""What a role must allow to answer a form."""
READ: Final = (("QuestionnaireResponse", "search"),)


async def variables(access: Access, patient: str, form: Form) -> Variables:
    """What the form's expressions may name: only what they do name is asked for."""
    text = " ".join([*(i.initial_expression for i in form.all), *(i.calculated for i in form.all), *(i.when_expression for i in form.all)])
    known: dict[str, list[Any]] = {"questionnaire": [form.resource], "user": [{"name": access.caller.name}], "patient": []}
    if "%patient" in text:
        found = await access.search("Patient", [("_id", patient)], count=1)
        known["patient"] = list(found.resources)
    return known


def changes(access: Access, patient: str, filled: Filled, *, encounter: str | None = None, by_client: bool = False) -> tuple[str, list[Change]]:
    """The id of the response, and what to write: for use inside a larger write. patient: logical id."""
    now = access.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    agent = access.caller.agent or ""
    author = agent if agent.startswith(("Practitioner/", "PractitionerRole/")) else None
    subject, id_ = f"Patient/{patient}", new_id()
    made = responses.response(filled, patient=subject, authored=now, author=author, source=subject if by_client else None, encounter=encounter)
    found = extracting.observations(filled, patient=subject, effective=now, derived_from=f"QuestionnaireResponse/{id_}", performer=author, encounter=encounter)
    return id_, [Change("create", "QuestionnaireResponse", id_, made), *(Change("create", "Observation", "", one) for one in found)]


async def submit(access: Access, patient: str, filled: Filled, *, encounter: str | None = None, by_client: bool = False) -> str:
    """Write the answers. The id of the response. Raises what a write raises."""
    id_, made = changes(access, patient, filled, encounter=encounter, by_client=by_client)
    await access.write(made, action="form")
    return id_


async def answered(access: Access, patient: str, *, count: int = 100) -> list[Stored]:
    """What was answered for this client, the newest first."""
    found = await access.search("QuestionnaireResponse", [("patient", patient), ("_sort", "-authored")], count=count)
    return found.matches


async def one(access: Access, patient: str, id_: str) -> Json:
    """One response of this client. Raises NotFound, also for a response of somebody else."""
    found = await access.search("QuestionnaireResponse", [("_id", id_), ("patient", patient)], count=1)
    if not found.resources:
        raise NotFound
    return found.resources[0]


def latest(stored: list[Stored], form: Form) -> Mapping[str, Any] | None:
    """The newest completed response to a form, in whichever version."""
    for each in stored:
        resource = each.resource
        if resource.get("status") in ("completed", "amended") and str(resource.get("questionnaire", "")).partition("|")[0] == form.url:
            return resource
    return None
