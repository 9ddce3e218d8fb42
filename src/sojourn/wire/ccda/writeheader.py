"""The header of a document: whose it is, who made it, for whom, about which care.

HL7 C-CDA R2.1, US Realm Header (22.1.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from sojourn.wire.ccda.markup import E
from sojourn.wire.ccda.oids import LOINC, place
from sojourn.wire.ccda.parts import Here, confidential, template
from sojourn.wire.ccda.telling import Json, coded, coding, ts

_GENDER: Final = {"male": ("M", "Male"), "female": ("F", "Female"), "other": ("UN", "Undifferentiated")}
_RACES: Final = "2.16.840.1.113883.6.238"
_USE: Final = {"home": "HP", "work": "WP", "mobile": "MC", "temp": "TMP", "old": "BAD"}
_SCHEME: Final = {"phone": "tel:", "email": "mailto:", "fax": "fax:", "sms": "sms:"}
LANGUAGE: Final = "en-US"


class Heading(NamedTuple):
    """What a document says of itself. base: of ids; identifier: names the document, series what it is a version of (1 …); replaces: the identifier of the one before.

    custodian, recipient: an Organization, Patient or RelatedPerson; made: an instant; purpose: v3-ActReason; consents: `Consent/id` on which it rests.
    """

    base: str
    identifier: str
    title: str
    made: str
    custodian: Json
    recipient: Json | None = None
    series: str = ""
    version: int = 1
    replaces: str = ""
    reason: str = ""
    notice: str = ""
    scope: str = ""
    purpose: str = ""
    consents: tuple[str, ...] = ()


def telecoms(resource: Json, *, most: int = 9) -> list[E]:
    """telecom elements; one that says that there is none."""
    made = []
    for given in resource.get("telecom", ()):
        # Some write the kind of a number where FHIR has `system`; a URL is left alone.
        value = str(given.get("value", ""))
        if value:
            made.append(E("telecom", value=value if ":" in value else _SCHEME.get(str(given.get("system", "")), "") + value.replace(" ", ""), use=_USE.get(str(given.get("use", "")), "")))
    return made[:most] or [E("telecom", nullFlavor="NI")]


def addresses(resource: Json, *, most: int = 9) -> list[E]:
    """addr elements, in the parts that a US address has; one that says that there is none."""
    given = resource.get("address") or []
    made = []
    for address in [given] if isinstance(given, dict) else given:
        lines = [E("streetAddressLine", line) for line in address.get("line", ())] or [E("streetAddressLine", nullFlavor="NI")]
        rest = [E(name, str(address[key])) if address.get(key) else (E(name, nullFlavor="NI") if name != "country" else None) for name, key in (("city", "city"), ("state", "state"), ("postalCode", "postalCode"), ("country", "country"))]
        made.append(E("addr", *lines, *rest, use={"home": "HP", "work": "WP", "temp": "TMP", "old": "BAD"}.get(str(address.get("use", "")), "")))
    return made[:most] or [E("addr", E("streetAddressLine", nullFlavor="NI"), E("city", nullFlavor="NI"), E("state", nullFlavor="NI"), E("postalCode", nullFlavor="NI"))]


def names(resource: Json) -> list[E]:
    """name elements of a person; one that says that there is none."""
    made = []
    for name in resource.get("name", ()):
        parts = [E(tag, str(part)) for tag, key in (("prefix", "prefix"), ("given", "given"), ("family", "family"), ("suffix", "suffix")) for part in ([name[key]] if isinstance(name.get(key), str) else name.get(key, ()))]
        if not parts and name.get("text"):
            parts = [E("given", nullFlavor="NI"), E("family", str(name["text"]))]
        if parts and not any(p.name == "given" for p in parts):
            parts.insert(0, E("given", nullFlavor="NI"))
        if parts and not any(p.name == "family" for p in parts):
            parts.append(E("family", nullFlavor="NI"))
        if parts:
            made.append(E("name", *parts, use={"official": "L", "usual": "C", "nickname": "P", "old": "OR", "maiden": "OR", "anonymous": "A"}.get(str(name.get("use", "")), "")))
    return made or [E("name", E("given", nullFlavor="UNK"), E("family", nullFlavor="UNK"), nullFlavor="UNK")]


def identifiers(resource: Json, here: Here) -> list[E]:
    """id elements: of the identifiers that it has, and the one by which the record knows it."""
    made = [E("id", root=place(str(i["system"]))[0], extension=str(i["value"])) for i in resource.get("identifier", ()) if i.get("system") and i.get("value")]
    return [*made, here.id(resource)]


def _extension(resource: Json, ends: str) -> Json:
    return next((x for x in resource.get("extension", ()) if str(x.get("url", "")).endswith(ends)), {})


def _race(patient: Json, ends: str, tag: str) -> list[E]:
    """A category, and what is said in more detail in the extension for it."""
    inside = _extension(patient, ends).get("extension", ())
    found = [x["valueCoding"] for kind in ("ombCategory", "detailed") for x in inside if x.get("url") == kind and "valueCoding" in x]
    if not found:
        return [E(tag, nullFlavor="UNK")]
    made = []
    for n, given in enumerate(found):
        # Of the two elements only the extension may be said again.
        name = tag if n == 0 else f"sdtc:{tag}"
        code = str(given.get("code", ""))
        made.append(E(name, nullFlavor=code) if code in ("UNK", "ASKU") else coding(name, str(given.get("system") or _RACES), code, str(given.get("display", ""))))
    return [made[0], *(m for m in made[1:] if "code" in m.attributes)]


def record_target(patient: Json, here: Here, custodian: Json) -> E:
    """Whose record it is."""
    code, said = _GENDER.get(str(patient.get("gender", "")), ("", ""))
    gender = coding("administrativeGenderCode", "2.16.840.1.113883.5.1", code, said) if code else E("administrativeGenderCode", nullFlavor="UNK")
    born = E("birthTime", value=ts(patient["birthDate"])) if patient.get("birthDate") else E("birthTime", nullFlavor="UNK")
    died = [E("sdtc:deceasedInd", value="true" if patient.get("deceasedBoolean") or patient.get("deceasedDateTime") else "false")] if "deceasedBoolean" in patient or "deceasedDateTime" in patient else []
    died += [E("sdtc:deceasedTime", value=ts(patient["deceasedDateTime"]))] if patient.get("deceasedDateTime") else []
    married = [coded("maritalStatusCode", patient["maritalStatus"], "", first=("http://terminology.hl7.org/CodeSystem/v3-MaritalStatus",))] if (patient.get("maritalStatus") or {}).get("coding") else []
    spoken = [E("languageCommunication", E("languageCode", code=code), E("preferenceInd", value="true") if c.get("preferred") else None)
              for c in patient.get("communication", ()) if (code := next((str(x["code"]) for x in c.get("language", {}).get("coding", ()) if x.get("code")), ""))]  # fmt: skip
    race, ethnic = _race(patient, "us-core-race", "raceCode"), _race(patient, "us-core-ethnicity", "ethnicGroupCode")
    who = E("patient", *names(patient), gender, born, *died, *married, *race, *ethnic, *spoken)
    return E("recordTarget", E("patientRole", *identifiers(patient, here), *addresses(patient), *telecoms(patient), who, _provider(custodian, here)))


def _provider(custodian: Json, here: Here) -> E:
    return E("providerOrganization", *identifiers(custodian, here), E("name", str(custodian.get("name", ""))), *telecoms(custodian, most=1), *addresses(custodian, most=1))


def author(heading: Heading, here: Here) -> E:
    """The organization's record system: documents are put together, not written."""
    device = E("assignedAuthoringDevice", E("manufacturerModelName", "Sojourn"), E("softwareName", "Sojourn"))
    by = heading.custodian
    assigned = E("assignedAuthor", here.id(by), *addresses(by, most=1), *telecoms(by, most=1), device, E("representedOrganization", *identifiers(by, here), E("name", str(by.get("name", ""))), *telecoms(by, most=1), *addresses(by, most=1)))
    return E("author", E("time", value=ts(heading.made)), assigned)


def custodian(heading: Heading, here: Here) -> E:
    """Who keeps the record."""
    by = heading.custodian
    return E("custodian", E("assignedCustodian", E("representedCustodianOrganization", *identifiers(by, here), E("name", str(by.get("name", ""))), *telecoms(by, most=1), *addresses(by, most=1))))


def recipient(heading: Heading, here: Here) -> E | None:
    """For whom it is."""
    to = heading.recipient
    if to is None:
        return None
    if to["resourceType"] == "Organization":
        inside = [E("receivedOrganization", E("name", str(to.get("name", ""))), *telecoms(to, most=1), *addresses(to, most=1))]
    else:
        inside = [E("informationRecipient", *names(to)[:1])]
    return E("informationRecipient", E("intendedRecipient", *identifiers(to, here), *inside))


def signer(document: Json | None, here: Here) -> E | None:
    """Who signed the note that the document rests on, if one did."""
    by: Any = (document or {}).get("authenticator") or {}
    if document is None or not by.get("display") or not document.get("date"):
        return None
    entity = E("assignedEntity", here.of(by), *addresses({}), *telecoms({}), E("assignedPerson", E("name", str(by["display"]))))
    return E("legalAuthenticator", E("time", value=ts(document["date"])), E("signatureCode", code="S"), entity)


def service(here: Here, since: str, heading: Heading, people: Sequence[Json]) -> E:
    """Which care it is about: since when, until now, by whom as far as the record names them."""
    performers = [E("performer", E("assignedEntity", here.of(p), E("addr", nullFlavor="NI"), E("telecom", nullFlavor="NI"), E("assignedPerson", E("name", str(p["display"])))), typeCode="PRF") for p in people if p.get("display")]
    if not performers:
        performers = [E("performer", E("assignedEntity", E("id", nullFlavor="UNK"), E("assignedPerson", E("name", nullFlavor="UNK"))), typeCode="PRF")]
    low = E("low", value=ts(since)) if since else E("low", nullFlavor="UNK")
    return E("documentationOf", E("serviceEvent", E("effectiveTime", low, E("high", value=ts(heading.made))), *performers, classCode="PCPR"))


def encompassing(visit: Json | None, here: Here) -> E:
    """The stay that a discharge summary is about."""
    period = (visit or {}).get("period") or {}
    low = E("low", value=ts(period["start"])) if period.get("start") else E("low", nullFlavor="UNK")
    high = E("high", value=ts(period["end"])) if period.get("end") else E("high", nullFlavor="UNK")
    left = ((visit or {}).get("hospitalization") or {}).get("dischargeDisposition")
    to = coded("dischargeDispositionCode", left, "") if left else E("dischargeDispositionCode", nullFlavor="UNK")
    return E("componentOf", E("encompassingEncounter", here.id(visit) if visit else E("id", nullFlavor="UNK"), E("effectiveTime", low, high), to))


def head(heading: Heading, here: Here, patient: Json, *, kind: tuple[str, str, str], strictest: str, signed: Json | None) -> list[E | None]:
    """All of it up to what the document is about. kind: template number, LOINC code, its words."""
    number, loinc, said = kind
    versions = [E("setId", root=str(uuid5(NAMESPACE_URL, heading.series))), E("versionNumber", value=str(heading.version))] if heading.series else []
    return [
        E("realmCode", code="US"), E("typeId", root="2.16.840.1.113883.1.3", extension="POCD_HD000040"), *template("22.1.1", "2015-08-01"), *template(number, "2015-08-01"),
        E("id", root=str(uuid5(NAMESPACE_URL, heading.identifier))), coding("code", LOINC, loinc, said), E("title", heading.title), E("effectiveTime", value=ts(heading.made)), confidential(strictest),
        E("languageCode", code=LANGUAGE), *versions, record_target(patient, here, heading.custodian), author(heading, here), custodian(heading, here), recipient(heading, here), signer(signed, here),
    ]  # fmt: skip


def after(heading: Heading, here: Here) -> list[E]:
    """What it replaces, and the consents on which it rests."""
    replaced = [E("relatedDocument", E("parentDocument", E("id", root=str(uuid5(NAMESPACE_URL, heading.replaces)))), typeCode="RPLC")] if heading.replaces else []
    consents = [E("authorization", E("consent", E("id", root=here.root, extension=consent), coding("code", LOINC, "59284-0", "Consent Document"), E("statusCode", code="completed"))) for consent in heading.consents]
    return [*replaced, *consents]
