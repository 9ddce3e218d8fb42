"""What every page about consents needs: the Consent, the patient's banner, everybody's names."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base.errors import NotFound
from sojourn.doors.staff import words
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.banner import Banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.pages import PAGES
from sojourn.gate.consenting import drafting, ending, standing, terms, wording
from sojourn.gate.consenting.standing import Standing
from sojourn.gate.consenting.terms import Resource

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access
    from sojourn.gate.found import Stored

NAMED = ("Organization", "Practitioner", "RelatedPerson", "Patient", "EpisodeOfCare")
"""Types whose names are looked up."""

SEARCH = (("Patient", "read"), ("Consent", "search"), ("Consent", "read"))
"""What a role needs to look at consents."""
CAPTURE = (*SEARCH, ("Consent", "create"), ("Consent", "update"), ("DocumentReference", "create"), ("Provenance", "create"))
"""What a role needs to capture one."""


class Opened(NamedTuple):
    """One Consent on a page. names: of those it refers to, as far as this caller may see them."""

    banner: Banner
    patient: Resource
    stored: Stored
    names: dict[str, str]

    @property
    def consent(self) -> dict[str, Any]:
        """The Consent."""
        return self.stored.resource

    @property
    def kind(self) -> dict[str, Any]:
        """The definition of its form."""
        return terms.kind(terms.kind_of(self.consent))


class Line(NamedTuple):
    """A Consent in a list."""

    id: str
    title: str
    to: tuple[str, ...]
    content: tuple[str, ...]
    until: str
    signed: str
    standing: Standing
    missing: tuple[str, ...]
    verb: str = "to"
    note: str = ""
    patient: str = ""
    patient_id: str = ""


async def opened(request: Request) -> Opened:
    """The Consent at this address, if it is this patient's. Raises NotFound alike for none, another's, and one that may not be seen."""
    access, patient, id_ = request.state.access, request.path_params["id"], request.path_params["consent"]
    head, people, stored = await asyncio.gather(banner.fetch(access, patient), access.search("Patient", [("_id", patient)], count=1), access.search("Consent", [("_id", id_), ("patient", patient)], count=1))
    if not stored.matches or not people.resources:
        raise NotFound
    return Opened(head, people.resources[0], stored.matches[0], await names(access, drafting.referenced([stored.resources[0]])))


async def names(access: Access, references: Iterable[str]) -> dict[str, str]:
    """What to call these, of those whom the caller may see: one question for each type, all of them or none."""
    wanted = sorted(references)
    if not wanted:
        return {}
    by_type = {type_: [r.partition("/")[2] for r in wanted if r.startswith(f"{type_}/")] for type_ in NAMED if access.may(type_, "search")}
    found = await asyncio.gather(*(access.search(type_, [("_id", ",".join(ids) or "none")], count=100) for type_, ids in by_type.items()))
    return {f"{s.type}/{s.id}": called(s.resource) for one in found for s in one.matches}


def called(resource: Resource) -> str:
    """The name of a person or organization; an episode by its dates."""
    if resource.get("resourceType") == "EpisodeOfCare":
        return f"the episode of care since {words.day_text((resource.get('period') or {}).get('start'))}"
    if resource.get("resourceType") == "Patient":
        return plain_name(resource)
    return words.own_name(resource)


def plain_name(patient: Resource) -> str:
    """First name first, as a form has it."""
    return " ".join(reversed(words.full_name(patient).split(", ", 1)))


def line(access: Access, stored: Stored, known: dict[str, str], how: Standing | None = None, **more: str) -> Line:
    """A Consent as a line. how: how it stands, where that is known already."""
    from sojourn.gate.consenting import elements

    consent = stored.resource
    missing = elements.unsigned(consent) if consent.get("status") == "draft" else elements.missing(consent) if consent.get("status") == "active" else []
    return Line(
        stored.id,
        str(terms.kind(terms.kind_of(consent)).get("title") or "Consent from elsewhere"),
        tuple(wording.recipient(a, known) for a in terms.actors(terms.root(consent))),
        wording.content(consent) if terms.root(consent) else (),
        wording.ending(consent) if terms.root(consent).get("type") == "permit" else "",
        words.day_text(consent.get("dateTime")) if consent.get("status") != "draft" else "",
        how or standing.standing(consent, access.now),
        tuple(f"{m.name} ({m.cite})" for m in missing),
        "not with" if terms.root(consent).get("type") == "deny" else "to",
        "Must be agreed to (45 CFR 164.522(a)(1)(vi))." if consent.get("status") == "proposed" and ending.mandatory(consent) else "",
        **more,
    )


def worded(request: Request, at: Opened) -> wording.Wording:
    """The form in its exact words, the same on every page that shows it."""
    access = request.state.access
    return wording.worded(at.consent, at.names, patient=plain_name(at.patient), born=wording.day(str(at.patient.get("birthDate") or "")), organization=access.tenant.name)


def show(request: Request, template: str, about: Banner, *, block: str = "", status: int = 200, **values: Any) -> Response:
    """A page inside the patient's chart."""
    access = request.state.access
    may = all(access.may(type_, action) for type_, action in CAPTURE)
    return PAGES.render(request, f"desk/consents/{template}", block=block, status=status, banner=about, parts=allowed(access), here="consents", may_capture=may, **values)


def path(at: Banner, consent: str = "", rest: str = "") -> str:
    """The address of a page about the consents of a patient."""
    return "/".join(filter(None, (f"/patients/{at.id}/consents", consent, rest)))
