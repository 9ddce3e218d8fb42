"""Read signatures: who signed what, as what, when; and whether what is there now is what they saw."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sojourn.care.resources import code_of
from sojourn.care.signing import digests, jws, people
from sojourn.care.signing.meanings import MEANINGS
from sojourn.care.signing.preparing import key_of

if TYPE_CHECKING:
    from sojourn.gate.access import Access


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature. genuine: whether this server made it, over exactly these targets. shown: the digest of what the signer saw."""

    provenance: str
    meaning: str
    name: str
    credential: str
    role: str
    at: datetime
    zone: str
    shown: str
    genuine: bool
    reference: str = ""
    relation: str = ""
    method: str = "staff"
    identity: str = ""
    reason: str = ""
    drawn: str = ""
    """The drawn signature as base64 of a PNG, if there is one and it is the one that was signed with."""

    @property
    def means(self) -> str:
        """The meaning in words."""
        return MEANINGS[self.meaning].text if self.meaning in MEANINGS else self.meaning

    @property
    def when(self) -> str:
        """Local time where it was signed, with its zone, as one reads it."""
        local = self.at.astimezone(ZoneInfo(self.zone) if people.known(self.zone) else UTC)
        return f"{local:%B} {local.day}, {local.year}, {local:%H:%M} {local:%Z} ({self.zone})"

    @property
    def who(self) -> str:
        """Name and credential."""
        return f"{self.name}, {self.credential}" if self.credential else self.name

    def binds(self, resource: Mapping[str, Any]) -> bool:
        """Whether what the signer saw is what the document holds."""
        return self.genuine and self.shown in digests.held(resource)


@dataclass(frozen=True, slots=True)
class Happened:
    """Something else that was done with a document. code: of the act; who: a reference; why: its reason or comment."""

    code: str
    text: str
    who: str
    at: str
    why: str


async def trace(access: Access, target: str) -> tuple[list[Signature], list[Happened]]:
    """The signatures on `Type/id`, and what else was done with it, oldest first. One search."""
    found = (await access.search("Provenance", [("target", target)], count=200)).resources
    key = key_of(access)
    happened = [
        Happened(code.removeprefix("document-"), str((one.get("activity") or {}).get("text", "")), str(((one.get("agent") or [{}])[0].get("who") or {}).get("reference", "")),
                 str(one.get("recorded", "")), " ".join(str(r.get("text", "")) for r in one.get("reason") or ()))
        for one in found if (code := code_of(one.get("activity") or {})).startswith("document-")
    ]  # fmt: skip
    return sorted((s for one in found for s in of_provenance(one, key)), key=lambda s: s.at), sorted(happened, key=lambda h: h.at)


async def signatures(access: Access, target: str) -> list[Signature]:
    """The signatures on `Type/id` that the caller may see, oldest first."""
    return (await trace(access, target))[0]


def of_provenance(provenance: Mapping[str, Any], key: bytes) -> Iterator[Signature]:
    """The signatures of ours in one Provenance."""
    targets = digests.of_targets(str(t.get("reference", "")) for t in provenance.get("target") or ())
    pictures = {digests.of(raw): each["data"] for each in provenance.get("signature") or () if each.get("sigFormat") == "image/png" and (raw := _raw(each))}
    for each in provenance.get("signature") or ():
        if each.get("sigFormat") != jws.FORMAT or (read := jws.read(_raw(each), key)) is None:
            continue
        said, genuine = read
        try:
            at = datetime.fromisoformat(str(said["at"]))
        except (KeyError, ValueError):
            continue
        yield Signature(
            str(provenance.get("id", "")), str(said.get("meaning", "")), str(said.get("name", "")), str(said.get("credential", "")), str(said.get("role", "")),
            at, str(said.get("zone", "UTC")), str(said.get("shown", "")), genuine and said.get("targets") == targets, str(said.get("who", "")),
            str(said.get("relation", "")), str(said.get("method", "staff")), str(said.get("identity", "")), str(said.get("reason", "")),
            pictures.get(str(said.get("drawn", "")), ""),
        )  # fmt: skip


async def already(access: Access, target: str, shown: bytes, meaning: str) -> bool:
    """Whether the caller signed exactly this before, with this meaning: a second press of the button finds its work done."""
    digest, me = digests.of(shown), access.caller.agent
    return any(s.genuine and (s.shown, s.meaning, s.reference) == (digest, meaning, me) for s in await signatures(access, target))


def _raw(signature: Mapping[str, Any]) -> bytes:
    try:
        return base64.b64decode(str(signature.get("data") or ""), validate=True)
    except (binascii.Error, ValueError):
        return b""
