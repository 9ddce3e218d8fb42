"""Where people who work here are reached when they are not signed in, and what they were called for.

A number or address is sealed for its account and proved by a code that was sent there. It is in no log, address, error or line of the trail.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from sojourn.base import clock, crypto, errors, ids, log
from sojourn.gate import channels
from sojourn.gate.guessing import Guessing
from sojourn.gate.security import alive, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sojourn.gate.access import Access

_log = log.logger(__name__)
_LIFE: Final = timedelta(minutes=10)
_TRIES: Final = 5
_DIGITS: Final = 6
_SENDING: Final = ("calling", "called")
_LEASE: Final = timedelta(minutes=1)
"""How long one try may take before another process tries, too."""
_LONGEST: Final = 40.0
"""Seconds that one try is waited for."""
_PAUSES: Final = (20, 40, 80, 160, 300)
"""Seconds after each try that failed."""


class Place(NamedTuple):
    """Where somebody is reached. means: of channels.BY; shown: the number or address but for its middle; proved: None while its code was not shown.

    failing: a call could not be delivered there.
    """

    means: str
    shown: str
    proved: datetime | None
    failing: bool = False


def _context(access: Access, account: str) -> bytes:
    return f"{access.tenant.number}\0{account}".encode()


def _masked(means: str, to: str) -> str:
    """Enough to know one's own by."""
    name, at, domain = to.partition("@")
    return f"{name[:1]}…{at}{domain}" if means == channels.EMAIL else f"…{to[-4:]}"


async def places(access: Access) -> list[Place]:
    """One's own: the one that counts first, then the one that waits for its code."""
    rows = await access.house.db.call("SELECT * FROM gate.call_place($1, $2)", access.tenant.number, access.caller.account)
    now = clock.now()
    found = [Place(r["means"], _masked(r["means"], _opened(access, access.caller.account, r["sealed"])), r["proved"], r["failing"]) for r in rows if r["proved"] or now < r["expires"]]
    return sorted(found, key=lambda p: p.proved is None)


def _opened(access: Access, account: str, sealed: str) -> str:
    return access.house.key.open("call-place", sealed, _context(access, account)).decode()


def _hashed(access: Access, code: str) -> bytes:
    digits = "".join(c for c in code if c.isdigit())
    return access.house.key.sign("call-code", _context(access, access.caller.account) + b"\0" + digits.encode())


async def begin(access: Access, means: str, text: str) -> None:
    """Send a code to a number or address; it counts once the code was shown.

    Raises ProofNeeded, Malformed for what is none, Conflict where it could not be sent, TooManyRequests where too many were.
    """
    await access.require_fresh()
    await alive(access)
    channel, to = access.house.channels.get(means), channels.address(means, text)
    if channel is None:
        raise errors.Malformed("Choose how you are reached.")
    if not to:
        raise errors.Malformed("Write an e-mail address, as in robin@example.org." if means == channels.EMAIL else "Write a mobile number, with its country where it is from elsewhere, as in +1 518 555 0142.")
    await Guessing(access.house.db, access.house.key).attempt(access.tenant.number, access.caller.account, to, _SENDING)
    now, code = clock.now(), f"{int.from_bytes(ids.random_bytes('code', 8), 'big') % 10**_DIGITS:0{_DIGITS}}"
    sealed = access.house.key.seal("call-place", to.encode(), _context(access, access.caller.account))
    place = ids.new_id("place")
    await told(
        access, "call-place-begin", f"kind={means}", "gate.begin_call_place($1, $2, $3, $4, $5, $6, $7, $8)",
        access.tenant.number, place, access.caller.account, means, sealed, _hashed(access, code), now, now + _LIFE,
    )  # fmt: skip
    message = channels.Message(f"code-{place}", to, "Your code", f"Sojourn: your code is {code}. It is good for ten minutes.")
    outcome = await channel.send(message)
    if outcome == channels.REFUSED:
        raise errors.Conflict("Nothing can be sent there. Look at the number or address, and write it again.")
    if outcome != channels.GIVEN:
        raise errors.Conflict("The code could not be sent now. Try again in a few minutes; if it fails again, tell whoever runs the server.")


async def prove(access: Access, code: str) -> bool:
    """Whether it was the code: from now on one is reached there, and no more where one was before. Five tries, ten minutes. Raises ProofNeeded."""
    await access.require_fresh()
    await alive(access)
    return await told(access, "call-place-prove", "", "gate.prove_call_place($1, $2, $3, $4, $5)", access.tenant.number, access.caller.account, _hashed(access, code), _TRIES, clock.now())


async def end(access: Access) -> None:
    """One is not reached any more when one is not signed in. Raises ProofNeeded."""
    await access.require_fresh()
    await alive(access)
    await told(access, "call-place-end", "", "gate.end_call_place($1, $2, $3)", access.tenant.number, access.caller.account, clock.now())


# --- for the clock -----------------------------------------------------------------------------------------------------------------


class Person(NamedTuple):
    """Somebody who is reached. who: their Practitioner, ''; sealed: where; pages: names of what waits for them alone, and since when."""

    account: str
    who: str
    means: str
    sealed: str
    pages: tuple[tuple[str, datetime], ...]


class Called(NamedTuple):
    """What somebody was called for, when last, and until when a call that did not go rests."""

    covered: frozenset[str]
    last: datetime | None
    rests: datetime | None


async def people(access: Access) -> list[Person]:
    """Everybody who is reached, for the clock."""
    rows = await access.house.db.call("SELECT * FROM gate.callable($1, $2, $3, $4)", *access.head)
    return [Person(r["account"], r["agent"] or "", r["means"], r["sealed"], tuple(zip(r["pages"], r["paged"], strict=True))) for r in rows]


async def called(access: Access, account: str, items: Sequence[str]) -> Called:
    """How it stands with somebody and these things."""
    (row,) = await access.house.db.call("SELECT * FROM gate.called($1, $2, $3)", access.tenant.number, account, sorted(items))
    return Called(frozenset(row["covered"]), row["last"], row["next"])


async def call(access: Access, person: Person, items: Sequence[str], new: Sequence[str], about: Sequence[str]) -> str:
    """Call somebody: GIVEN, or why not; '' where another process does. items: what is open for them; new: what of it they do not know."""
    tenant, now = access.tenant.number, access.now
    key = crypto.sha256_hex(f"{tenant}\0{person.account}\0{'|'.join(sorted(new))}".encode())[:40]
    (row,) = await access.house.db.call(
        "SELECT gate.begin_call($1, $2, $3, $4, $5, $6, $7, $8) AS n", tenant, person.account, key, sorted(items), sorted(set(about)), person.means, now, now + _LEASE
    )  # fmt: skip
    if row["n"] is None:
        return ""
    await _noted(access, person)
    channel = access.house.channels.get(person.means)
    message = channels.Message(f"call-{key}", _opened(access, person.account, person.sealed), WORDS, f"Sojourn: somebody needs you now. Sign in to see it. {access.house.address}".strip())
    try:
        outcome = await asyncio.wait_for(channel.send(message), _LONGEST) if channel else channels.LATER
    except TimeoutError:  # it may have gone: it is tried again under the same key
        outcome = channels.LATER
    pause = timedelta(seconds=_PAUSES[min(row["n"], len(_PAUSES)) - 1])
    await access.house.db.call("SELECT gate.end_call($1, $2, $3, $4, $5, $6)", tenant, person.account, key, outcome, clock.now(), clock.now() + pause)
    return outcome


async def _noted(access: Access, person: Person) -> None:
    """Each try has its line before it goes: who was called by what, and never for what or whom. Where the trail takes none, they are called all the same."""
    try:
        await access.note(access.entry("staff-call", "Login", f"account={person.account}&kind={person.means}"))
    except errors.Unavailable as error:
        _log.error("somebody is called without a line of the trail", error)


WORDS: Final = "Somebody needs you now"
"""The subject of an e-mail: the same for everything."""


async def unneeded(access: Access, needed: Sequence[str]) -> None:
    """End what did not go and is not needed any more. needed: accounts that still wait for a call."""
    await access.house.db.call("SELECT gate.end_unneeded_calls($1, $2, $3)", access.tenant.number, sorted(needed), access.now)


# --- for whoever looks -------------------------------------------------------------------------------------------------------------


async def reached(access: Access) -> dict[str, str]:
    """By Practitioner: by what they are reached outside the app, of channels.BY; who is not in it only in the app.

    Whether and when somebody was called is not said: a call waits for the one before it, which may be about what the reader must not know.
    """
    if not access.house.channels:
        return {}
    rows = await access.house.db.call("SELECT * FROM gate.reached_by($1, $2, $3, $4)", *access.head)
    return {r["agent"]: channels.BY[r["means"]] for r in rows if r["means"] in access.house.channels}


def problems(access: Access) -> list[tuple[str, str]]:
    """Of channels that do not work now: by what nobody is reached, and why."""
    return [(channels.BY[means], channel.problem) for means, channel in access.house.channels.items() if channel.problem]
