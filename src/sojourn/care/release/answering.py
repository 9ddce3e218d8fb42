"""Answer a request: release the packet, take longer, refuse with a letter, hand it over by a door."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from pathlib import Path
from typing import Any, Final

from sojourn.base import clock, crypto, errors
from sojourn.care.papers import reading, sandbox
from sojourn.care.release import letters, marking, requests, words
from sojourn.care.release import packet as packets
from sojourn.care.release.packet import Cover, digest
from sojourn.care.release.requests import Request
from sojourn.gate import disclosing, disclosurelog, proof, releasing
from sojourn.gate.access import Access
from sojourn.gate.releasing import Preview
from sojourn.gate.scope import PURPOSES

__all__ = ["BARE", "allowed", "bare", "digest", "extend", "hand_over", "looked_at", "packet", "refusal", "refuse", "release"]


_KEPT = 4
LOOKED: Final = 120.0
"""Seconds in which the pages of what was just decided are drawn without deciding again: the images of one page come one by one."""
_made: OrderedDict[tuple[str, str, str], bytes] = OrderedDict()
_shown: OrderedDict[tuple[str, int, str, str], tuple[float, bytes]] = OrderedDict()
"""Packets that somebody looks at page by page, who may see all that is in them; for a release what leaves is decided anew."""


async def packet(access: Access, request: Request, found: Preview) -> bytes:
    """The packet as it would leave, or leaves. Raises Conflict where a document changed since passages were blacked out."""
    person = next((r for r in marking.entries(found) if r["resourceType"] == "Patient"), None)
    span = f"{request.since or 'the beginning'} to {request.until or 'today'}" if request.since or request.until else ""
    # What stands on it beside the entries: the statement and the scope of the consents, which may be others for the same entries.
    beside = disclosing.digest_of(digest(found, request.marks), found.outgoing.notice, found.outgoing.scope, access.today.isoformat())
    key = (access.caller.account, request.id, beside)
    if key in _made:
        _shown[_looks(access, request)] = (clock.monotonic(), _made[key])
        return _made[key]
    facts = (
        ("To", request.requester), ("Address", request.address), ("About", f"{words.name(person)}, born {person.get('birthDate', 'unknown')}" if person else ""), ("On the basis of", request.basis.title),
        ("Purpose", PURPOSES.get(request.purpose, request.purpose)), ("What", requests.SCOPES[request.scope][0]), ("Of the days", span), ("Prepared", access.today.isoformat()),
    )  # fmt: skip
    _made[key] = await packets.made(access, found, Cover("Released record", facts), request.marks)
    _shown[_looks(access, request)] = (clock.monotonic(), _made[key])
    for kept in (_made, _shown):
        while len(kept) > _KEPT:
            kept.popitem(last=False)
    return _made[key]


def _looks(access: Access, request: Request) -> tuple[str, int, str, str]:
    """Who looks, as they act now, at which version of a request."""
    return access.caller.account, access.caller.generation, request.id, request.version


async def looked_at(access: Access, request: Request) -> bytes:
    """The packet whose pages the caller is looking at: as it was made for them, from this version of the request, a moment ago."""
    when, found = _shown.get(_looks(access, request), (-LOOKED, b""))
    return found if clock.monotonic() - when < LOOKED else await packet(access, request, await requests.preview(access, request))


async def allowed(access: Access, request: Request, seen: str, *, elsewhere: bool = False) -> Preview:
    """What leaves, where it is what was looked at. elsewhere: words that were blacked out may stand in other places.

    Raises ProofNeeded, Malformed where a part is missing, Conflict where it changed since or words stand elsewhere: then nothing has left.
    """
    await proof.require_fresh(access)
    if not request.open or (missing := request.missing()):
        raise errors.Malformed("It was answered already." if not request.open else "Before anything leaves: " + "; ".join(missing) + ".")
    now = await requests.preview(access, request)
    if not now.outgoing.shows:
        raise errors.Malformed(releasing.NOTHING)
    if bare(request, now):
        raise errors.Malformed(BARE)
    if digest(now, request.marks) != seen:
        raise errors.Conflict(releasing.CHANGED)

    said = "\n".join(await sandbox.texts(await packet(access, request, now), reading.PDF))
    if not elsewhere and (left := marking.elsewhere(request.marks, said)):
        raise errors.Conflict(f"Words that you blacked out stand in other places of the packet: “{'”, “'.join(left)}”. Black them out there, leave that entry out, or say that they may stay.")
    return now


async def release(access: Access, request: Request, seen: str, *, elsewhere: bool = False) -> str:
    """Release what was looked at; the id of its line in the log. Raises as `allowed`."""
    now = await allowed(access, request, seen, elsewhere=elsewhere)

    async def made(found: Preview) -> bytes:
        return await packet(access, request, found)

    mine = await requests.claim(access, request)
    disclosure = await releasing.release(access, requests.wish(request), now.digest, made=made)
    await requests.released(access, mine, disclosure)
    return disclosure


_BARE = frozenset({"Patient", "Coverage", "RelatedPerson", "Consent"})
BARE = "Nothing but who they are would leave. To a court that tells only that they are known here, which it must not learn from us (42 CFR 2.13(c))."


def bare(request: Request, found: Preview) -> bool:
    """Whether a court would get nothing but that somebody is known here."""
    return request.basis.legal and {s.type for s in found.leaves} <= _BARE


def refusal(request: Request, found: Preview) -> str:
    """Which letter fits a refusal of this request: of a court's paper that opens nothing, of a patient's own copy, or of any other."""
    if request.basis.legal:
        return "refuse-legal"
    return "refuse-access" if request.basis.who in ("patient", "representative") else "refuse"


async def _letter(access: Access, request: Request, key: str, **values: str) -> Any:
    template = (await letters.templates(access))[key]
    known = {"today": letters.long(access.today), "requester": request.requester, "address": request.address, "received": letters.long(request.received), "organization": access.tenant.name}
    program = await requests.belongs(access, request.patient)
    return letters.filing(access, request.patient, template.title, letters.filled(template, {**known, **values}), program)


async def extend(access: Access, request: Request, why: str) -> None:
    """Take longer, once, and write the letter that says so."""
    from datetime import timedelta

    due = letters.long(request.due + timedelta(days=request.basis.longer))
    await requests.extend(access, request, why, await _letter(access, request, "extend", why=why.strip(), due=due))


async def refuse(access: Access, request: Request, why: str, reason: str) -> None:
    """Refuse it and write the letter. To a court's paper the letter tells nobody whether there is a record at all (42 CFR 2.13(c))."""
    await access.require_fresh()
    key = refusal(request, await requests.preview(access, request))
    said = dict(request.basis.reasons).get(reason, "")
    await requests.refuse(access, request, why, reason, await _letter(access, request, key, why="" if key == "refuse-legal" else why.strip(), reason=said))


async def hand_over(access: Access, request: Request, door: str, note: str) -> None:
    """Note by which door it went; into the drop folder it is put here. Raises Malformed, NotFound."""
    if door == "drop" and request.sent:
        row, content = await disclosurelog.payload(access, request.sent[-1])
        await asyncio.to_thread(_drop, access.house.inbox.parent / "drop-out" / access.tenant.key, f"{crypto.sha256_hex(row['disclosure'].encode())[:24]}.pdf", content)
    await requests.handed(access, request, door, note)


def _drop(folder: Path, name: str, content: bytes) -> None:
    """Written whole or not at all; the name tells nothing of anybody. Whatever transfers files takes it from there."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = folder / f".{name}.part"
    draft.write_bytes(content)
    draft.chmod(0o600)
    draft.replace(folder / name)


