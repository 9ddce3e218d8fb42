"""Who signs: the caller with the credential they hold now, or somebody beside them whom they let sign."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sojourn.base import errors
from sojourn.care.credentials import held
from sojourn.care.staffing import zones

if TYPE_CHECKING:
    from sojourn.gate.access import Access

METHODS = {
    "typed": "Typed their name",
    "drawn": "Drew their signature",
    "paper": "Signed on paper, which was scanned",
    "spoken": "Agreed by voice, written down by staff",
    "staff": "Signed in as themselves",
}
IDENTITIES = {
    "photo-id": "A photo identification, looked at now",
    "known": "Known to the staff member",
    "questions": "Name, birth date and address, asked and compared",
    "on-file": "A photo on file, compared with the person",
    "vouched": "Somebody known to us vouches for the person",
}
"""How it was made sure who signs. The same as for consents (gate/consenting/signers.py)."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Somebody who signs and is not the caller: client, guardian, witness.

    relation: to the client, such as `self`, `parent`, `guardian`, `witness`. reference: Patient/id, RelatedPerson/id or "". method: a
    key of METHODS. identity: a key of IDENTITIES. drawn: the picture of the signature (PNG). reason: why somebody did not sign.
    """

    name: str
    relation: str
    reference: str = ""
    method: str = "typed"
    identity: str = ""
    drawn: bytes = b""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """A signer as the signature says it."""

    reference: str
    name: str
    credential: str
    role: str
    relation: str = ""
    method: str = "staff"
    identity: str = ""
    reason: str = ""
    listed: bool = True
    """Whether the record has them under that reference."""
    practitioner: dict[str, Any] | None = field(default=None, repr=False, compare=False)

    @property
    def who(self) -> dict[str, str]:
        """For Signature.who."""
        if self.reference and self.listed:
            return {"reference": self.reference}
        return {"type": "Practitioner" if self.method == "staff" else "RelatedPerson", "display": self.name}


async def me(access: Access) -> Person:
    """The caller, as the record knows them now. Raises Forbidden for who is no person, or whose credentials are no longer in force."""
    caller = access.caller
    if caller.kind not in ("staff", "patient", "proxy") or not caller.agent:
        raise errors.Forbidden("Only a person signs, under their own account.")
    resource = await _read(access, caller.agent)
    credential = ""
    if resource and caller.agent.startswith("Practitioner/"):
        credential = held.at_signing(resource, access.today)
    return Person(caller.agent, name_of(resource) or caller.name, credential, caller.role, listed=resource is not None, practitioner=resource)


def other(signer: Signer) -> Person:
    """Somebody beside the caller. Raises Invalid for one whom nobody could recognize."""
    if len(signer.name.split()) < 2:
        raise errors.Invalid("Who signs: write the first and last name.")
    if signer.method not in METHODS or signer.method == "staff":
        raise errors.Invalid("Choose how it was signed.")
    return Person(signer.reference, signer.name.strip(), "", signer.relation, signer.relation, signer.method, signer.identity, signer.reason)


async def zone(access: Access) -> str:
    """The IANA time zone where the caller works: that of a site of the program under which they write, else the default of all sites."""
    named = access.rules.zones
    return named.get(access.caller.acting or 0) or named.get(0) or zones.DEFAULT


def known(name: str) -> bool:
    """Whether there is a time zone of this name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return bool(name)


def name_of(resource: dict[str, Any] | None) -> str:
    """A person's name as one writes it."""
    for name in (resource or {}).get("name") or ():
        if isinstance(name, dict):
            if name.get("text"):
                return str(name["text"])
            return " ".join([*(str(g) for g in name.get("given") or ()), str(name.get("family") or "")]).strip()
    return ""


async def _read(access: Access, reference: str) -> dict[str, Any] | None:
    """What somebody's own name stands for; None where the record does not know it, or the caller may not read such."""
    type_, _, id_ = reference.partition("/")
    if not id_ or not access.may(type_, "read"):
        return None
    try:
        return (await access.read(type_, id_)).resource
    except (errors.NotFound, errors.Gone):
        return None
