"""How sensitive a document says that it is, as labels of it and of what it becomes.

Of a clinical document (C-CDA): confidentiality (R, V), the obligations, refrains and purposes of DS4P, and the notice of 42 CFR 2.32. A notice anywhere marks all of the document: which
part it is about cannot be told apart. A DocumentReference or Binary that holds one is labelled when it is written, by whatever door it comes: nobody
reads it before. So is whatever holds another file, where it comes from outside: its words may hold the notice (filemarks.py).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Final

from sojourn.gate import bases, filemarks, labels
from sojourn.gate.labelrules import LabelRules
from sojourn.wire.ccda import narrative, reader
from sojourn.wire.ccda.facts import Document, Marks
from sojourn.wire.ccda.marks import stricter
from sojourn.wire.ccda.narrative import Shown
from sojourn.wire.ccda.values import Coded
from sojourn.wire.ccda.xml import BadDocument, parse, uncollected

PART2: Final = {"system": bases.ACT_CODE, "code": "42CFRPart2"}
_SAID: Final = "42 CFR part 2"
_SUBSTANCE: Final = frozenset({"ETH", "ETHUD", "SUD", "OPIOIDUD"})
"""Subjects that a sender marks because of 42 CFR Part 2: the mark is kept, and the law with it, as of a message (doors/hl7v2/marks.py)."""
_POLICIES: Final = frozenset(
    {"NOAUTH", "NOCOLLECT", "NODSCLCD", "NODSCLCDS", "NOINTEGRATE", "NOLIST", "NOMOU", "NOORGPOL", "NOPAT", "NOPERSISTP", "NORDSCLCD", "NORDSCLCDS", "NORDSLCD", "NORELINK", "NOREUSE", "NOVIP", "ORCON", "42CFRPart2"}
)
"""Refrain policies of v3 ActCode: senders name other code systems for them, and mean these."""
_USUAL: Final = ("", "U", "L", "M", "N")
_MOST: Final = 40
_TYPES: Final = ("DocumentReference", "Binary")
_FILES: Final = frozenset({*_TYPES, "DiagnosticReport", "Media", "Communication", "CommunicationRequest", "QuestionnaireResponse"})
"""What holds files that others wrote. A consent is none of them: its words are about the law."""
_ROOT: Final = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?ClinicalDocument[\s>]")
_BEFORE: Final = b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"
"""What may stand before the first "<" of XML: marks of its encoding, and space."""
_KEPT: Final = 64
_KEPT_WHOLE: Final = 4
_STRICT: Final = [{"system": bases.CONFIDENTIALITY, "code": "R"}]
_kept: OrderedDict[str, tuple[list[dict[str, Any]], list[dict[str, str]]]] = OrderedDict()


_whole: OrderedDict[str, tuple[Document, list[Shown]]] = OrderedDict()


def substance(system: str, code: str) -> bool:
    """Whether a label says that something is about substance use: its sender marks it because of 42 CFR Part 2."""
    return system == bases.ACT_CODE and code in _SUBSTANCE


def document(content: bytes) -> Document:
    """The document in these bytes, read once for many looks: the last few are kept. Raises BadDocument. Call it in a thread; a long one takes a second."""
    return _both(content)[0]


def shown(content: bytes) -> list[Shown]:
    """Its sections as they are read by people, kept with it. Raises BadDocument. Call it in a thread."""
    return _both(content)[1]


def _both(content: bytes) -> tuple[Document, list[Shown]]:
    key = hashlib.sha256(content).hexdigest()
    found = _whole.get(key)
    if found is None:
        with uncollected():  # parsing is most of the work: facts and words come out of one
            root = parse(content)
            read, words = reader.of(root), narrative.within(root)
        if not read.marks.notice and read.unstructured is not None and filemarks.now(read.unstructured[1]):
            read = read._replace(marks=read.marks._replace(notice=_SAID))
        found = _whole[key] = read, words
        while len(_whole) > _KEPT_WHOLE:
            _whole.popitem(last=False)
    return found


def of(document: Document, marks: Marks) -> list[dict[str, Any]]:
    """The labels of one statement, section or the document, each once. A confidentiality that we do not know is read as the strictest."""
    found: list[dict[str, Any]] = []
    if marks.confidentiality not in _USUAL:
        found.append({"system": bases.CONFIDENTIALITY, "code": "R" if marks.confidentiality == "R" else "V"})
    if document.marks.notice or marks.notice or marks.confidentiality in _SUBSTANCE:  # a confidentiality of before 2010 may say what it is about: ETH
        found += [] if any(c["system"] == bases.CONFIDENTIALITY for c in found) else [{"system": bases.CONFIDENTIALITY, "code": "R"}]
        found.append(dict(PART2))
    for policy in marks.policies:
        found += [c for c in _policy(policy) if c not in found]
    if PART2 not in found and any(c["system"] == bases.ACT_CODE and c["code"] in _SUBSTANCE for c in found):
        found.insert(0, dict(PART2))
    return [*found[:_MOST], *(c for c in found[_MOST:] if bases.claimed(c))]


def whole(document: Document) -> list[dict[str, Any]]:
    """The labels of the document: those of everything in it together."""
    every = [document.marks, *(s.marks for s in document.sections), *(f.marks for f in document.facts())]
    strictest = ""
    policies: dict[Coded, None] = {}
    for marks in every:
        strictest = stricter(strictest, marks.confidentiality)
        policies |= dict.fromkeys(marks.policies)
    return of(document, Marks(strictest, tuple(policies), document.marks.notice))


def codes(document: Document) -> Iterator[dict[str, str]]:
    """Every code of its statements with its system, each once: what it is about."""
    seen: set[tuple[str, str]] = set()
    for fact in document.facts():
        for value in (fact.what, fact.value, *(v for _, v in fact.details)):
            for one in (value, *value.others) if isinstance(value, Coded) else ():
                if one.code and one.system and (one.system, one.code) not in seen:
                    seen.add((one.system, one.code))
                    yield {"system": one.system, "code": one.code}


def _policy(policy: Coded) -> list[dict[str, Any]]:
    """A policy as codings that say no more than it does: without the words of its author."""
    every = [(c.system, " ".join(c.code.split())) for c in (policy, *policy.others)]
    return [{"system": bases.ACT_CODE if code in _POLICIES else system, "code": code} for system, code in every if code and system and " " not in system]


async def told(type_: str, resource: dict[str, Any], rules: LabelRules | None, *, brought: bool = False) -> dict[str, Any]:
    """As now(), with nothing else waiting while a long document is read."""
    codes = [code for content in (_files(type_, resource) if brought else ()) for code in await filemarks.of(content)]
    made = await asyncio.to_thread(now, type_, resource, rules) if _held(type_, resource) else resource
    return _with(made, [filemarks.CODINGS[code] for code in codes])


def now(type_: str, resource: dict[str, Any], rules: LabelRules | None, *, brought: bool = False) -> dict[str, Any]:
    """A resource that is about to be written, with what the documents in it say of themselves and are about among its labels.

    A clinical document that cannot be read is restricted, another file marked: what it would have said is not known. brought: whether it comes from outside (Caller.brings).
    """
    found: list[dict[str, Any]] = []
    for content in _held(type_, resource):
        marks, about = _known(content)
        tags = labels.label({"resourceType": type_, "about": about}, (), rules).tags
        found += [*marks, *({"system": bases.ACT_CODE, "code": tag} for tag in tags)]
    if brought:
        found += [filemarks.CODINGS[code] for content in _files(type_, resource) for code in filemarks.now(content)]
    return _with(resource, found)


def _with(resource: dict[str, Any], found: list[dict[str, Any]]) -> dict[str, Any]:
    """The same with these labels too, each once."""
    meta = resource.get("meta") or {}
    known = [c for c in meta.get("security") or () if isinstance(c, dict)]
    new: list[dict[str, Any]] = []
    for coding in found:
        if not any((c.get("system"), c.get("code")) == (coding["system"], coding["code"]) for c in (*known, *new)):
            new.append(dict(coding))
    return {**resource, "meta": {**meta, "security": [*(meta.get("security") or ()), *new]}} if new else resource


def _known(content: bytes) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    key = hashlib.sha256(content).hexdigest()
    found = _kept.get(key)
    if found is None:
        found = _kept[key] = _read(content)
        while len(_kept) > _KEPT:
            _kept.popitem(last=False)
    return found


def _held(type_: str, resource: dict[str, Any]) -> list[bytes]:
    """The clinical documents in it, by their content and not by what they are called."""
    if type_ not in _TYPES:
        return []
    places = [resource] if type_ == "Binary" else [c.get("attachment") for c in resource.get("content") or () if isinstance(c, dict)]
    out = []
    for place in places:
        data = place.get("data") if isinstance(place, dict) else None
        if isinstance(data, str) and data:
            packed = "".join(data.split())  # base64 is often written in lines
            try:
                head = base64.b64decode(packed[:88])
                content = base64.b64decode(packed) if b"<" in head or not head.strip(_BEFORE) else b""
            except (binascii.Error, ValueError):
                continue
            if _ROOT.search(content[:131_072].replace(b"\0", b"")):  # UTF-16 with the rest
                out.append(content)
    return out


def _files(type_: str, resource: dict[str, Any]) -> list[bytes]:
    """The other files in it: whatever has `data`, wherever it stands."""
    if type_ not in _FILES:
        return []
    found = filemarks.attached(resource)
    return found if type_ not in _TYPES else [f for f in found if not _ROOT.search(f[:131_072].replace(b"\0", b""))]


def _read(content: bytes) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    try:
        found = document(content)
    except BadDocument:
        return [dict(c) for c in _STRICT], []
    return whole(found), list(codes(found))
