"""What a message states becomes changes of the record, found again by its sender's own numbers."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sojourn.care.exchange.facts import AS_OF, Draft, Place, Report
from sojourn.fhir import codec
from sojourn.gate import origin
from sojourn.gate.changes import Change
from sojourn.gate.exchange import received
from sojourn.gate.exchange.doing import id_for
from sojourn.gate.preparing import instant

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.exchange.partners import Partner
    from sojourn.gate.found import Stored

NPI: Final = "http://hl7.org/fhir/sid/us-npi"
SOURCE: Final = "https://sojourn.example/fhir/NamingSystem/exchange-message"
_SOME: Final = 60
OLDER: Final = "A newer message about the same came before; what is there was left as it is."


def ids(access: Access, partner: Partner, draft: Draft, patient: str) -> dict[tuple[str, ...], str]:
    """The ids of a message's pieces by their keys: the same whenever the same partner says the same of the same person."""
    return {p.key: id_for(access, partner.id, patient, p.type, *p.key) for p in draft.pieces}


def new_patient(access: Access, partner: Partner, key: str) -> str:
    """The id of somebody whom a partner writes down."""
    return id_for(access, partner.id, "Patient", key)


async def search(access: Access, wanted: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], Stored]:
    """What is there of some ids by type. A search for each sixty."""
    out: dict[tuple[str, str], Stored] = {}
    for type_, names in wanted.items():
        every = sorted(set(names))
        for start in range(0, len(every), _SOME):
            found = await access.search(type_, [("_id", ",".join(every[start : start + _SOME]))], count=_SOME)
            out |= {(s.type, s.id): s for s in found.matches}
    return out


async def staff(access: Access, numbers: Sequence[str]) -> dict[str, str]:
    """People of ours by their NPI, as references. One search, or none."""
    if not numbers:
        return {}
    found = await access.search("Practitioner", [("identifier", ",".join(f"{NPI}|{n}" for n in sorted(set(numbers))))], count=200)
    return {str(i["value"]): f"Practitioner/{s.id}" for s in found.matches for i in s.resource.get("identifier") or () if i.get("system") == NPI and i.get("value")}


async def makers(access: Access, references: Sequence[str]) -> dict[str, int | None]:
    """Which program made what is there already: what comes later about it belongs to the same."""
    return await origin.makers(access, references) if references else {}


def changes(
    access: Access, partner: Partner, draft: Draft, patient: str, program: int | None, labels: Sequence[Mapping[str, Any]], there: Mapping[tuple[str, str], Stored],
    clean: Mapping[tuple[str, ...], bytes], staff: Mapping[str, str],
) -> tuple[list[Change], list[dict[str, Any]], list[str]]:  # fmt: skip
    """(changes, the resources that the message wrote or confirmed, findings). Pieces older than what is there are left."""
    mine = ids(access, partner, draft, patient)
    out: list[Change] = []
    written: list[dict[str, Any]] = []
    findings: list[str] = []
    if draft.person is not None:
        was = there.get(("Patient", patient))
        made = draft.person(was.resource if was is not None else None)
        _put(out, written, findings, "Patient", patient, made, was, draft.at, labels if was is None else (), program if was is None else None)
    known = frozenset(f"{t}/{i}" for t, i in there)
    for piece in draft.pieces:
        id_ = mine[piece.key]
        was = there.get((piece.type, id_))
        made_ = piece.make(Place(id_, patient, mine, was.resource if was is not None else None, clean.get(piece.key, b""), instant(access.now), known, staff))
        if made_ is not None:
            _put(out, written, findings, piece.type, id_, made_, was, draft.at, labels, program)
    return out, written, list(dict.fromkeys(findings))


def _put(
    out: list[Change], written: list[dict[str, Any]], findings: list[str], type_: str, id_: str, made: dict[str, Any], was: Stored | None, at: datetime | None, labels: Sequence[Mapping[str, Any]],
    program: int | None,
) -> None:  # fmt: skip
    if was is not None and at is not None and (known := as_of(was.resource)) is not None and known > at:
        findings.append(OLDER)
        return
    resource = {k: v for k, v in made.items() if k != "meta"} | {"resourceType": type_, "id": id_}
    resource["extension"] = [e for e in resource.get("extension") or () if e.get("url") != AS_OF]
    if at is not None:
        resource["extension"].append({"url": AS_OF, "valueInstant": at.isoformat()})
    if not resource["extension"]:
        del resource["extension"]
    if labels:
        resource["meta"] = {"security": [dict(s) for s in labels]}
    written.append(resource)
    if (change := change_of(resource, was, program)) is not None:
        out.append(change)


def as_of(resource: Mapping[str, Any]) -> datetime | None:
    """Of when the last message spoke that wrote it."""
    return moment(next((e.get("valueInstant") for e in resource.get("extension") or () if e.get("url") == AS_OF), ""))


def moment(text: Any) -> datetime | None:
    """A FHIR instant; None for anything else."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else None


def change_of(resource: dict[str, Any], before: Stored | None, program: int | None) -> Change | None:
    """What writes it; None where it is there with the same content."""
    if before is None:
        return Change("create", resource["resourceType"], resource["id"], resource, program=program)
    if _content(before.resource) == _content(resource) and _labels(resource) <= _labels(before.resource):
        return None
    return Change("update", resource["resourceType"], resource["id"], resource, if_match=before.version, program=program)


def _content(resource: Mapping[str, Any]) -> bytes:
    """What it says, whatever the order and what the server added."""
    return codec.dumps(sorted((k, v) for k, v in resource.items() if k not in ("meta", "text")))


def _labels(resource: Mapping[str, Any]) -> set[tuple[str, str]]:
    """The labels that it carries."""
    return {(str(c.get("system")), str(c.get("code"))) for c in (resource.get("meta") or {}).get("security") or ()}


def reported(
    report: Report, ids: tuple[str, Sequence[str]], patient: str, orders: Sequence[str], security: Sequence[Mapping[str, Any]], before: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """The report and its values. ids: of the report, of its values; orders: ids of the ServiceRequests; before: the report as it is there.

    Values that an earlier message brought and this one does not repeat stay in the report.
    """
    about: dict[str, Any] = {"subject": {"reference": f"Patient/{patient}"}}
    if security:
        about["meta"] = {"security": [dict(s) for s in security]}
    if orders:
        about["basedOn"] = [{"reference": f"ServiceRequest/{id_}"} for id_ in orders]
    out = [{**v.body, "id": id_, **about} for v, id_ in zip(report.values, ids[1], strict=True)]
    here = [f"Observation/{id_}" for id_ in ids[1]]
    earlier = [str(r.get("reference", "")) for r in (before or {}).get("result") or ()]
    members = [*here, *(r for r in earlier if r and r not in here)]
    whole = {**report.body, "id": ids[0], **about, **({"result": [{"reference": r} for r in members]} if members else {})}
    return [*out, whole]


def provenance(access: Access, partner: Partner, message: str, tries: int, how: str, written: Sequence[str], labels: Sequence[Mapping[str, Any]], program: int | None) -> Change:
    """Where it came from, when, and through which message. how: as in HL7 v2 (ORU^R01)."""
    who: dict[str, Any] = {"reference": partner.organization, "display": partner.name} if partner.organization else {"display": partner.name}
    digest = f"{zlib.crc32(repr(sorted(written)).encode()):08x}"
    made: dict[str, Any] = {
        "resourceType": "Provenance", "target": [{"reference": r} for r in written], "recorded": instant(access.now),
        "activity": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-DataOperation", "code": "CREATE"}], "text": f"Received by {how}"},
        "agent": [{"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "code": "author"}]}, "who": who}],
        "reason": received.reason(partner.basis),
        "entity": [{"role": "source", "what": {"identifier": {"system": SOURCE, "value": message}, "display": "The message as it came"}}],
    }  # fmt: skip
    if labels:
        made["meta"] = {"security": [dict(s) for s in labels]}
    return Change("create", "Provenance", id_for(access, message, "provenance", str(tries), digest), made, program=program)
