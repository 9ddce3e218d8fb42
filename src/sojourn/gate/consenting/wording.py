"""The exact words of a form, as they are shown, signed, digested, printed and kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sojourn.base.crypto import sha256_hex
from sojourn.gate.consenting import drafting, terms, validity
from sojourn.gate.consenting.terms import Resource

Names = Mapping[str, str]
"""What to call `Type/id`."""


class Section(NamedTuple):
    """One part of the form. cite: the section of law that asks for it, empty for none."""

    title: str
    lines: tuple[str, ...]
    cite: str = ""


class Wording(NamedTuple):
    """A whole form in words."""

    heading: str
    sections: tuple[Section, ...]
    statements: tuple[Section, ...]

    @property
    def text(self) -> str:
        """As plain text: what is kept beside the signature."""
        parts = [self.heading, ""]
        for section in (*self.sections, *self.statements):
            parts += [*((section.title,) if section.title else ()), *(("  " if section.title else "") + line for line in section.lines), ""]
        return "\n".join(parts)

    @property
    def digest(self) -> str:
        """SHA-256 of the text: what a signature stands under."""
        return sha256_hex(self.text.encode())


def worded(consent: Resource, names: Names, *, patient: str, born: str, organization: str) -> Wording:
    """The form in words. names: of everybody it refers to; one who is not known is written as such, never left out."""
    kind = terms.kind(terms.kind_of(consent))
    asks = kind.get("asks", ())
    sections = [Section("Whose records", (f"{patient}, born {born}" if born else patient,))]
    if consent.get("organization"):
        sections.append(Section("Who may share them" if kind.get("direction") == "permit" else "Who this is for", tuple(_name(names, terms.literal(o), organization) for o in consent["organization"])))
    if kind.get("direction") in ("permit", "deny"):
        sections += _terms(consent, names, denies=kind["direction"] == "deny")
    if "care" in asks and (said := terms.value(consent, terms.CONTENT)):
        sections.append(Section("The care", (str(said),)))
    statements = [terms.forms()["statements"][name] for name in kind.get("statements", ())]
    return Wording(str(kind.get("heading", "Consent")), tuple(sections), tuple(Section("", (s["text"],), s["cite"]) for s in statements))


def _terms(consent: Resource, names: Names, *, denies: bool) -> list[Section]:
    provision = terms.root(consent)
    found = [Section("What is not to be shared" if denies else "What may be shared", content(consent))]
    to = tuple(recipient(actor, names) for actor in terms.actors(provision)) or (("Nobody outside may receive it",) if denies else ())
    found.append(Section("Not with whom" if denies else "With whom", to))
    purposes = tuple(terms.forms()["purposes"].get(code, code) for code in terms.purposes(provision))
    if purposes:
        found.append(Section("Not for" if denies else "Why", purposes))
    if not denies or (provision.get("period") or {}).get("end"):
        found.append(Section("Until when", (ending(consent),)))
    if terms.value(consent, terms.IRREVOCABLE) is True:
        found.append(Section("Taking it back", ("This consent cannot be taken back before that event (42 CFR 2.35).",)))
    if terms.value(consent, terms.GROUNDS) == "self_pay":
        found.append(Section("Reason", ("I paid for these services in full myself.",)))
    return found


def content(consent: Resource) -> tuple[str, ...]:
    """What it is about, in words."""
    answers = drafting.answered(consent)
    provision = terms.root(consent)
    labels = {c.get("code") for c in provision.get("securityLabel") or ()}
    lines: list[str] = []
    if "SUDCN" in labels:
        lines.append("Substance use counseling notes, and nothing else")
    elif provision.get("class"):
        lines += _kinds(answers.categories, [str(c.get("code")) for c in provision["class"]])
    elif provision.get("data"):
        lines.append("Single records, as listed in the record")
    elif not answers.content:
        lines.append("All records" if labels or answers.everything else "Nothing is chosen yet")
    if answers.content:
        lines.append(answers.content)
    said = {"mental_health": "mental health", "hiv": "HIV", "reproductive": "reproductive health", "violence": "domestic and sexual violence", "genetic": "genetic tests"}
    if answers.protected:
        lines.append("Also what is in them about: " + ", ".join(said[p] for p in answers.protected))
    if answers.data_from or answers.data_to:
        lines.append(" ".join(filter(None, ("Only" , f"from {day(answers.data_from)}" if answers.data_from else "", f"to {day(answers.data_to)}" if answers.data_to else ""))))
    return tuple(lines)


def _kinds(categories: list[str], types: list[str]) -> list[str]:
    """Categories that are there as a whole, and single types that are of none of these."""
    known = terms.forms()["categories"]
    covered = {t for c in categories for t in known[c]["types"]}
    rest = [re.sub(r"(?<=[a-z])(?=[A-Z])", " ", t).capitalize() for t in types if t not in covered]
    return [known[c]["name"] for c in categories] + rest


def recipient(actor: Resource, names: Names) -> str:
    """One recipient, in words. Who is not known is nobody of ours."""
    through = terms.literal(terms.value(actor, terms.INTERMEDIARY))
    reference = terms.literal(actor.get("reference"))
    if through and terms.value(actor, terms.DESIGNATION) == "treating":
        return f"{_name(names, through)}, for its participants who treat me, and for no others"
    if through and reference != through:
        return f"{_name(names, reference)}, through {_name(names, through)}"
    if of_class := terms.value(actor, terms.RECIPIENT_CLASS):
        return str(terms.forms()["classes"].get(of_class, {}).get("name", of_class))
    return _name(names, reference) if reference else str((actor.get("reference") or {}).get("display") or "Not named")


def ending(consent: Resource) -> str:
    """When it ends, in words."""
    end = (terms.root(consent).get("period") or {}).get("end")
    text = terms.value(consent, terms.EXPIRY_TEXT)
    if end:
        return f"To the end of {day(str(end))}"
    if isinstance(text, str) and text:
        return "No end, until I take it back" if validity.unending(text) else f"Until {text}"
    return "Not said yet"


def day(text: str) -> str:
    """A day as it is spoken: 4 March 2026."""
    try:
        found = datetime.fromisoformat(text[:10])
    except ValueError:
        return text
    return f"{found.day} {found:%B %Y}"


def _name(names: Names, reference: str, organization: str = "") -> str:
    """organization: ours, for one of it that has no name here: what is shared is shared by us."""
    return names.get(reference) or organization or "Somebody whose name is not in the directory"
