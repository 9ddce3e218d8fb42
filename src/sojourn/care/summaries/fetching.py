"""A document that a partner was asked for, into the chart or the tray, with its labels and its source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from sojourn.base import errors
from sojourn.care import policies
from sojourn.care.papers import reading, sandbox
from sojourn.care.papers.indexing import Wish
from sojourn.care.summaries import filing
from sojourn.gate import bases, documentmarks, papers
from sojourn.gate.changes import Change
from sojourn.gate.exchange import asking, received
from sojourn.gate.exchange.asking import Ask, Paper
from sojourn.gate.preparing import instant
from sojourn.wire.ccda.xml import BadDocument

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.exchange.partners import Partner

PART2: Final = str(documentmarks.PART2["code"])
TRAY: Final = "tray"
"""In the place of a document's id: it waits in the tray."""
_USUAL: Final = ("U", "L", "M", "N")


def marks(said: Iterable[tuple[str, str]], partner: Partner | None) -> tuple[str, ...]:
    """What a sender says of a document beside what stands in it, and its law, as codes. A confidentiality that we do not know is read as the strictest."""
    found: list[str] = [*partner.laws] if partner is not None else []
    for system, code in said:
        if system == bases.CONFIDENTIALITY:
            found += [] if code in _USUAL else ["R" if code == "R" else "V"]
        elif documentmarks.substance(system, code):
            found += ["R", PART2]
        elif bases.claimed({"system": system, "code": code}):
            found.append(code)
    return tuple(c for c in dict.fromkeys(found) if not (c == "R" and "V" in found))


async def take(access: Access, ask: Ask, key: str, partner: Partner, *, sure: bool) -> str:
    """Put a document that was fetched into the chart; its id, or TRAY for what is no clinical document and is indexed there.

    sure: whether somebody knows that it is theirs, though it names somebody else or nobody. Raises Malformed with what to do, NotFound, Conflict.
    """
    paper = next((p for p in ask.papers if p.key == key and p.blob), None)
    if paper is None or ask.program not in access.caller.programs:
        raise errors.NotFound("There is no such document.")
    content = await asking.content(access, ask, paper)
    said = marks(paper.labels, partner)
    try:
        media, pages = await sandbox.checked(content)
        if media != reading.CCDA:
            await papers.receive(access, content, media=media, pages=pages, door=papers.API, source=f"asked:{ask.id}:{key}", program=ask.program, name=paper.title, sender=partner.name, marks=said, basis=partner.basis)
            return TRAY
        kinds = (await policies.of(access)).value("papers.kinds")
        mine = access.caller.agent or ""
        wish = Wish(ask.patient, ask.program, next(iter(kinds), "Record"), "", "", reviewer=mine if mine.startswith("Practitioner/") else "")
        return await filing.straight(access, content, wish, f"{ask.id[:30]}-{key[:24]}", sure=sure, marks=said, source=lambda id_, labels: provenance(access, ask, paper, partner, id_, labels))
    except (sandbox.Unreadable, BadDocument) as error:
        raise errors.Malformed(getattr(error, "message", "") or "It cannot be read.") from None


def provenance(access: Access, ask: Ask, paper: Paper, partner: Partner, document: str, labels: Sequence[dict[str, Any]]) -> Change:
    """From whom it is, who asked for it, and on what basis we have it."""
    role = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
    asker = access.caller.agent or ""
    agents = [
        {"type": {"coding": [{"system": role, "code": "author"}]}, "who": {"reference": partner.organization, "display": partner.name}},
        *([{"type": {"coding": [{"system": role, "code": "enterer"}]}, "who": {"reference": asker}}] if asker.startswith("Practitioner/") else []),
    ]
    made: dict[str, Any] = {
        "resourceType": "Provenance", "target": [{"reference": f"DocumentReference/{document}"}], "recorded": instant(access.now), "agent": agents,
        "activity": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-DataOperation", "code": "CREATE"}], "text": "Fetched from a partner that was asked about the client (IHE MHD)"},
        "reason": received.reason(partner.basis),
        "entity": [{"role": "source", "what": {"identifier": {"system": "urn:ietf:rfc:3986", "value": paper.url}, "display": paper.title}}],
    }  # fmt: skip
    if labels:
        made["meta"] = {"security": list(labels)}
    return Change("create", "Provenance", f"{document[:50]}-source", made, program=ask.program)


def taken(ask: Ask, key: str, where: str) -> Ask:
    """The ask with a document that is in the chart, or in the tray."""
    return replace(ask, papers=tuple(replace(p, state="taken", filed=where) if p.key == key else p for p in ask.papers))
