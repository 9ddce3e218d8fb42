"""What a form needs (42 CFR 2.31, 45 CFR 164.508) and which of it is there, element by element."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sojourn.gate import bases
from sojourn.gate.consenting import terms, validity
from sojourn.gate.consenting.terms import Resource
from sojourn.gate.policy import tables


class Element(NamedTuple):
    """One thing that the law wants on a form. `do`: what to do about it if it is missing."""

    key: str
    cite: str
    name: str
    present: bool
    do: str

    @property
    def missed(self) -> str:
        """How it is missed: `42 CFR 2.31(a)(5): the purpose. Choose why it may be shared.`"""
        return f"{self.cite}: {self.name}. {self.do}"


_ALWAYS = ("patient", "discloser", "content", "recipient", "purpose", "expiry", "signature", "date_signed")
"""For a permission of a kind that we do not know."""


def elements(consent: Resource) -> list[Element]:
    """Every element that this kind of form needs, each computed from the Consent itself, in the order of the law."""
    kind = terms.kind_of(consent)
    needs = list(terms.kind(kind).get("needs", _needs_of_unknown(consent)))
    purposes = set(terms.purposes(terms.root(consent)))
    if "FUNDRAISE" in purposes:
        needs.append("fundraising")
    if kind == "part2_tpo_single":
        needs.append("tpo_only")
    form = terms.forms()
    cites = form["elsewhere"].get(kind, {})
    return [
        Element(key, cites.get(key, form["elements"][key]["cite"]), form["elements"][key]["name"], _CHECKS[key](consent), form["elements"][key]["do"])
        for key in needs
        if key != "participants" or any(terms.value(actor, terms.INTERMEDIARY) for actor in terms.actors(terms.root(consent)))
    ]


def missing(consent: Resource) -> list[Element]:
    """The elements that are not there. With any, the form is void for disclosure (42 CFR 2.31(c)(2))."""
    return [element for element in elements(consent) if not element.present]


def void(consent: Resource) -> bool:
    """Whether a permission lacks anything but a purpose that it can do without: other purposes on a TPO form are ignored, not fatal."""
    return any(element.key != "tpo_only" for element in missing(consent))


def unsigned(consent: Resource) -> list[Element]:
    """What is missing before it can be signed: all but what signing itself adds."""
    return [element for element in missing(consent) if element.key not in ("signature", "date_signed")]


def _needs_of_unknown(consent: Resource) -> tuple[str, ...]:
    return ("patient",) if terms.root(consent).get("type") == "deny" else _ALWAYS


def _content(consent: Resource) -> bool:
    provision = terms.root(consent)
    return bool(terms.value(consent, terms.CONTENT)) or any(provision.get(name) for name in ("securityLabel", "class", "code", "data", "dataPeriod"))


def _recipient(consent: Resource) -> bool:
    named = any(terms.literal(actor.get("reference")) or terms.value(actor, terms.RECIPIENT_CLASS) for actor in terms.actors(terms.root(consent)))
    return named or terms.root(consent).get("type") == "deny"


def _participants(consent: Resource) -> bool:
    """42 CFR 2.31(a)(4)(ii): for every intermediary either named participants or a designation limited to treating providers."""
    actors = terms.actors(terms.root(consent))
    through = {terms.literal(v) for actor in actors for v in terms.values(actor, terms.INTERMEDIARY)}
    designated = {terms.literal(v) for actor in actors if terms.value(actor, terms.DESIGNATION) == "treating" for v in terms.values(actor, terms.INTERMEDIARY)}
    named = {terms.literal(v) for actor in actors if terms.literal(actor.get("reference")) not in ("", *through) for v in terms.values(actor, terms.INTERMEDIARY)}
    return through <= designated | named


def _expiry(consent: Resource) -> bool:
    """A day or an event; "none" is enough for treatment, payment, operations and research only."""
    if (terms.root(consent).get("period") or {}).get("end") or terms.value(consent, terms.EXPIRY_EVENT):
        return True
    text = terms.value(consent, terms.EXPIRY_TEXT)
    if not isinstance(text, str) or not text.strip():
        return False
    purposes = set(terms.purposes(terms.root(consent)))
    return not validity.unending(text) or purposes <= tables.purposes("tpo") | tables.purposes("research")


def _signature(consent: Resource) -> bool:
    return any(terms.literal(p) or (isinstance(p, dict) and p.get("display")) for p in consent.get("performer") or ())


def _alone(consent: Resource) -> bool:
    """Forms that may be joined with their own kind only (42 CFR 2.31(b)(2), (d); 45 CFR 164.508(b)(3)(ii) for psychotherapy notes)."""
    kind, others = terms.kind_of(consent), set(terms.values(consent, terms.COMBINED))
    notes = {"part2_counseling_notes": bases.SUD_COUNSELING, "hipaa_authorization": bases.PSYCHOTHERAPY}.get(kind)
    labels = {bases.bit_of(str(c.get("code"))) for c in terms.root(consent).get("securityLabel") or ()}
    if kind == "hipaa_authorization" and notes not in labels:
        return True
    return others <= {kind} and (notes is None or labels <= {notes})


def _kind_of_recipient(consent: Resource) -> bool:
    """42 CFR 2.34, 2.35: those forms reach recipients of their own kind only."""
    only = tables.table("consents")["kinds"].get(terms.kind_of(consent), {}).get("only_for", ())
    kinds = [terms.value(actor, terms.RECIPIENT_KIND) for actor in terms.actors(terms.root(consent))]
    return bool(kinds) and all(isinstance(k, str) and not tables.kind_of_recipient(k).isdisjoint(only) for k in kinds)


def _statement(name: str) -> Callable[[Resource], bool]:
    return lambda consent: terms.value(consent, name) is True


_CHECKS: dict[str, Callable[[Resource], bool]] = {
    "patient": lambda c: terms.literal(c.get("patient")).startswith("Patient/"),
    "discloser": lambda c: any(terms.literal(o) for o in c.get("organization") or ()),
    "content": _content,
    "recipient": _recipient,
    "participants": _participants,
    "purpose": lambda c: bool(terms.purposes(terms.root(c))),
    "expiry": _expiry,
    "signature": _signature,
    "date_signed": lambda c: bool(c.get("dateTime")),
    "alone": _alone,
    "proceedings_only": lambda c: set(terms.purposes(terms.root(c))) == {"HLEGAL"},
    "tpo_only": lambda c: set(terms.purposes(terms.root(c))) <= set(tables.table("purposes")["tpo"]),
    "recipient_kind": _kind_of_recipient,
    "revocation": _statement("part2-stmt-revocation"),
    "hipaa_redisclosure": _statement("part2-stmt-hipaa-redisclosure"),
    "redisclosure_risk": _statement("part2-stmt-redisclosure-risk"),
    "refusal": _statement("part2-stmt-refusal"),
    "fundraising": _statement("part2-stmt-fundraising"),
}
