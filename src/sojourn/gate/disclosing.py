"""The way out: what leaves gets its marks and notice, and is written down before it leaves.

Marks and notice follow from what is shown, never from what is not: an answer from which something was withheld and the same answer
without it are the same bytes (hard rule: existence is content). They are added to what is served and never stored, so versions and
ETags stay what they were. 42 CFR 2.32 and 2.25; 45 CFR 164.528; docs/decisions/0018-disclosure.md.
"""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sojourn.base import crypto, ids
from sojourn.fhir import codec
from sojourn.gate import bases, scope, visible
from sojourn.gate.bases import ACT_CODE, CONFIDENTIALITY
from sojourn.gate.policy import tables
from sojourn.gate.visible import Sight
from sojourn.record import disclosures

if TYPE_CHECKING:
    from sojourn.gate.access import Access

NOTICE = "https://sojourn.example/fhir/StructureDefinition/disclosure-notice"
SCOPE = "https://sojourn.example/fhir/StructureDefinition/disclosure-consent-scope"
CONSENT = "https://sojourn.example/fhir/StructureDefinition/disclosure-consent"
_SEAL = "disclosure"
_ASKED = "fhir"
"""The channel of who asks for it themselves: what a search, an operation or a subscription gives is a Bundle, and what somebody chose comes by another channel."""
_LEVELS = ("U", "L", "M", "N", "R", "V")
_NOT_DATA = ("OperationOutcome", "CapabilityStatement", "Bundle", "Parameters")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Something ready to leave. body: as it will leave. what: `Type/id/_history/version`. notice: `id version`, empty when none is due.

    found: what is in it was found by looking, and hangs on all that was found.
    """

    body: bytes
    patients: tuple[str, ...] = ()
    what: tuple[str, ...] = ()
    consents: tuple[str, ...] = ()
    notice: str = ""
    scope: str = ""
    found: bool = False

    @property
    def shows(self) -> bool:
        """Whether anything of the record is in it."""
        return bool(self.what)


@dataclass(frozen=True, slots=True)
class Statement:
    """One of the statements of 42 CFR 2.32(a), as it read on a day."""

    id: str
    version: str
    text: str


@lru_cache(maxsize=1)
def _rules() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "disclosing.toml").read_text("utf-8"))


def statement(channel: str, part: str, day: date) -> Statement:
    """The statement that goes with a channel's `whole` or `each` on a day."""
    carry = _carried(channel, day)
    dated = [row for row in tables.table("notices")["notice"] if row["id"] == carry[part] and row["effective"] <= day]
    found = max(dated, key=lambda row: row["effective"])
    return Statement(found["id"], found["version"], found["text"])


def _carried(channel: str, day: date) -> dict[str, Any]:
    """What goes with a channel on a day."""
    return max((row for row in _rules()["carry"] if row["channel"] == channel and row["effective"] <= day), key=lambda row: row["effective"])


def _copies(access: Access, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """The consents themselves, as they stood: 42 CFR 2.32(b). Without narrative and the like, as everything that leaves."""
    found = {row["consent"]: visible.resource(codec.loads(row["body"]), Sight(bases.PART2, frozenset(), True, access.rules.labels)) for row in rows}
    return [consent for _, consent in sorted(found.items()) if consent is not None]


async def prepare(access: Access, body: bytes, *, channel: str = "fhir", spoken: Sequence[Mapping[str, Any]] = ()) -> Outgoing:
    """Mark what is about to leave, and say under which consents it does. One statement, whatever is in it.

    spoken: resources that it speaks of, as the recipient sees them, without their standing in it: to tell of them is a disclosure too.
    """
    value = codec.loads(body)
    shown = list(_resources(value))
    # What is made for the answer alone has no version; what it speaks of does.
    what = tuple(dict.fromkeys(f"{r['resourceType']}/{r['id']}/_history/{version}" for r in (*shown, *spoken) if (version := r["meta"].get("versionId"))))
    rows = await disclosures.consents_for(access.house.db, access.head, access.decision.keys, access.decision.purpose, access.decision.action, what)
    if not shown and not spoken:
        return Outgoing(body)
    protected = [resource for resource in shown if is_part2(resource)]
    due = bool(protected) or any(is_part2(resource) for resource in spoken)
    patients = tuple(sorted({row["patient"] for row in rows}))
    relied = [{**row, "body": access.house.blobs.opened(access.tenant.number, row["body"])} for row in rows if row["consent"]]
    consents = tuple(f"Consent/{row['consent']}/_history/{row['version']}" for row in relied)
    said = scope.explained([codec.loads(row["body"]) for row in relied]) if due else ""
    long, short = (statement(channel, part, access.now.date()) for part in ("whole", "each"))
    copies = _copies(access, relied) if due and value.get("resourceType") == "Bundle" and _carried(channel, access.now.date())["consent"] == "copy" else []
    for resource in (*protected, *copies):
        mark(resource, short)
    if copies:
        value["entry"] = [*value.get("entry", ()), *({"fullUrl": f"{access.house.base}/Consent/{c['id']}", "resource": c} for c in copies)]
        what = (*what, *(f"Consent/{c['id']}/_history/{c['meta'].get('versionId', '')}" for c in copies))
    notice = ""
    if due:
        top = short if value.get("resourceType") != "Bundle" else long
        notice = f"{top.id} {top.version}"
        _carry(value, top, said, consents)
    if value.get("resourceType") == "Bundle":
        value = _with_high_water(value, [*shown, *copies], short if due else None)
    return Outgoing(codec.dumps(value), patients, what, consents, notice, said, found=channel == _ASKED and value.get("resourceType") == "Bundle")


async def record(access: Access, out: Outgoing, payload: bytes, *, recipient: str = "", channel: str = "fhir", media: str = "application/fhir+json") -> str:
    """Write a disclosure down with the bytes as they leave; its id. Raises Unavailable: then it must not leave.

    The payload is kept sealed, under a digest of what it says and one of what is kept; where a note kept apart is in it, under the key of such notes.
    """
    id_, caller = ids.new_id(), access.caller
    sealed = await _sealed(access, id_, out, payload)
    blob = await asyncio.to_thread(access.house.blobs.put, access.tenant.number, sealed)
    await disclosures.disclosed(
        access.house.db, access.head, id_, channel, caller.account, access.request, recipient or caller.agent or caller.account, access.decision.purpose,
        list(out.patients), list(out.what), list(out.consents), out.notice, out.scope, media, crypto.sha256_hex(payload), len(payload), blob, out.found,
    )  # fmt: skip
    return id_


async def _sealed(access: Access, id_: str, out: Outgoing, payload: bytes) -> bytes:
    """The bytes as they are kept."""
    if await disclosures.names_apart(access.house.db, access.tenant.number, out.what):
        return access.house.blobs.sealed(access.tenant.number, payload)
    return access.house.key.seal(_SEAL, payload, _context(access, id_)).encode()


def payload(access: Access, row: Any) -> bytes:
    """The bytes of a disclosure as they left. Raises BadSeal or FileNotFoundError when what was kept is lost or changed."""
    kept = access.house.blobs.get(access.tenant.number, row["blob"])
    opened = access.house.blobs.opened(access.tenant.number, kept)  # of what is under the key of notes kept apart
    found = opened if opened is not kept else access.house.key.open(_SEAL, kept.decode(), _context(access, row["disclosure"]))
    if crypto.sha256_hex(found) != row["digest"]:
        raise crypto.BadSeal
    return found


async def again(access: Access, id_: str) -> bytes | None:
    """The bytes of a disclosure of the caller's own, to be sent to them again; None where there is none, or what was kept is lost."""
    rows = await disclosures.disclosures(access.house.db, access.head, access.decided, "whole", one=id_, limit=1) if id_ else []
    try:
        return payload(access, rows[0]) if rows and rows[0]["account"] == access.caller.account else None
    except (crypto.BadSeal, FileNotFoundError):
        return None


def _context(access: Access, id_: str) -> bytes:
    return f"{access.tenant.number}:{id_}".encode()


def digest_of(*parts: str) -> str:
    """One digest of several texts, in their order."""
    return crypto.sha256_hex("\0".join(parts).encode())


def is_part2(resource: Mapping[str, Any]) -> bool:
    """Whether what is shown of a resource is, or holds, a Part 2 record."""
    return any(coding.get("code") == "42CFRPart2" for coding in _security(resource)) or '"42CFRPart2"' in codec.dumps(resource).decode()


def _resources(value: Any) -> Iterator[dict[str, Any]]:
    """Every resource of the record in an answer: itself, or the entries of a Bundle, also of one within."""
    if not isinstance(value, dict):
        return
    if value.get("resourceType") == "Bundle":
        for entry in value.get("entry", ()):
            yield from _resources(entry.get("resource"))
    elif value.get("resourceType") not in _NOT_DATA and value.get("id") and value.get("meta"):
        yield value


def _security(resource: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list((resource.get("meta") or {}).get("security") or ())


def marks(short: Statement) -> list[dict[str, str]]:
    """The labels that Part 2 records get on their way out."""
    rules = _rules()["marks"]
    return [{"system": ACT_CODE, "code": code, **({"display": short.text} if code == rules["notice"] else {})} for code in rules["part2"]]


def mark(resource: dict[str, Any], short: Statement) -> None:
    """Put the labels that Part 2 records get on their way out on one, in place."""
    present = _security(resource)
    codes = {coding.get("code") for coding in present}
    resource["meta"] = {**resource["meta"], "security": [*present, *(m for m in marks(short) if m["code"] not in codes)]}


def _carry(value: dict[str, Any], top: Statement, said: str, consents: Sequence[str]) -> None:
    """The statement and the scope on the whole answer; in a list of resources also as an outcome that people read."""
    meta = value.get("meta") or {}
    carried: list[dict[str, Any]] = [{"url": NOTICE, "valueString": top.text}]
    carried += [{"url": SCOPE, "valueString": said}] if said else []
    carried += [{"url": CONSENT, "valueReference": {"reference": consent}} for consent in consents]
    value["meta"] = {**meta, "extension": [*(meta.get("extension") or ()), *carried]}
    if value.get("type") in ("searchset", "collection"):
        told = " ".join(filter(None, (top.text, said)))
        issue = {"severity": "information", "code": "informational", "diagnostics": told}
        searched = {"search": {"mode": "outcome"}} if value["type"] == "searchset" else {}
        value["entry"] = [*value.get("entry", ()), {"resource": {"resourceType": "OperationOutcome", "issue": [issue]}, **searched}]


def _with_high_water(bundle: dict[str, Any], shown: Sequence[dict[str, Any]], short: Statement | None) -> dict[str, Any]:
    """The Bundle with the highest confidentiality of what is in it, the law that protects it and the marks that go with that law.

    Subjects are not repeated at the top, nor are codes that would tell how something was handled.
    """
    levels = [c.get("code") for resource in shown for c in _security(resource) if c.get("system") == CONFIDENTIALITY]
    highest = max((_LEVELS.index(level) for level in levels if level in _LEVELS), default=_LEVELS.index("N"))
    security: list[dict[str, str]] = [{"system": CONFIDENTIALITY, "code": _LEVELS[highest]}]
    if short is not None:
        security += [{"system": ACT_CODE, "code": "42CFRPart2"}, *marks(short)]
    meta = {**(bundle.get("meta") or {}), "security": security}
    rest = {k: v for k, v in bundle.items() if k not in ("resourceType", "id", "meta")}
    return {"resourceType": "Bundle", **({"id": bundle["id"]} if "id" in bundle else {}), "meta": meta, **rest}
