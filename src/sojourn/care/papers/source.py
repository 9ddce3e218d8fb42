"""From whom a document came that a partner brought, and on what basis we have it: its Provenance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sojourn.gate import papers
from sojourn.gate.changes import Change
from sojourn.gate.exchange import partners
from sojourn.gate.preparing import instant

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.papers import Paper


def provenance(access: Access, paper: Paper, labels: Sequence[dict[str, Any]], program: int) -> list[Change]:
    """What says it, under the labels of the document; nothing for papers of other doors."""
    if paper.door != papers.MHD:
        return []
    made: dict[str, Any] = {
        "resourceType": "Provenance", "target": [{"reference": f"DocumentReference/{paper.id}"}], "recorded": instant(access.now),
        "activity": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-DataOperation", "code": "CREATE"}], "text": "Brought by FHIR document exchange (IHE MHD ITI-65)"},
        "agent": [{"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "code": "author"}]}, "who": {"display": paper.sender or "Not known"}}],
        **({"reason": [{"text": f"On the basis of: {partners.BASES[paper.basis]}"}]} if paper.basis in partners.BASES else {}),
        "entity": [{"role": "source", "what": {"identifier": {"system": "https://sojourn.example/fhir/NamingSystem/paper", "value": paper.id}, "display": "The document as it came"}}],
    }  # fmt: skip
    if labels:
        made["meta"] = {"security": list(labels)}
    return [Change("create", "Provenance", f"{paper.id[:50]}-source", made, program=program)]
