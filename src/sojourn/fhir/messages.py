"""A FHIR message taken apart: its header, what it is about, and what stands beside that in its Bundle.

https://hl7.org/fhir/R4/messaging.html, https://hl7.org/fhir/R4/bundle.html#references. References are resolved inside the Bundle and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

V2_EVENTS: Final = "http://terminology.hl7.org/CodeSystem/v2-0003"
MOST: Final = 500
"""Entries of one message."""
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII)
_PLACE: Final = re.compile(r"(?:(https?://.{1,1800})/)?([A-Z][A-Za-z]{1,40})/([A-Za-z0-9\-.]{1,64})(?:/_history/.*)?", re.ASCII)
_ABOUT: Final = ("subject", "patient", "beneficiary", "for")

Resource = dict[str, Any]


class NoMessage(Exception):
    """It is no message: why, and where."""

    def __init__(self, why: str, where: str = "Bundle") -> None:
        super().__init__(why)
        self.why, self.where = why, where


@dataclass(slots=True)
class Message:
    """One message. entries: (fullUrl, resource) of all but the header, in their order. event: its code in HL7 v2 table 0003; '' for one of another system."""

    header: Resource
    entries: list[tuple[str, Resource]]
    sent: str = ""
    bundle: Resource = field(default_factory=dict)
    _urls: dict[str, Resource] = field(default_factory=dict)
    _names: dict[str, list[Resource]] = field(default_factory=dict)
    _bases: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for url, resource in [(self._header_url(), self.header), *self.entries]:
            if url:
                self._urls.setdefault(url, resource)
            found = _PLACE.fullmatch(url)
            self._bases[id(resource)] = found[1] or "" if found else ""
            if isinstance(id_ := resource.get("id"), str):
                self._names.setdefault(f"{resource['resourceType']}/{id_}", []).append(resource)

    def _header_url(self) -> str:
        first = self.bundle.get("entry")
        url = first[0].get("fullUrl") if isinstance(first, list) and first and isinstance(first[0], dict) else ""
        return url if isinstance(url, str) else ""

    @property
    def id(self) -> str:
        """MessageHeader.id: by it the message is known again, and answered."""
        return str(self.header["id"])

    @property
    def event(self) -> str:
        """Its event in HL7 v2 table 0003; '' for one that has none there."""
        coding = self.header.get("eventCoding")
        code = coding.get("code") if isinstance(coding, dict) and coding.get("system") == V2_EVENTS else ""
        return code if isinstance(code, str) else ""

    def of(self, type_: str) -> list[Resource]:
        """The resources of a type, in their order."""
        return [r for _, r in self.entries if r["resourceType"] == type_]

    @property
    def focus(self) -> list[Resource]:
        """What it is about, as far as that stands in it."""
        return [r for f in _list(self.header.get("focus")) if (r := self.target(f, self.header)) is not None]

    def target(self, reference: Any, holder: Resource) -> Resource | None:
        """What a Reference of a resource points to within this message; None for what is not in it."""
        text = reference.get("reference") if isinstance(reference, dict) else None
        if not isinstance(text, str) or not text:
            return None
        if text.startswith("#"):
            return next((c for c in _list(holder.get("contained")) if isinstance(c, dict) and c.get("id") == text[1:] and isinstance(c.get("resourceType"), str)), None)
        if text in self._urls:
            return self._urls[text]
        found = _PLACE.fullmatch(text)
        if found is None:
            return None
        name, base = f"{found[2]}/{found[3]}", found[1] or self._bases.get(id(holder), "")
        if base and (there := self._urls.get(f"{base}/{name}")) is not None:
            return there
        some = self._names.get(name, [])
        return some[0] if len(some) == 1 and not found[1] else None

    def url(self, resource: Resource) -> str:
        """By what an entry is known in its Bundle: its fullUrl, or its type and id."""
        return next((u for u, r in self.entries if r is resource and u), "") or f"{resource['resourceType']}/{resource.get('id', '')}"

    def people(self) -> list[Resource]:
        """The Patients whom it is about: those of its focus; where that names nobody at all, the only one in it."""
        found: list[Resource] = []
        named = False
        for one in self.focus:
            who = [one.get(n) for n in _ABOUT] + [p.get("actor") for p in _list(one.get("participant")) if isinstance(p, dict)]
            there = [one] if one["resourceType"] == "Patient" else [t for r in who if (t := self.target(r, one)) is not None and t["resourceType"] == "Patient"]
            named = named or bool(there) or any(isinstance(one.get(n), dict) for n in _ABOUT)
            found += [t for t in there[:1] if not any(t is f for f in found)]
        every = self.of("Patient")
        return found or (every if len(every) == 1 and not named else [])

    def leaves(self) -> Iterator[Any]:
        """All that is said anywhere in it."""
        stack: list[Any] = [self.header, *(r for _, r in self.entries)]
        while stack:
            value = stack.pop()
            if isinstance(value, dict):
                stack += value.values()
            elif isinstance(value, list):
                stack += value
            else:
                yield value


def read(bundle: Any) -> Message:
    """A message out of a Bundle. Raises NoMessage; for any JSON value nothing else."""
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle" or bundle.get("type") != "message":
        raise NoMessage("Send a Bundle of type message.", "Bundle.type")
    entries = bundle.get("entry")
    if not isinstance(entries, list) or not entries:
        raise NoMessage("A message has entries; the first is its MessageHeader.", "Bundle.entry")
    if len(entries) > MOST:
        raise NoMessage(f"A message has at most {MOST} entries.", "Bundle.entry")
    found = [(url if isinstance(url := e.get("fullUrl"), str) else "", e.get("resource")) if isinstance(e, dict) else ("", None) for e in entries]
    for n, (_, resource) in enumerate(found):
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            raise NoMessage("Each entry holds a resource.", f"Bundle.entry[{n}].resource")
    header = found[0][1]
    assert isinstance(header, dict)  # noqa: S101 - just seen
    if header["resourceType"] != "MessageHeader":
        raise NoMessage("The first entry of a message is its MessageHeader.", "Bundle.entry[0].resource")
    if not isinstance(header.get("id"), str) or not _ID.fullmatch(header["id"]):
        raise NoMessage("A MessageHeader has an id, by which the message is answered and known again.", "Bundle.entry[0].resource.id")
    if not isinstance(header.get("eventCoding"), dict) and not isinstance(header.get("eventUri"), str):
        raise NoMessage("A MessageHeader says what happened (event).", "Bundle.entry[0].resource.event")
    if any(r["resourceType"] == "MessageHeader" for _, r in found[1:] if isinstance(r, dict)):
        raise NoMessage("A Bundle holds one message.", "Bundle.entry")
    sent = bundle.get("timestamp")
    return Message(header, [(u, r) for u, r in found[1:] if isinstance(r, dict)], sent if isinstance(sent, str) else "", bundle)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
