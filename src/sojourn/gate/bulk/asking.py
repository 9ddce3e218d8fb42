"""What an export is asked for: checked against what the caller may, and kept as JSON.

Bulk Data Access 2.0.0 (https://hl7.org/fhir/uv/bulkdata/STU2/export.html). Whom a group names is looked up once, when it is asked for; whether
anything of them may go is asked of each line when it goes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from sojourn.base import crypto, errors, ids
from sojourn.fhir import dates
from sojourn.fhir.definitions import RESOURCE_TYPES
from sojourn.fhir.query import Condition
from sojourn.fhir.search import SearchError, parse
from sojourn.fhir.searchparams import patient_params
from sojourn.fhir.shapes import shape
from sojourn.gate import indexagain
from sojourn.record import bulk

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.record.trail import Receipt

LIFE: Final = timedelta(hours=24)
"""From when it is asked for until it is over, with everything that there is of it."""
MOST: Final = 5
"""Exports that one account may have under way."""
LISTED: Final = 100_000
"""Patients that one export may name."""
DIRECTORY: Final = ("Endpoint", "HealthcareService", "Location", "Medication", "Organization", "Practitioner", "PractitionerRole")
"""What records of patients refer to and is of no patient: it goes with exports of patients, too."""
NEVER: Final = frozenset({"AuditEvent", "Binary", "Bundle", "OperationOutcome", "Parameters"})
"""The trail is read at the privacy desk; the others are attachments or forms of answers. A Binary or Bundle goes where `_type` names it."""
DELETED: Final = "deleted"
"""The kind of lines that say what was deleted."""
_FORMATS = frozenset({"application/fhir+ndjson", "application/ndjson", "ndjson"})
_KNOWN = frozenset({"_outputFormat", "_type", "_since", "_typeFilter", "_elements", "patient"})
_NOT_FILTERS = ("_sort", "_count", "_include", "_revinclude", "_summary", "_elements", "_total", "_contained", "_containedType")


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted. patients: only theirs (None: of everybody); whole: also what is of no patient (a system's export)."""

    types: tuple[str, ...]
    whole: bool
    patients: tuple[str, ...] | None = None
    since: str = ""
    elements: tuple[str, ...] = ()
    filters: tuple[tuple[str, str], ...] = ()
    level: str = "system"
    lenient: tuple[str, ...] = field(default=())
    """Parameters that were passed over."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of lines, in the order in which they are made."""
        return (*self.types, DELETED) if self.since else self.types

    @property
    def after(self) -> datetime | None:
        """The moment after which something must have changed."""
        return dates.bounds(self.since)[0] if self.since else None

    def conditions(self, access: Access, type_: str) -> tuple[tuple[Condition, ...], ...]:
        """The searches of a type, one of which a resource must fit."""
        return tuple(_filter(access, t, query) for t, query in self.filters if t == type_)

    def names(self, type_: str) -> list[str]:
        """The elements wanted of a type; none: all."""
        return [name.partition(".")[2] or name for name in self.elements if name.partition(".")[0] == type_ or "." not in name]

    def packed(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def unpack(cls, text: str) -> Wish:
        """From JSON."""
        said: Mapping[str, Any] = json.loads(text)
        many = {name: tuple(said[name]) for name in ("types", "elements", "lenient")}
        patients = None if said["patients"] is None else tuple(said["patients"])
        return cls(whole=said["whole"], patients=patients, since=said["since"], filters=tuple((t, q) for t, q in said["filters"]), level=said["level"], **many)


def may(access: Access, action: str) -> bool:
    """Whether the role may export or import in bulk. A right of the role, and in no scope; what a token's scopes leave out is left out of the export."""
    return access.house.rules[access.tenant.number].allows(access.caller.role, action, "Bulk")


async def check(access: Access, action: str = "export") -> None:
    """Raise Forbidden, recorded, unless the role may."""
    if not may(access, action):
        await access.refuse(action, "Bulk", "")
        raise errors.Forbidden(f"Your role does not include {action} on Bulk.")


def own_scopes(access: Access) -> str:
    """The scopes of the token, in one order: an export is seen with the same and no others."""
    return " ".join(sorted(set((access.caller.scopes or "").split())))


async def begin(access: Access, wish: Wish, request: str) -> tuple[str, Receipt]:
    """Begin an export; its id. Written down before it begins. Raises TooManyRequests."""
    export = ids.new_id("export")
    receipt = await access.note(access.entry("export", "Bulk", f"export={export}&{wish.level}&_type={','.join(wish.types)}", outcome="started"))
    begun = await bulk.begin(
        access.house.db, access.head, export, own_scopes(access), crypto.sha256(ids.new_token().encode()), request, wish.packed(), len(wish.kinds), access.now + LIFE, MOST
    )
    if not begun:
        raise errors.TooManyRequests("As many exports are under way as one caller may have. Wait for one to end, or cancel one.", after=60)
    access.house.bulk_asked.set()
    return export, receipt


async def wish(access: Access, params: Iterable[tuple[str, str]], *, level: str, group: str = "", lenient: bool = False) -> Wish:
    """What is asked for. level: system, patient or group. Raises Forbidden, Malformed, NotSupported; NotFound for a group that may not be known."""
    await check(access)
    given: dict[str, list[str]] = {}
    for name, value in params:
        given.setdefault(name, []).append(value)
    over = tuple(sorted(given.keys() - _KNOWN))
    if over and not lenient:
        raise errors.NotSupported(f"Exports take {', '.join(sorted(_KNOWN))}. Send Prefer: handling=lenient to have other parameters passed over.")
    if any(v.replace(" ", "+") not in _FORMATS for v in given.get("_outputFormat", ())):
        raise errors.NotSupported("Exports are made as application/fhir+ndjson.")
    if "patient" in given and level == "system":
        raise errors.NotSupported("Patients are named in exports of patients or of a group: Patient/$export, Group/[id]/$export.")
    members = await _members(access, group) if level == "group" else None
    named = _patients(given["patient"]) if "patient" in given else None
    patients = members if named is None else named if members is None else tuple(sorted(set(named).intersection(members)))
    filters = tuple(_split(access, text, lenient=lenient) for text in given.get("_typeFilter", ()))
    await indexagain.ready(access, [pair for one in filters if one for pair in parse_qsl(one[1], keep_blank_values=True)])
    types = await _types(access, given.get("_type", ()), [t for one in filters if one for t in one[:1]], level, lenient=lenient)
    return Wish(types, level == "system", patients, _since(given), _elements(given.get("_elements", ())), tuple(f for f in filters if f and f[0] in types), level, over)


def _since(given: Mapping[str, list[str]]) -> str:
    text = given.get("_since", [""])[-1].replace(" ", "+")
    try:
        if text:
            dates.bounds(text)
    except ValueError:
        raise errors.Malformed("_since is an instant, as in 2026-01-31T12:00:00Z.") from None
    return text


async def _types(access: Access, asked: Iterable[str], filtered: Sequence[str], level: str, *, lenient: bool) -> tuple[str, ...]:
    wanted = list(dict.fromkeys(t.strip() for text in asked for t in text.split(",") if t.strip()))
    unknown = [t for t in wanted if t not in RESOURCE_TYPES or t in NEVER - {"Binary", "Bundle"}]
    if unknown and not lenient:
        raise errors.Malformed("_type names kinds of R4 resources that can be exported.")
    wanted = [t for t in wanted if t in RESOURCE_TYPES and t not in unknown]
    if level != "system":
        outside = [t for t in wanted if not _of_patients(t)]
        if outside and not lenient:
            raise errors.NotSupported(f"Exports of patients have records of patients and {', '.join(DIRECTORY)}; take the system's export for other kinds.")
        wanted = [t for t in wanted if t not in outside]
    for type_ in wanted:
        await access.check("search", type_)
    if not wanted:
        possible = [t for t in access.house.types if t not in NEVER and (level == "system" or _of_patients(t))]
        wanted = access.rules.types(access.caller.role, "search", possible)
    if not wanted or not set(filtered) <= set(wanted):
        raise errors.Malformed("_typeFilter is about kinds that _type names, and that the role and the scopes of the token include.")
    return tuple(sorted(wanted))


def _of_patients(type_: str) -> bool:
    return type_ in DIRECTORY or type_ == "Patient" or bool(patient_params(type_))


def _elements(texts: Iterable[str]) -> tuple[str, ...]:
    found = tuple(name.strip() for text in texts for name in text.split(",") if name.strip())
    for name in found:
        type_, _, element = name.rpartition(".")
        if (type_ and (type_ not in RESOURCE_TYPES or element not in shape(type_).members)) or not element.isidentifier():
            raise errors.Malformed("_elements are names of elements at the top, as in id,subject or Observation.code.")
    return found


def _split(access: Access, text: str, *, lenient: bool) -> tuple[str, str] | None:
    type_, mark, query = text.partition("?")
    try:
        if not mark or type_ not in RESOURCE_TYPES:
            raise errors.Malformed("_typeFilter is a search, as in Observation?category=vital-signs.")
        _filter(access, type_, query)
    except (SearchError, errors.SojournError):
        if not lenient:
            raise
        return None
    return type_, query


def _filter(access: Access, type_: str, query: str) -> tuple[Condition, ...]:
    params = parse_qsl(query, keep_blank_values=True)
    if any(name.partition(":")[0] in _NOT_FILTERS for name, _ in params):
        raise errors.NotSupported("_typeFilter chooses resources; it neither sorts them nor adds others.")
    return tuple(parse(type_, params, handling="strict", base=access.house.base, value_sets=access.house.value_sets).where)


def _patients(references: Iterable[str]) -> tuple[str, ...]:
    found = []
    for text in (t.strip() for one in references for t in one.split(",")):
        type_, slash, id_ = text.rpartition("/")
        if slash and type_.rpartition("/")[2] != "Patient":
            raise errors.Malformed("patient names Patients, as in Patient/123.")
        found.append(id_)
    if len(found) > LISTED:
        raise errors.TooLarge(f"One export names at most {LISTED:,} patients; keep them as a Group.")
    return tuple(sorted(dict.fromkeys(found)))


async def _members(access: Access, group: str) -> tuple[str, ...]:
    """The patients in a group now, as far as this caller may know them. Asked of the role: a client asks for scopes of what it takes, not of the group."""
    unscoped = type(access)(access.house, replace(access.caller, scopes=None), access.request)
    resource = (await unscoped.read("Group", group)).resource
    now, found = access.now, []
    for member in resource.get("member", ()):
        period = member.get("period", {})
        over = (period.get("end") and dates.bounds(period["end"])[1] <= now) or (period.get("start") and dates.bounds(period["start"])[0] > now)
        type_, _, id_ = str(member.get("entity", {}).get("reference", "")).rpartition("/")
        if type_.rpartition("/")[2] == "Patient" and not member.get("inactive") and not over:
            found.append(id_)
    return tuple(sorted(dict.fromkeys(found)))


__all__ = ["DELETED", "LIFE", "Wish", "begin", "check", "may", "own_scopes", "wish"]
