"""Reconcile: what every source says side by side, what is decided of it, and what is not yet."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from sojourn.care.allergies.lists import Standing
from sojourn.care.listing import SOURCES
from sojourn.care.medications.lines import ORDER, Line, Listed
from sojourn.care.medications.reconciled import TRANSITION, Dose, decision, dose, reason
from sojourn.care.medications.tables import Table

CONTINUE, CHANGE, STOP, HOLD = "continue", "change", "stop", "hold"
DECISIONS: Final = {CONTINUE: "Continue", CHANGE: "Change", STOP: "Stop", HOLD: "Hold"}
_STRENGTH: Final = re.compile(r"\b\d[\d.,/]*\s*(?:mg|mcg|g|ml|units?|iu|%)?\b", re.IGNORECASE)
_FORMS: Final = frozenset("tablet tablets capsule capsules film films solution injection spray inhaler er xr sr xl".split())


class Choice(NamedTuple):
    """What is decided of a row. directions: the new ones, for a change. order: whether what is told is ordered here as well.

    last: when it was last taken, as `YYYY-MM-DDTHH:MM` by the clock of the site, or ''; last_why: the words in its place.
    """

    what: str = ""
    reason: str = ""
    directions: str = ""
    order: bool = False
    last: str = ""
    last_why: str = ""


class Row(NamedTuple):
    """One medication with every line of it. own: the lines that the caller's programs made; the others are shown and not decided here.

    key: the same as long as the lines are the same.
    """

    key: str
    name: str
    lines: tuple[Line, ...]
    own: tuple[Line, ...]

    def of(self, source: str) -> list[Line]:
        """The lines of one source."""
        return [line for line in self.lines if line.source == source]

    @property
    def order(self) -> Line | None:
        """The order here, if there is one of the caller's programs."""
        return next((line for line in self.own if line.type == ORDER and line.source == "here"), None)

    @property
    def told(self) -> Line | None:
        """What is told or imported, if it is not ordered here."""
        return None if self.order else next(iter(self.own), None)


class Act(NamedTuple):
    """Everything that a person decides at once. reviewed: what was gone through with the client beside medications."""

    moment: str
    choices: dict[str, Choice]
    allergies: bool
    problems: bool
    note: str


def rows(listed: Listed, made: Mapping[str, int | None], table: Table) -> list[Row]:
    """The lines on the list now, those of one medication together: by ingredient where the table knows it, else by its name."""
    grouped: dict[str, list[Line]] = {}
    for line in listed.current:
        grouped.setdefault(_same(line, table), []).append(line)
    out = []
    for lines in grouped.values():
        ordered = tuple(sorted(lines, key=lambda x: (list(SOURCES).index(x.source), x.when, x.id)))
        key = hashlib.sha256("\0".join(sorted(x.ref for x in ordered)).encode()).hexdigest()[:16]
        out.append(Row(key, ordered[0].name, ordered, tuple(x for x in ordered if made.get(x.ref) is not None)))
    return sorted(out, key=lambda r: (r.name.casefold(), r.key))


def _same(line: Line, table: Table) -> str:
    known = table.ingredients_in(line.name, line.codes)
    if known:
        return "+".join(sorted(known))
    words = [w for w in re.findall(r"[a-z0-9]+", _STRENGTH.sub(" ", line.name.casefold())) if w not in _FORMS]
    return " ".join(words) or line.ref


def seen(found: Sequence[Row], standing: Standing) -> str:
    """A digest of everything that the page was made from: who decides does so of what is there now."""
    parts = [f"{x.ref}@{x.version}" for row in found for x in row.lines] + [f"{a.ref}@{a.version}" for a in standing.found]
    return hashlib.sha256("\0".join(sorted(parts)).encode()).hexdigest()[:32]


def read(said: Mapping[str, str], moment: str, found: Iterable[Row]) -> Act:
    """What a form says of these rows."""
    choices = {}
    for row in found:
        given = {f: said.get(f"{f}.{row.key}", "").strip()[:1000] for f in ("what", "reason", "directions", "order", "last", "lastwhy")}
        choices[row.key] = Choice(given["what"] if given["what"] in DECISIONS else "", given["reason"], given["directions"], bool(given["order"]), given["last"][:16], given["lastwhy"])
    return Act(moment, choices, bool(said.get("allergies")), bool(said.get("problems")), said.get("note", "").strip()[:2000])


def fields(act: Act) -> dict[str, str]:
    """The same as the fields of a form."""
    out = {"note": act.note, "allergies": "yes" if act.allergies else "", "problems": "yes" if act.problems else ""}
    for key, c in act.choices.items():
        out |= {f"what.{key}": c.what, f"reason.{key}": c.reason, f"directions.{key}": c.directions, f"order.{key}": "yes" if c.order else "", f"last.{key}": c.last, f"lastwhy.{key}": c.last_why}
    return {k: v for k, v in out.items() if v}


def unresolved(found: Sequence[Row], act: Act, standing: Standing) -> dict[str, str]:
    """What stands in the way of signing: by the key of a row, or `allergies`, `problems`; what to do about it."""
    out = {row.key: word for row in found if row.own and (word := _missing(row, act.choices.get(row.key, Choice()), act.moment))}
    if not standing.asked:
        out["allergies"] = "Nobody has asked about allergies. Write them down, or that none is known."
    elif not act.allergies:
        out["allergies"] = "Go through the allergies with the client."
    if not act.problems:
        out["problems"] = "Go through the problem list."
    return out


def _missing(row: Row, choice: Choice, moment: str) -> str:
    if not choice.what:
        return "Not decided."
    if choice.what in (STOP, HOLD, CHANGE) and not choice.reason:
        return "Write why."
    if choice.what == CHANGE and not choice.directions:
        return "Write the new directions."
    if choice.what == CONTINUE and choice.order and not (row.told and (choice.directions or row.told.dose)):
        return "Write the directions of the order."
    if moment == TRANSITION and choice.what in (CONTINUE, CHANGE) and not (choice.last or choice.last_why):
        return "Write when it was last taken, or why that is not known."
    if choice.last and instant_of(choice.last, ZoneInfo("UTC")) is None:
        return "The time of the last dose cannot be read."
    return ""


def instant_of(text: str, zone: ZoneInfo) -> datetime | None:
    """`2026-11-30T08:10` by the clock of a site, with its offset; None for what is none."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone)
    except ValueError:
        return None


def words(found: Sequence[Row], refs: Iterable[str], act: Act, zone: str) -> str:
    """What is signed of these lines, as it is read: no moment in it, so that it is the same when it is signed as when it was shown."""
    wanted = set(refs)
    out = []
    for row in found:
        for line in row.own:
            if line.ref in wanted:
                c = act.choices[row.key]
                detail = [f"{line.from_where}: {line.name}", line.dose or "no directions", DECISIONS[c.what] + (f" to: {c.directions}" if c.what == CHANGE else "")]
                if c.what == CONTINUE and c.order and line == row.told:
                    detail.append(f"ordered here: {c.directions or line.dose}")
                if c.reason:
                    detail.append(f"because: {c.reason}")
                if c.last or c.last_why:
                    detail.append(f"last taken: {c.last.replace('T', ' ') + f' ({zone})' if c.last else c.last_why}")
                out.append(" · ".join(detail))
    return "\n".join(out)


def kept(lists: Iterable[Mapping[str, Any]], found: Sequence[Row], moment: str) -> Act:
    """What somebody prepared in working Lists, of the rows that are there now."""
    by: dict[str, tuple[str, str, str, Dose | None]] = {}
    note, allergies, problems = "", False, False
    for r in lists:
        for e in r.get("entry", ()):
            directions = next((str(x.get("valueString", "")) for x in e.get("extension", ()) if x.get("url") == DIRECTIONS), "")
            by[str((e.get("item") or {}).get("reference", ""))] = (decision(e), reason(e), directions, dose(e))
        for n in r.get("note", ()):
            said = str(n.get("text", ""))
            note = said if said and said not in (ALLERGIES_SAID, PROBLEMS_SAID) else note
            allergies, problems = allergies or said == ALLERGIES_SAID, problems or said == PROBLEMS_SAID
    choices = {}
    for row in found:
        what, why, directions, last = next((by[x.ref] for x in row.own if x.ref in by), ("", "", "", None))
        order = directions == ORDER_SAID or directions.startswith(ORDER_SAID + ": ")
        directions = directions.removeprefix(ORDER_SAID).removeprefix(": ") if order else directions
        choices[row.key] = Choice(what if what in DECISIONS else "", why, directions, order, last.at[:16] if last else "", last.why if last else "")
    return Act(moment, choices, allergies, problems, note)


DIRECTIONS: Final = "https://sojourn.example/fhir/StructureDefinition/reconciliation-directions"
ORDER_SAID: Final = "order"
ALLERGIES_SAID: Final = "Allergies gone through with the client."
PROBLEMS_SAID: Final = "Problem list gone through."
