"""What a consent would open, in the gate's own judgement: tried out as the recipient, and taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.gate import usual
from sojourn.gate.consenting import compiling, elements, membership, terms, validity
from sojourn.gate.consenting.terms import Resource
from sojourn.record import consents as statements

if TYPE_CHECKING:
    from sojourn.gate.access import Access

OUTSIDE = "outside"


class Kind(NamedTuple):
    """One type of the patient's records: how many the one who asks sees, and of these the recipient before and after."""

    type: str
    total: int
    before: int
    after: int


class Effect(NamedTuple):
    """What one recipient would see for one purpose."""

    recipient: str
    purpose: str
    kinds: tuple[Kind, ...]

    @property
    def total(self) -> int:
        """Records that the one who asks sees."""
        return sum(k.total for k in self.kinds)

    @property
    def before(self) -> int:
        """Of these, what the recipient sees now."""
        return sum(k.before for k in self.kinds)

    @property
    def after(self) -> int:
        """Of these, what the recipient would see then."""
        return sum(k.after for k in self.kinds)


async def of_form(access: Access, form: Resource) -> list[Effect]:
    """What each recipient of an unsigned form would see, were it signed now. A class stands for one of its members who treats the patient.

    An end that was not chosen yet is taken for one to come, so that the effect can be looked at before everything is said.
    """
    patient = terms.literal(form.get("patient")).partition("/")[2]
    whole = as_if_signed(form, access.now.isoformat(timespec="milliseconds"))
    keys = access.house.keys[access.tenant.number]
    grants, relations = compiling.compiled(whole, access.tenant, access.rules.programs, keys, 1)
    effects = []
    for name, answers, purpose in asked(whole):
        of_class = name.startswith("class:") and any(g[4] in answers for g in grants)
        met = [(1, patient, key, "treating", validity.EVER, validity.FOREVER) for key in answers] if of_class else []
        effects.append(await _effect(access, patient, name, answers, purpose, None, grants, [*relations, *met]))
    return effects


async def of_revoking(access: Access, signed: Resource) -> list[Effect]:
    """What each recipient would lose, were the Consent taken back now."""
    patient = terms.literal(signed.get("patient")).partition("/")[2]
    return [await _effect(access, patient, name, answers, purpose, str(signed["id"]), [], []) for name, answers, purpose in asked(signed)]


async def open_rows(access: Access, consent: str) -> list[Mapping[str, Any]]:
    """The grants and relations of a Consent that are in force: what revoking it closes. For a Consent that this caller has read."""
    rows = await statements.rows(access.house.db, access.head, consent)
    return [dict(row) for row in rows]


def as_if_signed(form: Resource, moment: str) -> dict[str, Any]:
    """The form as it would be with the patient's signature at a moment."""
    signed = {**form, "status": "active", "dateTime": moment, "performer": form.get("performer") or [form.get("patient") or {}]}
    provision = {**terms.root(form)}
    if provision:
        provision["period"] = {"start": moment, **{k: v for k, v in (provision.get("period") or {}).items() if k == "end"}}
        signed["provision"] = provision
        if any(element.key == "expiry" for element in elements.missing(signed)):
            provision["period"]["end"] = "9999-01-01"
    return signed


def asked(consent: Resource) -> list[tuple[str, list[str], str]]:
    """Each recipient with the keys it answers to and the first purpose that it is named for."""
    provision = terms.root(consent)
    purpose = next(iter(terms.purposes(provision)), "TREAT")
    found: dict[str, list[str]] = {}
    for actor in terms.actors(provision):
        named = [one.key for one in membership.named({"actor": [actor]})]
        if named:
            found[terms.literal(actor.get("reference")) or f"class:{terms.value(actor, terms.RECIPIENT_CLASS)}"] = [*named, *(membership.for_purpose(purpose, key) for key in named), membership.EVERYONE]
    if not found and provision.get("type") == "deny":
        found["class:everyone"] = [membership.EVERYONE]
    return [(name, keys, purpose) for name, keys in found.items()]


async def _effect(access: Access, patient: str, recipient: str, keys: Sequence[str], purpose: str, without: str | None, grants: Sequence[compiling.Grant],
                  relations: Sequence[compiling.Relation]) -> Effect:  # fmt: skip
    types = access.house.types
    rows = await statements.preview(
        access.house.db, access.head, access.decided, patient, keys=keys, purpose=purpose, without=without, mask=usual.outside_mask(purpose),
        counted=access.rules.types(access.caller.role, "search", types), shared=access.rules.types(OUTSIDE, "search", types),
        grants=[dict(zip(statements.GRANT, grant[2:], strict=True)) for grant in grants],
        relations=[dict(zip(statements.RELATION, relation[2:], strict=True)) for relation in relations],
    )  # fmt: skip
    await access.note(access.entry("preview", "Consent", without or "", patients=[patient]))
    return Effect(recipient, purpose, tuple(Kind(r["type"], r["total"], r["before"], r["after"]) for r in rows if r["type"] not in ("Consent", "Provenance")))
