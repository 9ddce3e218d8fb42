"""Patients, and who acts for them by law, sign and take back consents on their own account.

A form is drafted (by staff, or from a partner), read in its exact words, and signed with a proof of that moment: the account's password or
a code. What is written belongs to the program whose records it is about; the gate's clerk writes it, since no patient works in a program.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base import errors
from sojourn.gate.consenting import drafting, ending, signers, signing, terms, wording
from sojourn.gate.consenting.signers import Signer
from sojourn.gate.consenting.signing import Signing
from sojourn.gate.consenting.wording import Wording

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.found import Stored

_NAMED = ("Organization", "Practitioner", "RelatedPerson", "Patient")


class Form(NamedTuple):
    """A form as its signer reads it: the stored resource, its exact words, the patient, and its version."""

    consent: dict[str, Any]
    wording: Wording
    patient: dict[str, Any]
    version: str


async def read(access: Access, id_: str) -> Form:
    """A consent in its exact words, as far as this caller sees it. Raises NotFound alike for none and for one that this caller may not see.

    What is signed is the whole: whoever sees less has other words, and their digest signs nothing.
    """
    return await _form(access, await access.read("Consent", id_))


async def _whole(access: Access, id_: str) -> Form:
    """The same in all its words, for who signs or takes back what they may see."""
    await access.read("Consent", id_)
    return await _form(access, await access.house.clerk(access).read("Consent", id_))


async def _form(access: Access, stored: Stored) -> Form:
    consent, clerk = stored.resource, access.house.clerk(access)
    patient = (await clerk.read("Patient", terms.literal(consent.get("patient")).partition("/")[2])).resource
    names = await _names(access, drafting.referenced([consent]))
    words = wording.worded(consent, names, patient=_person(patient), born=wording.day(str(patient.get("birthDate") or "")), organization=access.tenant.name)
    return Form(consent, words, patient, stored.version)


async def sign(access: Access, id_: str, *, shown: str, name: str) -> str:
    """Sign a draft as oneself; the caller has just proved who they are. shown: the digest of the words that were read. Returns the id.

    Raises Forbidden for who may not, NotFound, or Invalid with everything that is missing.
    """
    await access.check("sign", "Consent", id_)
    form = await _whole(access, id_)
    signer = _signer(access, form)
    mine = Signing(signer, "electronic", shown, name=name, identity=signers.OWN_ACCOUNT, copy="given")
    capture = {"reference": str(access.caller.agent)}
    return await signing.signed(
        access.house.clerk(access), form.consent, mine, form.wording, form.patient, version=form.version, program=_program(access, form.consent), capture=capture
    )


async def revoke(access: Access, id_: str, *, note: str) -> None:
    """Take a consent back in writing, from one's own account; the caller has just proved who they are. Raises as `sign`."""
    await access.check("sign", "Consent", id_)
    form = await _whole(access, id_)
    signer = _signer(access, form)
    if len(note.strip()) < _LEAST:
        raise errors.Invalid("42 CFR 2.31(a)(6): write that you take it back.")
    how, who = "message" if signer.authority == "patient" else "representative", {"reference": str(access.caller.agent)}
    await ending.taken_back(access.house.clerk(access), form.consent, how=how, version=form.version, note=note.strip(), capture=who, program=_program(access, form.consent), author=who)


_LEAST = 4


def _signer(access: Access, form: Form) -> Signer:
    """By what right this caller signs. A parent signs for a child what is not under Part 2, where the minor's own word counts (42 CFR 2.14)."""
    caller, patient = access.caller, terms.literal(form.consent.get("patient"))
    if caller.kind == "patient" and caller.agent == patient:
        return Signer("patient", patient)
    acts = caller.standing
    if caller.kind != "proxy" or not acts or not acts.by_law or f"Patient/{acts.patient}" != patient:
        raise errors.Forbidden("Only the patient, or who acts for them by law, signs here.")
    years = signers.age(form.patient, access.today)
    grown = years is not None and years >= signers.MAJORITY
    return Signer("guardian" if grown else "representative", str(caller.agent), evidence=f"{caller.agent}: acts for the patient by law, as the record says")


def _program(access: Access, consent: Mapping[str, Any]) -> int:
    """The program to which its papers belong: one that it names; else, for a Part 2 form, a Part 2 program; else the first."""
    programs = access.rules.programs
    named = {terms.literal(o).removeprefix("Organization/") for o in consent.get("organization") or ()}
    mine = [p.number for p in programs.values() if p.organization and p.organization.removeprefix("Organization/") in named]
    part2 = [p.number for p in programs.values() if p.part2] if terms.kind(terms.kind_of(consent)).get("part2") else []
    return min(mine or part2 or programs)


async def _names(access: Access, references: Iterable[str]) -> dict[str, str]:
    """What to call these, of those whom the signer may see."""
    wanted = sorted(references)
    found: dict[str, str] = {}
    for type_ in _NAMED:
        ids = [r.partition("/")[2] for r in wanted if r.startswith(f"{type_}/")]
        if ids and access.may(type_, "search"):
            for stored in (await access.search(type_, [("_id", ",".join(ids))], count=100)).matches:
                found[f"{type_}/{stored.id}"] = _person(stored.resource) if isinstance(stored.resource.get("name"), list) else str(stored.resource.get("name") or "")
    return {reference: name for reference, name in found.items() if name}


def _person(resource: Mapping[str, Any]) -> str:
    """First name first, as a form has it."""
    name = next((n for n in resource.get("name") or () if isinstance(n, Mapping)), {})
    return str(name.get("text") or " ".join([*(name.get("given") or ()), *([name["family"]] if name.get("family") else [])]))
