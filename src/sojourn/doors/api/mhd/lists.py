"""Submission sets (IHE MHD ITI-66): made when they are asked for, one for each document.

The record keeps documents and no sets: what is answered follows from the documents that the caller may see, and from nothing else.
https://profiles.ihe.net/ITI/MHD/ITI-66.html
"""

from __future__ import annotations

import uuid
from typing import Any, Final

from sojourn.base import crypto, errors
from sojourn.doors.api.answer import Answer, of_json
from sojourn.doors.api.ask import Ask
from sojourn.doors.api.forms import url
from sojourn.gate.found import Stored

_CODES: Final = "https://profiles.ihe.net/ITI/MHD/CodeSystem/MHDlistTypes"
_IHE: Final = "https://profiles.ihe.net/ITI/MHD/StructureDefinition/"
_KINDS: Final = frozenset(("submissionset", "folder"))
_AS_DOCUMENTS: Final = {
    "patient": "patient", "patient.identifier": "patient.identifier", "subject": "subject", "date": "date", "designationType": "type", "source.given": "author.given", "source.family": "author.family", "_count": "_count",
}  # fmt: skip
"""What a set is looked for by, and what that is of a document."""


def asked(ask: Ask, type_: str | None) -> bool:
    """Whether an outside caller looks for submission sets, or folders. Any other search for lists is one of the record's own, which their role may not include."""
    return type_ == "List" and ask.access.caller.outside and any(name == "code" and not _KINDS.isdisjoint(_codes(value)) for name, value in ask.search_params())


async def find(ask: Ask) -> Answer:
    """A page of submission sets. Raises NotSupported for what they are not looked for by."""
    ask.check_format()
    params: list[tuple[str, str]] = []
    codes: set[str] = set()
    for name, value in ask.search_params():
        if name == "code":
            codes |= _codes(value)
        elif name == "status":
            if "current" not in value.split(","):
                codes.add("")  # every set is current
        elif name in _AS_DOCUMENTS:
            params.append((_AS_DOCUMENTS[name], value))
        elif name != "page":
            raise errors.NotSupported(f"Submission sets are found by code, status, {', '.join(n for n in _AS_DOCUMENTS if n != '_count')}.")
    none = "submissionset" not in codes or "" in codes
    found = await ask.access.search("DocumentReference", [*params, *([("_id", "none")] if none else [])], cursor=ask.param("page") or None)
    entries = [{"fullUrl": _name(ask, s), "resource": _set(ask, s), "search": {"mode": "match"}} for s in found.matches]
    ask.spoken += [s.resource for s in found.matches]
    used = [(k, v) for k, v in ask.params if k != "page"]
    links = [{"relation": "self", "url": url(ask.base, "List", ask.params)}, *([{"relation": "next", "url": url(ask.base, "List", [*used, ("page", found.next)])}] if found.next else [])]
    return of_json({"resourceType": "Bundle", "type": "searchset", "link": links, **({"entry": entries} if entries else {})}, receipt=found.receipt)


def _codes(value: str) -> set[str]:
    """The codes of a parameter, whatever their system."""
    return {c.rpartition("|")[2] for c in value.split(",")}


def _name(ask: Ask, stored: Stored) -> str:
    """By what the set of a document is known: the same each time, and no address."""
    return uuid.UUID(bytes=crypto.sha256(f"{ask.base}List of {stored.id}".encode())[:16], version=4).urn


def _set(ask: Ask, stored: Stored) -> dict[str, Any]:
    """The set of one document, as far as the caller sees that."""
    r = stored.resource
    security = (r.get("meta") or {}).get("security")
    source = next((a for a in r.get("author") or () if isinstance(a, dict)), None)
    return {
        "resourceType": "List", "meta": {"profile": [f"{_IHE}IHE.MHD.Minimal.SubmissionSet"], **({"security": security} if security else {})},
        "extension": [
            *([{"url": f"{_IHE}ihe-designationType", "valueCodeableConcept": r["type"]}] if r.get("type") else []),
            {"url": f"{_IHE}ihe-sourceId", "valueIdentifier": {"value": ask.base}},
        ],
        "identifier": [{"use": "official", "system": "urn:ietf:rfc:3986", "value": _name(ask, stored)}], "status": "current", "mode": "working", "code": {"coding": [{"system": _CODES, "code": "submissionset"}]},
        **({"subject": r["subject"]} if r.get("subject") else {}), **({"date": r["date"]} if r.get("date") else {}), **({"source": source} if source else {}),
        "entry": [{"item": {"reference": f"DocumentReference/{stored.id}"}}],
    }  # fmt: skip
