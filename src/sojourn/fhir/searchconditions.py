"""One search parameter with its value becomes one Condition: modifiers, chains, composites.

https://hl7.org/fhir/R4/search.html. Raises SearchError for everything that R4 or we do not define; nothing is passed over.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from sojourn.fhir import searchvalues as values
from sojourn.fhir.compartment import member_names
from sojourn.fhir.query import (
    AnyOf,
    Chain,
    Condition,
    Dates,
    Has,
    Ids,
    Member,
    Missing,
    Numbers,
    References,
    Spans,
    Strings,
    Token,
    Tokens,
    Updated,
    Uris,
)
from sojourn.fhir.searchparams import PARAMS, SearchParam, resource_types
from sojourn.fhir.searchvalues import SearchError, alternatives, split, unescape

ValueSets = Callable[[str], Iterable[tuple[str, str]] | None]
"""A value set's codes as (system, code) by its URL; None when it is not known or cannot be listed."""

MAX_HOPS = 12
MAX_CONDITIONS = 300
"""Hops in one chain, and conditions that one parameter may come to by chains over several types."""

MODIFIERS: dict[str, frozenset[str]] = {
    "token": frozenset({"not", "text", "in", "not-in", "of-type", "missing"}),
    "string": frozenset({"exact", "contains", "missing"}),
    "reference": frozenset({"identifier", "missing"}),
    "uri": frozenset({"above", "below", "missing"}),
    "date": frozenset({"missing"}),
    "number": frozenset({"missing"}),
    "quantity": frozenset({"missing"}),
    "composite": frozenset({"missing"}),
}
"""Modifiers by kind; a reference may also have the name of a type."""


class UnknownParameterError(SearchError):
    """The resource type has no such search parameter."""


class Asked(NamedTuple):
    """Where a condition is read: the types it looks at, the name as sent, and what the reader needs to know."""

    types: tuple[str, ...]
    sent: str
    base: str
    value_sets: ValueSets
    hops: int = 0

    def error(self, expected: str, *, supported: bool = True) -> SearchError:
        """The error for this parameter."""
        return SearchError(self.sent, expected, supported=supported)


def condition(asked: Asked, name: str, value: str) -> Condition:
    """The condition that `name=value` states about resources of the asked types."""
    if asked.hops > MAX_HOPS:
        raise asked.error(f"more than {MAX_HOPS} hops")
    if name.startswith("_has:"):
        return _has(asked, name, value)
    head, dot, rest = name.partition(".")
    code, colon, modifier = head.partition(":")
    param = find(asked, code)
    if dot:
        return _chain(asked, param, modifier, rest, value)
    if colon and not modifier:
        raise asked.error("expected a modifier after the colon")
    if code == "_id":
        return _ids(asked, modifier, value)
    if code == "_lastUpdated":
        if modifier:
            raise asked.error("no modifier is possible here", supported=False)
        return Updated(asked.types, tuple(values.moment(asked.sent, v) for v in alternatives(asked.sent, value)))
    return _valued(asked, param, modifier, value)


def find(asked: Asked, code: str) -> SearchParam:
    """The parameter of that code for all asked types."""
    table = PARAMS[asked.types[0]] if len(asked.types) == 1 else PARAMS["Resource"]
    param = table.get(code)
    if param is None or param.kind == "special":
        where = asked.types[0] if len(asked.types) == 1 else "every type"
        raise UnknownParameterError(asked.sent, f"not a search parameter of {where}", supported=False)
    return param


def _valued(asked: Asked, param: SearchParam, modifier: str, value: str) -> Condition:
    """A condition on the parameter's own values."""
    allowed = MODIFIERS[param.kind]
    typed = param.kind == "reference" and modifier in resource_types()
    if modifier and modifier not in allowed and not typed:
        raise asked.error(f"expected one of the modifiers {', '.join(sorted(allowed))}", supported=False)
    if modifier == "missing":
        names = (param.code,) if param.view else param.names
        edges = param.names if param.kind == "reference" else ()
        return Missing(asked.types, names, values.flag(asked.sent, value), edges, param.view)
    texts = alternatives(asked.sent, value)
    match param.kind:
        case "token":
            return _tokens(asked, param, modifier, texts)
        case "string":
            mode = modifier or "starts"
            return Strings(asked.types, param.names, tuple(values.string(asked.sent, t, mode) for t in texts), mode)
        case "uri":
            return Uris(asked.types, param.names, tuple(values.uri(asked.sent, t) for t in texts), modifier or "is")
        case "date":
            return Dates(asked.types, param.names, tuple(values.moment(asked.sent, t) for t in texts))
        case "number":
            return Numbers(asked.types, param.names, tuple(values.number(asked.sent, t) for t in texts))
        case "quantity":
            return Numbers(asked.types, param.names, tuple(values.quantity(asked.sent, t) for t in texts))
        case "reference":
            return _references(asked, param, modifier, texts)
    return _composite(asked, param, texts)


def _tokens(asked: Asked, param: SearchParam, modifier: str, texts: list[str]) -> Condition:
    """A condition on a token."""
    if modifier == "text":
        names = tuple(f"{name}:text" for name in param.names)
        return Strings(asked.types, names, tuple(values.string(asked.sent, t) for t in texts))
    if modifier == "of-type":
        if "Identifier" not in param.types:
            raise asked.error("only an identifier has the modifier of-type", supported=False)
        names = tuple(f"{name}:of-type" for name in param.names)
        return Tokens(asked.types, names, tuple(values.of_type(asked.sent, t) for t in texts), weight=2)
    if modifier in ("in", "not-in"):
        return Tokens(asked.types, param.names, _members(asked, param, texts), modifier == "not-in")
    found = tuple(values.token(asked.sent, param, t) for t in texts)
    weight = 2 if "Identifier" in param.types else 0 if param.implied_system or param.code == "category" else 1
    return Tokens(asked.types, param.names, found, modifier == "not", weight)


def _members(asked: Asked, param: SearchParam, texts: list[str]) -> tuple[Token, ...]:
    """The codes of the value sets."""
    found: dict[Token, None] = {}
    for text in texts:
        codes = asked.value_sets(values.uri(asked.sent, text))
        if codes is None:
            raise asked.error("expected the URL of a value set that this server knows and can list", supported=False)
        for system, code in codes:
            found[Token(None if system == param.implied_system else system, code)] = None
    if not found:
        raise asked.error("the value set has no codes")
    return tuple(found)


def _references(asked: Asked, param: SearchParam, modifier: str, texts: list[str]) -> Condition:
    """A condition on a reference."""
    if modifier == "identifier":
        names = tuple(f"{name}:identifier" for name in param.names)
        plain = SearchParam("identifier", "token", "")
        return Tokens(asked.types, names, tuple(values.token(asked.sent, plain, t) for t in texts), weight=2)
    if modifier and param.targets and modifier not in param.targets and "*" not in param.targets:
        raise asked.error(f"expected one of the types {', '.join(param.targets)}")
    if modifier and param.view and modifier != param.view:
        raise asked.error(f"expected the type {param.view}")
    limit = modifier or param.view
    targets = [t for text in texts for t in values.reference(asked.sent, param, text, limit, asked.base)]
    return References(asked.types, param.names, tuple(dict.fromkeys(targets)))


def _ids(asked: Asked, modifier: str, value: str) -> Condition:
    """A condition on logical ids."""
    if modifier not in ("", "not"):
        raise asked.error("expected no modifier but not", supported=False)
    found = [unescape(t).removeprefix("|") for t in alternatives(asked.sent, value)]
    if not all(values.ID.fullmatch(text) for text in found):
        raise asked.error("expected logical ids: 1 to 64 letters, digits, dots and hyphens")
    return Ids(asked.types, tuple(found), modifier == "not")


def _composite(asked: Asked, param: SearchParam, texts: list[str]) -> Condition:
    """A condition on values that belong together."""
    return AnyOf(asked.types, tuple(_pair(asked, param, text) for text in texts))


def _pair(asked: Asked, param: SearchParam, text: str) -> Condition:
    """One alternative of a composite."""
    parts = split(text, "$")
    if len(parts) != len(param.components):
        raise asked.error("expected " + "$".join(c.code for c in param.components))
    first, second, *third = param.components
    token = _written(asked, first.code, first.paths[0].system if len(first.paths) == 1 else "", parts[0])
    names = tuple(f"{name}${token}" for name in param.names)
    if third:
        return Spans(asked.types, names, values.number(asked.sent, parts[1]), values.number(asked.sent, parts[2]))
    inner = SearchParam(second.code, second.kind, "", paths=second.paths, types=frozenset(p.type for p in second.paths))
    if second.kind == "token":
        return Tokens(asked.types, param.names, (Token(token, _written(asked, second.code, inner.implied_system or "", parts[1])),))
    if second.kind == "reference":
        return References(
            asked.types, names, tuple(values.reference(asked.sent, SearchParam("", "", "", ("*",)), parts[1], "", asked.base))
        )
    if not parts[1]:
        raise asked.error("expected a value after $")
    match second.kind:
        case "date":
            return Dates(asked.types, names, (values.moment(asked.sent, parts[1]),))
        case "string":
            return Strings(asked.types, names, (values.string(asked.sent, parts[1]),))
        case "quantity":
            return Numbers(asked.types, names, (values.quantity(asked.sent, parts[1]),))
    return Numbers(asked.types, names, (values.number(asked.sent, parts[1]),))


def _written(asked: Asked, code: str, implied: str, text: str) -> str:
    """A composite's token as it stands in the index: `code` or `system|code`."""
    parts = [unescape(part) for part in split(text, "|")]
    if len(parts) > 2 or not parts[-1]:
        raise asked.error(f"expected {code} as code or system|code")
    return parts[-1] if len(parts) == 1 or (implied and parts[0] == implied) else "|".join(parts)


def _chain(asked: Asked, param: SearchParam, modifier: str, rest: str, value: str) -> Condition:
    """A condition on what the parameter refers to."""
    if param.kind != "reference":
        raise asked.error(f"{param.code} is no reference, so nothing can follow it")
    if modifier and modifier not in resource_types():
        raise asked.error("expected a resource type between the colon and the dot")
    allowed = (param.view,) if param.view else param.targets
    if modifier and allowed and modifier not in allowed and "*" not in allowed:
        raise asked.error(f"expected one of the types {', '.join(allowed)}")
    targets = (modifier,) if modifier else allowed
    if not targets or "*" in targets:
        raise asked.error(f"expected a type, as in {param.code}:Patient.name, because the parameter may point to any type")
    ends = []
    problem: SearchError | None = None
    for target in targets:
        try:
            end = condition(asked._replace(types=(target,), hops=asked.hops + 1), rest, value)
        except SearchError as error:
            problem = error if problem is None or isinstance(problem, UnknownParameterError) else problem
            continue
        ends.append((target, end))
    if not ends:
        raise problem or asked.error("expected a parameter of the type referred to")
    found = Chain(asked.types, param.names, tuple(ends))
    if size(found) > MAX_CONDITIONS:
        raise asked.error("the chain goes over too many types; name them, as in subject:Patient.name")
    return found


def _has(asked: Asked, name: str, value: str) -> Condition:
    """A condition on what refers to the resource."""
    parts = name.split(":", 3)
    if len(parts) < 4 or not parts[3]:
        raise asked.error("expected _has:Type:reference:parameter")
    _, source, code, rest = parts
    if source not in resource_types():
        raise asked.error("expected a resource type after _has")
    param = PARAMS[source].get(code)
    if param is None or param.kind != "reference":
        raise asked.error(f"expected a reference parameter of {source}")
    allowed = {param.view} if param.view else set(param.targets)
    if "*" not in allowed and not allowed & set(asked.types):
        raise asked.error(f"{code} of {source} does not point to {asked.types[0] if len(asked.types) == 1 else 'that'}")
    inner = condition(asked._replace(types=(source,), hops=asked.hops + 1), rest, value)
    return Has(asked.types, source, param.names, inner)


def size(found: Condition) -> int:
    """How many conditions it comes to."""
    match found:
        case Chain(ends=ends):
            return 1 + sum(size(end) for _, end in ends)
        case Has(condition=inner):
            return 1 + size(inner)
        case AnyOf(conditions=parts):
            return sum(size(part) for part in parts)
    return 1


def in_compartment(types: tuple[str, ...], compartment: str, owner: str) -> Member:
    """The condition of lying in a compartment, such as (`Patient`, id)."""
    names = ((t, tuple(sorted(member_names(t, compartment)))) for t in types)
    return Member(types, f"{compartment}/{owner}", tuple((t, n) for t, n in names if n))
