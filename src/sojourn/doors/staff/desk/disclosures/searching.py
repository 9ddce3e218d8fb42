"""What of the log of disclosures is asked for: the form at the desk, as a wish."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sojourn.doors.staff.desk.names import organization_names
from sojourn.doors.staff.desk.trail import choosing
from sojourn.doors.staff.words import own_name
from sojourn.gate.disclosurelog import Wish
from sojourn.gate.scope import PURPOSES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sojourn.gate.access import Access

WAYS: Final = {
    "fhir": "asked for over the FHIR API", "release": "released by", "release-print": "printed for", "release-fax": "faxed for", "release-direct": "sent by Direct for", "release-mhd": "sent as a document (MHD) for",
    "release-sftp": "put in their SFTP box for", "hl7v2": "sent by HL7 v2", "cds-hooks": "sent with a question (CDS Hooks) by", "query": "told when we asked them about somebody",
}  # fmt: skip
"""How something left, by its channel; where a person sent it their name follows."""
BY_SOMEBODY: Final = frozenset(way for way in WAYS if way.startswith("release") or way == "cds-hooks")
CHOICES: Final = {
    "": "Any way", "fhir": "FHIR API", "release": "Released at a chart", "release-print": "Print", "release-fax": "Fax", "release-direct": "Direct", "release-mhd": "Documents (MHD)", "release-sftp": "SFTP",
    "hl7v2": "HL7 v2", "cds-hooks": "Questions (CDS Hooks)", "query": "Asking about somebody",
}  # fmt: skip
_MOST = 50
_EVER: Final = 36_500
"""Days: where no first day is given nothing is too long ago, so a last day alone is never before it."""


@dataclass(slots=True)
class Asked:
    """What was asked for, as it goes back into the form. wish: None while something is wrong or has to be chosen."""

    values: dict[str, str]
    choice: choosing.Choice = field(default_factory=choosing.Choice)
    wish: Wish | None = None
    problem: str = ""

    @property
    def narrowed(self) -> bool:
        """Whether anything was asked for."""
        return any(self.values.values()) or bool(self.problem)


async def wished(access: Access, form: Mapping[str, str]) -> Asked:
    """The form as a wish, or what is wrong with it."""
    kept = {name: form.get(name, "").strip()[:100] for name in ("patient", "to", "since", "until", "purpose", "way")}
    since, until, problem = choosing.days(kept, access.now, _EVER)
    choice = await choosing.patient(access, form)
    if choice.id:
        kept |= {"patient": choice.name, "patient_id": choice.id, "patient_said": choice.name}
    to = await _recipients(access, form, kept)
    if kept["to"] and not to:
        problem = problem or "No organization that you can see has this name."
    if kept["way"] not in CHOICES or (kept["purpose"] and kept["purpose"] not in PURPOSES):
        problem = problem or "Choose from what the lists offer."
    asked = Asked(kept, choice, problem=problem or choice.problem)
    if not asked.problem and not choice.several:
        asked.wish = Wish(choice.id or None, to or None, kept["purpose"] or None, [kept["way"]] if kept["way"] else None, since if kept["since"] else None, until if kept["until"] else None)
    return asked


async def _recipients(access: Access, form: Mapping[str, str], kept: dict[str, str]) -> list[str]:
    """The organizations that are meant: the one whose name the words are, or those whose names begin so."""
    one = form.get("recipient", "")
    if one and kept["to"] == form.get("recipient_said", "").strip()[:100]:
        kept["to"] = (await organization_names(access, [one])).get(one, "")
        kept |= {"recipient": one, "recipient_said": kept["to"]}
        return [one]
    if not kept["to"]:
        return []
    found = (await access.search("Organization", [("name", kept["to"].replace(",", "\\,"))], count=_MOST)).matches
    exact = [s for s in found if own_name(s.resource).casefold() == kept["to"].casefold()]
    return [f"Organization/{s.id}" for s in exact or found]
