"""What a partner answers when asked about a client: people and documents, out of Bundles. Pure.

A partner may send anything: what is not as it should be is passed over, and texts are cut to what a line holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from sojourn.gate.exchange.asking import Found, Paper

MOST: Final = 200
"""Documents of one answer that are listed."""
GRADES: Final = ("certain", "probable", "possible")
_LINE: Final = 160
_LABELS: Final = 40


def entries(bundle: Any, type_: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """(entry, resource) of a type in a Bundle; nothing of what is no Bundle."""
    listed = bundle.get("entry") if isinstance(bundle, dict) and bundle.get("resourceType") == "Bundle" else None
    for entry in listed if isinstance(listed, list) else ():
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and resource.get("resourceType") == type_:
            yield entry, resource


def words(value: Any, most: int = _LINE) -> str:
    """A text as a line shows it; '' for what is none."""
    return " ".join("".join(c if c.isprintable() else " " for c in value).split())[:most] if isinstance(value, str) else ""


def people(bundle: Any) -> tuple[Found, ...]:
    """Who may be meant, in the order in which they came."""
    found = []
    for entry, r in entries(bundle, "Patient"):
        name = next((n for n in _list(r.get("name")) if isinstance(n, dict)), {})
        address = next((a for a in _list(r.get("address")) if isinstance(a, dict)), {})
        given = " ".join(words(g) for g in _list(name.get("given")))
        sure = next((words(x.get("valueCode")) for x in _list((_dict(entry.get("search"))).get("extension")) if isinstance(x, dict) and str(x.get("url", "")).endswith("match-grade")), "")
        if not (id_ := words(r.get("id"), 64)):
            continue
        place = ", ".join(filter(None, (words(address.get("city")), words(address.get("state")))))
        found.append(Found(id_, " ".join(filter(None, (given, words(name.get("family"))))) or words(name.get("text")), words(r.get("birthDate"), 10), words(r.get("gender"), 10), place, sure if sure in GRADES else ""))
    return tuple(found[:20])


def papers(bundle: Any, base: str) -> tuple[Paper, ...]:
    """Documents that are in force, each content by itself; without an address nothing can be fetched."""
    found: dict[str, Paper] = {}
    for _, r in entries(bundle, "DocumentReference"):
        if r.get("status") not in ("current", None):
            continue
        for content in _list(r.get("content")):
            attachment = _dict(_dict(content).get("attachment"))
            url = resolved(attachment.get("url"), base)
            if url:
                paper = _paper(r, attachment, url)
                found.setdefault(paper.key, paper)
    return tuple(sorted(found.values(), key=lambda p: (p.day, p.key), reverse=True))[:MOST]


def _paper(r: dict[str, Any], attachment: dict[str, Any], url: str) -> Paper:
    kind = _dict(r.get("type"))
    coding = next((c for c in _list(kind.get("coding")) if isinstance(c, dict)), {})
    title = words(kind.get("text")) or words(coding.get("display")) or words(attachment.get("title")) or words(r.get("description")) or "Document"
    author = next((words(a.get("display")) for a in [*_list(r.get("author")), r.get("custodian")] if isinstance(a, dict) and a.get("display")), "")
    size = attachment.get("size")
    day = words(attachment.get("creation"), 10) or words(_dict(_dict(r.get("context")).get("period")).get("start"), 10) or words(r.get("date"), 10)
    key = hashlib.sha256(url.encode()).hexdigest()[:24]
    return Paper(key, url, title, words(attachment.get("contentType"), 60), day, author, size if isinstance(size, int) and size > 0 else 0, tuple(labels(r)))


def labels(resource: dict[str, Any]) -> list[tuple[str, str]]:
    """The labels that its sender put on a resource: those of its metadata, and of the document (securityLabel)."""
    codings = [*_list(_dict(resource.get("meta")).get("security")), *(c for label in _list(resource.get("securityLabel")) for c in _list(_dict(label).get("coding")))]
    said = [(words(c.get("system"), 200), words(c.get("code"), 60)) for c in codings if isinstance(c, dict)]
    return list(dict.fromkeys((system, code) for system, code in said if system and code and " " not in system + code))[:_LABELS]


def resolved(url: Any, base: str) -> str:
    """The address of a document, relative ones at the partner's server; '' for what is none."""
    text = words(url, 2000)
    there = urljoin(base.rstrip("/") + "/", text) if text else ""
    return there if urlsplit(there).scheme in ("https", "http") else ""


def following(bundle: Any) -> str:
    """The address of the next page; ''."""
    links = _list(bundle.get("link")) if isinstance(bundle, dict) else []
    return next((words(link.get("url"), 4000) for link in links if isinstance(link, dict) and link.get("relation") == "next"), "")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
