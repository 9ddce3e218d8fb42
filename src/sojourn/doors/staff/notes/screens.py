"""Every address of notes."""

from __future__ import annotations

from sojourn.care.notes import templates as template_rules
from sojourn.care.notes import writing
from sojourn.doors.staff.notes import editing, formats, keeping, listing, mine, phrases
from sojourn.doors.staff.screens import Screen

READ = (("Patient", "read"), ("DocumentReference", "search"), ("QuestionnaireResponse", "search"))
"""Who reads notes: not every role that may find a document, such as the signed forms at the desk."""
WRITE = (*READ, *writing.NEEDS)
OWN = (("DocumentReference", "create"),)
_CHART = "/patients/{id}/notes"
_DRAFT = _CHART + "/write/{key}"

SCREENS: tuple[Screen, ...] = (
    Screen(_CHART, listing.show, ("GET", "POST"), verb="Notes", key="o", needs=READ, group="This chart"),
    Screen(_CHART + "/new", editing.choose, verb="Write a note", needs=WRITE, group="This chart"),
    Screen(_CHART + "/new", editing.begin, ("POST",), needs=WRITE),
    Screen(_CHART + "/apart", listing.kept_apart, verb="My notes kept apart", needs=WRITE, group="This chart"),
    Screen(_CHART + "/apart/{note}", listing.one, needs=WRITE),
    Screen(_CHART + "/apart/{note}/edit", listing.take_up, ("POST",), needs=WRITE),
    Screen(_DRAFT, editing.show, needs=WRITE),
    Screen(_DRAFT, editing.send, ("POST",), needs=WRITE),
    Screen(_DRAFT + "/preview", editing.preview, needs=WRITE),
    Screen(_DRAFT + "/preview", editing.finish, ("POST",), needs=WRITE),
    Screen(_DRAFT + "/keep", keeping.now, needs=WRITE),
    Screen(_DRAFT + "/keep", keeping.keep, ("POST",), needs=WRITE),
    Screen(_DRAFT + "/copy", keeping.copy, ("POST",), needs=WRITE),
    Screen(_DRAFT + "/insert", keeping.pieces, ("POST",), needs=WRITE),
    Screen(_CHART + "/{note}", listing.one, needs=(*READ, ("Provenance", "search"))),
    Screen(_CHART + "/{note}/edit", listing.take_up, ("POST",), needs=WRITE),
    Screen("/notes", mine.show, verb="My notes", key="g n", needs=OWN, group="Places"),
    Screen("/notes/key", keeping.key, needs=OWN),
    Screen("/notes/snippets", phrases.show, verb="Snippets for notes", needs=OWN, group="Places"),
    Screen("/notes/snippets", phrases.change, ("POST",), needs=OWN),
    Screen("/notes/templates", formats.show, verb="Formats of notes", needs=template_rules.NEEDS, group="Places"),
    Screen("/notes/templates/{template}", formats.one, needs=template_rules.NEEDS),
    Screen("/notes/templates/{template}", formats.save, ("POST",), needs=template_rules.NEEDS),
    Screen("/notes/{note}", listing.anywhere, needs=(("DocumentReference", "read"),)),
)
