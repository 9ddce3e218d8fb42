"""Accountings of disclosures: what each rule lists, how far back, and what it says of each.

45 CFR 164.528, 42 CFR 2.25 and 2.24; the rules are dated data in accounting.toml. The log of disclosures is the source; what outside
callers were shown before there was a log is taken from the trail.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.gate.consenting import terms
from sojourn.gate.policy import tables
from sojourn.gate.trail import words
from sojourn.gate.trail.lines import Wish, page, reader
from sojourn.record import disclosures

if TYPE_CHECKING:
    from sojourn.gate.access import Access

MOST = 10_000


@dataclass(frozen=True, slots=True)
class Rule:
    """One accounting, as it reads on a day."""

    id: str
    title: str
    tab: str
    source: str
    years: int
    answer_days: int
    extension_days: int
    free_every_months: int
    without: frozenset[str]
    only: frozenset[str]
    note: str
    uncertain: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """One disclosure, as a rule looks at it. traits: what the law asks about (treatment, consented, individual ...)."""

    made: datetime
    recipient: str
    purpose: str
    what: tuple[str, ...]
    traits: frozenset[str]
    logged: bool


@dataclass(slots=True)
class Entry:
    """One line of an accounting: several disclosures to one recipient for one purpose become one (164.528(b)(3))."""

    first: datetime
    last: datetime
    times: int
    recipient: str
    purpose: str
    what: str


@dataclass(frozen=True, slots=True)
class Accounting:
    """What one rule lists for one patient. since: how far back. complete: whether all of it fits."""

    rule: Rule
    patient: str
    since: datetime
    until: datetime
    entries: list[Entry]
    complete: bool


@lru_cache(maxsize=1)
def _read() -> list[dict[str, Any]]:
    return list(tomllib.loads((Path(__file__).parent / "accounting.toml").read_text("utf-8"))["rule"])


def rules(day: date) -> list[Rule]:
    """The accountings that there are on a day."""
    newest: dict[str, dict[str, Any]] = {}
    for row in sorted(_read(), key=lambda r: r["effective"]):
        if row["effective"] <= day:
            newest[row["id"]] = row
    return [
        Rule(r["id"], r["title"], r["tab"], r["source"], r["years"], r["answer_days"], r["extension_days"], r["free_every_months"], frozenset(r["without"]),
             frozenset(r["only"]), r["note"], bool(r.get("uncertain")))
        for r in newest.values()
    ]  # fmt: skip


async def accounting(access: Access, patient: str, rule_id: str, names: dict[str, str] | None = None) -> Accounting:
    """One accounting for one patient. names: of recipients, by reference. Raises Forbidden, recorded, or NotFound for no such rule."""
    rule = next((r for r in rules(access.now.date()) if r.id == rule_id), None)
    if rule is None:
        raise errors.NotFound("There is no such accounting.")
    since = _back(access.now, rule.years)
    sent, complete = await _sent(access, patient, since)
    listed = [s for s in sent if lists(rule, s)]
    return Accounting(rule, patient, since, access.now, grouped(listed, names or {}), complete)


def lists(rule: Rule, sent: Sent) -> bool:
    """Whether a rule lists a disclosure."""
    return rule.only <= sent.traits and not rule.without & sent.traits


def grouped(sent: Iterable[Sent], names: dict[str, str]) -> list[Entry]:
    """Newest first; those to one recipient for one purpose together, with the first, the last and how many."""
    found: dict[tuple[str, str], Entry] = {}
    kinds: dict[tuple[str, str], dict[str, None]] = {}
    for one in sorted(sent, key=lambda s: s.made):
        key = (one.recipient, one.purpose)
        entry = found.get(key)
        if entry is None:
            entry = found[key] = Entry(one.made, one.made, 0, names.get(one.recipient, one.recipient), words.purpose(one.purpose), "")
        entry.last, entry.times = one.made, entry.times + 1
        kinds.setdefault(key, {}).update(dict.fromkeys(words.thing(w.partition("/")[0]) for w in one.what))
    for key, entry in found.items():
        entry.what = ", ".join(kinds[key])
    return sorted(found.values(), key=lambda e: e.last, reverse=True)


def _back(now: datetime, years: int) -> datetime:
    """The same day so many years ago; 29 February becomes the 28th."""
    try:
        return now.replace(year=now.year - years)
    except ValueError:
        return now.replace(year=now.year - years, day=28)


async def _sent(access: Access, patient: str, since: datetime) -> tuple[list[Sent], bool]:
    """What left about the patient since then: the log, and lines of outside callers that the log does not have."""
    lines = await page(access, Wish(patient=patient, outside=True, outcome="done", since=since), count=MOST, action="report")
    partly = reader(access, patient) == "part"
    how = "part" if partly and access.caller.kind == "staff" else "whole"
    logged = await disclosures.disclosures(access.house.db, access.head, access.decided, how, wish=disclosures.Wish(patient, since=since), limit=MOST)
    seen = {_thing(entity) for line in lines.lines for entity in line.entities}
    kinds = await _consents(access, {c for row in logged for c in row["consents"]})
    sent = []
    for row in logged:
        outside = row["recipient"] != f"Patient/{patient}"
        what = tuple(w for w in row["what"] if not partly or _thing(w) in seen)  # of what left, only what this reader may know of
        if what:
            traits = _traits(row["purpose"], [kinds.get(c, "") for c in row["consents"]], to_patient=not outside)
            sent.append(Sent(row["made"], row["recipient"], row["purpose"], what, traits, logged=True))
    requests = {row["request"] for row in logged}
    beside = lines.lines if how == "whole" else ()  # who reads a part is shown of what was looked at from outside only what the log has, and by which request there is not told
    sent += [
        Sent(line.recorded, line.agent or line.account, line.purpose, line.entities, _traits(line.purpose, [], to_patient=False), logged=False)
        for line in beside
        if line.request not in requests and line.entities
    ]
    return sent, lines.next is None and len(logged) < MOST


def _thing(entity: str) -> str:
    """`Type/id` of `Type/id/_history/version`."""
    return "/".join(entity.split("/")[:2])


def _traits(purpose: str, consents: list[str], *, to_patient: bool) -> frozenset[str]:
    purposes = tables.table("purposes")
    traits = {name for name, codes in purposes["hipaa"].items() if purpose in codes}
    if purpose in purposes["kinds"]["emergency"] or purpose in purposes["kinds"]["break_glass"]:
        traits.add("emergency")
    if to_patient or purpose in purposes["kinds"]["patient"]:
        traits.add("individual")
    if consents:
        traits |= {"consented"} | ({"authorized"} if not traits & {"treatment", "payment", "operations"} else set())
    if any("designation" in kind for kind in consents):
        traits.add("designated")
    return frozenset(traits)


async def _consents(access: Access, references: set[str]) -> dict[str, str]:
    """What kind each consent is, with the word designation if it names an intermediary or a class, by `Consent/id/_history/version`.

    Of one that this reader may not see, ''.
    """
    found: dict[str, str] = {}
    for reference in sorted(references):
        _, id_, _, version = reference.split("/")
        try:
            resource = (await access.vread("Consent", id_, version)).resource
        except errors.SojournError:
            found[reference] = ""
            continue
        kind = str(terms.value(resource, terms.KIND) or "consent")
        general = any(True for name in (terms.INTERMEDIARY, terms.DESIGNATION) for _ in terms.values(resource, name))
        found[reference] = f"{kind} designation" if general or "intermediary" in kind else kind
    return found
