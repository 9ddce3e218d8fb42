"""What a new signature ends: the form it replaces, and an earlier wish against the same recipient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sojourn.gate.changes import Change
from sojourn.gate.consenting import compiling, drafting, entering, terms, validity
from sojourn.gate.consenting.terms import Resource
from sojourn.gate.policy import tables

if TYPE_CHECKING:
    from sojourn.gate.access import Access


async def ended_by(access: Access, signed: Resource, moment: str) -> list[Change]:
    """Changes that end earlier Consents of the patient in the transaction in which this one comes into force, by closing their validity.

    The evaluator then only knows that deny wins. Only what the one who captures it may see is looked at: a wish that is hidden
    from them still stands, and still wins. A request that nobody has decided yet ends nothing: were it refused, nothing would stand.
    """
    if signed.get("status") != "active":
        return []
    replaced = terms.literal(terms.value(signed, terms.REPLACES)).partition("/")[2]
    patient = terms.literal(signed.get("patient")).partition("/")[2]
    whole = f"Organization/{access.tenant.organization}" if access.tenant.organization else ""
    found = await access.search("Consent", [("patient", patient), ("status", "active")], count=200)
    changes = []
    for stored in found.matches:
        earlier = stored.resource
        how = "replaced" if earlier["id"] == replaced and takes_the_place(signed, earlier) else "overtaken" if lifts(signed, earlier, whole) else ""
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


def takes_the_place(signed: Resource, earlier: Resource) -> bool:
    """Whether a form may end the one that it says it replaces. What the patient forbade gives way to a newer word of the same kind alone: the
    words of a form do not say what it replaces, so that whoever signs a permission does not say that they take a wish back."""
    return terms.root(earlier).get("type") != "deny" or terms.kind_of(signed) == terms.kind_of(earlier)


def lifts(permit: Resource, deny: Resource, whole: str = "") -> bool:
    """Whether a later permission by the same patient names everybody and everything that an earlier wish kept back.

    whole: the organization that speaks for all of its programs. A wish that also keeps out somebody else, or something else, stands: it cannot end in
    part, and deny wins. What was paid for in full oneself, and opting out of an exchange, are ended by themselves only.
    """
    if terms.root(permit).get("type") != "permit" or terms.root(deny).get("type") != "deny" or terms.kind_of(deny) != "patient_directive_deny":
        return False
    if terms.literal(permit.get("patient")) != terms.literal(deny.get("patient")) or compiling.self_paid(deny):
        return False
    return _later(permit, deny) and _from_as_many(permit, deny, whole) and _to_as_many(permit, deny) and _as_much(permit, deny)


def _later(permit: Resource, deny: Resource) -> bool:
    """Signed after the wish, whenever it was captured: a paper of January ends no wish of March. Of the same day nobody knows."""
    return validity.moment(permit.get("dateTime"), validity.EVER) >= validity.moment(deny.get("dateTime"), validity.FOREVER, end=True)


def _from_as_many(permit: Resource, deny: Resource, whole: str) -> bool:
    """By everybody whom the wish asks; one that says nobody asks all."""
    sharing, asked = ({terms.literal(o) for o in form.get("organization") or ()} for form in (permit, deny))
    return (whole != "" and whole in sharing) or (bool(asked) and "" not in asked and asked <= sharing)


def _to_as_many(permit: Resource, deny: Resource) -> bool:
    """With everybody whom the wish keeps out, named in the same way: by name, by class, through an exchange. One that names nobody keeps out all."""
    kept = {_named(actor) for actor in terms.actors(terms.root(deny))}
    return bool(kept) and _NOBODY not in kept and kept <= {_named(actor) for actor in terms.actors(terms.root(permit))}


_NOBODY = ("", "", "", False)


def _named(actor: Resource) -> tuple[str, str, str, bool]:
    one = drafting.recipient(actor)
    return one.reference, one.of_class, one.through, one.treating


def _as_much(permit: Resource, deny: Resource) -> bool:
    """For each purpose of the wish, about everything of it. What a form says in words, or takes out again, limits it; so do forms that
    stand for some records alone: those for notes kept apart, and for a registry (42 CFR 2.31(b), 2.34)."""
    allowed, kept = terms.root(permit), terms.root(deny)
    purposes = set(terms.purposes(kept))
    if not purposes or not purposes <= set(terms.purposes(allowed)):
        return False
    types, wider = _types(kept), _types(allowed)
    if wider and (not types or not types <= wider):
        return False
    kind = terms.kind_of(permit)
    some = "content" in tables.table("consents")["kinds"].get(kind, {}) or compiling.of_notes(permit)
    said = terms.value(permit, terms.CONTENT) not in (None, drafting.ALL)
    return compiling.can_permit(permit) and not some and not said and not any(allowed.get(name) for name in ("code", "data", "dataPeriod", "provision")) and not kept.get("securityLabel")


def _types(provision: Resource) -> set[str]:
    return {c["code"] for c in provision.get("class") or () if c.get("code")}
