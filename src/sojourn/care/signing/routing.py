"""Whose signature needs another one, from whom, by when; which documents are looked at afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base import wall
from sojourn.care.credentials import held

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sojourn.care.policies import Policies

ANY = "*"
ROLE = "supervisor"
"""The role that co-signs where nobody is named."""


class Rule(NamedTuple):
    """One row of the policy. who: `supervisor`, `nobody`, or a Practitioner by reference. text: the row as it is written."""

    level: str
    service: str
    payer: str
    who: str
    hours: float
    text: str

    def fits(self, level: str, service: str, payers: Collection[str] | None) -> bool:
        """Whether it is about such a document. payers: words for who pays (payers.py); None if that is not known, and then what asks for a
        co-signature fits, and what asks for none does not."""
        paid = self.payer == ANY or (self.who != "nobody" if payers is None else self.payer in payers)
        return self.level in (ANY, level) and self.service in (ANY, service) and paid

    @property
    def exact(self) -> int:
        """How much it says: of two that fit, the one that says more counts."""
        return sum(part != ANY for part in (self.level, self.service, self.payer))


class Route(NamedTuple):
    """Who co-signs: owner (Practitioner/id), else anybody of the role; by when; and the rule that says so."""

    owner: str
    role: str
    due: datetime
    rule: str


def parsed(rows: Iterable[str]) -> list[Rule]:
    """The rows that can be read; one that cannot is no rule, and `unreadable` names it."""
    found = []
    for row in rows:
        parts = row.split()
        try:
            level, service, payer, who, hours = parts
            found.append(Rule(level, service, payer, who, float(hours), row))
        except ValueError:
            continue
    return found


def by_payer(rows: Iterable[str]) -> bool:
    """Whether a rule asks who pays."""
    return any(rule.payer != ANY for rule in parsed(rows))


def unreadable(rows: Iterable[str]) -> list[str]:
    """Rows that are no rules."""
    known = {rule.text for rule in parsed(rows)}
    return [row for row in rows if row not in known]


def route(policies: Policies, practitioner: Mapping[str, Any] | None, now: datetime, *, service: str = "", payers: Collection[str] | None = ()) -> Route | None:
    """The co-signature that a document of this author needs now; None when they sign alone.

    A rule that cannot be read must not let anything pass: then a supervisor co-signs, at once.
    """
    rows = [str(row) for row in policies.value("signing.co-sign")]
    credential = held.best(practitioner or {}, wall.day(now))
    level = credential.level if credential else ""
    supervisor = credential.supervisor if credential else ""
    if unreadable(rows):
        return Route(supervisor, ROLE, now, "a row of the policy signing.co-sign cannot be read")
    fitting = [rule for rule in parsed(rows) if rule.fits(level, service, payers)]
    if not fitting:
        return None
    rule = max(fitting, key=lambda r: r.exact)
    if rule.who == "nobody":
        return None
    owner = rule.who if rule.who.startswith("Practitioner/") else supervisor
    return Route(owner, ROLE, now + timedelta(hours=rule.hours), rule.text)


def sampled(document: str, percent: float) -> bool:
    """Whether a document is in the sample: decided by its id alone, so that it can be checked and nobody chooses. Ids are random."""
    drawn = int.from_bytes(hashlib.sha256(b"review\0" + document.encode()).digest()[:8], "big")
    return drawn < percent / 100 * 2**64
