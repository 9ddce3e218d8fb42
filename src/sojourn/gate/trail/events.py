"""Lines of the trail as FHIR AuditEvents by IHE BALP: made when asked for, stored nowhere.

https://profiles.ihe.net/ITI/BALP/, version 1.1.3.
"""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.fhir.dates import FUTURE
from sojourn.gate.trail.lines import Line

if TYPE_CHECKING:
    from sojourn.base.crypto import ServerKey

_DCM = "http://dicom.nema.org/resources/ontology/DCM"
_REST = "http://hl7.org/fhir/restful-interaction"
_TYPE = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_ENTITY = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
_PART = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_LIFE = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
_PROFILE = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."

_SOURCE, _TARGET, _APP = (_DCM, "110153", "Source Role ID"), (_DCM, "110152", "Destination Role ID"), (_DCM, "110150", "Application")
_KEEPER = ("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "custodian", "Custodian")
_RESTFUL = (_TYPE, "rest", "Restful Operation")


class Kind(NamedTuple):
    """How an action of the trail is said in FHIR. profile: of BALP, '' where it has none. client, server, user: types of the agents."""

    type: tuple[str, str, str]
    subtype: tuple[str, str, str] | None
    action: str
    profile: str = ""
    client: tuple[str, str, str] = _SOURCE
    server: tuple[str, str, str] = _TARGET
    user: str = "IRCP"


def _rest(
    code: str, action: str, profile: str = "", *, client: tuple[str, str, str] = _SOURCE, server: tuple[str, str, str] = _TARGET, user: str = "IRCP"
) -> Kind:
    return Kind(_RESTFUL, (_REST, code, code), action, profile, client, server, user)


KINDS: dict[str, Kind] = {
    "read": _rest("read", "R", "Read", client=_TARGET, server=_SOURCE),
    "vread": _rest("vread", "R", "Read", client=_TARGET, server=_SOURCE),
    "history": _rest("history", "R", client=_TARGET, server=_SOURCE),
    "search": _rest("search-type", "E", "Query"),
    "count": _rest("search-type", "E"),
    "report-rows": _rest("search-type", "E", "Query"),
    "everything": _rest("operation", "E"),
    "create": _rest("create", "C", "Create", user="AUT"),
    "update": _rest("update", "U", "Update", user="AUT"),
    "patch": _rest("patch", "U", "Update", user="AUT"),
    "delete": _rest("delete", "D", "Delete", client=_APP, server=_KEEPER, user="AUT"),
    "append": _rest("create", "C", "Create", user="AUT"),
    "draft": _rest("create", "C", "Create", user="AUT"),
    "measure": _rest("create", "C", "Create", user="AUT"),
    "sign": _rest("update", "U", "Update", user="AUT"),
    "revoke": _rest("update", "U", "Update", user="AUT"),
    "transaction": _rest("transaction", "E", user="AUT"),
    "batch": _rest("batch", "E", user="AUT"),
    "import": Kind((_DCM, "110107", "Import"), None, "C", user="AUT"),
    "export": Kind((_DCM, "110106", "Export"), None, "R", client=_TARGET, server=_SOURCE),
    "sign-in": Kind((_DCM, "110114", "User Authentication"), (_DCM, "110122", "Login"), "E"),
    "sign-out": Kind((_DCM, "110114", "User Authentication"), (_DCM, "110123", "Logout"), "E"),
    "emergency": Kind((_DCM, "110113", "Security Alert"), (_DCM, "110127", "Emergency Override Started"), "E"),
    "emergency-end": Kind((_DCM, "110113", "Security Alert"), (_DCM, "110138", "Emergency Override Stopped"), "E"),
}
OTHER = Kind((_DCM, "110100", "Application Activity"), None, "E")
DISCLOSED = Kind((_DCM, "110106", "Export"), (_LIFE, "disclose", "Disclose"), "R", "PrivacyDisclosure.Source", client=_TARGET, server=_SOURCE)
"""What an outside organization was shown has left the house, whatever the interaction was."""

_OUTCOMES = {"done": "0", "started": "0", "absent": "4", "denied": "8", "failed": "8"}
_START = datetime(1970, 1, 1, tzinfo=UTC)
_ID = re.compile(r"([A-Za-z0-9]{1,40})\.([0-9a-f]{1,16})\.([0-9a-f]{8})", re.ASCII)


def disclosed(line: Line) -> bool:
    """Whether something left the house."""
    return line.kind == "organization" and line.outcome == "done" and bool(line.entities)


def kind_of(line: Line) -> Kind:
    """How a line is said in FHIR."""
    return DISCLOSED if disclosed(line) else KINDS.get(line.action, OTHER)


def event_id(key: ServerKey, line: Line) -> str:
    """The logical id of a line: its request, its moment, and a keyed mark of the act, which tells apart what one request did.

    It is the same for every reader, and counts nothing.
    """
    digest, type_ = line.mark[:32], line.mark[32:].decode()
    mark = key.sign("audit-event", f"{line.account}\0{line.action}\0{type_}\0{line.outcome}\0".encode() + digest).hex()[:8]
    return f"{line.request}.{(line.recorded - _START) // timedelta(microseconds=1):x}.{mark}"


def parts_of(id_: str) -> tuple[str, datetime] | None:
    """The request and the moment in an id of ours, or None; also of the last moment of the calendar, after which there is none to look before."""
    match = _ID.fullmatch(id_)
    try:
        moment = _START + timedelta(microseconds=int(match[2], 16)) if match else FUTURE
    except OverflowError:
        return None
    return (match[1], moment) if match and moment < FUTURE else None


def event(key: ServerKey, base: str, line: Line, patient: str | None = None) -> dict[str, Any]:
    """One AuditEvent. patient: only about this one, as BALP wants an event for each patient; else with every patient of the line."""
    kind = kind_of(line)
    patients = [p for p in line.patients if patient is None or p == patient]
    moment = line.recorded.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    profile = _profile(kind, line, patients)
    out: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": event_id(key, line),
        "meta": {
            "lastUpdated": moment,
            **({"profile": [_PROFILE + profile]} if profile else {}),
            "security": [_coding("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "R", "restricted")],
        },
        "type": _coding(*kind.type),
    }
    subtypes = [_coding(*kind.subtype)] if kind.subtype else []
    if kind is DISCLOSED and line.action in KINDS and (inner := KINDS[line.action].subtype):
        subtypes.append(_coding(*inner))
    if subtypes:
        out["subtype"] = subtypes
    out |= {"action": kind.action, "recorded": moment, "outcome": _OUTCOMES.get(line.outcome, "8")}
    if line.outcome != "done":
        out["outcomeDesc"] = line.outcome
    if line.purpose:
        out["purposeOfEvent"] = [_concept(_REASON, line.purpose)]
    server = {"identifier": {"system": "urn:ietf:rfc:3986", "value": base}, "display": "Sojourn"}
    out["agent"] = _agents(kind, line, server, base)
    out["source"] = {"site": base, "observer": server, "type": [_coding("http://terminology.hl7.org/CodeSystem/security-source-type", "4", "Application Server")]}
    out["entity"] = _entities(kind, line, patients)
    return out


def _profile(kind: Kind, line: Line, patients: list[str]) -> str:
    """The profile that the event keeps, if any: BALP's are about what succeeded, and about one patient or none."""
    if not kind.profile or line.outcome != "done":
        return ""
    if kind is DISCLOSED:
        return kind.profile if len(patients) == 1 else ""
    if kind.profile == "Query":
        if not line.query:
            return ""
        return "PatientQuery" if len(patients) == 1 else "Query"
    if len(line.entities) != 1 or len(patients) > 1:
        return ""
    return f"Patient{kind.profile}" if patients else kind.profile


def _agents(kind: Kind, line: Line, server: dict[str, Any], base: str) -> list[dict[str, Any]]:
    # Addresses of clients are not kept in the trail; where a profile wants one, it is said that it is not known.
    nowhere = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}
    who: dict[str, Any] = {"identifier": {"value": line.account}} if line.account else {"display": "nobody known"}
    if line.agent:
        who["reference"] = line.agent
    user: dict[str, Any] = {"type": _concept(_PART, kind.user), "who": who}
    if line.role:
        user["role"] = [{"text": line.role}]
    if line.name:
        user["name"] = line.name
    if line.account:
        user["altId"] = line.account
    user["requestor"] = True
    if line.purpose:
        user["purposeOfUse"] = [_concept(_REASON, line.purpose)]
    client = {"type": _concept(*kind.client), "who": who if kind is DISCLOSED else {"display": line.door or "unknown"}, "requestor": False, "network": nowhere}
    house = {"type": _concept(*kind.server), "who": server, "requestor": False, "network": {"address": base, "type": "5"}}
    return [client, house, user]


def _entities(kind: Kind, line: Line, patients: list[str]) -> list[dict[str, Any]]:
    request = {"identifier": {"value": line.request}}
    out: list[dict[str, Any]] = [{"what": request, "type": _coding("https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType", "XrequestId", "")}]
    out += [
        {"what": {"reference": f"Patient/{p}"}, "type": _coding(_ENTITY, "1", "Person"), "role": _coding(_ROLE, "1", "Patient")} for p in patients
    ]
    if kind.profile == "Query" and line.query:
        query = base64.b64encode(line.query.encode()).decode()
        out.append({"type": _coding(_ENTITY, "2", "System Object"), "role": _coding(_ROLE, "24", "Query"), "query": query})
    # BALP wants a system object for what was read; beside a query, which is one, each thing found goes by its own type.
    single = kind.profile not in ("Query", "") and len(line.entities) == 1
    for entity in line.entities:
        type_ = _coding(_ENTITY, "2", "System Object") if single else _coding("http://hl7.org/fhir/resource-types", entity.partition("/")[0], "")
        out.append({"what": {"reference": entity}, "type": type_, "role": _coding(_ROLE, "4", "Domain Resource")})
    return out


def _coding(system: str, code: str, display: str = "") -> dict[str, str]:
    return {"system": system, "code": code, **({"display": display} if display else {})}


def _concept(system: str, code: str, display: str = "") -> dict[str, Any]:
    return {"coding": [_coding(system, code, display)]}
