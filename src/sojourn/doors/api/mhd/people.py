"""POST Patient/$match and GET Patient/$ihe-pix: who somebody is here, for who may know that.

Somebody who is hidden from the caller, and somebody who is not here, are answered alike: byte for byte.
https://hl7.org/fhir/R4/patient-operation-match.html, https://profiles.ihe.net/ITI/PIXm/ITI-83.html
"""

from __future__ import annotations

from typing import Any, Final

from sojourn.base import errors
from sojourn.care.exchange import likeness
from sojourn.doors.api.answer import Answer, of_json
from sojourn.doors.api.ask import Ask

GRADE: Final = "http://hl7.org/fhir/StructureDefinition/match-grade"
_MOST: Final = 20
_NOBODY: Final = "Nobody is known here by that identifier."


async def match(ask: Ask, type_: str) -> Answer:
    """A searchset of who may be meant, the likeliest first, each with its grade. Raises Malformed where too little is said."""
    if type_ != "Patient":
        raise errors.NotSupported("$match is offered for Patient.")
    ask.check_format()
    await ask.access.check("search", "Patient", "$match")
    patient, certain, most = _asked(await ask.json())
    alike, page = await likeness.found(ask.access, patient, certain=certain, most=most)
    entries = [
        {"fullUrl": f"{ask.base}Patient/{a.stored.id}", "resource": a.stored.resource, "search": {"extension": [{"url": GRADE, "valueCode": a.grade}], "mode": "match", "score": a.score}}
        for a in alike
    ]  # fmt: skip
    return of_json({"resourceType": "Bundle", "type": "searchset", "total": len(entries), **({"entry": entries} if entries else {})}, receipt=page.receipt)


def _asked(body: Any) -> tuple[dict[str, Any], bool, int]:
    """(the patient who is looked for, onlyCertainMatches, count)."""
    if not isinstance(body, dict) or body.get("resourceType") != "Parameters":
        raise errors.Malformed("Send a Parameters resource with the patient as resource.", expression="resourceType")
    parts = {str(p.get("name")): p for p in body.get("parameter") or () if isinstance(p, dict)}
    patient = parts.get("resource", {}).get("resource")
    if not isinstance(patient, dict) or patient.get("resourceType") != "Patient":
        raise errors.Malformed("The parameter resource holds the Patient who is looked for.", expression="Parameters.parameter")
    count = parts.get("count", {}).get("valueInteger")
    try:
        likeness.sought(patient)
    except (TypeError, AttributeError, ValueError):
        raise errors.Malformed("The Patient is not valid.", expression="Parameters.parameter") from None
    return patient, parts.get("onlyCertainMatches", {}).get("valueBoolean") is True, max(1, min(count, _MOST)) if isinstance(count, int) else _MOST


async def pix(ask: Ask, type_: str) -> Answer:
    """The other identifiers of somebody known by one. Raises NotFound alike for who is not here and who is hidden."""
    if type_ != "Patient":
        raise errors.NotSupported("$ihe-pix is offered for Patient.")
    ask.check_format()
    access, source = ask.access, ask.param("sourceIdentifier")
    targets = [v for k, v in ask.params if k == "targetSystem"]
    system, bar, value = source.partition("|")
    if not (bar and system and value):
        raise errors.Malformed("sourceIdentifier is the identifier that you know, as system|value.")
    found = await access.search("Patient", [("identifier", source)], count=2)
    person = [s for s in found.matches if s.resource.get("active") is not False]
    if len(person) != 1:
        raise errors.NotFound(_NOBODY)
    (stored,) = person
    others = [i for i in stored.resource.get("identifier") or () if i.get("value") and i.get("system") and (i["system"], i["value"]) != (system, value)]
    told: list[dict[str, Any]] = [{"name": "targetIdentifier", "valueIdentifier": i} for i in others if not targets or i["system"] in targets]
    if not targets:
        told.append({"name": "targetId", "valueReference": {"reference": f"{ask.base}Patient/{stored.id}"}})
    ask.spoken.append(stored.resource)  # that they are here, and by which numbers, is a disclosure as any other
    return of_json({"resourceType": "Parameters", **({"parameter": told} if told else {})}, receipt=found.receipt)
