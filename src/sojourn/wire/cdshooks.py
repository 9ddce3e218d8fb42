"""What a CDS service says: which services it has, and its cards (https://cds-hooks.hl7.org/2.0/).

Tolerant: what cannot be read is left out, and nothing that is odd makes the rest unreadable. What is told may be hostile: it is cut to a size, and
it is words, which whoever shows them escapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

HOOKS: Final = {"patient-view": "A chart is opened", "order-sign": "A laboratory order is about to be sent"}
"""Those at which we ask, in words."""
INDICATORS: Final = ("critical", "warning", "info")
"""The most urgent first."""
MOST: Final = 10
"""Cards of one service."""
_SERVICES: Final = 50
_LINE, _DETAIL = 300, 2000
_ID: Final = re.compile(r"[A-Za-z0-9\-._]{1,64}", re.ASCII)
_KEY: Final = re.compile(r"[A-Za-z0-9\-_]{1,64}", re.ASCII)
_NAME: Final = re.compile(r"(_count|_sort|_id|[a-z][a-z-]*)(:(?:not|exact|text))?", re.ASCII)
_UUID: Final = re.compile(r"[0-9a-fA-F-]{36}", re.ASCII)
_PATIENT: Final = "{{context.patientId}}"


class Described(NamedTuple):
    """A service, as its discovery describes it. prefetch: templates by key."""

    id: str
    hook: str
    title: str
    description: str
    prefetch: Mapping[str, str]


class Wanted(NamedTuple):
    """What a template asks for: a search. params: with the patient in it."""

    type: str
    params: tuple[tuple[str, str], ...]


class Suggestion(NamedTuple):
    """What is suggested. actions: (what is done, to which type of resource, in their words)."""

    uuid: str
    label: str
    actions: tuple[tuple[str, str, str], ...]


class Reason(NamedTuple):
    """Why somebody does not follow a card."""

    system: str
    code: str
    words: str


class Card(NamedTuple):
    """One card. detail: Markdown. uuid: '' where the service gave none. links: (words, address), https alone."""

    uuid: str
    summary: str
    indicator: str
    detail: str
    source: str
    links: tuple[tuple[str, str], ...]
    suggestions: tuple[Suggestion, ...]
    reasons: tuple[Reason, ...]


def _text(value: object, most: int = _LINE) -> str:
    """Words in one line; '' for anything else."""
    return " ".join(value.split())[:most] if isinstance(value, str) else ""


def _items(value: object) -> Iterator[Mapping[str, Any]]:
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())


def services(said: object) -> list[Described]:
    """What a discovery lists for our hooks."""
    found: dict[str, Described] = {}
    for one in _items(said.get("services") if isinstance(said, dict) else None):
        id_, hook = _text(one.get("id")), _text(one.get("hook"))
        templates = one.get("prefetch")
        if not _ID.fullmatch(id_) or hook not in HOOKS or len(found) >= _SERVICES:
            continue
        prefetch = {k: v for k, v in templates.items() if _KEY.fullmatch(k) and isinstance(v, str) and len(v) <= _DETAIL} if isinstance(templates, dict) else {}
        found.setdefault(id_, Described(id_, hook, _text(one.get("title")) or id_, _text(one.get("description")), dict(list(prefetch.items())[:20])))
    return list(found.values())


def wanted(template: str, patient: str) -> Wanted | None:
    """What a template asks for about a patient, as a search; None for what we do not answer: anything not about this patient alone, chains, includes."""
    place, _, query = template.strip().removeprefix("/").partition("?")
    if place == f"Patient/{_PATIENT}" and not query:
        return Wanted("Patient", (("_id", patient),))
    params = parse_qsl(query, keep_blank_values=True)
    if not re.fullmatch(r"[A-Z][A-Za-z]+", place) or not all(_NAME.fullmatch(k) for k, _ in params):
        return None
    named = ("_id",) if place == "Patient" else ("patient", "subject")
    about = [(k, v) for k, v in params if k in ("_id", "patient", "subject")]
    if len(about) != 1 or about[0][0] not in named or about[0][1].removeprefix("Patient/") != _PATIENT or any("{{" in v for k, v in params if (k, v) != about[0]):
        return None
    return Wanted(place, tuple((k, v.replace(_PATIENT, patient)) for k, v in params if k != "_count"))


def cards(said: object) -> list[Card]:
    """The cards of an answer, the most urgent first. systemActions are not read: nothing is done by itself."""
    found = [card for one in _items(said.get("cards") if isinstance(said, dict) else None) if (card := _card(one)) is not None]
    return sorted(found[:MOST], key=lambda c: INDICATORS.index(c.indicator))


def _card(one: Mapping[str, Any]) -> Card | None:
    summary, source = _text(one.get("summary")), one.get("source")
    label = _text(source.get("label")) if isinstance(source, dict) else ""
    if not summary:
        return None
    detail = one.get("detail")
    indicator = one.get("indicator")
    links = tuple((_text(each.get("label")) or "More", address) for each in _items(one.get("links")) if each.get("type", "absolute") == "absolute" and (address := secure(each.get("url"))))
    return Card(
        _uuid(one.get("uuid")), summary, indicator if indicator in INDICATORS else "info", detail[:_DETAIL] if isinstance(detail, str) else "", label, links[:5],
        tuple(s for each in _items(one.get("suggestions")) if (s := _suggestion(each)).label)[:5],
        tuple(Reason(_text(r.get("system")), code, _text(r.get("display")) or code) for r in _items(one.get("overrideReasons")) if (code := _text(r.get("code"), 64)))[:20],
    )  # fmt: skip


def _suggestion(one: Mapping[str, Any]) -> Suggestion:
    actions = []
    for each in _items(one.get("actions")):
        resource, named = each.get("resource"), each.get("resourceId")
        type_ = str(resource.get("resourceType", "")) if isinstance(resource, dict) else str(named).partition("/")[0] if isinstance(named, str) else ""
        kind = each.get("type")
        if kind in ("create", "update", "delete"):
            actions.append((str(kind), type_ if re.fullmatch(r"[A-Z][A-Za-z]{2,40}", type_) else "", _text(each.get("description"))))
    return Suggestion(_uuid(one.get("uuid")), _text(one.get("label")), tuple(actions[:10]))


def _uuid(value: object) -> str:
    return value if isinstance(value, str) and _UUID.fullmatch(value) else ""


def secure(address: object) -> str:
    """The address, if somebody may be led there: https, a host, nobody's name or password in it; else ''."""
    if not isinstance(address, str) or len(address) > _DETAIL or not address.isprintable() or " " in address:
        return ""
    try:
        parts = urlsplit(address)
        ours = parts.scheme == "https" and bool(parts.hostname) and parts.username is None and parts.password is None and "\\" not in address
    except ValueError:
        return ""
    return address if ours else ""
