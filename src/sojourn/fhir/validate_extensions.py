"""Extensions whose definitions are known: their values, and where they may be used.

https://hl7.org/fhir/R4/defining-extensions.html#context
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sojourn.fhir.definitions import Definitions
from sojourn.fhir.profiles import Profiles
from sojourn.fhir.validate_elements import Whole, both
from sojourn.fhir.validate_found import ERROR, Found

_ANYWHERE: Final = frozenset({"Element", "*"})


def extension_check(definitions: Definitions, profiles: Profiles) -> Callable[[str, str], Whole | None]:
    """A function of (`owner#name`, url) that gives the check of such an extension, or None."""
    ready: dict[tuple[str, str], Whole | None] = {}

    def check(place: str, url: str) -> Whole | None:
        try:
            return ready[place, url]
        except KeyError:
            pass
        facts = profiles.facts(url)
        if facts is None or facts["type"] != "Extension":
            return None  # not remembered: there is no end to unknown urls
        owner, _, name = place.partition("#")
        whole = both(profiles.check(url), _nested_check(facts))
        whole = both(whole, _place_check(definitions, owner, name, facts))
        ready[place, url] = whole
        return whole

    return check


def _place_check(definitions: Definitions, owner: str, name: str, facts: dict[str, Any]) -> Whole | None:
    text = None
    if bool(facts.get("modifier")) != (name == "modifierExtension"):
        text = f"expected this extension in {'modifierExtension' if facts.get('modifier') else 'extension'}"
    elif not _may_be_here(definitions, owner, facts.get("contexts", [])):
        text = "expected this extension only on " + ", ".join(expression for _, expression in facts["contexts"])
    if text is None:
        return None
    return lambda value, found: found.append(["", ERROR, "extension", text])


def _may_be_here(definitions: Definitions, owner: str, contexts: list[list[str]]) -> bool:
    """Whether some context admits the owner. Which element has a data type as its type is not known
    here, so a context with a path admits all data types."""
    stated = {expression for kind, expression in contexts if kind == "element"}
    if not stated or len(stated) < len(contexts) or stated & _ANYWHERE or owner in stated:
        return True
    kind = definitions.type(owner)
    if kind is None or owner in ("Element", "Extension"):
        return True
    if kind.kind == "resource":
        return bool(stated & {"Resource", "DomainResource"})
    if kind.kind == "backbone":
        return "BackboneElement" in stated or any(_shared(owner, path) for path in stated)
    return any(_leads_into(definitions, path) for path in stated) or (owner != "Quantity" and "Quantity" in stated)


def _leads_into(definitions: Definitions, path: str) -> bool:
    """Whether a path is one of a resource, so that its element may have any data type."""
    head, _, rest = path.partition(".")
    kind = definitions.type(head)
    return bool(rest) and (kind is None or kind.kind == "resource")


def _shared(owner: str, path: str) -> bool:
    """Nested elements that refer to another's definition stand at more than one path, and HL7's own
    definitions carry extensions of a type's code on the type."""
    if owner.startswith("ElementDefinition"):
        return path.startswith(owner)
    return path.rpartition(".")[2] == owner.rpartition(".")[2] and path.split(".")[0] == owner.split(".")[0]


def _nested_check(facts: dict[str, Any]) -> Whole | None:
    """A complex extension holds those it names, and others only by absolute url."""
    names = {
        row["fixed"]
        for path, row in facts["elements"].items()
        if path.startswith("extension:") and path.endswith(".url") and path.count(".") == 1 and "fixed" in row
    }
    if not names:
        return None

    def whole(value: Any, found: Found) -> None:
        for index, item in enumerate(value.get("extension") or ()):
            url = item.get("url") if type(item) is dict else None
            if type(url) is str and url not in names and ":" not in url:
                found.append([f"extension[{index}].url", ERROR, "extension", "expected a part that the extension defines"])

    return whole
