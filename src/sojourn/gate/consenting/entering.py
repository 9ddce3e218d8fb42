"""How a consent comes into force: signed here, or brought by a system that says where its original is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.fhir import codec
from sojourn.gate.consenting import compiling, terms
from sojourn.gate.consenting.compiling import Grant
from sojourn.gate.consenting.terms import Resource

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.changes import Change

SIGNED, CONFIRMED, ENDED = "signed", "confirmed", "ended"
"""Acts of this package (Change.consenting; no door can say one): what may open, may go on for longer, may end what the patient forbade."""

UNSIGNED = (
    "This consent would open records, and nobody signed it here. It comes into force when it is signed in the staff app, or by the patient; "
    "send it with the status draft or proposed (42 CFR 2.31(a)(8); 45 CFR 164.508(c)(1)(vi))."
)
RELEASED = "The patient forbids this, and only what they put in writing ends that: end it on the page of the consent (45 CFR 164.522(a)(2))."
NO_ORIGINAL = (
    "This consent would open records and does not say where its original is. Send it with sourceReference, sourceAttachment or a verification "
    "by whoever saw the signature (42 CFR 2.31(a)(8))."
)


def check(access: Access, change: Change, after: Resource | None) -> None:
    """Raise Invalid unless the change to a Consent may have the effect that it has. after: what is written; None where it is deleted."""
    if change.type != "Consent":
        return
    new = _rows(access, after)
    opens = [g for g in new if g[2] == "permit"]
    if access.caller.kind == "system":
        if opens and after is not None and not has_original(after):
            raise errors.Invalid(NO_ORIGINAL, expression="Consent.verification")
        return
    old = _rows(access, _before(access, change))
    if change.consenting != SIGNED and any(not _within(grant, old, longer=change.consenting == CONFIRMED) for grant in opens):
        raise errors.Invalid(UNSIGNED, expression="Consent.status")
    if change.consenting not in (SIGNED, ENDED) and any(g[2] == "deny" and g[-2] <= access.now < g[-1] and not _kept(g, new) for g in old):
        raise errors.Invalid(RELEASED, expression="Consent.status")


def has_original(consent: Resource) -> bool:
    """Whether it says where the signed form is, or who saw the signature."""
    seen = any(v.get("verified") is True for v in consent.get("verification") or ())
    return bool(consent.get("sourceReference") or consent.get("sourceAttachment") or seen or terms.value(consent, terms.DIGEST))


def _before(access: Access, change: Change) -> Resource | None:
    if change.base is None or change.base["kind"] != "current":
        return None
    return change.before or codec.loads(access.house.blobs.whole(access.tenant.number, change.base["body"], change.base["blobs"] or []))


def _rows(access: Access, consent: Resource | None) -> list[Grant]:
    if consent is None:
        return []
    keys = access.house.keys[access.tenant.number]
    return compiling.compiled(consent, access.tenant, access.rules.programs, keys, 0)[0]


def _within(grant: Grant, old: list[Grant], *, longer: bool) -> bool:
    """Whether it was permitted before already, for as long (longer: also where it goes on for longer now)."""
    return any(_same(grant, g) and g[-2] <= grant[-2] and (longer or grant[-1] <= g[-1]) for g in old)


def _kept(grant: Grant, new: list[Grant]) -> bool:
    return any(_same(grant, g) and g[-2] <= grant[-2] and grant[-1] <= g[-1] for g in new)


def _same(one: Grant, other: Grant) -> bool:
    """Equal in all but the time within which it holds."""
    a: tuple[Any, ...] = one[1:-2]
    return a == other[1:-2]
