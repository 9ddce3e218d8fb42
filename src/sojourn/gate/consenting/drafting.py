"""Answers on a form become an unsigned Consent, and back, in the words of the front desk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sojourn.gate import bases
from sojourn.gate.consenting import terms
from sojourn.gate.consenting.terms import Resource

_CONSENT_SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
_TYPES = "http://hl7.org/fhir/resource-types"
_POLICIES = {
    "part2": {"authority": "https://www.hhs.gov", "uri": "https://www.ecfr.gov/current/title-42/chapter-I/subchapter-A/part-2"},
    "hipaa-auth": {"authority": "https://www.hhs.gov", "uri": "https://www.ecfr.gov/current/title-45/section-164.508"},
    "hipaa-restrictions": {"authority": "https://www.hhs.gov", "uri": "https://www.ecfr.gov/current/title-45/section-164.522"},
    "opt-out": {"authority": "https://www.hhs.gov", "uri": "https://www.ecfr.gov/current/title-45/section-171.202"},
    "treatment": {"authority": "https://www.hhs.gov", "uri": "https://www.ecfr.gov/current/title-42/section-482.13"},
}
ALL = "All records"
"""Said for a form that names no law: with one, its label says it."""
PROTECTED = {"mental_health": "MH", "hiv": "HIV", "reproductive": "SEX", "violence": "SDV", "genetic": "GDIS"}
"""Kinds of records that state law protects beside; by the code of their label."""


@dataclass(slots=True)
class Recipient:
    """One who is to receive. kind: what the law takes it for (policy/data/parties.toml). through: an exchange; treating: only members who treat."""

    reference: str = ""
    of_class: str = ""
    kind: str = ""
    through: str = ""
    treating: bool = False


@dataclass(slots=True)
class Answers:
    """What was answered so far. disclosers: `Organization/id`. expiry: none, date or event."""

    kind: str
    disclosers: list[str] = field(default_factory=list)
    recipients: list[Recipient] = field(default_factory=list)
    everything: bool = True
    categories: list[str] = field(default_factory=list)
    protected: list[str] = field(default_factory=list)
    content: str = ""
    data_from: str = ""
    data_to: str = ""
    named: list[str] = field(default_factory=list)
    purposes: list[str] = field(default_factory=list)
    expiry: str = ""
    until: str = ""
    event: str = ""
    event_text: str = ""
    episode: str = ""
    irrevocable: bool = False
    grounds: str = ""
    replaces: str = ""


def drafted(patient: str, answers: Answers) -> dict[str, Any]:
    """An unsigned Consent about `Patient/id`, with every element that was answered and the statements of its form."""
    kind = terms.kind(answers.kind)
    extensions = [terms.extension(terms.KIND, valueCode=answers.kind), terms.extension(terms.FORM_VERSION, valueString=str(terms.forms()["version"]))]
    statements = terms.forms()["statements"]
    extensions += [terms.extension(statements[name]["extension"], valueBoolean=True) for name in kind["statements"]]
    extensions += _end(answers)
    everything = answers.everything and kind["direction"] == "permit" and not _labels(answers, kind)
    if said := answers.content or (ALL if everything else ""):
        extensions.append(terms.extension(terms.CONTENT, valueString=said))
    if answers.irrevocable and "irrevocable" in kind["asks"]:
        extensions.append(terms.extension(terms.IRREVOCABLE, valueBoolean=True))
    if answers.grounds:
        extensions.append(terms.extension(terms.GROUNDS, valueCode=answers.grounds))
    if answers.replaces:
        extensions.append(terms.extension(terms.REPLACES, valueReference={"reference": answers.replaces}))
    made: dict[str, Any] = {
        "resourceType": "Consent",
        **({"meta": {"security": [{"system": terms.ACT_CODE, "code": "42CFRPart2"}]}} if kind.get("part2") else {}),
        "extension": extensions,
        "status": "draft",
        "scope": _concept(_CONSENT_SCOPE, "treatment" if answers.kind == "treatment" else "patient-privacy"),
        "category": _categories(answers, kind),
        "patient": {"reference": patient},
        **({"organization": [{"reference": d} for d in answers.disclosers]} if answers.disclosers else {}),
        "policy": [_POLICIES[kind["policy"]]],
    }
    if kind["direction"] != "none":
        made["provision"] = _provision(answers, kind)
    return made


def _concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def _categories(answers: Answers, kind: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = [_concept("http://loinc.org", "59284-0")]
    if kind.get("part2"):
        found += [_concept(terms.ACT_CODE, "IDSCL"), _concept(terms.ACT_CODE, "42CFRPart2CD")]
    if answers.kind == "hie_opt_out":
        found.append(_concept(terms.ACT_CODE, "OPTOUT"))
    if answers.grounds == "self_pay":
        found.append(_concept(terms.ACT_CODE, "HIPAASelfPay"))
    return found


def _end(answers: Answers) -> list[dict[str, Any]]:
    if answers.expiry == "none":
        return [terms.extension(terms.EXPIRY_TEXT, valueString="none")]
    if answers.expiry != "event" or not answers.event:
        return []
    said = answers.event_text or terms.forms()["events"].get(answers.event, answers.event)
    found = [terms.extension(terms.EXPIRY_EVENT, valueCode=answers.event), terms.extension(terms.EXPIRY_TEXT, valueString=said)]
    return [*found, *([terms.extension(terms.EXPIRY_EPISODE, valueReference={"reference": answers.episode})] if answers.episode else [])]


def _provision(answers: Answers, kind: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"type": kind["direction"]}
    if answers.expiry == "date" and answers.until:
        made["period"] = {"end": answers.until}
    actors = [_actor(r, kind) for r in answers.recipients]
    if actors:
        made["actor"] = actors
    if kind["direction"] == "permit":
        made["action"] = [_concept("http://terminology.hl7.org/CodeSystem/consentaction", "disclose")]
    labels = _labels(answers, kind)
    if labels:
        made["securityLabel"] = labels
    purposes = kind.get("purposes") or answers.purposes
    if purposes:
        made["purpose"] = [{"system": terms.ACT_REASON, "code": code} for code in purposes]
    types = [] if answers.everything else [t for c in answers.categories for t in terms.forms()["categories"].get(c, {}).get("types", ())]
    if types:
        made["class"] = [{"system": _TYPES, "code": t} for t in dict.fromkeys(types)]
    period = {k: v for k, v in (("start", answers.data_from), ("end", answers.data_to)) if v}
    if period:
        made["dataPeriod"] = period
    if answers.named:
        made["data"] = [{"meaning": "instance", "reference": {"reference": n}} for n in answers.named]
    return made


def _labels(answers: Answers, kind: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the permission stands for, law by law. A form that asks for nothing, neither everything nor kinds, has no content yet."""
    if kind.get("label"):
        return [{"system": bases.LOCAL, "code": kind["label"]}]
    if kind["direction"] != "permit" or (not answers.everything and not answers.categories and "content" in kind["asks"]):
        return []
    own = [{"system": terms.ACT_CODE, "code": "42CFRPart2"}] if kind.get("part2") else []
    return [*own, *({"system": terms.ACT_CODE, "code": PROTECTED[p]} for p in answers.protected if p in PROTECTED)]


def _actor(recipient: Recipient, kind: Mapping[str, Any]) -> dict[str, Any]:
    extensions = []
    if recipient.of_class:
        extensions.append(terms.extension(terms.RECIPIENT_CLASS, valueCode=recipient.of_class))
    if sort := kind.get("recipient_kind") or recipient.kind:
        extensions.append(terms.extension(terms.RECIPIENT_KIND, valueCode=sort))
    if recipient.through:
        extensions.append(terms.extension(terms.INTERMEDIARY, valueReference={"reference": recipient.through}))
    if recipient.treating:
        extensions.append(terms.extension(terms.DESIGNATION, valueCode="treating"))
    name = terms.forms()["classes"].get(recipient.of_class, {}).get("name")
    reference = {"reference": recipient.reference} if recipient.reference else {"type": "Group", "display": name or recipient.of_class}
    role = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]}
    return {**({"extension": extensions} if extensions else {}), "role": role, "reference": reference}


# --- and back ---------------------------------------------------------------------------------------------------------------


def answered(consent: Resource) -> Answers:
    """The answers behind a Consent that was made here."""
    provision = terms.root(consent)
    text, event = terms.value(consent, terms.EXPIRY_TEXT), terms.value(consent, terms.EXPIRY_EVENT)
    until = str((provision.get("period") or {}).get("end") or "")
    known = {t for c in provision.get("class") or () if (t := c.get("code"))}
    labels = {c.get("code") for c in provision.get("securityLabel") or ()}
    kind = terms.kind_of(consent)
    period = provision.get("dataPeriod") or {}
    fixed = terms.kind(kind).get("purposes")
    whole = bool(labels) or kind == "hipaa_authorization" or terms.kind(kind).get("direction") != "permit"
    return Answers(
        kind,
        disclosers=[terms.literal(o) for o in consent.get("organization") or ()],
        recipients=[recipient(a) for a in terms.actors(provision)],
        everything=not known and whole,
        categories=[name for name, category in terms.forms()["categories"].items() if known and set(category["types"]) <= known],
        protected=[name for name, code in PROTECTED.items() if code in labels],
        content="" if (said := str(terms.value(consent, terms.CONTENT) or "")) == ALL else said,
        data_from=str(period.get("start") or ""),
        data_to=str(period.get("end") or ""),
        named=[terms.literal(d.get("reference")) for d in provision.get("data") or ()],
        purposes=[] if fixed else terms.purposes(provision),
        expiry="event" if event else "date" if until else "none" if text == "none" else "",
        until=until,
        event=str(event or ""),
        event_text="" if not event or text == terms.forms()["events"].get(event) else str(text or ""),
        episode=terms.literal(terms.value(consent, terms.EXPIRY_EPISODE)),
        irrevocable=terms.value(consent, terms.IRREVOCABLE) is True,
        grounds=str(terms.value(consent, terms.GROUNDS) or ""),
        replaces=terms.literal(terms.value(consent, terms.REPLACES)),
    )


def recipient(actor: Resource) -> Recipient:
    """How a form names one who is to receive."""
    return Recipient(
        reference=terms.literal(actor.get("reference")),
        of_class=str(terms.value(actor, terms.RECIPIENT_CLASS) or ""),
        kind=str(terms.value(actor, terms.RECIPIENT_KIND) or ""),
        through=terms.literal(terms.value(actor, terms.INTERMEDIARY)),
        treating=terms.value(actor, terms.DESIGNATION) == "treating",
    )


def referenced(consents: Iterable[Resource]) -> set[str]:
    """`Type/id` of everybody whose name is needed to read these."""
    found: set[str] = set()
    for consent in consents:
        found |= {terms.literal(o) for o in (*(consent.get("organization") or ()), *(consent.get("performer") or ()), consent.get("patient"))}
        for actor in terms.actors(terms.root(consent)):
            found |= {terms.literal(actor.get("reference")), *(terms.literal(v) for v in terms.values(actor, terms.INTERMEDIARY))}
        found |= {terms.literal(v) for v in terms.values(consent, terms.EXPIRY_EPISODE)}
    return found - {""}
