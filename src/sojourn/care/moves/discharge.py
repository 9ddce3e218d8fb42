"""End a stay: what is asked for before it, how it ended, and what follows for whoever left."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from sojourn.base import errors
from sojourn.care import levels, policies, tasks
from sojourn.care.medications import reconciled
from sojourn.care.moves.stays import beds_end, groups_end, look, teams_end
from sojourn.care.resources import moment
from sojourn.gate import origin
from sojourn.gate.access import Access
from sojourn.gate.changes import Change

NEEDS: Final = (("EpisodeOfCare", "search"), ("Encounter", "search"))
WRITES: Final = (*NEEDS, ("EpisodeOfCare", "update"), ("Encounter", "update"), ("Task", "create"))
CALL: Final = "aftercare-call"
_DISPOSITION: Final = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
_HOW: Final = "https://sojourn.example/fhir/StructureDefinition/discharge"


class Type(NamedTuple):
    """A way in which a stay ends. needs: codes of what has to be written for it."""

    code: str
    title: str
    disposition: str
    needs: tuple[str, ...]


class Line(NamedTuple):
    """Something asked for before the end. found: the chart shows it. by_hand: whether somebody may say that it was done; place: where it is done, below the chart."""

    code: str
    text: str
    found: bool
    asked_of_chart: bool
    by_hand: bool = True
    place: str = ""


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "discharge.toml").read_text("utf-8"))


def types() -> dict[str, Type]:
    """Every way."""
    return {r["code"]: Type(r["code"], r["title"], r["disposition"], tuple(r.get("needs", ()))) for r in _data()["type"]}


def items() -> dict[str, str]:
    """What can be asked for before a stay ends, in words."""
    return {r["code"]: r["text"] for r in _data()["item"]}


def needs() -> dict[str, str]:
    """What can have to be written, in words."""
    return {r["code"]: r["text"] for r in _data()["need"]}


async def lines(access: Access, stay: levels.Stay, rules: policies.Policies) -> list[Line]:
    """What is asked for before this stay ends. One search for each that the chart answers."""
    known = {r["code"]: r for r in _data()["item"]}
    wanted = [known[c] for c in rules.value("moves.before-discharge", stay.level) if c in known]
    found = await asyncio.gather(*(_found(access, stay, r.get("search", "")) for r in wanted))
    return [Line(r["code"], r["text"], there, bool(r.get("search")), r.get("by_hand", True), r.get("place", "").format(episode=stay.id)) for r, there in zip(wanted, found, strict=True)]


async def _found(access: Access, stay: levels.Stay, search: str) -> bool:
    if not search:
        return False
    day = access.today
    type_, _, query = search.format(today=day.isoformat(), week=(day + timedelta(days=7)).isoformat(), reconciled=reconciled.at(reconciled.DISCHARGE, stay.id)).partition("?")
    if not access.may(type_, "search"):
        return False
    return bool((await access.search(type_, [("patient", stay.patient), *parse_qsl(query)], count=1)).matches)


async def end(access: Access, stay: levels.Stay, how: str, said: Mapping[str, str], done: Mapping[str, str]) -> None:
    """End the stay: bed, team and groups with it; the calls that follow and a look at what stays booked asked for; all or nothing.

    said: what was written, by need. done: 'yes' or why it was set aside, by item of the list. Raises Malformed with all that is missing.
    """
    if stay.status not in ("active", "onhold"):
        raise errors.Malformed("This stay is not going on.")
    type_ = types().get(how)
    if type_ is None:
        raise errors.Malformed("Choose how the stay ends.")
    rules = await policies.of(access)
    words = needs()
    missing = [words[code] for code in type_.needs if not said.get(code, "").strip()]
    asked = [] if how in ("death", "elopement") else await lines(access, stay, rules)
    missing += [line.text for line in asked if not line.found and (not done.get(line.code, "").strip() or (not line.by_hand and done[line.code].strip() == "yes"))]
    if missing:
        raise errors.Malformed("Before the stay ends is missing: " + "; ".join(missing) + ". Do it, or write why not.")
    now = moment(access)
    stored = await access.read("EpisodeOfCare", stay.id)
    told = [f"{words[code]}: {said[code].strip()}" for code in type_.needs]
    told += [f"{line.text}: {'done' if done[line.code] == 'yes' else done[line.code].strip()}" for line in asked if not line.found]
    over = {**stored.resource, "status": "finished", "period": {**stored.resource.get("period", {}), "end": now},
            "extension": [*stored.resource.get("extension", ()), {"url": _HOW, "extension": [{"url": "type", "valueCode": type_.code}, *({"url": "said", "valueString": t[:2000]} for t in told)]}]}  # fmt: skip
    program = await origin.made_by(access, "EpisodeOfCare", stay.id)
    changes = [
        Change("update", "EpisodeOfCare", stay.id, over, if_match=stored.version), *await beds_end(access, stay.patient, stay.id, now, {"coding": [{"system": _DISPOSITION, "code": type_.disposition}], "text": type_.title}), *await teams_end(access, stored.resource, now),
        *await groups_end(access, stay.patient, program, "The stay has ended."), look(access, stay.patient, stay.id, program, rules, "the stay has ended"),
        *(() if how == "death" else _calls(access, stay, rules, program)),
    ]  # fmt: skip
    await access.write(changes, action="discharge")


def _calls(access: Access, stay: levels.Stay, rules: policies.Policies, program: int | None) -> list[Change]:
    owner = stay.clinician or access.caller.agent
    return [
        tasks.new(access, CALL, f"Call {days} days after a discharge", patient=stay.patient, owner=owner or None, role=None if owner else "clinician", due=access.now + timedelta(days=days),
                  focus=f"EpisodeOfCare/{stay.id}", program=program)
        for days in rules.value("moves.after-discharge-days", stay.level)
    ]  # fmt: skip
