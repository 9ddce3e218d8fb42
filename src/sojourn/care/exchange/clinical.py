"""What a release lets leave, as a clinical document (C-CDA) instead of a Bundle: the same entries.

The document is made out of the bytes that the gate prepared (`Preview.outgoing`) and of who sends and receives it; it adds nothing of the record, and nothing of
what stays. docs/decisions/0064.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from sojourn.base import errors
from sojourn.fhir import codec
from sojourn.gate import disclosing
from sojourn.gate.access import Access
from sojourn.gate.preparing import instant
from sojourn.gate.releasing import Preview, Wish
from sojourn.wire.ccda.writer import TITLES, Heading, write

MEDIA: Final = "application/xml"
FORMS: Final[dict[str, str]] = {"": "FHIR document", **{kind: f"C-CDA: {title[0].lower() + title[1:] if kind != 'ccd' else title}" for kind, title in TITLES.items()}}
"""How something may leave; '' is FHIR."""


async def maker(access: Access, wish: Wish, kind: str, *, series: str, version: int = 1, reason: str = "") -> Callable[[Preview], Awaitable[bytes]]:
    """What makes the document of a kind of `FORMS` out of a preview. series: what it is a version of; reason: why it is sent. Raises Malformed, NotFound."""
    if kind not in TITLES:
        raise errors.Malformed("Choose how it leaves.")
    keeper, receiver = await custodian(access), await party(access, wish.recipient)

    async def made(found: Preview) -> bytes:
        return await document(access, kind, found.outgoing, custodian=keeper, recipient=receiver, purpose=wish.purpose, title=wish.document or TITLES[kind], series=series, version=version, reason=reason)

    return made


async def document(
    access: Access, kind: str, out: disclosing.Outgoing, *, custodian: dict[str, Any], recipient: dict[str, Any] | None, purpose: str, title: str, series: str, version: int = 1, reason: str = ""
) -> bytes:
    """The document of a kind over what leaves. Raises Malformed where it is about no person."""
    body = codec.loads(out.body)
    resources = [r for e in body.get("entry", ()) if (r := e.get("resource") or {}).get("id") and r.get("resourceType") != "Composition"]
    if not any(r["resourceType"] == "Patient" for r in resources):
        raise errors.Malformed("A clinical document is about a person, and nothing that says who would leave. Let it leave as FHIR.")
    carried = {str(x.get("url")): str(x.get("valueString", "")) for x in (body.get("meta") or {}).get("extension", ())}
    # Named by what it is a version of and its number: the same document has the same name wherever it is made.
    named = [f"{access.house.base}/{series}/{kind}/{n}" for n in (version, version - 1)]
    heading = Heading(
        access.house.base, named[0], title, instant(access.now), custodian, recipient, f"{access.house.base}/{series}/{kind}", version, named[1] if version > 1 else "", reason,
        carried.get(disclosing.NOTICE, ""), carried.get(disclosing.SCOPE, ""), purpose, tuple(c.partition("/_history")[0] for c in out.consents),
    )  # fmt: skip
    return await asyncio.to_thread(write, kind, resources, heading)


async def custodian(access: Access) -> dict[str, Any]:
    """The organization that keeps the record, as its directory has it; no program of it."""
    if access.tenant.organization:
        try:
            return (await access.read("Organization", access.tenant.organization)).resource
        except (errors.NotFound, errors.Forbidden):
            pass
    return {"resourceType": "Organization", "id": "custodian", "name": access.tenant.name}


async def party(access: Access, reference: str) -> dict[str, Any]:
    """Who sends or receives. Raises NotFound."""
    type_, _, id_ = reference.partition("/")
    return (await access.read(type_, id_)).resource
