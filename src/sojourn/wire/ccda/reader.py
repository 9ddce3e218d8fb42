"""Reads a C-CDA document of any kind into facts: tolerant, and loses nothing without saying so.

One entry that cannot be read never costs the others: its line stands in the section's `unread`, its narrative stays. Only what is no XML, or no
ClinicalDocument, is refused (BadDocument).
"""

from __future__ import annotations

import base64
import binascii
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Final

from sojourn.wire.ccda import values
from sojourn.wire.ccda.entries import facts_of, of_another
from sojourn.wire.ccda.facts import Document, Fact, Marks, Section
from sojourn.wire.ccda.marks import marks_of, notice, stricter
from sojourn.wire.ccda.person import person
from sojourn.wire.ccda.values import Coded
from sojourn.wire.ccda.xml import MAX_BYTES, BadDocument, Node, parse, uncollected

MAX_REPEATED: Final = 4 * MAX_BYTES
_SHORTEST: Final = 7
"""Letters of the shortest notice that is known: 42CFR 2."""


def read(data: bytes) -> Document:
    """The document in these bytes. Raises BadDocument with the reason; nothing of the content is in it."""
    with uncollected():
        return of(parse(data))


def of(root: Node) -> Document:
    """The same of a document that is parsed. Raises BadDocument."""
    if root.name != "ClinicalDocument":
        raise BadDocument("its root is no ClinicalDocument")
    marks = marks_of(root, {})
    # Some leave out what stands around their sections.
    body = [root, *(node for path in ("component", "component/structuredBody", "component/structuredBody/component") for node in root.all(path))]
    sections = tuple(s for c in body for s in _sections(c, marks, 0))
    if (whole := _of_all(sections, marks)) != marks:
        marks = whole
        sections = tuple(s for c in body for s in _sections(c, marks, 0))
    whole_body = _unstructured(root)
    told = next((section.marks.notice for section in sections if section.marks.notice), "") or (notice(whole_body[1].decode("utf-8", "replace")) if whole_body and whole_body[0].startswith("text/") else "") or _said_anywhere(root)
    set_id, number = root.one("setId"), root.one("versionNumber")
    return Document(
        values.coded(root.one("code"), {}), values.name(root.one("title")), next(iter(values.identifiers(root)), ""),
        (_joined(set_id) if set_id else "", number.get("value") if number else ""),
        values.span(root.one("effectiveTime")).start, _code(root.one("languageCode")), tuple(t.get("root") for t in root.all("templateId")), person(root),
        tuple(said for a in root.all("author/assignedAuthor") if (said := values.name(a.one("assignedPerson/name") or a.one("representedOrganization/name")))),
        values.name(root.one("custodian/assignedCustodian/representedCustodianOrganization/name")), marks._replace(notice=told), sections, whole_body, tuple(_consents(root)), tuple(_related(root)), max(1, len(root.all("recordTarget"))),
    )  # fmt: skip


def _said_anywhere(root: Node) -> str:
    """A notice that stands in no narrative: in a title, a name of the header, the words of an entry, the name of a code."""
    stack = [root]
    while stack:
        node = stack.pop()
        for said in (*(() if node.get("representation") == "B64" else node.texts), node.get("displayName")):
            if len(said) >= _SHORTEST and (found := notice(" ".join(said.split()))):
                return found
        stack += node.below
    return ""


def _related(root: Node) -> Iterator[tuple[str, str, str]]:
    for node in root.all("relatedDocument"):
        for parent in node.all("parentDocument"):
            whole = parent.one("setId")
            yield node.get("typeCode"), next(iter(values.identifiers(parent)), ""), _joined(whole) if whole else ""


def _consents(root: Node) -> Iterator[tuple[str, Coded]]:
    for consent in root.all("authorization/consent"):
        yield from ((number, values.coded(consent.one("code"), {})) for number in values.identifiers(consent)[:1])


def _joined(node: Node) -> str:
    return "|".join(filter(None, (node.get("root"), node.get("extension"))))


def _of_all(sections: tuple[Section, ...], marks: Marks) -> Marks:
    """With what the document's privacy section says of all of it (DS4P: security observations that are entries of their own)."""
    for section in sections:
        for fact in section.facts:
            if fact.kind == "mark":
                marks = _within(marks, fact.marks)
    return marks


def _code(node: Node | None) -> str:
    return node.get("code") if node else ""


def _unstructured(root: Node) -> tuple[str, bytes] | None:
    text = root.one("component/nonXMLBody/text")
    if text is None:
        return None
    if text.get("representation") != "B64":
        return text.get("mediaType"), (text.text() if text.below else text.texts[0].strip()).encode()
    try:
        return text.get("mediaType"), base64.b64decode("".join(text.text().split()))
    except binascii.Error:
        return text.get("mediaType"), b""


def _sections(component: Node, around: Marks, depth: int) -> Iterator[Section]:
    for node in component.all("section"):
        section = _section(node, around)
        yield section
        if depth < 8:
            for child in node.all("component"):
                yield from _sections(child, section.marks, depth + 1)


def _section(node: Node, around: Marks) -> Section:
    text = node.one("text")
    narrative = values.Narrative(_parts(text) if text else ())
    words = text.text() if text else ""
    code = values.coded(node.one("code"), narrative)
    kind = _kind(node, code)
    marks = marks_of(node, narrative, around)
    marks = marks._replace(notice=notice(words) or marks.notice)
    facts: list[Fact] = []
    unread: list[str] = []
    another = of_another(node)
    for entry in node.all("entry"):
        try:
            found = [f._replace(kind="other") if another and f.kind not in ("relative", "mark") else f for f in facts_of(entry, kind, narrative)]
        except (ValueError, ArithmeticError, LookupError):  # one entry is odd in a way that nobody thought of: the others stand
            found = []
        facts += [fact._replace(marks=_within(fact.marks, marks)) for fact in found]
        if not any(fact.what or fact.text or fact.value for fact in found):
            unread.append(f"line {entry.line}")
    return Section(kind, code, values.name(node.one("title")), words, tuple(facts), tuple(unread), node.get("nullFlavor"), marks, node.line)


def _within(own: Marks, around: Marks) -> Marks:
    policies = (*own.policies, *(p for p in around.policies if p not in own.policies))
    return Marks(stricter(own.confidentiality, around.confidentiality), policies, own.notice or around.notice)


def _parts(text: Node) -> Iterator[tuple[str, str, Node]]:
    """ID, words and place of each part of the narrative that has one; parts within parts say the same words again, which has an end."""
    stack, left = [text], MAX_REPEATED
    while stack and left > 0:
        node = stack.pop()
        if mark := node.get("ID"):
            words = node.text()
            left -= len(words)
            yield mark, words, node
        stack += node.below


@cache
def _table() -> Mapping[str, str]:
    """LOINC code or template root -> kind of section."""
    stated = tomllib.loads((resources.files("sojourn.wire.ccda") / "sections.toml").read_text())
    return {key: kind for kind, row in stated.items() for key in (*row["loinc"], *row["roots"])}


def _kind(node: Node, code: Coded) -> str:
    roots = [t.get("root") for t in node.all("templateId")]
    codes = [code.code, *(other.code for other in code.others)]
    return next((_table()[key] for key in (*roots, *codes) if key in _table()), "other")
