"""Whether a signed Consent has every element that its kind needs (42 CFR 2.31, 45 CFR 164.508)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sojourn.gate import bases
from sojourn.gate.policy import tables

if TYPE_CHECKING:
    from sojourn.gate.policy.signed import Signed

_UNENDING = ("none", "no expiration", "does not expire")
_TPO_STATEMENTS = ("part2-stmt-hipaa-redisclosure", "part2-stmt-redisclosure-risk", "part2-stmt-refusal")
_PART2 = frozenset({"part2_specific", "part2_counseling_notes", "part2_proceedings", "part2_criminal_justice", "part2_central_registry"})
_REACHES = frozenset({"part2_criminal_justice", "part2_central_registry", "part2_director_payment"})
"""Forms that reach recipients of one kind only."""
_OWN_NOTES = {"part2_counseling_notes": bases.SUD_COUNSELING, "hipaa_authorization": bases.PSYCHOTHERAPY}


def complete(form: Signed) -> bool:
    """Whether nothing is missing. What a form says beside it that it cannot say is left out of it elsewhere, not here."""
    c, rule, kind = form.resource, form.rule, form.kind
    purposes = {p["code"] for p in rule.get("purpose") or () if p.get("code")}
    if kind in ("treatment", "patient_directive_deny", "hie_opt_out") or (kind and kind not in tables.table("consents")["kinds"]):
        return False  # these permit nothing, and a kind that nobody knows permits nothing
    needed = [
        form.patient is not None,
        any(_literal(o) for o in c.get("organization") or ()),
        any(_literal(a.get("reference")) or _said(a, "recipient-class") for a in rule.get("actor") or ()),
        bool(purposes),
        _content(form),
        any(_literal(p) or p.get("display") for p in c.get("performer") or ()),
        bool(c.get("dateTime")),
        kind == "part2_director_payment" or _ends(form, purposes),
        "FUNDRAISE" not in purposes or _said(c, "part2-stmt-fundraising") == [True],
    ]
    if kind == "part2_tpo_single":
        needed += [_said(c, name) == [True] for name in _TPO_STATEMENTS]
    if kind in _PART2 or kind in ("part2_tpo_single", "hipaa_authorization"):
        needed.append(_said(c, "part2-stmt-revocation") == [True])
    if kind == "part2_specific":
        needed.append(_participants(rule))
    if kind in _REACHES:
        needed.append(_right_kind(rule, kind))
    needed.append(_stands_alone(form))
    if kind == "part2_proceedings":
        needed.append(purposes == {"HLEGAL"})
    return all(needed)


def _content(form: Signed) -> bool:
    return bool(_said(form.resource, "part2-content-text")) or any(form.rule.get(n) for n in ("securityLabel", "class", "code", "data", "dataPeriod"))


def _ends(form: Signed, purposes: set[str]) -> bool:
    """(a)(7): a day or an event; "none" is enough for treatment, payment, operations and research only."""
    if (form.rule.get("period") or {}).get("end") or _said(form.resource, "part2-expiry-event"):
        return True
    words = next((w for w in _said(form.resource, "part2-expiry-text") if isinstance(w, str)), "").strip()
    open_ended = words.rstrip(".").casefold() in _UNENDING
    return bool(words) and (not open_ended or purposes <= tables.purposes("tpo") | tables.purposes("research"))


def _participants(rule: Mapping[str, Any]) -> bool:
    """(a)(4)(ii): every intermediary with its participants by name, or limited to those who treat the patient."""
    actors = rule.get("actor") or []
    networks = {_literal(v) for a in actors for v in _said(a, "part2-intermediary")}
    for network in networks:
        mine = [a for a in actors if network in {_literal(v) for v in _said(a, "part2-intermediary")}]
        if not any("treating" in _said(a, "part2-general-designation") or _literal(a.get("reference")) not in ("", *networks) for a in mine):
            return False
    return True


def _right_kind(rule: Mapping[str, Any], kind: str) -> bool:
    only = tables.table("consents")["kinds"][kind]["only_for"]
    said = [next(iter(_said(a, "recipient-kind")), None) for a in rule.get("actor") or ()]
    return bool(said) and all(isinstance(k, str) and not tables.kind_of_recipient(k).isdisjoint(only) for k in said)


def _stands_alone(form: Signed) -> bool:
    """2.31(b)(2), (d); 164.508(b)(3)(ii): what must be on a form of its own is joined with nothing else."""
    codes = {c.get("code") for c in form.rule.get("securityLabel") or ()}
    notes = _OWN_NOTES.get(form.kind, 0)
    speaks = any(bases.bit_of(str(c)) & notes for c in codes) or form.kind == "part2_counseling_notes"
    if form.kind != "part2_proceedings" and not speaks:
        return True
    return set(_said(form.resource, "part2-combined-with")) <= {form.kind} and (not notes or all(bases.bit_of(str(c)) == notes for c in codes))


def _said(value: Any, name: str) -> list[Any]:
    return [v for e in value.get("extension") or () if str(e.get("url", "")).endswith("/" + name) for k, v in e.items() if k.startswith("value")]


def _literal(value: Any) -> str:
    return str(value.get("reference") or "") if isinstance(value, Mapping) else ""
