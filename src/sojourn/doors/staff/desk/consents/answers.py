"""The capture form of a consent: what was sent becomes answers, and what can be chosen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from starlette.datastructures import FormData

from sojourn.doors.staff import words
from sojourn.gate.consenting import signing, terms
from sojourn.gate.consenting.drafting import Answers, Recipient

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Program

KINDS = (
    ("covered_entity_provider", "A provider or clinic"), ("health_plan", "A health plan"), ("hie_network", "An exchange that passes records on"),
    ("third_party_payer", "Another payer"), ("third_party", "Somebody else"),
)  # fmt: skip
"""What a recipient can be taken for; the first part is a kind in policy/data/parties.toml."""

_BY_TYPE = {"prov": "covered_entity_provider", "dept": "covered_entity_provider", "pay": "health_plan", "ins": "health_plan", "other": "third_party"}


class Choice(NamedTuple):
    """Somebody who can be chosen as a recipient."""

    reference: str
    name: str
    kind: str
    about: str


def taken(form: FormData, before: Answers) -> Answers:
    """The answers after a form was sent: every part that its kind asks is taken from it, the rest stays."""
    kind = terms.kind(before.kind)
    asks = kind.get("asks", ())
    known = {r.reference or r.of_class: r for r in before.recipients}
    return Answers(
        before.kind,
        disclosers=_some(form, "discloser") if "disclosers" in asks else before.disclosers,
        recipients=_recipients(form, known) if "recipients" in asks else before.recipients,
        everything=_one(form, "what") != "some" if "content" in asks else True,
        categories=[c for c in _some(form, "category") if c in terms.forms()["categories"]] if _one(form, "what") == "some" else [],
        protected=_some(form, "protected"),
        content=_one(form, "content")[:500],
        data_from=_day(form, "data_from"),
        data_to=_day(form, "data_to"),
        named=before.named,
        purposes=[p for p in _some(form, "purpose") if p in kind.get("purpose_choices", ())],
        expiry=_one(form, "expiry") if "expiry" in asks else "none",
        until=_day(form, "until"),
        event=_one(form, "event") if _one(form, "event") in terms.forms()["events"] else "",
        event_text=_one(form, "event_text")[:200] if _one(form, "event") == "other" else "",
        episode=before.episode if _one(form, "event") == "end-of-treatment" else "",
        irrevocable=_one(form, "irrevocable") == "yes",
        grounds=_one(form, "grounds") if "grounds" in asks else "",
        replaces=before.replaces,
    )


def _recipients(form: FormData, known: dict[str, Recipient]) -> list[Recipient]:
    """Classes that are ticked, and those who were found by name; members of an exchange only where they are said to be."""
    found = [Recipient(of_class=c) for c in _some(form, "class") if c in terms.forms()["classes"]]
    named: list[Recipient] = []
    for reference in dict.fromkeys(_some(form, "to")):
        if _one(form, "remove") == reference:
            continue
        sort = _one(form, f"kind:{reference}") or (known[reference].kind if reference in known else "")
        named.append(Recipient(reference, kind=sort))
    if added := _one(form, "add"):
        reference, _, sort = added.partition("|")
        if reference.partition("/")[0] in ("Organization", "Practitioner", "RelatedPerson") and reference not in [n.reference for n in named]:
            named.append(Recipient(reference, kind=sort))
    networks = [r for r in named if r.kind == "hie_network"]
    if len(networks) == 1:
        treating = _one(form, "participants") != "named"
        networks[0].through, networks[0].treating = networks[0].reference, treating
        if not treating:
            for other in named:
                other.through = networks[0].reference
    return [*found, *named]


def _one(form: FormData, name: str) -> str:
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""


def _some(form: FormData, name: str) -> list[str]:
    return [v for v in form.getlist(name) if isinstance(v, str)]


def _day(form: FormData, name: str) -> str:
    text = _one(form, name)
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        return ""


# --- what can be chosen -----------------------------------------------------------------------------------------------------


def programs(access: Access, kind: str) -> list[tuple[str, str]]:
    """(Organization/id, name) of the caller's programs about whose records such a form can be."""
    part2 = bool(terms.kind(kind).get("part2"))
    return [(reference(p), p.name) for p in access.programs if p.organization and (p.part2 or not part2)]


def disclosers(access: Access, kind: str) -> list[tuple[str, str]]:
    """Those programs, and the organization as a whole where it stands in the directory."""
    whole = [(f"Organization/{access.tenant.organization}", f"{access.tenant.name}, all programs")] if access.tenant.organization else []
    return [*programs(access, kind), *whole]


def reference(program: Program) -> str:
    """`Organization/id` of a program."""
    return f"Organization/{(program.organization or '').removeprefix('Organization/')}"


async def choices(access: Access, patient: str, typed: str) -> list[Choice]:
    """Who fits some words: organizations, practitioners and the patient's own people. Nothing typed finds the patient's people only."""
    found: list[Choice] = []
    own = signing.ours(access)
    if typed and access.may("Organization", "search"):
        for s in (await access.search("Organization", [("name:contains", typed), ("_sort", "name")], count=8)).matches:
            if f"Organization/{s.id}" not in own:
                found.append(_organization(s.id, s.resource))
    if typed and access.may("Practitioner", "search"):
        for s in (await access.search("Practitioner", [("name", typed), ("_sort", "family")], count=6)).matches:
            found.append(Choice(f"Practitioner/{s.id}", words.own_name(s.resource), "covered_entity_provider", "practitioner"))
    if access.may("RelatedPerson", "search"):
        people = (await access.search("RelatedPerson", [("patient", patient)], count=10)).matches
        found += [Choice(f"RelatedPerson/{s.id}", words.own_name(s.resource), "third_party", "one of the patient's own people") for s in people]
    return found


def _organization(id_: str, resource: words.Resource) -> Choice:
    sort = words.code_of(words.first(resource, "type"))
    return Choice(f"Organization/{id_}", words.own_name(resource), _BY_TYPE.get(sort, "third_party"), words.code_text(words.first(resource, "type")).lower() or "organization")


def class_choices(kind: str) -> Sequence[tuple[str, str]]:
    """Classes that a form of this kind may name."""
    fixed = terms.kind(kind).get("classes")
    if fixed is not None:
        return [(c, terms.forms()["classes"][c]["name"]) for c in fixed]
    return []
