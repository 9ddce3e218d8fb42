"""Compiles profiles and extension definitions to checks of what they add to their type.

A check presumes that the base type's own check runs as well: it counts, compares and slices, and
leaves the shape of values to that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sojourn.fhir.definitions import Definitions
from sojourn.fhir.invariants import rules_of
from sojourn.fhir.profiles_items import UNBOUNDED, Slice, by_url, labels, limit, reader, sorting
from sojourn.fhir.profiles_match import equals, fits_pattern, in_binding, says_why_absent
from sojourn.fhir.profiles_slices import membership
from sojourn.fhir.profiles_tree import Branch, tree_of
from sojourn.fhir.validate_elements import Whole
from sojourn.fhir.validate_found import ERROR, Found, prefix
from sojourn.fhir.validate_objects import FAULTS
from sojourn.fhir.validate_references import points_to


class Profiles:
    """Checks by canonical URL, compiled when first asked for."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._ready: dict[str, Whole | None] = {}

    def check(self, url: str) -> Whole | None:
        """The check of a profile; None when it is not known."""
        if url not in self._ready:
            self._ready[url] = None  # a profile that refers to itself is not followed for ever
            facts = self.facts(url)
            if facts is not None:
                self._ready[url] = self._compile(facts)
        return self._ready[url]

    def facts(self, url: str) -> dict[str, Any] | None:
        """The compiled facts of a profile, with or without a version after `|`."""
        known = self._definitions.profiles
        return known.get(url) or known.get(url.partition("|")[0])

    def _compile(self, facts: dict[str, Any]) -> Whole:
        tree = tree_of(facts, self._definitions)
        for branch in tree.everything():
            self._bind(branch, facts["version"])
        check = self._parts(tree)

        def guarded(value: Any, found: Found) -> None:
            start = len(found)
            try:
                check(value, found)
            except FAULTS:
                if not any(row[1] == ERROR for row in found):
                    del found[start:]
                    raise

        return guarded

    def _bind(self, branch: Branch, version: str) -> None:
        """A guide's profile means the value set of the same version of the guide."""
        if "binding" in branch.row:
            strength, url = branch.row["binding"]
            if f"{url}|{version}" in self._definitions.value_sets:
                branch.row = {**branch.row, "binding": [strength, f"{url}|{version}"]}

    def _parts(self, branch: Branch) -> Whole:
        """Constraints of an object as a whole, then those of its children."""
        rules = rules_of("", branch.row.get("invariants", {}))
        children = [child for child in map(self._child, branch.children.values()) if child is not None]

        def check(value: Any, found: Found) -> None:
            for rule in rules:
                if not rule.test(value, found):
                    found.append(["", rule.severity, "invariant", rule.text])
            for child in children:
                child(value, found)

        return check

    def _child(self, branch: Branch) -> Whole | None:
        """The check of one element of an object: how often, which types, each item, slices."""
        if branch.owner == "Extension" and branch.name == "url":
            return None  # the profile or slice was chosen by it
        low, high = int(branch.row.get("min", 0)), limit(branch.row.get("max"))
        item = self._item(branch)
        slices = [self._slice(branch, part) for part in branch.slices.values()]
        needed = any(part.low for part in slices)
        closed = bool(slices) and branch.row.get("slicing", {}).get("rules") == "closed"
        allowed = frozenset(_cap(t) for t in branch.types) if branch.choice and "types" in branch.row else None
        if not (low or high < UNBOUNDED or item or slices or allowed):
            return None
        name, beside, read, label = branch.name, "_" + branch.name, reader(branch), labels(branch)
        sort = sorting(branch, slices, label, closed) if slices else None

        def check(value: Any, found: Found) -> None:
            items, kind = read(value)
            count = len(items)
            if count < low and not (low == 1 and beside in value):
                found.append([name, ERROR, "required", f"expected at least {low} by the profile"])
            elif count > high:
                found.append([name, ERROR, "structure", f"expected at most {high} by the profile"])
            if allowed is not None and count and kind not in allowed:
                found.append([name, ERROR, "structure", f"expected {name}[x] of type {', '.join(sorted(allowed))}"])
            if item is not None:
                start = len(found)
                for index, content in enumerate(items):
                    item(content, found)
                    if len(found) > start:
                        prefix(found, start, label(index, kind))
                        start = len(found)
            if sort is not None and (items or needed):
                sort(items, kind, found)

        return check

    def _item(self, branch: Branch) -> Whole | None:
        """What every item of an element must meet; None when nothing is asked."""
        row = branch.row
        tests: list[tuple[Callable[[Any], bool | None], str, str]] = []
        if "fixed" in row:
            tests.append((equals(row["fixed"]), "value", "expected the value that the profile fixes"))
        if "pattern" in row:
            tests.append((fits_pattern(row["pattern"]), "value", "expected the pattern that the profile states"))
        if row.get("binding", [""])[0] == "required":
            url = row["binding"][1]
            tests.append((in_binding(url), "code-invalid", f"expected a code of the value set {url}"))
        refers = points_to(frozenset(row["targets"]) - {"Resource"}) if "targets" in row else None
        rules = rules_of("", row.get("invariants", {}))
        children = [c for c in map(self._child, branch.children.values()) if c is not None]
        profiles = [] if branch.name in ("extension", "modifierExtension") else list(row.get("profiles", ()))
        if not (tests or refers or rules or children or profiles):
            return None

        def check(value: Any, found: Found) -> None:
            for test, code, text in tests:
                if test(value) is False and not says_why_absent(value):
                    found.append(["", ERROR, code, text])
            for rule in rules:
                if not rule.test(value, found):
                    found.append(["", rule.severity, "invariant", rule.text])
            if type(value) is dict:
                if refers is not None:
                    refers(value, found)
                for child in children:
                    child(value, found)
                if profiles:
                    self._any_profile(profiles, value, found)

        return check

    def _any_profile(self, urls: list[str], value: Any, found: Found) -> None:
        """One of several profiles is enough; the faults told are those against the first."""
        first: Found | None = None
        for url in urls:
            check = self.check(url)
            if check is None:
                return
            trial = Found()
            trial.resource, trial.root = found.resource, found.root
            check(value, trial)
            if not trial:
                return
            first = first or trial
        found.extend(first or ())

    def _slice(self, sliced: Branch, part: Branch) -> Slice:
        return Slice(
            part.slice_name,
            membership(sliced, part, self._extension_url),
            self._extension_url(part) if by_url(sliced) else None,
            int(part.row.get("min", 0)),
            limit(part.row.get("max")),
            self._item(part),
            frozenset(_cap(t) for t in part.types) if sliced.choice else frozenset(),
        )

    def _extension_url(self, part: Branch) -> str | None:
        """The url that the extensions of a slice have: of the definition it names, or stated in it."""
        if part.row.get("profiles"):
            return str(part.row["profiles"][0]).partition("|")[0]
        url = part.children.get("url")
        return str(url.row["fixed"]) if url is not None and "fixed" in url.row else None


def _cap(name: str) -> str:
    return name[:1].upper() + name[1:]
