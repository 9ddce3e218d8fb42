"""The test bench: runs against a partner's profile, signatures, go and no-go.

Production needs three things, and the database looks at them at each message: a run of the profile as it is that was passed and that both
sides signed, an agreement in force, and a basis. What is missing holds messages and loses none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.base import clock, crypto, errors, ids
from sojourn.gate.exchange import partners, testing
from sojourn.gate.exchange.keeping import PURPOSE, context
from sojourn.gate.exchange.testing import FAILED, PASSED, WAITS, Step
from sojourn.gate.security import alive, told, written
from sojourn.record import exchange, exchangebench
from sojourn.record.trail import Entry

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Tenant
    from sojourn.gate.exchange.partners import Partner
    from sojourn.gate.gate import House

RUNNING: Final = "running"
OURS, THEIRS = "ours", "theirs"
LINK: Final = timedelta(days=7)
"""For how long a partner may sign by a link."""
WHY: Final = {
    "": "They exchange for real.", "run": "No test was passed and signed by both sides yet.", "profile": "Their profile was changed since it was tested. It takes a new run.",
    "agreement": "No agreement with them is in force.", "basis": "It is not written down on what basis they get what goes to them.", "no": "Somebody decided that they exchange nothing for real now.",
}  # fmt: skip
_PURPOSE: Final = "exchange signature"
_FILE: Final = 2 << 20


class Run(NamedTuple):
    """One run. fits: the partner's profile is still the one that was tested. digest: SHA-256 of the result, '' while it runs."""

    id: str
    partner: str
    dated: str
    steps: list[Step]
    state: str
    digest: str
    revision: int
    author: str
    begun: datetime
    ended: datetime | None
    fits: bool


class Signature(NamedTuple):
    """Who signed a result. way: here, link or file."""

    side: str
    name: str
    role: str
    way: str
    digest: str
    at: datetime
    has_file: bool


class Clearance(NamedTuple):
    """Whether a partner exchanges for real. why: '' or a key of WHY; way: before, run, no, or '' where nothing was decided yet.

    goes, letters, asks: '' or a key of documented.WHY: why documents do not go to them, what they send by Direct or bring is held, or they are not asked.
    """

    partner: str
    why: str
    way: str
    run: str
    name: str
    reason: str
    at: datetime | None
    goes: str = ""
    letters: str = ""
    asks: str = ""


def _run(row: Any) -> Run:
    return Run(row["run"], row["partner"], row["dated"], testing.of(json.loads(row["steps"])), *(row[k] for k in Run._fields[4:]))


async def clearances(access: Access) -> dict[str, Clearance]:
    """Of every partner. Raises Forbidden."""
    await access.check("operate", "Exchange")
    return {r["partner"]: Clearance(**dict(r)) for r in await exchangebench.clearances(access.house.db, access.tenant.number, clock.now())}


async def runs(access: Access, partner: str) -> list[Run]:
    """Runs of a partner, the newest first."""
    await access.check("administer", "Exchange")
    return [_run(r) for r in await exchangebench.runs(access.house.db, access.tenant.number, partner)]


async def one(access: Access, partner: str, run: str) -> Run:
    """One run of a partner. Raises NotFound."""
    await access.check("administer", "Exchange")
    await alive(access)
    return await _one(access.house, access.tenant.number, run, partner)


async def _one(house: House, tenant: int, run: str, partner: str = "") -> Run:
    rows = await exchangebench.runs(house.db, tenant, run=run) if run else []
    if not rows or partner not in ("", rows[0]["partner"]):
        raise errors.NotFound("There is no such run.")
    return _run(rows[0])


async def signatures(access: Access, run: Run) -> dict[str, Signature]:
    """By side."""
    return await _signatures(access.house, access.tenant.number, run.id)


async def _signatures(house: House, tenant: int, run: str) -> dict[str, Signature]:
    return {r["side"]: Signature(**dict(r)) for r in await exchangebench.signatures(house.db, tenant, run)}


async def begin(access: Access, partner: Partner, some: Sequence[Step]) -> str:
    """Begin a run of the shared scripts against a partner's profile; its id. Raises Malformed where one is running or the partner is stopped."""
    await access.check("administer", "Exchange")
    id_ = ids.new_id("run")
    if not some:
        raise errors.Malformed("Nothing goes to and fro with them by itself: there is nothing to test.")
    done = await told(
        access, "exchange-test", f"partner={partner.id}", "gate.exchange_run_begin($1, $2, $3, $4, $5, $6, $7, $8)",
        access.tenant.number, id_, partner.id, partner.since, testing.dated(), json.dumps(testing.kept(some)), access.caller.account, clock.now(), type_="Exchange",
    )  # fmt: skip
    if not done:
        raise errors.Malformed("A test is running already, or the partner was changed or stopped meanwhile.")
    return id_


async def again(access: Access, partner: str, run: str, key: str) -> None:
    """Do one step again. Raises NotFound, Conflict."""
    found = await one(access, partner, run)
    if found.state != RUNNING or key not in {s.key for s in found.steps}:
        raise errors.NotFound("There is no such step.")
    some = [s.became(WAITS, "", clock.now()) if s.key == key else s for s in found.steps]
    if not await record(access.house, access.tenant.number, found, some):
        raise errors.Conflict("This run went on meanwhile. It is shown as it is now.")


async def end(access: Access, partner: str, run: str) -> None:
    """End a run that is not passed: it has failed. Raises NotFound."""
    found = await one(access, partner, run)
    if found.state != RUNNING or not await _ended(access.house, access.tenant.number, found, found.steps, FAILED):
        raise errors.NotFound("There is no such run.")
    await access.note(access.entry("exchange-test-end", "Exchange", run))


def result(run: Run, steps: Sequence[Step], state: str) -> bytes:
    """What both sides sign: who was tested, by which scripts, and what came of each step. Canonical JSON."""
    said = {"run": run.id, "partner": run.partner, "scripts": run.dated, "begun": run.begun.isoformat(), "state": state, "steps": testing.kept(steps)}
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


async def record(house: House, tenant: int, run: Run, steps: Sequence[Step]) -> bool:
    """What became of steps; a run all of whose steps are passed is passed. False where somebody was faster."""
    if all(s.state == PASSED for s in steps):
        return await _ended(house, tenant, run, steps, PASSED)
    return await exchangebench.put(house.db, tenant, run.id, run.revision, json.dumps(testing.kept(steps)), RUNNING, "", clock.now())


async def _ended(house: House, tenant: int, run: Run, steps: Sequence[Step], state: str) -> bool:
    digest = hashlib.sha256(result(run, steps, state)).hexdigest()
    return await exchangebench.put(house.db, tenant, run.id, run.revision, json.dumps(testing.kept(steps)), state, digest, clock.now())


async def running(house: House, tenant: int) -> list[Run]:
    """Runs that are to be gone on with, for who does their steps."""
    return [_run(r) for r in await exchangebench.runs(house.db, tenant)]


async def active(house: House, tenant: int) -> dict[str, Partner]:
    """The active partners, as they are now."""
    return {p.id: p for r in await exchange.partners(house.db, tenant) if (p := partners.of_row(r)).active}


class Came(NamedTuple):
    """A test message of a partner."""

    id: str
    door: str
    kind: str
    content: bytes
    received: datetime


async def came(house: House, tenant: int, partner: str, since: datetime) -> list[Came]:
    """The test messages that came from a partner since."""
    rows = await exchangebench.tested(house.db, tenant, partner, since)
    return [Came(r["message"], r["door"], r["kind"], house.key.decrypt(PURPOSE, bytes(r["body"]), context(tenant, r["message"])), r["received"]) for r in rows]


async def sign(access: Access, partner: str, run: str, role: str) -> None:
    """Sign a passed run for our side. Raises Malformed, NotFound, ProofNeeded."""
    found = await one(access, partner, run)
    await access.require_fresh()
    if not role.strip():
        raise errors.Malformed("Write in which function you sign.")
    names = {r["account"]: r["name"] for r in await access.house.db.call("SELECT * FROM gate.exchange_keepers($1, $2, $3, $4)", *access.head)}
    done = await told(
        access, "exchange-test-sign", f"partner={partner}&run={run}", "gate.exchange_sign($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        access.tenant.number, run, OURS, names.get(access.caller.account, access.caller.account), role.strip()[:120], access.caller.account, "here", found.digest, None, clock.now(), type_="Exchange",
    )  # fmt: skip
    if not done:
        raise errors.Malformed("Only a passed run is signed, and once.")


async def link(access: Access, partner: str, run: str) -> str:
    """A secret by which the partner signs, once and within a week; an earlier one is good no more. Raises Malformed, NotFound, ProofNeeded."""
    await one(access, partner, run)
    await access.require_fresh()
    secret = ids.new_token()
    done = await told(
        access, "exchange-test-link", f"partner={partner}&run={run}", "gate.exchange_signing_make($1, $2, $3, $4, $5)",
        access.tenant.number, _hash(secret), run, access.caller.account, clock.now() + LINK, type_="Exchange",
    )  # fmt: skip
    if not done:
        raise errors.Malformed("Only a passed run is signed.")
    return secret


def _hash(secret: str) -> bytes:
    return crypto.sha256(secret.encode())


async def upload(access: Access, partner: str, run: str, name: str, role: str, file: bytes) -> None:
    """Keep a result that the partner signed and sent. Raises Malformed, NotFound."""
    found = await one(access, partner, run)
    _named(name, role)
    if not file or len(file) > _FILE:
        raise errors.Malformed("Choose the signed result, of 2 MB at most.")
    if found.digest.encode() not in file and not file.startswith((b"%PDF-", b"\x89PNG", b"\xff\xd8\xff")):
        raise errors.Malformed("The file is a PDF or an image of the signed result, or a text that names its SHA-256.")
    sealed = access.house.key.encrypt(_PURPOSE, file, f"{access.tenant.number}\0{run}".encode())
    done = await told(
        access, "exchange-test-file", f"partner={partner}&run={run}", "gate.exchange_sign($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        access.tenant.number, run, THEIRS, name.strip()[:120], role.strip()[:120], access.caller.account, "file", found.digest, sealed, clock.now(), type_="Exchange",
    )  # fmt: skip
    if not done:
        raise errors.Malformed("Only a passed run is signed, and once by each side.")


def _named(name: str, role: str) -> None:
    if not name.strip() or not role.strip():
        raise errors.Malformed("Write who signs, and in which function.")


async def by_link(house: House, tenant: Tenant, secret: str) -> Run | None:
    """The run that a partner may sign by a link; None for one that is not good (any more)."""
    run = await exchangebench.signing(house.db, tenant.number, _hash(secret), clock.now())
    return await _one(house, tenant.number, run) if run else None


async def sign_by_link(house: House, tenant: Tenant, secret: str, name: str, role: str, request: str) -> bool:
    """The partner signs; False where the link is not good any more. request: for the trail. Raises Malformed."""
    _named(name, role)
    run = await by_link(house, tenant, secret)
    if run is None:
        return False
    line = Entry(clock.now(), request, f"partner-{run.partner}", "interface", "exchange", "HOPERAT", "exchange-test-sign", "done", "Exchange", f"run={run.id}&side=theirs")
    return await written(house, tenant, line, "gate.exchange_signing_use($1, $2, $3, $4, $5, $6)", tenant.number, _hash(secret), name.strip()[:120], role.strip()[:120], run.digest, clock.now())


async def before(access: Access, partner: str, reason: str) -> None:
    """Write down that a partner exchanged for real before there was a bench: of a sample, and what the migration does for those that were there."""
    await access.check("administer", "Exchange")
    await exchangebench.before(access.house.db, access.tenant.number, partner, reason, clock.now())
    await access.note(access.entry("exchange-go", "Exchange", partner))


async def decide(access: Access, partner: str, run: str, reason: str, *, go: bool) -> None:
    """Go: they exchange for real from now on, and what was held goes on. No-go: nothing is exchanged for real. Raises Malformed with what is missing, ProofNeeded."""
    await partners.one(access, partner)
    await access.check("administer", "Exchange")
    await access.require_fresh()
    if not reason.strip():
        raise errors.Malformed("Write why.")
    done = await told(
        access, "exchange-go" if go else "exchange-no-go", f"partner={partner}&run={run}", "gate.exchange_go($1, $2, $3, $4, $5, $6, $7)",
        access.tenant.number, partner, "run" if go else "no", run, access.caller.account, reason.strip()[:300], clock.now(), type_="Exchange",
    )  # fmt: skip
    if not done:
        raise errors.Malformed("That takes a passed run of the profile as it is, signed by both sides, an agreement in force, and the basis on which they get what goes to them.")
