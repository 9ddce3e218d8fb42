"""People who sign, for the tests of signing: their entries, their sessions, and notes about somebody new."""

from __future__ import annotations

import base64
from datetime import date

from sojourn.care.credentials.held import Credential, written
from sojourn.gate.access import Access
from sojourn.gate.changes import Change
from sojourn.gate.signinrules import starting_rule
from tests.people import MH, Clinic, encounter, patient

TEXT = b"Seen for 50 minutes. Plan unchanged.\n"


async def at_the_screen(clinic: Clinic, who: str) -> Access:
    """Somebody who signed in just now."""
    gate = clinic.gate
    begun = await gate.identity.begin(gate.house.tenants[1], who, starting_rule("staff", date(2026, 3, 1)), door="staff", methods=("password",))
    assert begun is not None
    access = await gate.session(begun.token)
    assert access is not None
    return access


async def practitioner(clinic: Clinic, who: str, *held: Credential, name: str = "Ruth Example") -> None:
    """Their entry in the directory, with credentials."""
    access = await clinic.gate.access(clinic.tokens["sys-mh"])
    assert access is not None
    resource = {"resourceType": "Practitioner", "name": [{"text": name}], **({"qualification": [written(c) for c in held]} if held else {})}
    await access.write([Change("create", "Practitioner", who, resource)])


async def note(access: Access, id_: str = "note1", text: bytes = TEXT, **more: object) -> Change:
    """A note about somebody new, in a visit of theirs (Encounter/`id_`)."""
    person = (await access.write([Change("create", "Patient", "", patient(), program=MH)]))[0].id
    await access.write([Change("create", "Encounter", f"visit-{id_}", encounter(person), program=MH)])
    resource = {
        "resourceType": "DocumentReference", "id": id_, "status": "current", "type": {"text": "Progress note"}, "subject": {"reference": f"Patient/{person}"},
        "author": [{"reference": access.caller.agent}],
        "content": [{"attachment": {"contentType": "text/plain", "data": base64.b64encode(text).decode()}}],
        "context": {"encounter": [{"reference": f"Encounter/visit-{id_}"}]}, **more,
    }  # fmt: skip
    return Change("create", "DocumentReference", id_, resource, program=MH)
