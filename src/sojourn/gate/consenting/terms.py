"""Elements of a Consent that have no place of their own in FHIR R4: how they are read and written."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

Resource = Mapping[str, Any]

BASE = "https://ehr.example.org/fhir/StructureDefinition/"
"""Extensions are recognized by the last part of their URL, whatever installation wrote them."""

ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"

KIND = "part2-consent-kind"
CONTENT = "part2-content-text"
EXPIRY_TEXT = "part2-expiry-text"
EXPIRY_EVENT = "part2-expiry-event"
EXPIRY_EPISODE = "part2-expiry-episode"
COMBINED = "part2-combined-with"
IRREVOCABLE = "part2-irrevocable"
INTERMEDIARY = "part2-intermediary"
DESIGNATION = "part2-general-designation"
RECIPIENT_CLASS = "recipient-class"
RECIPIENT_KIND = "recipient-kind"
EVENT_OCCURRED = "consent-event-occurred"
EVENT_CONFIRMED = "consent-event-confirmed"
ENDED_AT = "consent-ended-at"
ENDED_HOW = "consent-ended-how"
ENDED_BY = "consent-ended-by"
AUTHORITY = "consent-signer-authority"
AUTHORITY_EVIDENCE = "consent-authority-evidence"
IDENTITY = "consent-identity-evidence"
WITNESS = "consent-witness"
METHOD = "consent-signature-method"
TYPED = "consent-signature-name"
DIGEST = "consent-text-digest"
FORM_VERSION = "consent-form-version"
COPY = "consent-copy-to-patient"
COPY_AT = "consent-copy-at"
GROUNDS = "restriction-grounds"
REPLACES = "consent-replaces"
DECISION = "restriction-decision"
DECIDED_AT = "restriction-decided-at"


def value(resource: Resource, name: str) -> Any:
    """The value of an extension of this name; None if there is none."""
    last = "/" + name
    for extension in resource.get("extension") or ():
        if type(extension) is dict and type(url := extension.get("url")) is str and (url.endswith(last) or url == name):
            for key, said in extension.items():
                if key.startswith("value"):
                    return said
    return None


def values(resource: Resource, name: str) -> Iterator[Any]:
    """Every value of the extensions of this name."""
    last = "/" + name
    for extension in resource.get("extension") or ():
        if isinstance(extension, dict):
            url = extension.get("url")
            if url is not None and (url == name or str(url).endswith(last)):
                yield from (v for k, v in extension.items() if k.startswith("value"))


def extension(name: str, **value: Any) -> dict[str, Any]:
    """An extension of ours: extension("part2-consent-kind", valueCode="part2_specific")."""
    return {"url": BASE + name, **value}


def with_values(resource: Resource, added: Mapping[str, dict[str, Any] | None]) -> dict[str, Any]:
    """A copy in which the extensions of these names are these; None takes one out."""
    kept = [e for e in resource.get("extension") or () if str(e.get("url", "")).rsplit("/", 1)[-1] not in added]
    new = [extension(name, **value) for name, value in added.items() if value is not None]
    rest = {k: v for k, v in resource.items() if k not in ("extension", "resourceType", "id", "meta")}
    head = {k: resource[k] for k in ("resourceType", "id", "meta") if k in resource}
    return {**head, **({"extension": [*kept, *new]} if kept or new else {}), **rest}


def kind_of(consent: Resource) -> str:
    """What sort of form it is; empty where nothing says so."""
    found = value(consent, KIND)
    if isinstance(found, str):
        return found
    codes = {c.get("code") for concept in consent.get("category") or () for c in concept.get("coding") or ()}
    if "OPTOUT" in codes:
        return "hie_opt_out"
    return "patient_directive_deny" if "HIPAASelfPay" in codes or root(consent).get("type") == "deny" else ""


def root(consent: Resource) -> Resource:
    """The provision that says what is permitted or forbidden."""
    found = consent.get("provision")
    return found if type(found) is dict or isinstance(found, Mapping) else {}


def purposes(provision: Resource) -> list[str]:
    """Codes of the purposes."""
    return [c["code"] for c in provision.get("purpose") or () if c.get("code")]


def actors(provision: Resource) -> list[Resource]:
    """Those it names as recipients."""
    return [a for a in provision.get("actor") or () if isinstance(a, Mapping)]


def literal(reference: Any) -> str:
    """`Type/id` of a Reference; empty if it has none."""
    return str(reference.get("reference") or "") if type(reference) is dict or isinstance(reference, Mapping) else ""


@cache
def forms() -> dict[str, Any]:
    """The form definitions: kinds, elements, statements, classes, with their version and sources."""
    return tomllib.loads((files("sojourn.gate.consenting") / "data" / "forms.toml").read_text("utf-8"))


def kind(name: str) -> dict[str, Any]:
    """The definition of one kind of form; empty for one that we do not offer."""
    found = forms()["kinds"].get(name, {})
    return found if isinstance(found, dict) else {}
