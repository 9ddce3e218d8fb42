"""From whom a document came that a partner brought, and on what basis we have it: its Provenance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from sojourn.gate import papers
from sojourn.gate.changes import Change
from sojourn.gate.exchange import partners, received
from sojourn.gate.preparing import instant

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.papers import Paper

_BY: Final = {
    papers.MHD: "Brought by FHIR document exchange (IHE MHD ITI-65)", papers.FAX: "Came by fax", papers.SFTP: "Brought by SFTP", papers.DIRECT: "Came by Direct secure messaging", papers.HL7: "Received by HL7 v2 (MDM)",
    papers.API: "Fetched from a partner that was asked about the client (IHE MHD)",
}  # fmt: skip


def provenance(access: Access, paper: Paper, labels: Sequence[dict[str, Any]], program: int) -> list[Change]:
    """What says it, under the labels of the document; nothing for one that no partner brought."""
    if paper.door != papers.MHD and paper.basis not in partners.BASES:
        return []
    made: dict[str, Any] = {
        "resourceType": "Provenance", "target": [{"reference": f"DocumentReference/{paper.id}"}], "recorded": instant(access.now),
        "activity": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-DataOperation", "code": "CREATE"}], "text": _BY.get(paper.door, "Brought by a partner")},
        "agent": [{"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "code": "author"}]}, "who": {"display": paper.sender or "Not known"}}],
        **({"reason": why} if (why := received.reason(paper.basis)) else {}),
        "entity": [{"role": "source", "what": {"identifier": {"system": "https://sojourn.example/fhir/NamingSystem/paper", "value": paper.id}, "display": "The document as it came"}}],
    }  # fmt: skip
    if labels:
        made["meta"] = {"security": list(labels)}
    return [Change("create", "Provenance", f"{paper.id[:50]}-source", made, program=program)]
