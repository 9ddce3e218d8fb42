"""A partner brings documents (IHE MHD ITI-65): kept as messages, and done by doors/mhd/taking.py.

All or none; the same again is there once. The answer follows from what was sent alone: whom it is about, and whether anybody here knows them, changes nothing of it.
https://profiles.ihe.net/ITI/MHD/ITI-65.html
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.base import crypto, errors
from sojourn.care.exchange import outside
from sojourn.care.papers import sandbox
from sojourn.care.summaries import bringing, fetching
from sojourn.care.summaries.bringing import Brought
from sojourn.doors.api.answer import Answer, of_json
from sojourn.doors.api.ask import Ask
from sojourn.fhir import validate as validation
from sojourn.fhir.outcome import Issue, outcome
from sojourn.gate import papers
from sojourn.gate.exchange import partners
from sojourn.gate.exchange.keeping import Keeper

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.exchange.partners import Partner

MOST: Final = 20
TAKEN: Final = "Taken in. It is in a chart once it is certain whose it is."
_PROFILE: Final = "://profiles.ihe.net/ITI/MHD/StructureDefinition/IHE.MHD."
_TYPES: Final = ("DocumentReference", "Binary", "List", "Patient")


class _Document(NamedTuple):
    place: int
    reference: dict[str, Any]
    content: bytes
    media: str
    pages: int


def is_one(bundle: dict[str, Any]) -> bool:
    """Whether a transaction says that it provides documents, with whatever metadata: minimal, comprehensive or without containment."""
    meta = bundle.get("meta")
    profiles = meta.get("profile") if isinstance(meta, dict) else None
    return bundle.get("type") == "transaction" and any(isinstance(p, str) and _PROFILE in p and p.partition("|")[0].endswith(".ProvideBundle") for p in (profiles if isinstance(profiles, list) else ()))


async def take(ask: Ask, bundle: dict[str, Any]) -> Answer:
    """Take all of them in, or none. Raises Forbidden, and Invalid with the entry that is wrong."""
    access = ask.access
    await access.check("provide", "DocumentReference", "mhd")
    entries = [e if isinstance(e, dict) else {} for e in bundle.get("entry") or ()]
    submission, documents = _checked(entries)
    partner = await partners.itself(access)
    found = [await _opened(n, reference, content) for n, reference, content in documents]
    taken = await _kept(access, partner, submission, found, entries) if partner is not None else await _received(access, submission, found, entries)
    receipt = await access.note(access.entry("provide", "DocumentReference", "mhd"))
    answers = [_answer(n, e, entries, taken) for n, e in enumerate(entries)]
    return of_json({"resourceType": "Bundle", "type": "transaction-response", "entry": answers}, receipt=receipt)


async def _kept(access: Access, partner: Partner, submission: str, found: list[_Document], entries: list[dict[str, Any]]) -> dict[int, str]:
    """Those of a registered partner, as messages of theirs: where each will be. Raises Forbidden where the partner was stopped meanwhile."""
    keeper, tenant = Keeper(access.house), access.tenant
    came = [bringing.came(access, partner, Brought(one.reference, _patient(one.reference, entries), _unique(one, submission), one.media, one.pages, one.content)) for one in found]
    try:
        there = await asyncio.gather(*(keeper.keep(tenant, each) for each in came))
    except errors.StaleCredential:
        raise errors.Forbidden("Nothing is taken from this organization now.") from None
    return {one.place: bringing.place(access, kept.id) for one, kept in zip(found, there, strict=True)}


async def _received(access: Access, submission: str, found: list[_Document], entries: list[dict[str, Any]]) -> dict[int, str]:
    """Those of who is no registered partner: into the tray."""
    return {
        one.place: await papers.receive(
            access, one.content, media=one.media, pages=one.pages, door=papers.MHD, source=f"mhd:{access.caller.agent}:{_unique(one, submission)}:{crypto.sha256_hex(one.content)}", name=brought.words,
            sender=access.caller.name, marks=fetching.marks(outside.labels(one.reference), None), whose=brought.whose,
        )
        for one in found
        for brought in [Brought(one.reference, _patient(one.reference, entries), "", one.media, one.pages, one.content)]
    }  # fmt: skip


def _unique(one: _Document, submission: str) -> str:
    return _identifier(one.reference.get("masterIdentifier")) or f"{submission}#{one.place}"


def _answer(n: int, entry: dict[str, Any], entries: list[dict[str, Any]], taken: dict[int, str]) -> dict[str, Any]:
    """Of a document where it will be once it is in a chart; of what goes with it only that it was taken."""
    if n in taken:
        return {"response": {"status": "201 Created", "location": f"DocumentReference/{taken[n]}", "outcome": outcome([Issue("information", "informational", "", TAKEN)])}}
    holder = next((taken[m] for m in taken if _url(entries[m].get("resource")) and _url(entries[m].get("resource")) == entry.get("fullUrl")), "")
    return {"response": {"status": "201 Created", **({"location": f"DocumentReference/{holder}/$content"} if holder else {})}}


def _wrong(n: int, why: str) -> errors.Invalid:
    return errors.Invalid(why, expression=f"Bundle.entry[{n}]")


def _checked(entries: list[dict[str, Any]]) -> tuple[str, list[tuple[int, dict[str, Any], bytes]]]:
    """(the identifier of the submission, (place, DocumentReference, bytes) of each document). Raises Invalid."""
    submission, documents = "", []
    binaries = {e.get("fullUrl"): e.get("resource") for e in entries}
    for n, entry in enumerate(entries):
        resource, method = entry.get("resource"), (entry.get("request") or {}).get("method") if isinstance(entry.get("request"), dict) else None
        if not isinstance(resource, dict) or resource.get("resourceType") not in _TYPES:
            raise _wrong(n, "A submission holds DocumentReferences, their Binaries, its own List and the Patient.")
        if wrong := [i for i in validation.validate(resource) if i.severity == "error"]:
            raise _wrong(n, wrong[0].diagnostics)
        if method not in ("POST", None) and resource["resourceType"] != "Patient":
            raise _wrong(n, "Documents are brought anew (POST). What replaces another says so (relatesTo); what is there is changed by who works here.")
        if resource["resourceType"] == "List":
            codes = [c.get("code") for c in (resource.get("code") or {}).get("coding") or () if isinstance(c, dict)]
            if "submissionset" not in codes:
                raise _wrong(n, "Only the SubmissionSet is taken as a List; folders are not kept here.")
            submission = submission or next((i for i in map(_identifier, resource.get("identifier") or ()) if i), "")
        elif resource["resourceType"] == "DocumentReference":
            documents.append((n, resource, _content(n, resource, binaries)))
    if not submission:
        raise errors.Invalid("A submission has one SubmissionSet (List) with an identifier.", expression="Bundle.entry")
    if not 0 < len(documents) <= MOST:
        raise errors.Invalid(f"A submission holds 1 to {MOST} documents.", expression="Bundle.entry")
    return submission, documents


def _identifier(value: Any) -> str:
    return outside.words(value.get("value"), 300) if isinstance(value, dict) else ""


def _url(resource: Any) -> str:
    contents = resource.get("content") if isinstance(resource, dict) else None
    first = contents[0] if isinstance(contents, list) and contents and isinstance(contents[0], dict) else {}
    attachment = first.get("attachment")
    return str(attachment.get("url") or "") if isinstance(attachment, dict) else ""


def _content(n: int, reference: dict[str, Any], binaries: dict[Any, Any]) -> bytes:
    """The bytes of a document, as its hash and size say. Raises Invalid."""
    contents = reference.get("content")
    if not isinstance(contents, list) or len(contents) != 1 or not isinstance(contents[0], dict) or not isinstance(contents[0].get("attachment"), dict):
        raise _wrong(n, "A DocumentReference has one content with its attachment.")
    attachment = contents[0]["attachment"]
    binary = binaries.get(attachment.get("url"))
    data = attachment.get("data") or (binary.get("data") if isinstance(binary, dict) and binary.get("resourceType") == "Binary" else None)
    if not isinstance(data, str):
        raise _wrong(n, "Its document is not in this Bundle: the address of its attachment is the fullUrl of a Binary here. Nothing is fetched from elsewhere.")
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise _wrong(n, "Its document is not Base64.") from None
    digest = base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode()
    if attachment.get("hash") not in (None, digest) or attachment.get("size") not in (None, len(content)):
        raise _wrong(n, "Its hash or size is not that of its document.")
    return content


async def _opened(n: int, reference: dict[str, Any], content: bytes) -> _Document:
    try:
        media, pages = await sandbox.checked(content)
    except sandbox.Unreadable as error:
        raise _wrong(n, error.message) from None
    return _Document(n, reference, content, media, pages)


def _patient(reference: dict[str, Any], entries: list[dict[str, Any]]) -> dict[str, Any]:
    """The Patient whom its sender says it is about; {}."""
    contained = [r for r in reference.get("contained") or () if isinstance(r, dict)]
    return next((r for r in (*contained, *(e.get("resource") for e in entries)) if isinstance(r, dict) and r.get("resourceType") == "Patient"), {})
