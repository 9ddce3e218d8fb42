"""What the patient permits and forbids: a signed Consent becomes grant rows.

The FHIR Consent is the truth; rows can be dropped and compiled again from it. A consent that lacks an element that
42 CFR 2.31 asks for is void for disclosure (2.31(c)): it compiles to no permit, whatever its status says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sojourn.fhir import dates
from sojourn.gate import bases
from sojourn.gate.caller import Program, Tenant
from sojourn.gate.policy import tables

FOREVER = datetime.max.replace(tzinfo=UTC)
EVER = datetime(1, 1, 1, tzinfo=UTC)

# Statements that a single consent for all future TPO must contain (2.31(a)(4)(iii), (a)(6), (a)(10)).
_TPO_STATEMENTS = ("part2-stmt-hipaa-redisclosure", "part2-stmt-redisclosure-risk", "part2-stmt-refusal", "part2-stmt-revocation")
_ACTIONS = {"use": "use", "disclose": "disclose", "access": "disclose"}

Grant = tuple[Any, ...]
Relation = tuple[Any, ...]


CodeKeys = Callable[[str | None, str], Iterable[int]]
"""(system, code) -> the search keys that a resource with this code has, whatever its type."""


def compiled(consent: Mapping[str, Any], tenant: Tenant, programs: Mapping[int, Program], keys: CodeKeys, op: int) -> tuple[list[Grant], list[Relation]]:
    """The rows of one Consent, as record.grant_row and record.relation_row of the batch's op. Nothing for one that is void."""
    patient = _id_of(consent.get("patient"), "Patient")
    if consent.get("status") != "active" or patient is None:
        return [], []
    provision = consent.get("provision", {})
    valid_from, valid_to = _period(provision, consent)
    disclosers = _disclosers(consent, tenant, programs)
    grants: list[Grant] = []
    relations: list[Relation] = []
    permits = provision.get("type") == "permit"
    if permits and disclosers != [] and not missing(consent):
        for recipient in _recipients(provision):
            relations.append((op, patient, recipient, "consent", valid_from, valid_to))
            grants += [
                (op, patient, "permit", basis, recipient, purpose, action, disclosers, types, codes, *data, named, valid_from, valid_to)
                for basis in _permitted(provision, consent)
                for purpose in _purposes(provision, consent)
                for action in _actions(provision)
                for types, codes, data, named in [(_types(provision), _code_keys(provision, keys), _data_period(provision), _named(provision))]
            ]
    denials = ([provision] if provision.get("type") == "deny" else []) + [p for p in provision.get("provision", ()) if p.get("type") == "deny"]
    for denial in denials:
        grants += list(_denied(op, patient, denial, provision, keys, valid_from, valid_to))
    return grants, relations


def missing(consent: Mapping[str, Any]) -> list[str]:
    """Elements of 42 CFR 2.31 that the consent lacks; empty when it is complete."""
    provision = consent.get("provision", {})
    needed = {
        "2.31(a)(1) patient": consent.get("patient"),
        "2.31(a)(2) who discloses": consent.get("organization"),
        "2.31(a)(4) recipient": provision.get("actor"),
        "2.31(a)(5) purpose": provision.get("purpose"),
        "2.31(a)(7) expiry": provision.get("period", {}).get("end") or _extension(consent, "part2-expiry-text"),
        "2.31(a)(8) signature": consent.get("performer"),
        "2.31(a)(9) date signed": consent.get("dateTime"),
    }
    lacking = [element for element, value in needed.items() if not value]
    if _extension(consent, "part2-consent-kind") == "part2_tpo_single":
        lacking += [f"2.31 {name}" for name in _TPO_STATEMENTS if _extension(consent, name) is not True]
    return lacking


def _denied(op: int, patient: str, denial: Mapping[str, Any], root: Mapping[str, Any], keys: CodeKeys, valid_from: datetime, valid_to: datetime) -> Iterator[Grant]:
    """A deny inside a permit narrows that permit's recipients; labels that no basis stands for are left to the permit's own bases."""
    start, end = (_moment(denial["period"].get("start"), EVER), _moment(denial["period"].get("end"), FOREVER, end=True)) if denial.get("period") else (valid_from, valid_to)
    labelled = denial.get("securityLabel")
    found = _bases(denial, default=0) if labelled else [0]
    for recipient in _recipients(denial) or _recipients(root):
        for basis in found:
            for purpose in _codes(denial.get("purpose")) or ["*"]:
                for action in _actions(denial, default="*"):
                    yield (op, patient, "deny", basis, recipient, purpose, action, None, _types(denial), _code_keys(denial, keys), *_data_period(denial), _named(denial), start, end)


def _recipients(provision: Mapping[str, Any]) -> list[str]:
    return [reference for actor in provision.get("actor", ()) if (reference := actor.get("reference", {}).get("reference"))]


def _purposes(provision: Mapping[str, Any], consent: Mapping[str, Any]) -> list[str]:
    codes = _codes(provision.get("purpose"))
    if _extension(consent, "part2-consent-kind") == "part2_tpo_single":
        return [exact for code in codes for exact in tables.table("purposes")["tpo"].get(code, ())]
    return codes


def _bases(provision: Mapping[str, Any], default: int) -> list[int]:
    labels = _codes(provision.get("securityLabel"))
    found = [bit for code in labels if (bit := bases.bit_of(code))]
    return found or ([default] if default and not labels else [])


def _actions(provision: Mapping[str, Any], default: str = "disclose") -> list[str]:
    codes = [c for concept in provision.get("action", ()) for c in _codes(concept.get("coding"))]
    return sorted({_ACTIONS[c] for c in codes if c in _ACTIONS}) or ([default] if not codes else [])


def _types(provision: Mapping[str, Any]) -> list[str] | None:
    found = [c["code"] for c in provision.get("class", ()) if c.get("code")]
    return found or None


def _named(provision: Mapping[str, Any]) -> list[str] | None:
    found = [d["reference"]["reference"] for d in provision.get("data", ()) if d.get("reference", {}).get("reference")]
    return found or None


def _data_period(provision: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    period = provision.get("dataPeriod")
    if not period:
        return (None, None)
    return (_moment(period.get("start"), EVER), _moment(period.get("end"), FOREVER, end=True))


# Notes kept apart need a consent of their own (42 CFR 2.31(b); 45 CFR 164.508(b)(3)(ii)): no other kind of consent covers them.
_APART = {bases.SUD_COUNSELING: "part2_counseling_notes", bases.PSYCHOTHERAPY: "hipaa_authorization"}


def _permitted(provision: Mapping[str, Any], consent: Mapping[str, Any]) -> list[int]:
    """The bases that a permit may stand for: notes kept apart only in a consent for nothing else."""
    found = _bases(provision, default=bases.PART2)
    kind = _extension(consent, "part2-consent-kind")
    apart = [bit for bit in found if bit in _APART]
    alone = len(found) == 1 and bool(apart) and _APART[apart[0]] == kind
    return found if alone else [bit for bit in found if bit not in _APART]


def _code_keys(provision: Mapping[str, Any], keys: CodeKeys) -> list[int] | None:
    """The codes to which a provision is limited; None for no limit. A limit in words alone matches nothing."""
    concepts = provision.get("code")
    if not concepts:
        return None
    return sorted({key for concept in concepts for c in concept.get("coding", ()) if c.get("code") for key in keys(c.get("system"), c["code"])})


def _disclosers(consent: Mapping[str, Any], tenant: Tenant, programs: Mapping[int, Program]) -> list[int] | None:
    """Programs whose records this consent lets go. None: all, because the operating organization as a whole is named. []: none of ours."""
    named = {o.get("reference") for o in consent.get("organization", ())}
    if tenant.organization and f"Organization/{tenant.organization}" in named:
        return None
    return [p.number for p in programs.values() if p.organization and f"Organization/{p.organization.removeprefix('Organization/')}" in named]


def _period(provision: Mapping[str, Any], consent: Mapping[str, Any]) -> tuple[datetime, datetime]:
    period = provision.get("period", {})
    return (_moment(period.get("start") or consent.get("dateTime"), EVER), _moment(period.get("end"), FOREVER, end=True))


def _moment(text: str | None, default: datetime, *, end: bool = False) -> datetime:
    return dates.bounds(text)[1 if end else 0] if text else default


def _codes(codings: Any) -> list[str]:
    return [c["code"] for c in codings or () if c.get("code")]


def _extension(resource: Mapping[str, Any], name: str) -> Any:
    for extension in resource.get("extension", ()):
        if extension.get("url", "").rsplit("/", 1)[-1] == name:
            return next((v for k, v in extension.items() if k.startswith("value")), None)
    return None


def _id_of(reference: Mapping[str, Any] | None, type_: str) -> str | None:
    literal = (reference or {}).get("reference", "")
    head, _, id_ = literal.partition("/")
    return id_ or None if head == type_ else None
