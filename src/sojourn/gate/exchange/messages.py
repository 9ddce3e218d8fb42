"""Messages: envelope, state and reason for who operates; what one says for who may know it.

The envelope names nobody. The content of a message is opened by who has the right to (`Exchange`, `open`) and works in every program under 42 CFR
Part 2, or in all those to which its partner may deliver; and of one that was mapped only by who may see everything that it became.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.fhir.compartment import patient_of
from sojourn.gate.exchange import partners
from sojourn.gate.exchange.keeping import ASIDE, DOCUMENT, FAILED, HELD, MAPPED, PURPOSE, RECEIVED, REVIEW, context
from sojourn.record import exchange, papers

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.exchange.partners import Partner

NEEDS: Final = (("Exchange", "operate"),)
NEW: Final = "+"
"""In the place of a patient: somebody who is not here yet, whom the message writes down."""
OPENS: Final = (*NEEDS, ("Exchange", "open"))
STATES: Final = {
    RECEIVED: "Waiting to be done", REVIEW: "Waiting for somebody", HELD: "Held", FAILED: "Failed", MAPPED: "Done", ASIDE: "Set aside",
}  # fmt: skip
STATES_OUT: Final = {**STATES, RECEIVED: "Waiting to be sent", FAILED: "Not taken", MAPPED: "Sent and taken"}
PAGE: Final = 50
_NOT_THERE: Final = "There is no such message."


class Envelope(NamedTuple):
    """A message from outside. behind: an earlier one about the same person waits for somebody, and this one waits for it."""

    id: str
    seq: int
    partner: str
    door: str
    direction: str
    control: str
    kind: str
    version: str
    size: int
    state: str
    reason: str
    tries: int
    received: datetime
    updated: datetime
    behind: bool


_AT_ONCE: Final = 100


class Result(NamedTuple):
    """What a message became. resources: `Type/id`. unmapped: fields that say something and were not used, as in PID-11.4; findings: what was odd.

    why: what is to be decided, for who may see all whom `candidates` names; the reason on the envelope is the same whatever is there.
    became: where it was a file or holds a document, its messages (`Exchange/id`), papers (`Paper/id`) and the clients of its records (`Patient/id`).
    """

    patient: str = ""
    resources: tuple[str, ...] = ()
    unmapped: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    why: str = ""
    became: tuple[str, ...] = ()


class Opened(NamedTuple):
    """A message with what it says."""

    envelope: Envelope
    content: bytes
    result: Result


class Waits(NamedTuple):
    """How many of a partner's messages are in a state, and when the oldest came."""

    partner: str
    state: str
    n: int
    oldest: datetime


def envelope_of(row: Any) -> Envelope:
    """The envelope of a row."""
    return Envelope(row["message"], *(row[name] for name in Envelope._fields[1:]))


def sealed_result(access: Access, message: str, result: Result) -> bytes:
    """A result as it is kept."""
    return access.house.key.encrypt(PURPOSE, json.dumps(result._asdict()).encode(), context(access.tenant.number, message))


def _result(access: Access, message: str, sealed: bytes | None) -> Result:
    if sealed is None:
        return Result()
    said: dict[str, Any] = json.loads(access.house.key.decrypt(PURPOSE, sealed, context(access.tenant.number, message)))
    whole: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in said.items() if k in Result._fields}
    return Result(**whole)


async def listed(access: Access, *, states: Sequence[str] = (), partner: str = "", kind: str = "", before: int = 0) -> list[Envelope]:
    """Envelopes, the last to come first. before: `seq` of the last that was shown."""
    await access.check("operate", "Exchange")
    rows = await exchange.messages(access.house.db, access.head, list(states), partner, kind, before, PAGE + 1)
    return [envelope_of(row) for row in rows]


async def waiting(access: Access) -> list[Waits]:
    """How much waits, by partner and state."""
    await access.check("operate", "Exchange")
    return [Waits(r["partner"], r["state"], int(r["n"]), r["oldest"]) for r in await exchange.counts(access.house.db, access.head)]


async def heard(access: Access) -> dict[str, tuple[int, datetime | None]]:
    """By partner: messages within a day, and when the last came."""
    await access.check("operate", "Exchange")
    return {r["partner"]: (int(r["day_count"]), r["last"]) for r in await exchange.heard(access.house.db, access.head)}


async def envelope(access: Access, id_: str) -> Envelope:
    """One envelope. Raises NotFound."""
    await access.check("operate", "Exchange")
    row = await exchange.message(access.house.db, access.head, id_)
    if row is None:
        raise errors.NotFound(_NOT_THERE)
    return envelope_of(row)


async def events(access: Access, id_: str) -> list[Any]:
    """What happened to one: at, state, name, reason; the newest first."""
    await access.check("operate", "Exchange")
    return list(await exchange.events(access.house.db, access.head, id_))


def may_open(access: Access, partner: Partner | None) -> bool:
    """Whether the caller may open what a partner sends, as far as that follows from the partner."""
    mine = set(access.caller.programs)
    under = {p.number for p in access.rules.programs.values() if p.part2}
    theirs = set(partner.programs) if partner is not None else set()
    return access.may("Exchange", "open") and (under <= mine or bool(theirs) and theirs <= mine)


async def opened(access: Access, id_: str) -> Opened:
    """One with what it says; each look is in the trail. Raises NotFound alike for one that is not there and one that the caller may not open.

    What a document on its way to a partner says stands in the log of disclosures, and is opened nowhere else.
    """
    await access.check("open", "Exchange")
    row = await exchange.message(access.house.db, access.head, id_)
    partner = next((p for p in await partners.every(access) if row is not None and p.id == row["partner"]), None)
    result = _result(access, id_, bytes(row["result"]) if row is not None and row["result"] is not None else None) if row is not None else Result()
    clients = await _clients(access, id_, result) if row is not None and row["body"] and row["door"] != DOCUMENT and may_open(access, partner) else None  # without a body: it was destroyed after its time
    if row is None or clients is None:
        await access.note(access.entry("exchange-open", "Exchange", id_, outcome="absent"))
        raise errors.NotFound(_NOT_THERE)
    body = bytes(row["body"])
    content = await asyncio.to_thread(access.house.key.decrypt, PURPOSE, body, context(access.tenant.number, id_))
    await access.note(access.entry("exchange-open", "Exchange", id_, patients=clients))
    return Opened(envelope_of(row), content, result)


async def _clients(access: Access, id_: str, result: Result) -> list[str] | None:
    """Whom a message is about, as far as that is known by now; None where the caller may not see them all, or something that it became."""
    parts = [one.removeprefix("Exchange/") for one in result.became if one.startswith("Exchange/")]
    rows = await exchange.results(access.house.db, access.head, parts) if parts else []
    results = [result, *(_result(access, row["message"], bytes(row["result"])) for row in rows)]
    became = [one for r in results for one in r.became]
    filed = await papers.filed(access.house.db, access.head, [id_, *parts], [one.removeprefix("Paper/") for one in became if one.startswith("Paper/")])
    documents = {f"DocumentReference/{paper}" for paper in filed}
    wanted = [*(f"Patient/{r.patient}" for r in results if r.patient), *(one for one in became if one.startswith("Patient/")), *(one for r in results for one in r.resources), *sorted(documents)]
    return await _seen(access, list(dict.fromkeys(wanted)))


async def _seen(access: Access, wanted: list[str]) -> list[str] | None:
    """In whose records these are; None where the caller may not see one of them."""
    clients: set[str] = set()
    for start in range(0, len(wanted), _AT_ONCE):
        some = [(reference.partition("/")[0], reference.partition("/")[2]) for reference in wanted[start : start + _AT_ONCE]]
        types = sorted({type_ for type_, _ in some})
        if not all(access.may(type_, "search") for type_ in types):
            return None
        # All types in one search: a message of a laboratory becomes resources of five.
        found = await access.search(None, [("_type", ",".join(types)), ("_id", ",".join(sorted({id_ for _, id_ in some})))], count=2 * _AT_ONCE)
        if not set(some) <= {(s.type, s.id) for s in found.matches}:
            return None
        clients |= {client for resource in found.resources if (client := patient_of(resource)) is not None}
    return sorted(clients)


async def move(access: Access, id_: str, do: str, reason: str = "") -> None:
    """Hold a message, let it go on, do it again (`again`), or set it aside. Raises Malformed, NotFound, Conflict where it moved on meanwhile."""
    await access.check("operate", "Exchange")
    ways = {
        "hold": ((RECEIVED,), HELD, HELD), "release": ((HELD,), RECEIVED, "released"), "again": ((FAILED, REVIEW, MAPPED, ASIDE), RECEIVED, "again"),
        "aside": ((FAILED, REVIEW, HELD), ASIDE, ASIDE),
    }  # fmt: skip
    if do not in ways:
        raise errors.Malformed("Choose what to do.")
    if do in ("hold", "aside") and not reason.strip():
        raise errors.Malformed("Write why, without names: this is read by those who may not know whose it is.")
    source, state, event = ways[do]
    await _moved(access, id_, list(source), state, event, reason, None)
    await access.note(access.entry(f"exchange-{do}", "Exchange", id_))


async def choose(access: Access, id_: str, patient: str, program: int | None, person: str) -> None:
    """Say whose a message is that waits for that, and to which program it belongs; it is done again. person: as the sender names them, to be known from now on.

    Raises NotFound, Forbidden, Conflict.
    """
    found = await opened(access, id_)
    if patient != NEW:
        await access.read("Patient", patient)
    elif program is None:
        raise errors.Malformed("Choose the program that writes them down.")
    if program is not None and program not in access.caller.programs:
        raise errors.Forbidden("You do not work in that program.")
    choice = json.dumps({"patient": patient, "program": program}).encode()
    sealed = access.house.key.encrypt(PURPOSE, choice, context(access.tenant.number, id_))
    await _moved(access, id_, [REVIEW, ASIDE], RECEIVED, "chosen", "", sealed)
    if person and patient != NEW:
        from sojourn.gate.exchange.keeping import theirs

        await exchange.know(access.house.db, access.head, found.envelope.partner, theirs(access.house, access.tenant.number, found.envelope.partner, person), patient, access.caller.account)
    await access.note(access.entry("exchange-choose", "Exchange", id_, patients=[patient] if patient != NEW else []))


async def _moved(access: Access, id_: str, source: list[str], state: str, event: str, reason: str, choice: bytes | None) -> None:
    done = await access.house.db.call(
        "SELECT gate.exchange_move($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS done", *access.head, id_, source, state, event, access.caller.account, reason.strip()[:300], choice
    )
    if not done[0]["done"]:
        await envelope(access, id_)
        raise errors.Conflict("This message moved on meanwhile. It is shown as it is now.")
