"""Unsigned and late notes: what waited for a signature at a moment, by the policy of that day."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sojourn.care.notes import text
from sojourn.care.reports import days
from sojourn.care.reports.model import Column, Definition, Figure, Row
from sojourn.care.resources import code_of, id_of
from sojourn.care.signing import documents

if TYPE_CHECKING:
    from sojourn.care.reports.source import Source

LATE, IN_TIME = "late", "in time"
STATES: Final = {documents.UNSIGNED: "not signed", documents.RETURNED: "back with its author", documents.COSIGN: "waits for a co-signature"}
AGES: Final = ((1, "up to a day"), (3, "2 to 3 days"), (7, "4 to 7 days"), (30, "8 to 30 days"))
OLDER: Final = "more than 30 days"


async def rows(source: Source) -> list[Row]:
    """One for each document that waits, however many tasks say so; the longest first."""
    when, people = source.when, await source.people()
    waits: dict[str, tuple[str, str]] = {}
    for task in await source.tasks(*STATES):
        about = id_of(task.get("focus"), "DocumentReference")
        waits[about] = max(waits.get(about, ("", "")), (str(task.get("authoredOn", "")), code_of(task.get("code"))))
    limit = source.rule("signing.late-hours")
    found = []
    for document in await source.of("DocumentReference", "_id", waits):
        patient, period = id_of(document.get("subject"), "Patient"), document.get("context", {}).get("period", {})
        held = days.moment(period.get("end") or period.get("start") or document.get("date"), when.where)
        if held is None or document.get("status") == "entered-in-error":
            continue
        age = days.between(held, when.at) or 0
        author = next((str(a.get("reference", "")) for a in document.get("author", ())), "")
        found.append(Row(patient, {
            "state": STATES[waits[document["id"]][1]], "late": LATE if limit is not None and when.at - held > timedelta(hours=limit) else IN_TIME, "author": people.get(author, ""),
            "kind": text.concept_text(document.get("type", {})) or "Document", "session": days.day(held.isoformat(), when.where), "days": age,
            "age": next((words for most, words in AGES if age <= most), OLDER),
        }, f"/patients/{patient}/notes/{document['id']}"))  # fmt: skip
    return sorted(found, key=lambda r: (-r.cells["days"], r.place))


_ALL: Final = {"late": (LATE, IN_TIME)}

REPORT: Final = Definition(
    "unsigned-notes", "Unsigned and late notes",
    "Documents that waited for a signature: saved and not signed, back with their author, or waiting for a co-signature. Each counts once. Age: whole days since the session ended that the note tells of. "
    "Late: more hours than the rule of that day allows (signing.late-hours). Drafts that were never saved, and notes that the law keeps apart, are known to their author alone and are in no figure.",
    "A past day is counted where it ends, at midnight, by the tasks that were open then. What was marked as an error since is left out.",
    "Tasks (note-unsigned, note-returned, note-cosign) and the DocumentReferences that they are about.",
    (("Task", "search"), ("DocumentReference", "search"), ("Patient", "search")),
    (Column("late", "Late", by=True), Column("state", "State", by=True), Column("author", "Author", by=True), Column("kind", "Document", by=True), Column("session", "Session", "day"),
     Column("days", "Days old", "number"), Column("age", "Age", by=True)),
    (Figure("Unsigned", _ALL), Figure("Late", {"late": (LATE,)}), Figure("Wait for a co-signature", {"state": (STATES[documents.COSIGN],)}), Figure("Days old, median", _ALL, "median", "days", "days")),
    ("author", "age", "state"), rows, _ALL,
)  # fmt: skip
