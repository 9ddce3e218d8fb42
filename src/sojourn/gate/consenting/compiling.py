"""What the patient permits and forbids: a signed Consent becomes grant rows.

The FHIR Consent is the truth; rows can be dropped and compiled again from it (`sojourn rebuild-grants`). A consent that lacks an
element that 42 CFR 2.31 asks for is void for disclosure (2.31(c)): it compiles to no permit, whatever its status says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sojourn.fhir import definitions
from sojourn.gate import bases, usual
from sojourn.gate.caller import Program, Tenant
from sojourn.gate.consenting import elements, membership, terms, validity
from sojourn.gate.consenting.validity import EVER, FOREVER
from sojourn.gate.policy import tables
from sojourn.record.index import Keys

_moment = validity.moment
_ACTIONS = {"use": "use", "disclose": "disclose", "access": "disclose"}

Grant = tuple[Any, ...]
Relation = tuple[Any, ...]
_PURPOSE = 5  # its place in a grant, until what is the same for several becomes one

# Notes kept apart need a consent of their own (42 CFR 2.31(b); 45 CFR 164.508(b)(3)(ii)): no other kind of consent covers them.
_APART = {bases.SUD_COUNSELING: "part2_counseling_notes", bases.PSYCHOTHERAPY: "hipaa_authorization"}
_PROCEEDINGS = frozenset({"part2_proceedings", "part2_criminal_justice", "hipaa_authorization"})
"""Only these can permit a legal purpose (42 CFR 2.31(d), 2.35)."""


class _Extent(NamedTuple):
    """How far a provision goes; None is no limit."""

    programs: list[int] | None
    types: list[str] | None
    codes: list[int] | None
    data_from: datetime | None
    data_to: datetime | None
    named: list[str] | None


def compiled(consent: Mapping[str, Any], tenant: Tenant, programs: Mapping[int, Program], keys: Keys, op: int) -> tuple[list[Grant], list[Relation]]:
    """The rows of one Consent, as record.grant_row and record.relation_row of the batch's op. Nothing for one that is void."""
    patient = _id_of(consent.get("patient"), "Patient")
    window, guarded = validity.window(consent), validity.window(consent, guards=True)
    if patient is None or guarded is None:
        return [], []
    provision = terms.root(consent)
    grants: list[Grant] = []
    relations: list[Relation] = []
    if window is not None and provision.get("type") == "permit" and can_permit(consent) and not elements.void(consent):
        grants, relations = _permits(op, patient, consent, tenant, programs, keys, window)
    if consented_alone(consent):
        grants += _label(op, patient, consent, tenant, programs, keys, guarded)
    denials = ([provision] if provision.get("type") == "deny" else []) + [p for p in provision.get("provision", ()) if p.get("type") == "deny"]
    for denial in denials:
        grants += list(_denied(op, patient, consent, denial, keys, guarded))
    return _of_several_purposes(grants), relations


def _of_several_purposes(grants: Iterable[Grant]) -> list[Grant]:
    """What is the same for several purposes as one row: how somebody stands with a patient is asked of each row that names them."""
    found: dict[str, tuple[Grant, set[str]]] = {}
    for grant in grants:
        found.setdefault(repr((grant[:_PURPOSE], grant[_PURPOSE] == "*", grant[_PURPOSE + 1 :])), (grant, set()))[1].add(grant[_PURPOSE])
    return [(*grant[:_PURPOSE], sorted(purposes), *grant[_PURPOSE + 1 :]) for grant, purposes in found.values()]


def consented_alone(consent: Mapping[str, Any]) -> bool:
    """Whether it is a minor's own agreement to care, which no parent signed (42 CFR 2.14(b); 45 CFR 164.502(g)(3))."""
    return terms.kind_of(consent) == "treatment" and terms.value(consent, terms.AUTHORITY) == "minor"


def _label(op: int, patient: str, consent: Mapping[str, Any], tenant: Tenant, programs: Mapping[int, Program], keys: Keys, window: tuple[datetime, datetime]) -> list[Grant]:
    """What labels the records of that care: the programs that give it, and the subjects, where the form names some."""
    named = _disclosers(consent, tenant, programs)
    if named == []:
        return []
    subjects = [key for code in _codes(terms.root(consent).get("securityLabel")) for key in _label_keys(keys, None, code)]
    return [(op, patient, "label", bases.MINOR, "", "*", "label", named, None, sorted(set(subjects)) or None, None, None, None, *window)]


def can_permit(consent: Mapping[str, Any]) -> bool:
    """A wish, an opt-out and an agreement to treatment permit nothing, whatever their provision says; nor does a form of a kind that nobody
    knows, one with a modifier that nobody here understands (https://hl7.org/fhir/R4/extensibility.html#modifierExtension), or with limits
    that cannot be read."""
    provision = terms.root(consent)
    kind = terms.kind(terms.kind_of(consent))
    unread = (provision.get("class") and _listed_types(provision) is None) or (provision.get("data") and _named(provision) is None)
    modified = consent.get("modifierExtension") or provision.get("modifierExtension") or consent.get("implicitRules")
    known = not terms.kind_of(consent) or terms.kind_of(consent) in tables.table("consents")["kinds"] or kind
    return bool(known) and kind.get("direction", "permit") == "permit" and not modified and not unread


def missing(consent: Mapping[str, Any]) -> list[str]:
    """Elements of the form that the consent lacks, each with its paragraph and what to do; empty when it is complete."""
    return [element.missed for element in elements.missing(consent)]


def _permits(op: int, patient: str, consent: Mapping[str, Any], tenant: Tenant, programs: Mapping[int, Program], keys: Keys,
             window: tuple[datetime, datetime]) -> tuple[list[Grant], list[Relation]]:  # fmt: skip
    provision = terms.root(consent)
    extent = _Extent(_disclosers(consent, tenant, programs), _types(provision, consent), _code_keys(provision, keys), *_data_period(provision), _named(provision))
    if extent.programs == []:
        return [], []
    covers = list(_bases_with_extents(consent, extent, keys))
    grants: list[Grant] = []
    relations: list[Relation] = []
    actions = _actions(provision)
    if not actions:  # what nobody understands explains no relation either
        return [], []
    for purpose in _purposes(provision, consent):
        opened = [*covers, *_ordinary(consent, extent, purpose)]
        for recipient in membership.named(provision):
            if recipient.relates:
                relations.append((op, patient, membership.for_purpose(purpose, recipient.key), "consent", *window))
            for action in actions:
                grants += [(op, patient, "permit", basis, recipient.key, purpose, action, *within, *window) for basis, within in opened]
    return grants, relations


def _bases_with_extents(consent: Mapping[str, Any], extent: _Extent, keys: Keys) -> Iterator[tuple[int, _Extent]]:
    """What the permission stands for, law by law, and how far for each."""
    for basis in _permitted(terms.root(consent), consent):
        yield basis, extent
        if basis == bases.SUD_COUNSELING:  # such a note is a Part 2 record, too: for these notes, and for nothing else, this form says so as well
            yield bases.PART2, extent._replace(codes=_label_keys(keys, bases.LOCAL, "SUDCN"))


def _ordinary(consent: Mapping[str, Any], extent: _Extent, purpose: str) -> Iterator[tuple[int, _Extent]]:
    """What a form opens of what no law of its own protects, for purposes that need an authorization for that (45 CFR 164.508).

    An authorization opens what it names, unless it is one for psychotherapy notes, which stands alone; a form for Part 2 records opens
    nothing more than who it is about.
    """
    if usual.outside_mask(purpose):
        return
    if terms.kind_of(consent) == "hipaa_authorization" and bases.PSYCHOTHERAPY not in _bases(terms.root(consent)):
        yield bases.ORDINARY, extent
    yield bases.ORDINARY, _Extent(None, ["Patient"], None, None, None, None)


def _denied(op: int, patient: str, consent: Mapping[str, Any], denial: Mapping[str, Any], keys: Keys, window: tuple[datetime, datetime]) -> Iterator[Grant]:
    """A deny inside a permit narrows that permit's recipients."""
    root = terms.root(consent)
    start, end = window
    if denial is not root and denial.get("period"):
        start, end = max(start, validity.guarded_from(denial["period"].get("start"))), min(end, validity.guarded_until(denial["period"].get("end"), end=True))
    extent = _Extent(None, _listed_types(denial), _code_keys(denial, keys), *_data_period(denial), _named(denial))
    found = [(basis, extent) for basis in _bases(denial)] if denial.get("securityLabel") else [(0, extent)]
    if subjects := {s for code in _codes(denial.get("securityLabel")) for s in bases.subjects_of(code)}:  # by what it is found by, whether a law protects it or not
        found.append((0, extent._replace(codes=sorted({key for code in subjects for key in _label_keys(keys, None, code)}))))
    for recipient in membership.denied(denial if denial.get("actor") or denial is root else root):
        for basis, within in found:
            for purpose in _denied_purposes(denial, consent) or ["*"]:
                for action in _actions(denial, default="*"):
                    yield (op, patient, "deny", basis, recipient, purpose, action, *within, start, end)


def _purposes(provision: Mapping[str, Any], consent: Mapping[str, Any]) -> list[str]:
    """Exact purposes. Only the single TPO form speaks in classes, and a legal purpose has forms of its own."""
    codes = terms.purposes(provision)
    kind = terms.kind_of(consent)
    if kind == "part2_tpo_single":
        return [exact for code in codes for exact in tables.table("purposes")["tpo"].get(code, ())]
    limit = tables.table("consents")["kinds"].get(kind, {}).get("purposes")
    return [c for c in dict.fromkeys(codes) if (limit is None or c in limit) and (c not in tables.purposes("legal") or kind in _PROCEEDINGS)]


def _denied_purposes(denial: Mapping[str, Any], consent: Mapping[str, Any]) -> list[str]:
    """What was paid for in full oneself is kept from the plan for everything that is payment or operations (45 CFR 164.522(a)(1)(vi))."""
    codes = terms.purposes(denial)
    if not self_paid(consent):
        return codes
    wide = {"HPAYMT": "payment", "HOPERAT": "operations"}
    return sorted({exact for code in codes for exact in (tables.purposes(wide[code]) if code in wide else {code})})


def self_paid(consent: Mapping[str, Any]) -> bool:
    """Whether it is the restriction that must be agreed to: services paid for in full by the patient."""
    codes = {c.get("code") for concept in consent.get("category") or () for c in concept.get("coding") or ()}
    return "HIPAASelfPay" in codes or terms.value(consent, terms.GROUNDS) == "self_pay"


def of_notes(consent: Mapping[str, Any]) -> bool:
    """Whether it speaks of notes kept apart, of which no form speaks beside something else."""
    return not _APART.keys().isdisjoint(_bases(terms.root(consent)))


def _bases(provision: Mapping[str, Any]) -> list[int]:
    return [bit for code in _codes(provision.get("securityLabel")) if (bit := bases.bit_of(code))]


def _permitted(provision: Mapping[str, Any], consent: Mapping[str, Any]) -> list[int]:
    """The bases that a permit may stand for: notes kept apart only in a consent for nothing else.

    A form for Part 2 records that names no label means Part 2; an authorization under HIPAA means it only if it says so.
    """
    kind = terms.kind_of(consent)
    found = _bases(provision) or ([bases.PART2] if not provision.get("securityLabel") and kind != "hipaa_authorization" else [])
    apart = [bit for bit in found if bit in _APART]
    alone = len(found) == 1 and bool(apart) and _APART[apart[0]] == kind
    if alone:
        return found
    if kind == "part2_counseling_notes":
        return []
    if terms.value(consent, terms.AUTHORITY) == "minor":  # about care to which they consented alone a minor speaks alone
        found = [*found, bases.MINOR]
    state = tables.table("consents")["kinds"].get(kind, {}).get("permits") == ["state"]  # a release under state law is none under Part 2
    return [bit for bit in found if bit not in _APART and not (state and bit == bases.PART2)]


def _actions(provision: Mapping[str, Any], default: str = "disclose") -> list[str]:
    codes = [c for concept in provision.get("action", ()) for c in _codes(concept.get("coding"))]
    return sorted({_ACTIONS[c] for c in codes if c in _ACTIONS}) or ([default] if not codes else [])


def _types(provision: Mapping[str, Any], consent: Mapping[str, Any]) -> list[str] | None:
    """The types to which a permission is limited, also by its kind: a registry learns little (42 CFR 2.34)."""
    said = _listed_types(provision)
    limit = tables.table("consents")["kinds"].get(terms.kind_of(consent), {}).get("content")
    if limit is None:
        return said
    return [t for t in limit if said is None or t in said]


def _listed_types(provision: Mapping[str, Any]) -> list[str] | None:
    return [c["code"] for c in provision.get("class", ()) if c.get("code")] or None


def _named(provision: Mapping[str, Any]) -> list[str] | None:
    return [d["reference"]["reference"] for d in provision.get("data", ()) if d.get("reference", {}).get("reference")] or None


def _data_period(provision: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    period = provision.get("dataPeriod")
    if not period:
        return (None, None)
    return (_moment(period.get("start"), EVER), _moment(period.get("end"), FOREVER, end=True))


def _code_keys(provision: Mapping[str, Any], keys: Keys) -> list[int] | None:
    """The codes to which a provision is limited; None for no limit. A limit in words alone matches nothing."""
    concepts = provision.get("code")
    if not concepts:
        return None
    return sorted({key for concept in concepts for c in concept.get("coding", ()) if c.get("code") for key in keys.of_code(c.get("system"), c["code"])})


def _label_keys(keys: Keys, system: str | None, code: str) -> list[int]:
    """What a resource with this label can be found by, whatever its type."""
    return sorted(keys.token(type_, "_security", system, code) for type_ in definitions.RESOURCE_TYPES)


def _disclosers(consent: Mapping[str, Any], tenant: Tenant, programs: Mapping[int, Program]) -> list[int] | None:
    """Programs whose records this consent lets go. None: all, because the operating organization as a whole is named. []: none of ours."""
    named = {o.get("reference") for o in consent.get("organization", ())}
    if tenant.organization and f"Organization/{tenant.organization}" in named:
        return None
    return [p.number for p in programs.values() if p.organization and f"Organization/{p.organization.removeprefix('Organization/')}" in named]


def _codes(codings: Iterable[Mapping[str, Any]] | None) -> list[str]:
    return [c["code"] for c in codings or () if c.get("code")]


def _id_of(reference: Mapping[str, Any] | None, type_: str) -> str | None:
    literal = (reference or {}).get("reference", "")
    head, _, id_ = literal.partition("/")
    return id_ or None if head == type_ else None
