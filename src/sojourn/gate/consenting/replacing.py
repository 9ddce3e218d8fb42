"""What a new signature ends: the form it replaces, and an earlier wish against the same recipient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sojourn.gate.changes import Change
from sojourn.gate.consenting import entering, terms
from sojourn.gate.consenting.terms import Resource

if TYPE_CHECKING:
    from sojourn.gate.access import Access


async def ended_by(access: Access, signed: Resource, moment: str) -> list[Change]:
    """Changes that end earlier Consents of the patient in the transaction that signs this one, by closing their validity.

    The evaluator then only knows that deny wins. Only what the one who captures it may see is looked at: a wish that is hidden
    from them still stands, and still wins.
    """
    replaced = terms.literal(terms.value(signed, terms.REPLACES)).partition("/")[2]
    patient = terms.literal(signed.get("patient")).partition("/")[2]
    found = await access.search("Consent", [("patient", patient), ("status", "active")], count=200)
    changes = []
    for stored in found.matches:
        earlier = stored.resource
        how = "replaced" if earlier["id"] == replaced else "overtaken" if lifts(signed, earlier) else ""
        if how and earlier["id"] != signed["id"]:
            changes.append(Change("update", "Consent", stored.id, ended(earlier, moment, how, f"Consent/{signed['id']}"), if_match=stored.version, consenting=entering.ENDED))
    return changes


async def taken_by(access: Access) -> dict[str, str]:
    """Who takes a signature: the practitioner behind the account, if the directory has one; else the account's name."""
    type_, _, id_ = (access.caller.agent or "").partition("/")
    if type_ == "Practitioner" and access.may(type_, "search") and (await access.search(type_, [("_id", id_)], count=1)).matches:
        return {"reference": str(access.caller.agent)}
    return {"type": "Practitioner", "display": access.caller.name}


def ended(consent: Resource, moment: str, how: str, by: str = "") -> dict[str, Any]:
    """The Consent as it is once it ended; what it permitted until then stays as it was."""
    values: dict[str, dict[str, Any] | None] = {terms.ENDED_AT: {"valueDateTime": moment}, terms.ENDED_HOW: {"valueCode": how}}
    if by:
        values[terms.ENDED_BY] = {"valueReference": {"reference": by}}
    return terms.with_values({**consent, "status": "inactive"}, values)


def lifts(permit: Resource, deny: Resource) -> bool:
    """Whether a later permission by the same patient names everybody and everything that an earlier wish kept back.

    A wish that also keeps out somebody else, or something else, stands: it cannot end in part, and deny wins. What was paid for
    in full oneself, and opting out of an exchange, are ended by themselves only.
    """
    if terms.root(permit).get("type") != "permit" or terms.root(deny).get("type") != "deny" or terms.kind_of(deny) != "patient_directive_deny":
        return False
    if terms.literal(permit.get("patient")) != terms.literal(deny.get("patient")) or terms.value(deny, terms.GROUNDS) == "self_pay":
        return False
    allowed, kept = terms.root(permit), terms.root(deny)
    names = {terms.literal(a.get("reference")) for a in terms.actors(kept)} - {""}
    if not names or not names <= {terms.literal(a.get("reference")) for a in terms.actors(allowed)}:
        return False
    purposes = set(terms.purposes(kept))
    if not purposes or not purposes <= set(terms.purposes(allowed)):
        return False
    types, wider = _types(kept), _types(allowed)
    if wider and (not types or not types <= wider):
        return False
    return not any(allowed.get(name) for name in ("code", "data", "dataPeriod")) and not kept.get("securityLabel")


def _types(provision: Resource) -> set[str]:
    return {c["code"] for c in provision.get("class") or () if c.get("code")}
