"""Brings documents to a partner by IHE MHD ITI-65: one of the doors by which documents go out.

What it is given was decided a moment ago and is in the log of disclosures; it wraps that and adds nothing of the record but who it is about, as the document itself says.
https://profiles.ihe.net/ITI/MHD/ITI-65.html
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from typing import TYPE_CHECKING, Any, Final

from sojourn.base import clock
from sojourn.care.reaching.sender import CCDA, PDF, Arrived, Failed, Outcome, Parcel, Unreachable
from sojourn.doors.mhd.remote import Remote, Trouble
from sojourn.fhir import codec
from sojourn.gate.exchange import asking
from sojourn.gate.preparing import instant

if TYPE_CHECKING:
    from sojourn.gate.caller import Tenant
    from sojourn.gate.exchange.partners import Partner
    from sojourn.gate.exchange.ways import Way
    from sojourn.gate.gate import House
    from sojourn.web.outbound import Outbound

_PROFILES: Final = "https://profiles.ihe.net/ITI/MHD/StructureDefinition/"
_LISTS: Final = "https://profiles.ihe.net/ITI/MHD/CodeSystem/MHDlistTypes"
_SCOPE: Final = "system/DocumentReference.c"


class Providing:
    """The door."""

    takes: tuple[str, ...] = (CCDA, PDF)

    def __init__(self, house: House, outbound: Outbound) -> None:
        self._house, self._outbound = house, outbound

    async def send(self, tenant: Tenant, parcel: Parcel) -> Outcome:
        """One submission of one document. It has the same identifiers whenever it is sent, so that a recipient keeps it once."""
        body = codec.dumps(submission(self._house.base, parcel))
        try:
            found = await self._remote(tenant, parcel.partner, parcel.way).post("", body)
        except Trouble as trouble:
            return Failed(trouble.why, again=trouble.again)
        answers = found.get("entry") if isinstance(found, dict) and found.get("type") == "transaction-response" else None
        states = [str(((a if isinstance(a, dict) else {}).get("response") or {}).get("status", "")) for a in answers] if isinstance(answers, list) else []
        if not states or not all(s.startswith("2") for s in states):
            return Failed("Their document recipient did not say that it has it.", again=False)
        return Arrived("Their document recipient said that it has it.")

    async def ask(self, tenant: Tenant, parcel: Parcel, reference: str) -> Outcome:  # noqa: ARG002 - they answer at once
        """Nothing is taken that is not answered."""
        return await self.send(tenant, parcel)

    async def cancel(self, tenant: Tenant, parcel: Parcel, reference: str) -> bool:  # noqa: ARG002 - the same
        """What they have is theirs."""
        return False

    async def discover(self, tenant: Tenant, partner: Partner, way: Way) -> str:
        """What their CapabilityStatement says of documents. Raises Unreachable."""
        try:
            stated = await self._remote(tenant, partner, way).open("metadata")
        except Trouble as trouble:
            raise Unreachable(trouble.why) from None
        rest = stated.get("rest") if isinstance(stated, dict) and stated.get("resourceType") == "CapabilityStatement" else None
        first = rest[0] if isinstance(rest, list) and rest and isinstance(rest[0], dict) else {}
        codes = {str(i.get("code")) for i in first.get("interaction") or () if isinstance(i, dict)}
        types = {str(r.get("type")) for r in first.get("resource") or () if isinstance(r, dict)}
        if "transaction" not in codes or "DocumentReference" not in types:
            raise Unreachable("Their server says nothing of taking documents (transaction, DocumentReference).")
        return f"FHIR {str(stated.get('fhirVersion', ''))[:20]}: takes transactions and has DocumentReference."

    def _remote(self, tenant: Tenant, partner: Partner, way: Way) -> Remote:
        known = asking.service(partner)
        return Remote(self._house, tenant, self._outbound, known._replace(base=way.address, scope=_SCOPE))


def submission(base: str, parcel: Parcel) -> dict[str, Any]:
    """The Bundle of ITI-65 with minimal metadata. Its identifiers follow from the parcel."""
    content, media = parcel.content.body, "application/pdf" if parcel.content.media == PDF else "text/xml"
    parts = {what: uuid.uuid5(uuid.NAMESPACE_URL, f"{base}/document/{parcel.id}/{what}").urn for what in ("set", "entry", "document")}
    named = {"use": "official", "system": "urn:ietf:rfc:3986"}
    attachment = {"contentType": media, "url": parts["document"], "size": len(content), "hash": base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode(), "title": parcel.kind}
    submission_set = {
        "resourceType": "List", "meta": {"profile": [_PROFILES + "IHE.MHD.Minimal.SubmissionSet"]}, "extension": [{"url": _PROFILES + "ihe-sourceId", "valueIdentifier": {"value": base}}],
        "identifier": [{**named, "value": parts["set"]}, {"use": "usual", "system": named["system"], "value": f"urn:sojourn:document:{parcel.id}"}], "status": "current", "mode": "working", "title": parcel.kind,
        "code": {"coding": [{"system": _LISTS, "code": "submissionset"}]}, "date": instant(clock.now()), "entry": [{"item": {"reference": parts["entry"]}}],
    }  # fmt: skip
    reference = {
        "resourceType": "DocumentReference", "meta": {"profile": [_PROFILES + "IHE.MHD.Minimal.DocumentReference"]}, "masterIdentifier": {"system": named["system"], "value": parts["document"]}, "status": "current",
        "type": {"text": parcel.kind}, "content": [{"attachment": attachment}],
        "securityLabel": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]}],
    }  # fmt: skip
    binary = {"resourceType": "Binary", "contentType": media, "data": base64.b64encode(content).decode()}
    entries = [
        {"fullUrl": url, "resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}} for url, resource in ((parts["set"], submission_set), (parts["entry"], reference), (parts["document"], binary))
    ]  # fmt: skip
    return {"resourceType": "Bundle", "meta": {"profile": [_PROFILES + "IHE.MHD.Minimal.ProvideBundle"]}, "type": "transaction", "entry": entries}
