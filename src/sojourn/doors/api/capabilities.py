"""What is really there, as a CapabilityStatement (https://hl7.org/fhir/R4/capabilitystatement.html)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sojourn import __version__
from sojourn.base import clock
from sojourn.care.exchange import kinds
from sojourn.doors.api.answer import Answer, of_json
from sojourn.doors.api.ask import Ask
from sojourn.fhir import capability
from sojourn.fhir.definitions import RESOURCE_TYPES
from sojourn.gate.subscriptions.model import topics
from sojourn.gate.trail import asking

_PUBLISHED = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")


async def metadata(ask: Ask, offered: frozenset[tuple[str, str]]) -> Answer:
    """What this server offers: `offered` are the routes that there are. The one page that needs no sign-in."""
    ask.check_format()
    return of_json(statement(ask.base.rstrip("/"), offered))


@lru_cache(maxsize=4)
def statement(base: str, offered: frozenset[tuple[str, str]]) -> dict[str, Any]:
    """The statement for a base URL."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": _PUBLISHED,
        "kind": "instance",
        "instantiates": [*capability.instantiated(), "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"],
        "software": {"name": "Sojourn", "version": __version__},
        "implementation": {"description": "Sojourn FHIR R4 server", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["json", "application/fhir+json"],
        "patchFormat": ["application/json-patch+json", "application/fhir+json"],
        "implementationGuide": [f"http://hl7.org/fhir/us/core/ImplementationGuide/hl7.fhir.us.core|{v}" for v in capability.US_CORE],
        "rest": [
            {
                "mode": "server",
                "security": _security(base),
                "resource": [_resource(t, offered) for t in sorted(RESOURCE_TYPES)],
                "interaction": [{"code": c} for c, need in _SYSTEM if need in offered],
                "searchParam": capability.search_params(None),
                "operation": [{"name": "export", "definition": _BULK + "export"}, {"name": "process-message", "definition": _MESSAGE}],
            }
        ],
        "messaging": [_messaging(base)],
    }


_MESSAGE = "http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message"


def _messaging(base: str) -> dict[str, Any]:
    """Where messages are taken. Which events, is agreed with each partner: there is no definition of a message that holds for all of them."""
    protocol = {"system": "http://terminology.hl7.org/CodeSystem/message-transport", "code": "http"}
    return {
        "endpoint": [{"protocol": protocol, "address": f"{base}/$process-message"}],
        "documentation": "A registered partner's service sends messages of the events that were agreed (eventCoding of HL7 v2 table 0003: " + ", ".join(kinds.events_filed()) + " are filed by themselves; others are read by people). docs/messaging.md",
    }


def _security(base: str) -> dict[str, Any]:
    """How to get a token; newer clients read it in .well-known/smart-configuration."""
    place = base.removesuffix("/fhir") + "/oauth/"
    addresses = [{"url": name, "valueUri": place + name} for name in ("authorize", "token", "register")]
    return {
        "extension": [{"url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris", "extension": addresses}],
        "cors": True,
        "service": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR"}]}],
        "description": "A bearer token (RFC 6750) is needed for everything but this page. CORS: for the web origins of registered apps.",
    }


_TERMINOLOGY = {"CodeSystem": ("lookup", "validate-code"), "ValueSet": ("expand", "validate-code"), "ConceptMap": ("translate",)}
_BULK = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/"
_SYSTEM = (("transaction", ("POST", "")), ("batch", ("POST", "")), ("search-system", ("GET", "")), ("history-system", ("GET", "_history")))
_INTERACTIONS = (
    ("read", ("GET", "T/I")), ("vread", ("GET", "T/I/_history/V")), ("update", ("PUT", "T/I")), ("patch", ("PATCH", "T/I")),
    ("delete", ("DELETE", "T/I")), ("history-instance", ("GET", "T/I/_history")), ("history-type", ("GET", "T/_history")),
    ("create", ("POST", "T")), ("search-type", ("GET", "T")),
)  # fmt: skip


def _resource(type_: str, offered: frozenset[tuple[str, str]]) -> dict[str, Any]:
    facts = capability.of_type(type_)
    out: dict[str, Any] = {
        "type": type_,
        **({"supportedProfile": facts.profiles} if facts.profiles else {}),
        "interaction": [{"code": c} for c, need in _INTERACTIONS if need in offered],
        "versioning": "versioned-update",
        "readHistory": True,
        "updateCreate": False,
        "conditionalCreate": True,
        "conditionalRead": "full-support",
        "conditionalUpdate": True,
        "conditionalDelete": "single",
        "referencePolicy": ["literal", "logical"],
    }
    if type_ == "AuditEvent":
        out["documentation"] = (
            "For privacy officers, and for patients about themselves, AuditEvents are made from the audit trail when asked for (IHE BALP 1.1) and are "
            "stored nowhere: read, and search by " + ", ".join(asking.PARAMS) + " (_sort: -date only; no counts, includes or chains). For others the type "
            "holds the AuditEvents that other systems sent, with the interactions and parameters listed here."
        )
    for name, values in (("searchInclude", facts.includes), ("searchRevInclude", facts.revincludes), ("searchParam", facts.params)):
        if values:
            out[name] = values
    operations = [{"name": name, "definition": f"http://hl7.org/fhir/OperationDefinition/Resource-{name}"} for name in ("validate", "meta", "meta-add", "meta-delete")]
    if type_ == "Patient":
        operations.append({"name": "everything", "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything"})
        operations.append({"name": "match", "definition": "http://hl7.org/fhir/OperationDefinition/Patient-match"})
        operations.append({"name": "ihe-pix", "definition": "https://profiles.ihe.net/ITI/PIXm/OperationDefinition/IHE.PIXm.pix"})
        operations.append({"name": "ccd", "definition": "https://sojourn.example/fhir/OperationDefinition/Patient-ccd"})
    if type_ in ("Patient", "Group"):
        operations.append({"name": "export", "definition": f"{_BULK}{type_.lower()}-export"})
    if type_ == "DocumentReference":
        operations.append({"name": "docref", "definition": "http://hl7.org/fhir/us/core/OperationDefinition/docref"})
        operations.append({"name": "content", "definition": "https://sojourn.example/fhir/OperationDefinition/DocumentReference-content"})
        operations.append({"name": "import-ccda", "definition": "https://sojourn.example/fhir/OperationDefinition/import-ccda"})
    if type_ == "Subscription":
        operations += [{"name": name, "definition": f"http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-{name}"} for name in ("status", "events")]
        url = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/capabilitystatement-subscriptiontopic-canonical"
        out["extension"] = [{"url": url, "valueCanonical": topic} for topic in topics()]
        out["supportedProfile"] = ["http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription"]
    for name in _TERMINOLOGY.get(type_, ()):
        operations.append({"name": name, "definition": f"http://hl7.org/fhir/OperationDefinition/{type_}-{name}"})
    return {**out, "operation": operations}
