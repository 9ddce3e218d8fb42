"""What a Bundle asks of its entries beyond its constraints: fullUrls, ids, and closed references.

https://hl7.org/fhir/R4/bundle.html#references
"""

from __future__ import annotations

from typing import Any, Final

from sojourn.fhir.validate_found import ERROR, Found

_CLOSED: Final = frozenset({"document", "message", "transaction", "batch", "collection"})


def resolvable(bundle: dict[str, Any]) -> frozenset[str] | None:
    """fullUrls that a `urn:` reference in the Bundle must be one of; None where it need not be."""
    kind, entries = bundle.get("type"), bundle.get("entry")
    if type(kind) is not str or kind not in _CLOSED or type(entries) is not list:
        return None
    urls = (entry.get("fullUrl") for entry in entries if type(entry) is dict)
    return frozenset(url for url in urls if type(url) is str)


def check_bundle(bundle: dict[str, Any], found: Found) -> None:
    """fullUrls are absolute and end in the resource's type and id when they are RESTful."""
    entries = bundle.get("entry")
    if type(entries) is not list:
        return
    for index, entry in enumerate(entries):
        url = entry.get("fullUrl") if type(entry) is dict else None
        if type(url) is str:
            told = _full_url(url, entry.get("resource"))
            if told:
                found.append([f"entry[{index}].fullUrl", *told])


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
