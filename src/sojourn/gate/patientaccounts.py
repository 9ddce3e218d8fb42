"""Accounts of clients and of those who act for them: who has one, inviting them, ending it at once.

Whoever may see neither a RelatedPerson nor the Consent that names one learns nothing here of either: by what right somebody acts is worked
out from what the caller sees themselves. What an account then opens is decided by the gate alone (gate/narrowing.py), at every statement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sojourn.base import clock, errors, ids
from sojourn.gate import minors, secondperson
from sojourn.gate.accounts import Fresh, new_link
from sojourn.gate.consent import EVER, FOREVER
from sojourn.gate.consenting import standing, terms, validity
from sojourn.gate.relationships import GUARDIANS, PARENTS
from sojourn.gate.security import written

if TYPE_CHECKING:
    from sojourn.gate.access import Access

TYPE: Final = "PatientAccount"
NEEDS: Final = ((TYPE, "invite"), ("RelatedPerson", "search"), ("Consent", "search"))
SELF: Final = "self"
"""In place of the id of a RelatedPerson: the client."""
PURPOSE: Final = "FAMRQT"
EVIDENCE: Final = {
    "identity": "I have seen an identity document of theirs",
    "known": "I know them in person",
    "appointed": "I have seen an identity document, and the order or power of attorney that appoints them",
}
"""How whoever invites knows that it is them (45 CFR 164.514(h))."""
_TRIES = 3
_DIGITS = "abcdefghijkmnpqrstuvwxyz23456789"

Resource = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Right:
    """By what right somebody sees the record. kind: self, parent, guardian, consent, or "" for none that the caller can see.

    withheld: bases that are kept from them; types: kinds of resources, None for all; until: the moment when it ends by itself, None for
    never; states: whose law about minors was asked; refused: why nobody is invited by it, "" where they may be.
    """

    kind: str
    withheld: int = 0
    types: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None
    age: int | None = None
    states: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """An account of somebody. state: invited, active, deactivated; link: until when its link is good."""

    account: str
    login: str
    state: str
    used: datetime | None
    link: datetime | None


@dataclass(frozen=True, slots=True)
class Person:
    """The client (id: self) or somebody related, as the caller sees them; the account that may be used, and how many were ended."""

    id: str
    resource: Resource
    right: Right
    held: Held | None
    ended: int


async def people(access: Access, patient: str) -> list[Person]:
    """The client and everybody related to them whom the caller may see. Raises Forbidden, and NotFound alike for one who is not there."""
    await access.check("invite", TYPE, f"Patient/{patient}")
    beside = [("_revinclude", "RelatedPerson:patient"), ("_revinclude", "Consent:patient")]
    asked = await access.search("Patient", [("_id", patient), *beside], count=1)
    if not asked.resources:
        raise errors.NotFound("There is no such person.")
    client = asked.resources[0]
    related, forms = (sorted((s.resource for s in asked.included if s.type == type_), key=lambda r: str(r["id"])) for type_ in ("RelatedPerson", "Consent"))
    agents = [f"Patient/{patient}", *(f"RelatedPerson/{r['id']}" for r in related)]
    db, number = access.house.db, access.tenant.number
    places, rows = await asyncio.gather(
        db.call("SELECT gate.jurisdictions($1, $2) AS state", number, access.now), db.call("SELECT * FROM gate.persons_accounts($1, $2, $3)", number, agents, clock.now())
    )
    states = tuple(sorted(row["state"] for row in places))
    found = []
    for agent, resource in zip(agents, [client, *related], strict=True):
        own = [Held(r["account"], r["login"], r["state"], r["used"], r["invited"]) for r in rows if r["agent"] == agent]
        live = next((h for h in own if h.state != "deactivated"), None)
        right = _own(client, states, access.now) if resource is client else _acting(client, resource, forms, states, access.now)
        found.append(Person(SELF if resource is client else str(resource["id"]), resource, right, live, sum(h.state == "deactivated" for h in own)))
    return found


async def person(access: Access, patient: str, id_: str) -> Person:
    """One of them. Raises NotFound alike for one who is not there, is of another record, or may not be seen."""
    found = next((p for p in await people(access, patient) if p.id == id_), None)
    if found is None:
        raise errors.NotFound("There is no such person.")
    return found


async def invite(access: Access, patient: str, id_: str, *, name: str, evidence: str) -> tuple[str, Fresh]:
    """Make the account and its invitation: (login, link).

    The login is made up, so that it tells nothing, and so that no answer tells whether somebody has an account elsewhere here.
    Raises Invalid (no right that can be seen, no evidence), Conflict (there is an account), ProofNeeded, NotFound, Forbidden.
    """
    who = await person(access, patient, id_)
    await access.require_fresh()
    if who.right.refused:
        raise errors.Invalid(who.right.refused)
    if evidence not in EVIDENCE or (who.right.kind == "guardian") != (evidence == "appointed"):
        raise errors.Invalid("Say how you know that it is them. For a guardian, or who has a power of attorney, that is the paper that appoints them.")
    if who.held is not None:
        raise errors.Conflict("There is an account already. Make a new link for it, or end it first.")
    kind, agent = ("patient", f"Patient/{patient}") if id_ == SELF else ("proxy", f"RelatedPerson/{id_}")
    for _ in range(_TRIES):
        account, login = ids.new_id("account"), _login()
        line = access.entry("account-invite", "Login", f"account={account}&kind={kind}&right={who.right.kind}&evidence={evidence}", patients=[patient])
        args = (access.tenant.number, account, kind, login, name, agent, access.caller.account, clock.now())
        if await written(access.house, access.tenant, line, "gate.make_persons_account($1, $2, $3, $4, $5, $6, $7, $8)", *args):
            return login, await new_link(access, account, "invitation", TYPE)
        if (await person(access, patient, id_)).held is not None:
            break
    raise errors.Conflict("There is an account already. Make a new link for it, or end it first.")


def _login() -> str:
    drawn = "".join(_DIGITS[b % len(_DIGITS)] for b in ids.random_bytes("login", 8))
    return f"{drawn[:4]}-{drawn[4:]}"


async def again(access: Access, patient: str, id_: str) -> tuple[str, Fresh]:
    """(login, link), a new one: for who has not come yet; who came and cannot get in sets a new password with it, and is signed out."""
    who = await person(access, patient, id_)
    await access.require_fresh()
    if who.held is None:
        raise errors.Conflict("There is no account to make a link for.")
    if who.right.refused:
        raise errors.Invalid(who.right.refused)
    account = who.held.account
    if who.held.state == "invited":
        return who.held.login, await new_link(access, account, "invitation", TYPE)
    line = access.entry("account-reset", "Login", f"account={account}&factors=false", patients=[patient])
    await written(access.house, access.tenant, line, "gate.take_back($1, $2, true, false, $3)", access.tenant.number, account, clock.now())
    return who.held.login, await new_link(access, account, "reset", TYPE)


async def waits(access: Access, who: Person) -> bool:
    """Whether a link of theirs waits for a second person, who may be the caller."""
    if who.held is None or who.held.link is None or not access.may(TYPE, "confirm"):
        return False
    return any(w.author != access.caller.account for w in await secondperson.waiting(access, TYPE, who.held.account))


async def confirm(access: Access, patient: str, id_: str, evidence: str) -> str:
    """The code for a link that somebody else made: given to them, and to nobody else. Raises Invalid, Conflict for one's own link, ProofNeeded, NotFound."""
    who = await person(access, patient, id_)
    if evidence not in EVIDENCE or (who.right.kind == "guardian") != (evidence == "appointed"):
        raise errors.Invalid("Say how you know that it is them. For a guardian, or who has a power of attorney, that is the paper that appoints them.")
    if who.held is None:
        raise errors.Conflict("There is no account, and so no link to confirm.")
    return await secondperson.confirm(access, TYPE, who.held.account, f"&right={who.right.kind}&evidence={evidence}", [patient])


async def end(access: Access, patient: str, id_: str, reason: str) -> None:
    """End the account with its next statement, and with it every session, token, link and app that was allowed by it. Raises Conflict."""
    who = await person(access, patient, id_)
    if not reason.strip():
        raise errors.Invalid("Say why; it stays with the account.")
    if who.held is None:
        raise errors.Conflict("There is no account to end.")
    line = access.entry("account-deactivate", "Login", f"account={who.held.account}", patients=[patient])
    args = (access.tenant.number, who.held.account, access.caller.account, reason.strip()[:200], clock.now())
    if not await written(access.house, access.tenant, line, "gate.set_account_state($1, $2, 'deactivated', $3, $4, $5)", *args):
        raise errors.Conflict("Somebody else ended it a moment ago.")


# --- by what right ----------------------------------------------------------------------------------------------------------------


def _own(client: Resource, states: Sequence[str], now: datetime) -> Right:
    """One's own record, all of it (45 CFR 164.524). A minor acts for themselves where they may consent alone to something (164.502(g)(3))."""
    years = _age(client, now)
    least = minors.own_age(states, now)
    young = years is not None and years < least
    refused = f"Under {least} nobody consents alone to the care that is given here, so that a parent or guardian acts for them: invite one of these." if young else ""
    return Right(SELF, age=years, states=tuple(states), refused=refused)


def _acting(client: Resource, related: Resource, forms: Sequence[Resource], states: Sequence[str], now: datetime) -> Right:
    """As gate.narrowing.stands will find it for this RelatedPerson, as far as the caller sees what it follows from."""
    years, born = _age(client, now), validity.moment(client.get("birthDate"), EVER)
    grown = minors.majority(states, now)
    minor = years is not None and years < grown
    codes = {c.get("code") for concept in related.get("relationship", ()) for c in concept.get("coding", ())}
    period = related.get("period") or {}
    since, until = validity.moment(period.get("start"), EVER), validity.moment(period.get("end"), FOREVER, end=True)
    kind = "guardian" if codes & GUARDIANS else "parent" if codes & PARENTS else ""
    appointed = kind == "guardian" and minors.of_an_adult(minors.latest(client.get("birthDate")), since, states, now)
    if kind and related.get("active") is not False and since <= now < until and (minor or appointed):
        withheld = minors.withheld(states, years, now) if minor and years is not None else minors.FROM_PROXIES
        if not appointed:
            until = min(until, _birthday(born, grown))
        return Right(kind, withheld, None, _or_none(since), _or_none(until), years, tuple(states))
    return _by_consent(str(related["id"]), forms, years, states, now) or Right("", age=years, states=tuple(states), refused=_none(kind, related, minor=minor, over=now >= until))


def _none(kind: str, related: Resource, *, minor: bool, over: bool) -> str:
    if related.get("active") is False or over:
        return "They do not act for this client any more, as their entry among the related people says."
    if kind == "parent" and not minor:
        return "A parent acts for a child. This client is of age, or their birth date is not known: a consent that names the parent comes first."
    if kind == "guardian" and not minor:
        return "A guardian of a child acts until the child is of age. Of an order for an adult, or a power of attorney, write its first day here."
    return "Being related opens nothing by itself. A consent that names them comes first."


def _by_consent(id_: str, forms: Sequence[Resource], years: int | None, states: Sequence[str], now: datetime) -> Right | None:
    """What signed consents open to them; several add up."""
    types: set[str] | None = set()
    since, until = FOREVER, EVER
    for form in forms:
        provision = terms.root(form)
        named = any(terms.literal(actor.get("reference")) == f"RelatedPerson/{id_}" for actor in terms.actors(provision))
        if not named or provision.get("type") == "deny" or standing.standing(form, now).key != "in_force" or PURPOSE not in terms.purposes(provision):
            continue
        window = validity.window(form) or (EVER, EVER)
        since, until = min(since, window[0]), max(until, window[1])
        listed = {str(c.get("code")) for c in provision.get("class", ())}
        types = None if types is None or not listed else types | listed
    if until == EVER:
        return None
    return Right("consent", minors.FROM_PROXIES, None if types is None else tuple(sorted(types)), _or_none(since), _or_none(until), years, tuple(states))


def _age(client: Resource, now: datetime) -> int | None:
    born = validity.moment(client.get("birthDate"), EVER)
    return None if born == EVER else minors.age(born, now)


def _birthday(born: datetime, years: int) -> datetime:
    """The day on which somebody comes of age; of the 29th of February the day after it."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return born.replace(year=born.year + years, month=3, day=1)


def _or_none(at: datetime) -> datetime | None:
    return None if at in (EVER, FOREVER) else at
