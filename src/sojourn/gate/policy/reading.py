"""From the scenario format to a case: each field that is understood, the names of those that are not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from sojourn.gate.policy import tables
from sojourn.gate.policy.case import Case, Consent, Custodian, Recipient, Record, Restriction

_LISTS = {"needed_for_purpose"}
_WORDS = {"legal_instrument", "scopes", "state", "evaluation_time"}
_SORTS: dict[str, type | tuple[type, ...]] = {"state_overlay": (str, list), "lookback_years": (str, int), "patient_age": int}


def case(scenario: Mapping[str, Any], at: datetime) -> Case:
    """The case of one scenario, decided at its own time or else at `at`. Never raises for what a scenario contains."""
    unknown: list[str] = []
    request = _part(scenario.get("request"), "request", unknown)
    context = _context(request.get("context"), unknown)
    unknown += [f"field {name}" for name in scenario if name not in _TOP and name not in tables.asides("top")]
    return Case(
        custodian=_custodian(scenario.get("custodian"), unknown),
        actor=_word(request, "actor", "request", unknown),
        recipient=_recipient(request.get("recipient"), unknown),
        purpose=_word(request, "purpose", "request", unknown),
        action=_one_of(request, "action", tables.table("parties")["actions"], "request.action", unknown),
        channel=_one_of(request, "channel", tables.table("channels")["known"], "request.channel", unknown),
        at=_moment(request.get("evaluation_time") or context.get("evaluation_time"), at, unknown),
        context=context,
        consents=tuple(_form(c, unknown) for c in _listed(scenario, "consents", unknown)),
        restrictions=tuple(_restriction(r, unknown) for r in _listed(scenario, "restrictions", unknown)),
        records=tuple(_record(r, unknown) for r in _listed(scenario, "records", unknown)),
        unknown=tuple(sorted(set(unknown))),
    )


_TOP = {"custodian", "request", "consents", "restrictions", "records"}


def _part(given: Any, part: str, unknown: list[str]) -> dict[str, Any]:
    """The fields of an object under the names that the rules use."""
    if not isinstance(given, Mapping):
        unknown.append(f"{part} is missing or no object")
        return {}
    names, turned, aside = tables.spellings(part), tables.opposites(part), tables.asides(part)
    said: dict[str, list[Any]] = {}
    for name, value in given.items():
        if name in names:
            said.setdefault(names[name], []).append(value)
        elif name in turned:
            said.setdefault(turned[name], []).append(not value if isinstance(value, bool) else value)
        elif name not in aside:
            unknown.append(f"{part}.{name}")
    return {name: _agreed(part, name, values, unknown) for name, values in said.items()}


def _agreed(part: str, name: str, values: list[Any], unknown: list[str]) -> Any:
    """What several spellings of one fact say together. Where they differ nobody knows which holds, unless the law asks for either."""
    stated = [v for v in values if v is not None]
    if all(v == stated[0] and type(v) is type(stated[0]) for v in stated):
        return stated[0] if stated else None
    if part == "context" and name in tables.table("facts")["context_either"]["names"] and all(isinstance(v, bool) for v in stated):
        return True
    unknown.append(f"{part}.{name} said twice, differently")
    return None


def _context(given: Any, unknown: list[str]) -> dict[str, Any]:
    found = _part({} if given is None else given, "context", unknown)
    return {name: value for name, value in found.items() if _is_fact(name, value, unknown)}


def _is_fact(name: str, value: Any, unknown: list[str]) -> bool:
    """Whether the value is of the sort that the fact needs; a yes-or-no question is answered by true or false."""
    wanted = _SORTS.get(name) or (list if name in _LISTS else str if name in _WORDS else bool)
    if value is None:
        return False
    words = all(isinstance(v, str) for v in value) if isinstance(value, list) else True
    if isinstance(value, wanted) and words and (wanted is bool or not isinstance(value, bool)):
        return True
    unknown.append(f"value of context.{name}")
    return False


def _custodian(given: Any, unknown: list[str]) -> Custodian:
    found = _part(given, "custodian", unknown)
    parties = tables.table("parties")
    return Custodian(
        kind=_one_of(found, "kind", parties["custodians"], "custodian.kind", unknown),
        covered=_yes(found, "hipaa_covered", "custodian", unknown) is True,
        possession=_one_of(found, "possession", parties["possessions"], "custodian.possession", unknown),
        organization=_word(found, "organization", "custodian", unknown),
        state=_word(found, "state", "custodian", unknown),
    )


def _recipient(given: Any, unknown: list[str]) -> Recipient:
    found = _part(given, "recipient", unknown)
    return Recipient(
        kind=_one_of(found, "kind", tables.table("parties")["recipients"], "recipient.kind", unknown),
        organization=_word(found, "organization", "recipient", unknown),
        name=_word(found, "name", "recipient", unknown),
        state=_word(found, "state", "recipient", unknown),
        treating=_yes(found, "treating_relationship", "recipient", unknown),
        agreement=_yes(found, "written_agreement", "recipient", unknown),
        medical=_yes(found, "medical_personnel", "recipient", unknown),
        network=_word(found, "participant_of", "recipient", unknown),
    )


def _form(given: Any, unknown: list[str]) -> Consent:
    """A form, directive or opt-out. One whose kind nobody understands could be what forbids, so then nothing goes."""
    found = _consent(given)
    if not found.kind:
        unknown += [name for name in found.unread if name.startswith(("consent is", "value of consent.kind"))]
    return found


def _consent(given: Any) -> Consent:
    unread: list[str] = []
    given, named = _named_categories(given)
    found = _part(given, "consent", unread)
    kinds, states = tables.table("consents")["kinds"], tables.table("consents")["states"]
    revoked = found.get("revoked_at")

    def words(name: str) -> tuple[str, ...]:
        return _words(found, name, "consent", unread) or ()

    return Consent(
        kind=_one_of(found, "kind", kinds, "consent.kind", unread),
        state=_one_of({"state": found.get("state", "active")}, "state", states, "consent.state", unread),
        recipients=words("recipients"),
        purposes=frozenset(words("purposes")),
        expires=_word(found, "expires", "consent", unread) if found.get("expires") is not None else None,
        content=_words(found, "content", "consent", unread),  # of what is not understood, all: it then permits nothing, and forbids all
        signed=_day(found.get("signed"), "consent.signed", unread),
        signed_by=frozenset(words("signed_by")),
        missing=words("missing"),
        combined_with=frozenset(words("combined_with")),
        general_designation=_word(found, "general_designation", "consent", unread),
        participants=words("participants"),
        patients=frozenset(words("patients")),
        revoked_at=revoked if isinstance(revoked, str) else "yes" if revoked else "",
        irrevocable=bool(found.get("irrevocable")),
        event_occurred=found.get("event_occurred") is True,
        names_sud=found.get("names_sud_information") is True,
        psychotherapy=found.get("psychotherapy_notes") is True,
        categories=frozenset(words("categories")) | named,
        period=_period(found.get("data_period"), unread),
        unread=tuple(unread),
    )


def _named_categories(given: Any) -> tuple[Any, frozenset[str]]:
    """A form's yes or no to information of one category (`names_hiv_information`), as `names_sud_information` says it; the rest, and the labels that it names."""
    if not isinstance(given, Mapping):
        return given, frozenset()
    words, read, named = tables.table("overlays")["words"], set(), set()
    for field, value in given.items():
        asked = re.fullmatch(r"names_(.+)_information", str(field))
        labels = {label for word in asked[1].split("_") for label in words.get(word, ())} if asked and asked[1] != "sud" else set()
        if labels and isinstance(value, bool):
            read.add(field)
            named |= labels if value else set()
    return {k: v for k, v in given.items() if k not in read}, frozenset(named)


def _restriction(given: Any, unknown: list[str]) -> Restriction:
    found = _part(given, "restriction", unknown)
    kind, agreed = _word(found, "kind", "restriction", unknown), found.get("agreed")
    only_asked = agreed in (False, "requested", "denied", "not_agreed") or (agreed is None and _only_asked(kind))
    applies = _words(found, "applies_to", "restriction", unknown)
    return Restriction(
        kind=kind,
        agreed=not only_asked,
        applies_to=None if applies is None else frozenset(applies),
        recipients=_words(found, "recipients", "restriction", unknown) or (),
        purposes=frozenset(_words(found, "purposes", "restriction", unknown) or ()),
    )


def _only_asked(kind: str) -> bool:
    """Whether a kind of restriction says that it was asked for and not agreed to (2.26(a)(2), 164.522(a)(1)(ii)); in doubt it was agreed."""
    words = set(kind.lower().replace("-", "_").split("_"))
    return "not" in words if "agreed" in words else not words.isdisjoint({"requested", "proposed", "pending", "declined"})


def _record(given: Any, unknown: list[str]) -> Record:
    found = _part(given, "record", unknown)
    labels = frozenset(_words(found, "labels", "record", unknown) or ())
    unknown += [f"label {label}" for label in sorted(labels - tables.known_labels())]
    return Record(
        id=_word(found, "id", "record", unknown),
        type=_word(found, "type", "record", unknown),
        labels=labels,
        origin=_one_of(found, "origin", ("part2_program", "non_part2"), "record.origin", unknown, needed=True),
        patient=_word(found, "patient", "record", unknown),
        refers_to=frozenset(_words(found, "refers_to", "record", unknown) or ()),
        date=_day(found.get("date"), "record.date", unknown),
        originator=_word(found, "originator", "record", unknown),
    )


def _listed(scenario: Mapping[str, Any], name: str, unknown: list[str]) -> Iterable[Any]:
    given = scenario.get(name)
    if given is None or isinstance(given, list):
        return given or ()
    unknown.append(f"{name} is no list")
    return ()


def _word(found: Mapping[str, Any], name: str, part: str, unknown: list[str]) -> str:
    value = found.get(name)
    if value is not None and not isinstance(value, str):
        unknown.append(f"value of {part}.{name}")
    return value if isinstance(value, str) else ""


def _words(found: Mapping[str, Any], name: str, part: str, unknown: list[str]) -> tuple[str, ...] | None:
    """Words of a list, or one word for itself; an empty one names nothing. None where nothing is said, and where something in it is no word."""
    value = found.get(name)
    if value is None:
        return None
    given = value if isinstance(value, list) else [value]
    if all(isinstance(v, str) for v in given):
        return tuple(v for v in given if v)
    unknown.append(f"value of {part}.{name}")
    return None


def _one_of(found: Mapping[str, Any], name: str, known: Iterable[str], path: str, unknown: list[str], *, needed: bool = False) -> str:
    value = found.get(name)
    if value is None and not needed:
        return ""
    if isinstance(value, str) and value in known:
        return value
    unknown.append(f"value of {path}")
    return ""


def _yes(found: Mapping[str, Any], name: str, part: str, unknown: list[str]) -> bool | None:
    value = found.get(name)
    if value is not None and not isinstance(value, bool):
        unknown.append(f"value of {part}.{name}")
        return False
    return value


def _day(value: Any, path: str, unknown: list[str]) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        unknown.append(f"value of {path}")
        return None


def _period(value: Any, unread: list[str]) -> tuple[date | None, date | None] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        unread.append("value of consent.data_period")
        return None
    return (_day(value.get("start"), "consent.data_period", unread), _day(value.get("end"), "consent.data_period", unread))


def _moment(value: Any, otherwise: datetime, unknown: list[str]) -> datetime:
    if value is None:
        return otherwise
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        unknown.append("value of evaluation_time")
        return otherwise
    return found if found.tzinfo else found.replace(tzinfo=UTC)
