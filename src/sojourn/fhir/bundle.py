"""Take transactions and batches apart: entries, their order, and the links between them.

http://hl7.org/fhir/R4/http.html#transaction. Answers are put together in `bundles`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from sojourn.base.errors import Invalid
from sojourn.fhir.outcome import Issue
from sojourn.fhir.shapes import is_resource_type, link_names

MAX_ENTRIES: Final = 5000
METHODS: Final = ("DELETE", "POST", "PUT", "PATCH", "GET", "HEAD")
_ORDER: Final = {"DELETE": 0, "POST": 1, "PUT": 2, "PATCH": 2, "GET": 3, "HEAD": 3}
_CHANGES: Final = frozenset({"DELETE", "PUT", "PATCH"})
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}").fullmatch
_RESTFUL: Final = re.compile(r"https?://\S+?/([A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64})").fullmatch
_CONDITIONAL: Final = re.compile(r"[A-Z][A-Za-z]+\?.").match
_HREF: Final = re.compile(r"""(?<=[\s"'])((?:href|src)\s*=\s*)(["'])([^"']*)\2""")


class BundleError(Invalid):
    """The bundle breaks its own rules; nothing was done. The issues list every rule and entry."""


class Entry(NamedTuple):
    """One entry of a transaction or batch, with its request read."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    full_url: str
    method: str
    type: str
    """Resource type of the request's URL; empty for a URL of the whole system."""
    id: str
    path: str
    """The request's URL without its query, e.g. `Patient/1/_history`."""
    query: str
    """What stands after `?`; for PUT, PATCH and DELETE without an id it is the condition."""
    if_match: str
    if_none_match: str
    if_modified_since: str
    if_none_exist: str
    resource: dict[str, Any] | None
    issues: tuple[Issue, ...] = ()
    """What is wrong with this entry: only in a batch, where the others still count."""

    @property
    def conditional(self) -> bool:
        """Whether the resource to change is found by a search instead of an id."""
        return self.method in _CHANGES and not self.id


def take_apart(bundle: Any) -> tuple[Entry, ...]:
    """The entries of a transaction or batch, as sent.

    Raises BundleError when the bundle is not one, and for a transaction also when any entry is
    wrong or two entries change the same resource; in a batch a wrong entry carries its issues.
    """
    listed = _entries(bundle)
    entries = tuple(_entry(index, entry) for index, entry in enumerate(listed))
    if bundle["type"] == "transaction":
        issues = [issue for entry in entries for issue in entry.issues]
        issues += _repeated(entries)
        if issues:
            raise BundleError("The transaction breaks rules of its own; nothing was done", issues=tuple(issues))
    return entries


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """The order in which a transaction acts: DELETE, POST, PUT and PATCH, GET and HEAD; else as sent."""
    return sorted(entries, key=lambda entry: _ORDER[entry.method])


def _entries(bundle: Any) -> list[Any]:
    wrong = ""
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        wrong = "a Bundle is expected"
    elif bundle.get("type") not in ("transaction", "batch"):
        wrong = "`type` must be transaction or batch"
    elif not isinstance(bundle.get("entry", []), list):
        wrong = "`entry` must be an array"
    elif len(bundle.get("entry", [])) > MAX_ENTRIES:
        wrong = f"a bundle may have at most {MAX_ENTRIES} entries"
    if wrong:
        raise BundleError(wrong, issues=(Issue("error", "structure", "Bundle", wrong),))
    listed: list[Any] = bundle.get("entry", [])
    return listed


def _entry(index: int, entry: Any) -> Entry:
    """One entry; what is wrong with it is collected, and texts that are missing are empty."""
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict):
        wrong = _wrong(index, "request", "each entry needs a request", code="required")
        return Entry(index, "", "GET", "", "", "", "", "", "", "", "", None, (wrong,))
    texts = [request.get(name, "") for name in _TEXTS]
    texts.append(entry.get("fullUrl", ""))
    issues = [_wrong(index, "request", "texts are expected")] if any(type(text) is not str for text in texts) else []
    method, url, match, none_match, since, exist, full_url = (text if type(text) is str else "" for text in texts)
    path, _, query = url.partition("?")
    type_, _, rest = path.partition("/")
    id_ = rest.partition("/")[0]
    resource = entry.get("resource")
    if not (_plain(method, rest, query, resource, type_) and _ID(id_ or "x")) or issues:
        issues += _check(index, method, url, resource)
    if "/_history/" in full_url:
        issues.append(_wrong(index, "fullUrl", "a fullUrl must not name a version"))
    if not id_ or not _ID(id_):
        id_ = ""
    return Entry(
        index,
        full_url,
        method if method in _ORDER else "GET",
        type_ if type_[:1].isupper() else "",
        id_,
        path,
        query,
        match,
        none_match,
        since,
        exist,
        resource if type(resource) is dict else None,
        tuple(issues),
    )


_TEXTS: Final = ("method", "url", "ifMatch", "ifNoneMatch", "ifModifiedSince", "ifNoneExist")


def _plain(method: str, rest: str, query: str, resource: Any, type_: str) -> bool:
    """The two everyday requests, seen quickly to be right: create, and update by id."""
    if type(resource) is not dict or query or resource.get("resourceType") != type_ or not is_resource_type(type_):
        return False
    return (method == "POST" and not rest) or (method == "PUT" and rest != "" and "/" not in rest and resource.get("id") == rest)


def _check(index: int, method: str, url: str, resource: Any) -> list[Issue]:
    """Everything that is wrong with a request and the resource beside it."""
    if method not in _ORDER:
        return [_wrong(index, "request.method", f"one of {', '.join(METHODS)} is expected", code="value")]
    if not url or "://" in url or url.startswith("/") or re.search(r"[\s#]", url):
        return [_wrong(index, "request.url", "a URL relative to the server's base is expected", code="value")]
    path, _, query = url.partition("?")
    steps = path.split("/")
    if method in ("GET", "HEAD"):
        return _check_read(index, steps)
    issues = []
    if not is_resource_type(steps[0]) and not path.startswith("$"):
        issues.append(_wrong(index, "request.url", "a resource type of FHIR R4 is expected", code="not-supported"))
    if method == "POST":
        return issues + _check_create(index, steps, query, resource)
    if len(steps) > 2 or (len(steps) == 2 and (query or not _ID(steps[1]))) or (len(steps) == 1 and not query):
        issues.append(_wrong(index, "request.url", f"{method} needs Type/id or Type?condition", code="value"))
    if method == "DELETE":
        return issues
    return issues + _check_content(index, method, steps, resource)


def _check_read(index: int, steps: list[str]) -> list[Issue]:
    if steps[0] in ("", "metadata", "_history", "_search") or steps[0].startswith("$") or is_resource_type(steps[0]):
        return []
    return [_wrong(index, "request.url", "a resource type of FHIR R4 is expected", code="not-supported")]


def _check_create(index: int, steps: list[str], query: str, resource: Any) -> list[Issue]:
    if steps[-1].startswith("$") or steps[-1] == "_search":
        return []
    if len(steps) > 1 or query:
        return [_wrong(index, "request.url", "POST needs a resource type alone", code="value")]
    return _check_content(index, "POST", steps, resource)


def _check_content(index: int, method: str, steps: list[str], resource: Any) -> list[Issue]:
    if not isinstance(resource, dict):
        return [_wrong(index, "resource", f"{method} needs a resource", code="required")]
    if method == "PATCH":
        if resource.get("resourceType") not in ("Binary", "Parameters"):
            return [_wrong(index, "resource", "a patch is a Binary (JSON Patch) or Parameters (FHIRPath Patch)")]
    elif resource.get("resourceType") != steps[0]:
        return [_wrong(index, "resource", "the resource must be of the type that the URL names")]
    elif len(steps) == 2 and resource.get("id") != steps[1]:
        return [_wrong(index, "resource.id", "the id must be the one that the URL names")]
    return []


def _repeated(entries: tuple[Entry, ...]) -> list[Issue]:
    """Two entries with one fullUrl, or two that change one resource."""
    issues = []
    urls: set[str] = set()
    changed: set[str] = set()
    for entry in entries:
        if entry.full_url and entry.full_url in urls and not entry.issues:
            issues.append(_wrong(entry.index, "fullUrl", "another entry has this fullUrl", code="duplicate"))
        urls.add(entry.full_url)
        if entry.method in _CHANGES and not entry.issues:
            target = f"{entry.path}?{entry.query}"
            if target in changed:
                issues.append(_wrong(entry.index, "request.url", "another entry changes the same resource", code="duplicate"))
            changed.add(target)
    return issues


def _wrong(index: int, element: str, expected: str, *, code: str = "invalid") -> Issue:
    return Issue("error", code, f"Bundle.entry[{index}].{element}", expected)


Slot = tuple[dict[str, Any] | list[Any], Any, str]
"""Where a link stands (an object or array and the key in it), and the link."""


class Links:
    """The links of a transaction's resources that cannot stay as they are.

    `rewrite` changes the entries' resources in place: they were decoded for this request, and
    nothing else holds them.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        entries = [entry for entry in entries if entry.resource is not None]
        self.known = _targets(entries)
        """Text of a link -> the fullUrl it means."""
        self.slots: list[Slot] = []
        self.narratives: list[Slot] = []
        self.conditional: dict[str, list[Slot]] = {}
        """`Patient?identifier=…` as sent -> where it stands; the caller finds the one match."""
        self.dangling: list[int] = []
        """Index of each entry with a `urn:` reference to no entry."""
        for entry in entries:
            assert entry.resource is not None
            self._walk(entry.resource, entry.index, _names())

    def _walk(self, node: dict[str, Any], index: int, names: frozenset[str]) -> None:
        known = self.known
        for key, value in node.items():
            kind = type(value)
            if kind is str:
                if key not in names:
                    if key == "div":
                        self._narrative(node, value)
                elif value in known:
                    self.slots.append((node, key, value))
                elif key == "reference":
                    self._reference(node, value, index)
            elif kind is dict:
                self._walk(value, index, names)
            elif kind is list:
                for position, item in enumerate(value):
                    if type(item) is dict:
                        self._walk(item, index, names)
                    elif type(item) is str and key in names and item in known:
                        self.slots.append((value, position, item))

    def _reference(self, node: dict[str, Any], value: str, index: int) -> None:
        if value.startswith("urn:"):
            self.dangling.append(index)
        elif "?" in value and _CONDITIONAL(value):
            self.conditional.setdefault(value, []).append((node, "reference", value))

    def _narrative(self, node: dict[str, Any], value: str) -> None:
        if any(match[3] in self.known for match in _HREF.finditer(value)):
            self.narratives.append((node, "div", value))

    def rewrite(self, assigned: Mapping[str, str], found: Mapping[str, str] | None = None) -> None:
        """Put `Type/id` in the place of each link to an entry (`assigned`, by fullUrl) and of each
        conditional reference (`found`, by its text). A link to an entry that got no id stays."""
        known = self.known
        for holder, key, text in self.slots:
            holder[key] = assigned.get(known[text], text)
        for text, target in (found or {}).items():
            for holder, key, _ in self.conditional.get(text, ()):
                holder[key] = target
        for holder, key, text in self.narratives:
            holder[key] = _HREF.sub(lambda match: self._href(match, assigned), text)

    def _href(self, match: re.Match[str], assigned: Mapping[str, str]) -> str:
        target = assigned.get(self.known.get(match[3], ""), match[3])
        return f"{match[1]}{match[2]}{target}{match[2]}"


@cache
def _names() -> frozenset[str]:
    """Elements whose text may link to an entry; the many that name a code system never do."""
    return link_names() - {"system", "code"}


def _targets(entries: list[Entry]) -> dict[str, str]:
    """What a link to each entry may look like: its fullUrl, or for a RESTful one also its end.

    A relative reference is resolved against the base of the fullUrl beside it, so `Patient/1`
    means the entry `http://…/Patient/1`, unless two servers' entries could be meant.
    """
    known: dict[str, str] = {}
    ends: dict[str, list[str]] = {}
    for entry in entries:
        url = entry.full_url
        if url:
            known[url] = url
            if url.startswith("http") and (match := _RESTFUL(url)):
                ends.setdefault(match[1], []).append(url)
    for end, urls in ends.items():
        if len(urls) == 1:
            known[end] = urls[0]
    return known
