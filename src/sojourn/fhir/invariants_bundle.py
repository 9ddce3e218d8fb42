"""The constraints of Bundle and of a few frequent types, written out in Python.

As invariants_common, of which this is the second half.
"""

from __future__ import annotations

from typing import Any, Final

from sojourn.fhir.invariants_compile import Scope, Test

_REQUESTS: Final = frozenset({"batch", "transaction", "history"})
_RESPONSES: Final = frozenset({"batch-response", "transaction-response", "history"})
_CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VERIFICATION: Final = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_ENDED: Final = frozenset({"resolved", "remission", "inactive"})


def _coded(concept: Any, system: str, codes: frozenset[str]) -> bool:
    codings = concept.get("coding", ()) if concept else ()
    return any(coding.get("system") == system and coding.get("code") in codes for coding in codings)


def _total(value: Any, scope: Scope) -> bool:
    """bdl-1."""
    return ("total" not in value and "_total" not in value) or value["type"] in ("searchset", "history")


def _search(value: Any, scope: Scope) -> bool:
    """bdl-2."""
    return value["type"] == "searchset" or not any("search" in entry for entry in value.get("entry", ()))


def _request(value: Any, scope: Scope) -> bool:
    """bdl-3."""
    wanted = scope.resource["type"] in _REQUESTS
    return all(("request" in entry) == wanted for entry in value.get("entry", ()))


def _response(value: Any, scope: Scope) -> bool:
    """bdl-4."""
    wanted = scope.resource["type"] in _RESPONSES
    return all(("response" in entry) == wanted for entry in value.get("entry", ()))


def _distinct_urls(value: Any, scope: Scope) -> bool:
    """bdl-7."""
    if value["type"] == "history":
        return True
    seen: set[str] = set()
    for entry in value.get("entry", ()):
        url = entry.get("fullUrl")
        if url is None:
            continue
        meta = entry.get("resource", {}).get("meta")
        full = url + str(meta.get("versionId") or "") if meta else url
        if full in seen:
            return False
        seen.add(full)
    return True


def _document_identifier(value: Any, scope: Scope) -> bool:
    """bdl-9."""
    if value["type"] != "document":
        return True
    identifier = value.get("identifier", {})
    return all(name in identifier or "_" + name in identifier for name in ("system", "value"))


def _document_date(value: Any, scope: Scope) -> bool:
    """bdl-10."""
    return value["type"] != "document" or "timestamp" in value


def _first_is(kind: str, resource_type: str) -> Test:
    def test(value: Any, scope: Scope) -> bool:
        if value["type"] != kind or not value.get("entry"):
            return True
        resource = value["entry"][0].get("resource")
        return resource is None or bool(resource["resourceType"] == resource_type)

    return test


def _entry_has_part(value: Any, scope: Scope) -> bool:
    """bdl-5."""
    return "resource" in value or "request" in value or "response" in value


def _full_url(value: Any, scope: Scope) -> bool:
    """bdl-8."""
    return "fullUrl" not in value or "/_history/" not in value["fullUrl"]


def _abatement(value: Any, scope: Scope) -> bool:
    """con-4."""
    if not any("abatement" in key for key in value):
        return True
    return _coded(value.get("clinicalStatus"), _CLINICAL, _ENDED)


def _entered_in_error(value: Any, scope: Scope) -> bool:
    """con-5."""
    wrong = _coded(value.get("verificationStatus"), _VERIFICATION, frozenset({"entered-in-error"}))
    return not wrong or "clinicalStatus" not in value


BUNDLE_EXPRESSIONS: Final[dict[str, Test]] = {
    "total.empty() or (type = 'searchset') or (type = 'history')": _total,
    "entry.search.empty() or (type = 'searchset')": _search,
    "entry.all(request.exists() = (%resource.type = 'batch' or %resource.type = 'transaction'"
    " or %resource.type = 'history'))": _request,
    "entry.all(response.exists() = (%resource.type = 'batch-response'"
    " or %resource.type = 'transaction-response' or %resource.type = 'history'))": _response,
    "(type = 'history') or entry.where(fullUrl.exists()).select(fullUrl&resource.meta.versionId).isDistinct()": (
        _distinct_urls
    ),
    "type = 'document' implies (identifier.system.exists() and identifier.value.exists())": _document_identifier,
    "type = 'document' implies (timestamp.hasValue())": _document_date,
    "type = 'document' implies entry.first().resource.is(Composition)": _first_is("document", "Composition"),
    "type = 'message' implies entry.first().resource.is(MessageHeader)": _first_is("message", "MessageHeader"),
    "resource.exists() or request.exists() or response.exists()": _entry_has_part,
    "fullUrl.contains('/_history/').not()": _full_url,
    "abatement.empty() or clinicalStatus.coding.where(system='http://terminology.hl7.org/CodeSystem/condition-clinical'"
    " and (code='resolved' or code='remission' or code='inactive')).exists()": _abatement,
    "verificationStatus.coding.where(system='http://terminology.hl7.org/CodeSystem/condition-ver-status'"
    " and code='entered-in-error').empty() or clinicalStatus.empty()": _entered_in_error,
}
"""FHIRPath as the definitions state it, to the function that stands for it."""
