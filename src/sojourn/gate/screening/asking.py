"""Ask about what may be sensitive and has no label: its author and the privacy officer answer.

What a Part 2 program wrote needs no question: it is under Part 2 as it is (42 CFR 2.12).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.fhir import codec
from sojourn.gate import bases, overriding
from sojourn.gate.feed import Change, Handler, Turn
from sojourn.gate.labelrules import LabelRules
from sojourn.gate.labels import labelled_elements
from sojourn.gate.redact import redact
from sojourn.gate.screening.text import mentions, texts, words
from sojourn.record import labelling

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.labeljob import Labeller

TYPES = frozenset({
    "AllergyIntolerance", "CarePlan", "ClinicalImpression", "Communication", "Composition", "Condition", "DiagnosticReport", "DocumentReference", "Encounter", "FamilyMemberHistory",
    "MedicationAdministration", "MedicationRequest", "MedicationStatement", "Observation", "Procedure", "QuestionnaireResponse", "ServiceRequest",
})  # fmt: skip
"""Types in which people write in their own words, or name what may mean either of two things."""
_ABOUT_OTHERS = frozenset({"FamilyMemberHistory"})
_MOST = 200
_AT_ONCE = 20
ANSWERS = ("label", "not-sensitive")


def follower(labeller: Labeller) -> Handler:
    """For listeners.py: reads what was written, and asks."""

    async def handle(turn: Turn, changes: list[Change]) -> None:
        wanted = [(c.type, c.id, c.version) for c in changes if c.kind in ("create", "update") and c.type in TYPES]
        if not wanted:
            return
        access = await labeller.access(turn.tenant)
        rows = await labelling.written(turn.db, access.head, wanted)
        asked: list[tuple[str, str, int, str, str]] = []
        for start in range(0, len(rows), _AT_ONCE):
            asked += [question for row in rows[start : start + _AT_ONCE] for question in _questions(access, row)]
            await asyncio.sleep(0)  # reading a whole page of changes takes long enough for somebody to wait
        if asked:
            await labelling.ask(turn.db, turn.tenant, asked, access.now)

    return handle


def _questions(access: Access, row: Any) -> Iterator[tuple[str, str, int, str, str]]:
    body = row["body"]
    if row["blobs"]:
        body = access.house.blobs.whole(access.tenant.number, body, row["blobs"])
    for codes, why in of_resource(codec.loads(body), access.rules.labels, own=row["own"], tags=row["tags"]):
        yield row["type"], row["id"], row["seq"], " ".join(codes), why


def of_resource(resource: dict[str, Any], rules: LabelRules, *, own: int, tags: Sequence[str]) -> list[tuple[tuple[str, ...], str]]:
    """(labels, why) of each question about a resource that carries these labels already.

    What stands in a labelled element is not asked about: it has a label, and the question would tell of it to those who see only the rest.
    """
    rest = redact(resource, permitted=0, hidden=frozenset(), strip=False, rules=rules) if labelled_elements(resource) else resource
    if own & bases.PART2 or rest is None:
        return []
    resource = rest
    found: dict[tuple[str, ...], str] = {}
    if resource["resourceType"] not in _ABOUT_OTHERS:
        titles = {topic.code: topic.title for topic in words().topics}
        for code in sorted(mentions("\n".join(texts(resource)))):
            if code not in tags and not own & bases.bit_of(code):
                found[code,] = f"The text may speak of {titles[code]}."
    for system, code in _codings(resource):
        asked = rules.questions.get((system, code))
        if asked and not set(asked[0]) <= set(tags):
            found.setdefault(asked[0], asked[1])
    return list(found.items())


def _codings(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for item in value:
            yield from _codings(item)
    elif isinstance(value, dict):
        system, code = value.get("system"), value.get("code")
        if isinstance(system, str) and isinstance(code, str):
            yield system, code
        for child in value.values():
            if isinstance(child, dict | list):
                yield from _codings(child)


async def waiting(access: Access, limit: int = _MOST) -> list[Any]:
    """Questions that wait for this caller, about what they may see: all for whoever oversees, else those about what they wrote."""
    author = None if access.may("*", "oversee") else access.caller.account
    return await labelling.questions(access.house.db, access.head, access.decided, author=author, limit=limit)


def name(access: Access, question: Mapping[str, Any]) -> str:
    """By which pages call a question: keyed, as the number of its row counts what everybody writes, also what the caller may not know of."""
    said = "\0".join((str(access.tenant.number), question["type"], question["id"], *question["codes"]))
    return access.house.key.derive(f"label-question:{said}", 12).hex()


async def answer(access: Access, named: str, answered: str, codes: Sequence[str], note: str) -> None:
    """Answer one: label it (the codes asked about, or others), or say that it is not sensitive.

    Raises NotFound for a question that is not this caller's, or answered; Invalid; and as overriding.relabel.
    """
    if answered not in ANSWERS:
        raise errors.Invalid("A question is answered with label or not-sensitive.")
    question = next((row for row in await waiting(access, 10_000) if name(access, row) == named), None)
    if question is None:
        raise errors.NotFound("There is no such question, or it was answered already.")
    if answered == "label":
        await overriding.relabel(access, question["type"], question["id"], "raise", list(codes) or list(question["codes"]), note or question["why"])
    else:
        await access.note(access.entry("label", question["type"], f"not sensitive: {' '.join(question['codes'])}", patients=[question["patient"]] if question["patient"] else []))
    await labelling.answer(access.house.db, access.tenant.number, question["n"], answered, access.caller.account, note.strip()[:1000], access.now)
