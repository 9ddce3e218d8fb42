"""What a partner may be shown of something now: it, whose it is, and what it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sojourn.doors.hl7v2.out import events
from sojourn.fhir import codec
from sojourn.gate import disclosing
from sojourn.gate.disclosing import Outgoing

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.exchange.telling import Subject

CHANNEL: Final = "hl7v2"
_NAMED: Final = ("Practitioner", "PractitionerRole", "Location", "Organization", "Condition", "Encounter", "Binary")


@dataclass(frozen=True, slots=True)
class View:
    """What is shown. named: what it refers to and is shown too, by `Type/id`; of a merge also the Patient that it went into."""

    resource: Mapping[str, Any]
    patient: Mapping[str, Any]
    named: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    out: Outgoing = field(default_factory=lambda: Outgoing(b""))

    def of(self, reference: Mapping[str, Any] | None, type_: str = "") -> Mapping[str, Any]:
        """What a reference names, as far as it is shown; else an empty one."""
        name = str((reference or {}).get("reference", ""))
        return self.named.get(name, {}) if name.startswith(type_) else {}

    @property
    def protected(self) -> bool:
        """Whether something of it is a Part 2 record."""
        return bool(self.out.notice)


async def at(recipient: Access, subject: Subject) -> View | None:
    """What the partner is shown of a subject; None where they are shown nothing of it, for whatever reason."""
    found = (await recipient.search(subject.type, [("_id", subject.id)], count=1)).matches
    if not found:
        return None
    resource = found[0].resource
    people = [subject.patient] if subject.type != "Patient" else []
    if subject.type == "Patient" and (other := events.into(resource)):
        people.append(other)
    theirs = {s.id: s.resource for s in (await recipient.search("Patient", [("_id", ",".join(people))], count=2)).matches} if people else {}
    patient = theirs.get(people[0]) if people else resource
    if patient is None or len(theirs) != len(people):
        return None
    named: dict[str, Mapping[str, Any]] = {f"Patient/{id_}": r for id_, r in theirs.items()}
    wanted: dict[str, list[str]] = {}
    for type_, id_ in references(resource):
        if type_ in _NAMED and recipient.may(type_, "search"):
            wanted.setdefault(type_, []).append(id_)
    for type_, ids in sorted(wanted.items()):
        named |= {f"{type_}/{s.id}": s.resource for s in (await recipient.search(type_, [("_id", ",".join(sorted(set(ids))[:50]))], count=50)).matches}
    shown = [resource, *([] if patient is resource else [patient]), *(r for r in named.values() if r is not patient and r is not resource)]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in shown]}
    out = await disclosing.prepare(recipient, codec.dumps(bundle), channel=CHANNEL)
    return View(resource, patient, named, out)


def references(value: Any) -> Iterator[tuple[str, str]]:
    """(type, id) of everything that a resource refers to, beside its patient."""
    if isinstance(value, dict):
        text = value.get("reference")
        if isinstance(text, str) and text.count("/") == 1:
            type_, _, id_ = text.partition("/")
            yield type_, id_
        url = value.get("url")
        if isinstance(url, str) and url.startswith("Binary/") and url.count("/") == 1:
            yield "Binary", url.removeprefix("Binary/")
        for key, inner in value.items():
            if key not in ("meta", "extension", "text"):
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)
