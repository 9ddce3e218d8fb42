"""Report an incident: a draft that only its author has, and sending it, once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from sojourn.base import errors, ids
from sojourn.care import policies
from sojourn.care.incidents import clocks
from sojourn.care.incidents.model import HARM, TYPES, Incident, unpacked
from sojourn.care.notes import drafting, naming
from sojourn.care.staffing import zones
from sojourn.gate import drafts, incidents
from sojourn.gate.changes import new_id

if TYPE_CHECKING:
    from sojourn.gate.access import Access

PREFIX = "incident/"
_KEY = re.compile(r"[a-z0-9]{24}")
# What a chart must not say: that somebody reported something to be reviewed by peers.
_UNSPOKEN = re.compile(r"\b(incident[- ]report|incident (was )?(reported|filed)|report(ed)? (it )?to risk|risk management|peer review|root cause|occurrence report)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Draft:
    """A report that is not sent. stamp: of the draft as it is kept, '' before it is."""

    key: str
    incident: Incident
    stamp: str = ""
    updated: datetime | None = None


def new_key() -> str:
    """Under which a draft is kept."""
    return "".join(c for c in ids.new_token().lower() if c.isalnum())[:24].ljust(24, "0")


def checked_key(key: str) -> str:
    """A key from an address. Raises NotFound."""
    if not _KEY.fullmatch(key):
        raise errors.NotFound("There is no such draft.")
    return key


async def keep(access: Access, key: str, incident: Incident, *, seen: str = "", tab: str = "") -> str:
    """Keep what was typed; its stamp. Raises VersionConflict where another window kept a newer one."""
    access.require("report", "Incident")
    return await drafts.keep(access, PREFIX + checked_key(key), incident.packed(), seen=seen, tab=tab)


async def kept(access: Access, key: str) -> Draft | None:
    """A draft of the caller, or None."""
    found = await drafts.kept(access, PREFIX + checked_key(key))
    return None if found is None else Draft(key, unpacked(found.body), found.stamp, found.updated)


async def listed(access: Access) -> list[tuple[str, datetime]]:
    """Keys of the caller's drafts and when each was changed, the newest first."""
    return [(d.key.removeprefix(PREFIX), d.updated) for d in await drafts.listed(access, PREFIX)]


async def drop(access: Access, key: str) -> None:
    """Forget a draft."""
    await drafts.drop(access, PREFIX + checked_key(key))


def lacks(incident: Incident) -> dict[str, str]:
    """What a report lacks before it can be sent, by field. It asks for little: everything else can be added by whoever reviews it."""
    wrong = {}
    if incident.kind not in TYPES:
        wrong["kind"] = "Choose what it was."
    if not incident.what.strip():
        wrong["what"] = "Say in a sentence or two what happened."
    if incident.harm not in HARM:
        wrong["harm"] = "Choose how much harm there was."
    try:
        datetime.fromisoformat(incident.happened)
    except ValueError:
        wrong["day"] = "Write the day and the time, for example 2026-03-08 and 20:00."
    if incident.chart.strip() and len(incident.clients) != 1:
        wrong["chart"] = "A note is begun in one chart: choose one client, or leave this empty and write the notes yourself."
    elif unspoken(incident.chart):
        wrong["chart"] = "The chart says what was seen and done, and nothing of a report or its review. Take those words out."
    return wrong


def unspoken(text: str) -> bool:
    """Whether words speak of a report or its review."""
    return bool(_UNSPOKEN.search(text))


async def names_in(access: Access, incident: Incident) -> list[str]:
    """Names of clients in what was typed, as far as the caller may see these clients: it says nothing of others. One search."""
    return await naming.others(access, "", incident.texts)


async def send(access: Access, key: str, incident: Incident, *, anonymous: bool) -> str:
    """Send a report; its number. A second press sends nothing twice. Raises Malformed, Forbidden.

    The report's id follows from the draft's by the server's key: nobody else can tell which draft it was.
    """
    if wrong := lacks(incident):
        raise errors.Malformed(next(iter(wrong.values())))
    rules = await policies.of(access)
    state = incident.state or str(rules.value("incidents.state"))
    whole = replace(incident, state=state, reporter="" if anonymous else access.caller.name, chart="", note="")
    whole = replace(whole, notices=clocks.notices(whole, rules, zones.of_program(access, whole.program)))
    id_ = access.house.key.derive(f"incident:{access.tenant.number}:{access.caller.account}:{key}", 24).hex()
    await incidents.send(access, id_, whole.program, whole.about, whole.packed(), privacy=whole.kind == "privacy", anonymous=anonymous)
    await drop(access, key)
    return incidents.number(id_)


async def begin_note(access: Access, patient: str, template: str, section: str, text: str, *, name: str) -> str:
    """A draft of a note in the caller's name, with facts alone; its id. name: of what asked for it, so that a second press begins no second one.

    Nothing in it says that there is a report. Raises NotFound for a client whom the caller may not see, Malformed.
    """
    if unspoken(text):
        raise errors.Malformed("The chart says what was seen and done, and nothing of a report or its review. Take those words out.")
    await access.read("Patient", patient)
    id_ = access.house.key.derive(f"note-of:{access.tenant.number}:{access.caller.account}:{name}", 48).hex()[: len(new_id())]
    draft = drafting.Draft(id_, patient, template, {drafting.SECTION + section: [text]} if text.strip() else {})
    with suppress(errors.VersionConflict):
        await drafting.keep(access, draft)
    return id_


def program_of(access: Access, wanted: int) -> int:
    """The program of a report: one of the caller's, else the one that they act for; 0 where there is none."""
    programs: Sequence[int] = [p.number for p in access.programs]
    if wanted in programs:
        return wanted
    return access.caller.acting if access.caller.acting is not None and access.caller.acting in programs else 0
