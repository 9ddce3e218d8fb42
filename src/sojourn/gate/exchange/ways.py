"""The ways to a partner: an ordered list of doors as data, each with its address."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final, NamedTuple

from sojourn.base import addresses, errors

PRINT, FAX, DIRECT, MHD, SFTP = "print", "fax", "direct", "mhd", "sftp"


class Door(NamedTuple):
    """A kind of way. title: as it is read; label and hint: of its address; confirmed: whether a second person has to confirm the address."""

    title: str
    label: str
    hint: str
    confirmed: bool = False


DOORS: Final = {
    DIRECT: Door("Direct mail", "Direct address", "As in records@direct.lakeside.example."),
    MHD: Door("FHIR document exchange", "FHIR address of their document recipient", "As in https://fhir.lakeside.example/r4."),
    SFTP: Door("SFTP drop", "Folder", "In which they find it; may stay empty."),
    FAX: Door("Fax", "Fax number", "As in +1 512 555 0142, with the country.", confirmed=True),
    PRINT: Door("Print and post", "Postal address", "As it stands on the envelope."),
}
"""Every kind there is, the safest first."""
_NUMBER: Final = re.compile(r"\+\d{8,15}")
_MAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_FOLDER: Final = re.compile(r"[A-Za-z0-9_-]{0,60}")
_NEAR: Final = ("127.0.0.1", "localhost", "::1")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_TEXT: Final = 300


@dataclass(frozen=True, slots=True)
class Way:
    """One way. entered, confirmed: the accounts who entered its address and who confirmed it, and at: when (ISO 8601); '' while nobody did."""

    door: str
    address: str = ""
    entered: str = ""
    confirmed: str = ""
    at: str = ""

    @property
    def usable(self) -> bool:
        """Whether something may go that way now."""
        return self.door in DOORS and (not DOORS[self.door].confirmed or bool(self.confirmed))


def of(said: Mapping[str, Any]) -> tuple[Way, ...]:
    """The ways as they are kept with the partner, in their order. What a newer version wrote beside is left out."""
    known = {f.name for f in fields(Way)}
    return tuple(Way(**{k: str(v) for k, v in each.items() if k in known}) for each in said.get("ways", ()))


def facts(ways: Iterable[Way]) -> dict[str, Any]:
    """The ways as they are kept with the partner."""
    return {"ways": [asdict(w) for w in ways]}


def in_order(said: Mapping[str, Any]) -> list[Way]:
    """Those that may be used, in their order; printing is always the last resort."""
    found = [w for w in of(said) if w.usable]
    return found if any(w.door == PRINT for w in found) else [*found, Way(PRINT)]


def number(text: str) -> str:
    """A telephone number as E.164 (https://www.itu.int/rec/T-REC-E.164), without what people write between its digits."""
    return re.sub(r"[\s().\-/]", "", text)


def checked(ways: Iterable[Way], before: Iterable[Way], account: str) -> list[Way]:
    """The same, sound: an address that was confirmed stays so only while it is the same. account: who enters them. Raises Malformed with what to do."""
    known = {(w.door, w.address): w for w in before}
    out: list[Way] = []
    for way in ways:
        if way.door not in DOORS or any(w.door == way.door for w in out):
            raise errors.Malformed("Choose each way once.")
        address = _address(way.door, way.address.strip())
        out.append(known.get((way.door, address)) or Way(way.door, address, account))
    return out


def _address(door: str, address: str) -> str:
    if len(address) > _TEXT or _CONTROL.search(address.replace("\n", " ").replace("\r", " ")):
        raise errors.Malformed("An address has at most 300 letters.")
    if door == FAX and not _NUMBER.fullmatch(number(address)):
        raise errors.Malformed("Write the fax number with its country, as in +1 512 555 0142.")
    if door == DIRECT and not _MAIL.fullmatch(address):
        raise errors.Malformed("Write the Direct address as records@direct.lakeside.example.")
    if door == MHD:
        parts = addresses.parts(address)
        if parts is None or parts.query or parts.fragment or (parts.scheme == "http" and parts.hostname not in _NEAR):
            raise errors.Malformed("Write the FHIR address as https://fhir.lakeside.example/r4: encrypted, without anything behind it.")
        return address.rstrip("/")
    if door == SFTP and not _FOLDER.fullmatch(address):
        raise errors.Malformed("A folder is named by letters, digits, - and _.")
    return number(address) if door == FAX else address


def confirmed(ways: Iterable[Way], door: str, typed: str, account: str, at: str) -> list[Way]:
    """The same with the address of a door confirmed by somebody else than who entered it, who typed it again. Raises Malformed, Forbidden."""
    out = list(ways)
    n = next((i for i, w in enumerate(out) if w.door == door and not w.confirmed), None)
    if n is None or not DOORS[door].confirmed:
        raise errors.Malformed("There is nothing to confirm.")
    if out[n].entered == account:
        raise errors.Forbidden("Somebody else confirms it than who entered it.")
    if number(typed) != out[n].address:
        raise errors.Malformed("This is not the number that was entered. Look it up where it comes from (a letterhead, their own page), not here, and ask whoever entered it.")
    out[n] = replace(out[n], confirmed=account, at=at)
    return out
