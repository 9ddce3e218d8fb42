"""Verifies signatures: each is the server's, is in the trail, and what it stands over is still there."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base import crypto, signing
from sojourn.fhir import codec
from sojourn.record.blobs import CLOSING
from sojourn.record.sql import body

if TYPE_CHECKING:
    import asyncpg

    from sojourn.record.blobs import Blobs

_FORMAT = "application/jose"
_MOST = 20
_MARKED = re.compile(r" signature:([0-9a-f]{64})")
_CLOSED = ("signed", "co-signed", "locked", "error")


class Signatures(NamedTuple):
    """What was found. wrong: sentences that name what differs; never who signed, or what it says."""

    checked: int
    wrong: list[str]


async def check_signatures(connection: asyncpg.Connection[Any], tenant: int, blobs: Blobs, trusted: frozenset[bytes]) -> Signatures:
    """Recompute every signature of one organization from what is stored. trusted: public keys that may have signed."""
    wrong: list[str] = []
    checked = 0
    over: dict[str, set[str]] = {}
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        in_trail = {
            mark async for row in connection.cursor("SELECT query FROM record.audit WHERE tenant = $1 AND position(' signature:' IN query) > 0", tenant)
            for mark in _MARKED.findall(row["query"])
        }  # fmt: skip
        async for row in connection.cursor(f"SELECT r.id, {body('r')} AS body, r.blobs FROM record.resource r WHERE r.tenant = $1 AND r.type = 'Provenance'", tenant, prefetch=500):
            whole = _whole(blobs, tenant, row)
            if _FORMAT.encode() not in whole:
                continue
            provenance = codec.loads(whole)
            targets = [str(t.get("reference", "")) for t in provenance.get("target") or ()]
            for data in _signed(provenance):
                said = _said(data, trusted)
                if said is None:
                    continue  # made elsewhere: its key is not ours to know
                checked += 1
                name = f"the signature Provenance/{row['id']}"
                if not said:
                    wrong.append(f"{name} is not one that this server made: it was changed, or made with another key")
                elif crypto.sha256_hex(data) not in in_trail:
                    wrong.append(f"{name} is not in the trail: it was put in beside the server")
                elif said.get("targets") != _digest("\n".join(sorted(targets)).encode()):
                    wrong.append(f"{name} was made over other resources than those that it names now: {', '.join(targets)}")
                else:
                    for target in targets:
                        over.setdefault(target, set()).add(str(said.get("shown", "")))
                    wrong += [] if await _kept(connection, tenant, blobs, targets, str(said.get("shown", ""))) else [f"what {name} was made over is no longer there as it was: no version of {_documents(targets)} holds it"]
                if len(wrong) >= _MOST:
                    return Signatures(checked, [*wrong, "there may be more: the first are named"])
        async for closed in _closed(connection, tenant, blobs):
            held, reference = closed
            if not held & over.get(reference, set()):
                wrong.append(f"{reference} is closed, and no signature stands over what it holds now")
    return Signatures(checked, wrong[:_MOST])


def _signed(provenance: Mapping[str, Any]) -> Iterable[bytes]:
    for each in provenance.get("signature") or ():
        if each.get("sigFormat") == _FORMAT:
            try:
                yield base64.b64decode(str(each.get("data") or ""), validate=True)
            except (binascii.Error, ValueError):
                yield b"."


def _said(data: bytes, trusted: frozenset[bytes]) -> dict[str, Any] | None:
    """What a signature says; empty if it is not genuine, None if it names a key that is none of ours."""
    said, _, signature = data.rpartition(b".")
    head, _, body = said.partition(b".")
    try:
        kid = str(codec.loads(_decoded(head)).get("kid", ""))
        keys = [key for key in trusted if key.hex().startswith(kid)] if len(kid) == 16 else []
        if kid and not keys:
            return None
        if any(signing.genuine(key, said, _decoded(signature)) for key in keys):
            found: dict[str, Any] = codec.loads(_decoded(body))
            return found
    except (ValueError, AttributeError, binascii.Error):
        pass
    return {}


def _decoded(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


def _digest(data: bytes) -> str:
    return f"sha-256:{crypto.sha256_hex(data)}"


def _documents(targets: Iterable[str]) -> str:
    return ", ".join(t for t in targets if t.startswith(("DocumentReference/", "Binary/"))) or "what it names"


async def _kept(connection: asyncpg.Connection[Any], tenant: int, blobs: Blobs, targets: Iterable[str], shown: str) -> bool:
    """Whether some version of what was signed holds the bytes that were shown, newest first."""
    for target in targets:
        type_, _, id_ = target.partition("/")
        if type_ in ("DocumentReference", "Binary"):
            rows = await connection.fetch(f"SELECT {body('v')} AS body, v.blobs FROM record.version v WHERE v.tenant = $1 AND v.type = $2 AND v.id = $3 AND v.body IS NOT NULL ORDER BY v.seq DESC", tenant, type_, id_)
            for row in rows:
                if shown in _held(codec.loads(_whole(blobs, tenant, row))):
                    return True
    return False


async def _closed(connection: asyncpg.Connection[Any], tenant: int, blobs: Blobs) -> AsyncIterator[tuple[set[str], str]]:
    """What every closed document that holds something holds now."""
    query = f"SELECT r.id, {body('r')} AS body, r.blobs FROM record.resource r WHERE r.tenant = $1 AND r.type = 'DocumentReference'"
    async for row in connection.cursor(query, tenant, prefetch=500):
        whole = _whole(blobs, tenant, row)
        if CLOSING.encode() in whole:
            document = codec.loads(whole)
            held = _held(document)
            if held and _state(document) in _CLOSED:
                yield held, f"DocumentReference/{row['id']}"


def _state(document: Mapping[str, Any]) -> str:
    for extension in (document.get("meta") or {}).get("extension") or ():
        if extension.get("url") == CLOSING:
            return next((str(part.get("valueCode")) for part in extension.get("extension") or () if part.get("url") == "state"), "")
    return ""


def _held(resource: Mapping[str, Any]) -> set[str]:
    """Digests of the bytes in it; those of a file that was lost are not."""
    holders = [resource] if resource.get("resourceType") == "Binary" else [c.get("attachment") or {} for c in resource.get("content") or ()]
    found = set()
    for holder in holders:
        try:
            if data := base64.b64decode(str(holder.get("data") or ""), validate=True):
                found.add(_digest(data))
        except (binascii.Error, ValueError):
            continue
    return found


def _whole(blobs: Blobs, tenant: int, row: Mapping[str, Any]) -> bytes:
    stored = blobs.opened(tenant, row["body"])
    try:
        return blobs.whole(tenant, stored, row["blobs"] or [])
    except FileNotFoundError:
        return stored
