"""Patient.link: that two records are one person, told to whoever may see the merge and both of them.

It is worked out when a Patient is served and is no part of what is stored (https://hl7.org/fhir/R4/patient.html#link): neither record has a new
version for it, and to who may see one alone nothing is different.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sojourn.care.admissions import merging
from sojourn.fhir import codec
from sojourn.gate.access import Access
from sojourn.gate.found import Stored


async def tell(access: Access, stored: Iterable[Stored]) -> bool:
    """Put the links into the Patients among these; whether there were any. One question, asked of everybody who may search Linkages, if there is a Patient."""
    people = {s.id: s for s in stored if s.type == "Patient" and s.body is not None}
    if not people or not access.may("Linkage", "search"):
        return False
    found = await merging.links(access, people)
    for id_, links in found.items():
        if id_ in people:
            one = people[id_]
            one.body = codec.dumps({**one.resource, "link": [*(li for li in one.resource.get("link", ()) if li not in links), *links]})
            one._decoded = None
    return bool(found.keys() & people.keys())


async def untold(access: Access, resource: dict[str, Any]) -> dict[str, Any]:
    """A Patient as it is sent back, without the links that we put into it."""
    if resource.get("resourceType") != "Patient" or not resource.get("link") or not resource.get("id"):
        return resource
    ours = (await merging.links(access, [str(resource["id"])])).get(str(resource["id"]), [])
    kept = [link for link in resource["link"] if link not in ours]
    return {**{k: v for k, v in resource.items() if k != "link"}, **({"link": kept} if kept else {})}
