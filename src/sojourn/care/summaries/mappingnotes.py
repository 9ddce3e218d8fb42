"""Notes and instructions of a document as DocumentReferences, and its consents elsewhere: pure.

A note is of its author, by name, and of nobody here (docs/decisions/0102). What free words are about nobody can tell: they carry the codes of all that
their document says, so that the labeller finds what they may be about, also when rules change. https://hl7.org/fhir/us/ccda/
"""

from __future__ import annotations

import base64
import re
from typing import Any, Final

from sojourn.care.summaries.elements import codings, identifier, name, stated, system, texts, words
from sojourn.gate import documentmarks
from sojourn.wire.ccda.facts import Document, Fact
from sojourn.wire.ccda.values import Coded

_LOINC: Final = "http://loinc.org"
_NOTE: Final = "34109-9"
"""LOINC: a note. Of one whose kind is said besides, the code says no more than the template."""
_CATEGORY: Final = {
    "coding": [
        {
            "system": "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category",
            "code": "clinical-note",
            "display": "Clinical Note",
        }
    ],
    "text": "Clinical note",
}
_INSTRUCTIONS: Final = {"system": _LOINC, "code": "69730-0", "display": "Instructions"}
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_MEDIA: Final = re.compile(r"[\w.+-]+/[\w.+-]+")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_LONGEST: Final = 1_000_000
_EVENTS: Final = 400


def called(fact: Fact) -> str:
    """What a note is called: the name of its kind, where it says more than that it is a note."""
    return name(_kind(fact.what))


def _kind(what: Coded) -> Coded:
    return what.others[0]._replace(others=what.others[1:]) if what.code == _NOTE and what.others and any(what.others) else what


def note(fact: Fact) -> dict[str, Any] | str:
    """A note with its text, or with the file that it is."""
    return _document(fact, codings(_kind(fact.what)), called(fact))


def instruction(fact: Fact) -> dict[str, Any] | str:
    """Instructions that somebody was given, as a document of that type; what they are about stands among its codes."""
    return _document(
        fact,
        [_INSTRUCTIONS, *(c for c in codings(fact.what) if (c.get("system"), c["code"]) != (_LOINC, _INSTRUCTIONS["code"]))],
        name(fact.what) or "Instructions",
    )


def _document(fact: Fact, codes: list[dict[str, str]], title: str) -> dict[str, Any] | str:
    attachment = _content(fact)
    if attachment is None:
        return "It has no words of its own."
    written = next((t for t in texts(fact, "authored") if t.count("T")), "")
    when = {k: v for k, v in (("start", fact.time.start), ("end", fact.time.end if fact.time.end != fact.time.start else "")) if v}
    draft = stated(fact, ("preliminary",))
    when = {} if when == {"start": written} else when
    about = "; ".join(t for t in texts(fact, "comment") if t != draft)
    return {
        "resourceType": "DocumentReference", "status": "current", "docStatus": "preliminary" if draft or fact.status == "active" else "final", "type": {**({"coding": codes} if codes else {}), "text": title}, "category": [_CATEGORY],
        **({"date": written} if written else {}), **({"author": [{"display": who}]} if (who := words(fact.author)) else {}), **({"description": about} if about else {}),
        "content": [{"attachment": {**attachment, "title": title}}], **({"context": {"period": when}} if when else {}),
    }  # fmt: skip


def _content(fact: Fact) -> dict[str, Any] | None:
    """The file as it came, else the words; None for neither. What it is called is one of MIME's names, or nobody knows."""
    data = next((v for k, v in fact.details if k == "data" and isinstance(v, str)), "")
    if data and _BASE64.fullmatch(data) and len(data) % 4 == 0:
        media = next((v for k, v in fact.details if k == "media" and isinstance(v, str)), "")
        return {"contentType": media if _MEDIA.fullmatch(media) else "application/octet-stream", "data": data}
    text = _CONTROL.sub(" ", fact.text)[:_LONGEST]
    return {"contentType": "text/plain", "data": base64.b64encode(text.encode()).decode()} if text.strip() else None


def events(document: Document) -> list[dict[str, Any]]:
    """The codes of everything that a document says, each once and without words."""
    found = [c for c in documentmarks.codes(document) if system(c["system"]) and words(c["code"]) == c["code"]]
    return [{"coding": [c]} for c in found[:_EVENTS]]


def consents(document: Document) -> list[dict[str, Any]]:
    """Consents on which a document rests, as its header names them: information about consents elsewhere. A reference by their number alone is none of ours, and opens nothing."""
    return [
        {"type": "Consent", "identifier": i, "display": name(kind) or "Consent elsewhere"}
        for number, kind in document.consents[:20]
        if (i := identifier(number))
    ]
