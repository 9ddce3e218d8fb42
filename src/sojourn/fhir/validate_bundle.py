"""What a Bundle asks of its entries beyond its constraints: fullUrls, ids, links, references.

https://hl7.org/fhir/R4/bundle.html#references and https://hl7.org/fhir/R4/documents.html#content
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sojourn.fhir.validate_found import ERROR, Found

_CLOSED: Final = frozenset({"document", "message", "transaction"})
"""Bundles whose `urn:` references mean nothing outside them."""

_ONCE: Final = frozenset({"self", "first", "previous", "prev", "next", "last"})


def resolvable(bundle: dict[str, Any]) -> frozenset[str] | None:
    """fullUrls that a `urn:` reference in the Bundle must be one of; None where it need not be."""
    kind, entries = bundle.get("type"), bundle.get("entry")
    if type(kind) is not str or kind not in _CLOSED or type(entries) is not list:
        return None
    urls = (entry.get("fullUrl") for entry in entries if type(entry) is dict)
    return frozenset(url for url in urls if type(url) is str)


def check_bundle(bundle: dict[str, Any], found: Found) -> None:
    """Note what is wrong; the Bundle's own structure has been checked already."""
    _check_links(bundle.get("link"), found)
    entries = bundle.get("entry")
    if type(entries) is not list:
        return
    kind = bundle.get("type")
    for index, entry in enumerate(entries):
        if type(entry) is not dict:
            continue
        url = entry.get("fullUrl")
        if type(url) is str:
            told = _full_url(url, entry.get("resource"))
            if told:
                found.append([f"entry[{index}].fullUrl", *told])
        if kind == "searchset":
            _check_match(entry, f"entry[{index}]", found)
    if kind == "document":
        _check_document([entry for entry in entries if type(entry) is dict], found)


def _check_links(links: Any, found: Found) -> None:
    seen: set[str] = set()
    for index, link in enumerate(links if type(links) is list else ()):
        relation = link.get("relation") if type(link) is dict else None
        if type(relation) is str and relation in _ONCE:
            if relation in seen:
                found.append([f"link[{index}].relation", ERROR, "value", "expected each of self, next … once"])
            seen.add(relation)


def _full_url(url: str, resource: Any) -> tuple[str, str, str] | None:
    """That the id differs is told as a warning: official examples of HL7 do it."""
    if ":" not in url:
        return ERROR, "value", "expected an absolute URL"
    if not url.startswith(("http:", "https:")) or type(resource) is not dict:
        return None
    identifier, kind = resource.get("id"), resource.get("resourceType")
    tail = url.split("/")[-2:]
    if type(identifier) is str and len(tail) == 2 and tail[0] == kind and tail[1] != identifier:
        return "warning", "value", "expected a URL that ends in the id of the resource"
    return None


def _check_match(entry: dict[str, Any], label: str, found: Found) -> None:
    resource, search = entry.get("resource"), entry.get("search")
    if type(resource) is not dict:
        return
    is_outcome = resource.get("resourceType") == "OperationOutcome"
    if type(search) is dict and search.get("mode") == "outcome":
        if not is_outcome:
            found.append([f"{label}.resource", ERROR, "value", "expected an OperationOutcome"])
    elif "id" not in resource and not is_outcome:
        found.append([f"{label}.resource.id", ERROR, "required", "expected an id on what a search found"])


def _check_document(entries: list[dict[str, Any]], found: Found) -> None:
    """What the Composition rests on is in the document, and there once."""
    resources = [entry.get("resource") for entry in entries]
    first = resources[0] if resources else None
    if type(first) is not dict or first.get("resourceType") != "Composition":
        return
    full_url = entries[0].get("fullUrl")
    base = _base(full_url if type(full_url) is str else "")
    for path, reference in _needed(first):
        count = sum(_is_meant(entry, reference, base) for entry in entries)
        if count != 1:
            told = "expected an entry of the document" if not count else "expected only one such entry"
            found.append([f"entry[0].resource.{path}", ERROR, "not-found", told])


def _needed(composition: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Path and reference of the subject and of all entries of sections."""
    subject = composition.get("subject")
    if type(subject) is dict and type(subject.get("reference")) is str:
        yield "subject", subject["reference"]
    todo = [("section", composition.get("section"))]
    while todo:
        path, sections = todo.pop()
        for index, section in enumerate(sections if type(sections) is list else ()):
            if type(section) is not dict:
                continue
            here = f"{path}[{index}]"
            todo.append((f"{here}.section", section.get("section")))
            listed = section.get("entry")
            for place, item in enumerate(listed if type(listed) is list else ()):
                if type(item) is dict and type(item.get("reference")) is str:
                    yield f"{here}.entry[{place}]", item["reference"]


def _base(url: str) -> str:
    """What a relative reference is relative to: a RESTful fullUrl without type and id."""
    return url.rsplit("/", 2)[0] + "/" if url.startswith(("http:", "https:")) and url.count("/") > 3 else ""


def _is_meant(entry: dict[str, Any], reference: str, base: str) -> bool:
    if reference.startswith("#"):
        return True
    bare, _, version = reference.partition("/_history/")
    resource, url = entry.get("resource"), entry.get("fullUrl")
    if type(resource) is not dict:
        return False
    meta = resource.get("meta")
    if version and (type(meta) is not dict or meta.get("versionId") != version):
        return False
    if ":" in bare or (base and type(url) is str):
        return bool(url == (bare if ":" in bare else base + bare))
    return bare == f"{resource.get('resourceType')}/{resource.get('id')}"
