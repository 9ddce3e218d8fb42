"""The addresses of forms."""

from __future__ import annotations

from sojourn.care.forms import actions as answering
from sojourn.care.forms import library as blank
from sojourn.doors.staff.forms import editor, filling, library, room
from sojourn.doors.staff.screens import Screen

PATIENT = (("Patient", "read"),)
ROOM = (*PATIENT, *answering.READ, ("Questionnaire", "search"))
ANSWER = (*ROOM, *answering.NEEDS)

SCREENS: tuple[Screen, ...] = (
    Screen("/patients/{id}/forms", room.show, verb="Forms", key="f", needs=ROOM, group="This chart"),
    Screen("/patients/{id}/forms/answers/{response}", room.one, needs=(*PATIENT, *answering.READ)),
    Screen("/patients/{id}/forms/{form}", filling.show, needs=ANSWER),
    Screen("/patients/{id}/forms/{form}", filling.send, ("POST",), needs=ANSWER),
    Screen("/patients/{id}/forms/{form}/client", filling.client, needs=ANSWER, hand=True),
    Screen("/patients/{id}/forms/{form}/client", filling.send, ("POST",), needs=ANSWER, hand=True),
    Screen("/forms", library.show, verb="Forms of the organization", key="g f", needs=blank.READ, group="Places"),
    Screen("/forms", library.begin, ("POST",), needs=blank.CHANGE),
    Screen("/forms/{form}", library.one, needs=blank.READ),
    Screen("/forms/{form}", library.act, ("POST",), needs=blank.CHANGE),
    Screen("/forms/{form}/try", library.try_out, ("POST",), needs=blank.READ),
    Screen("/forms/{form}/export", library.hand_out, needs=blank.READ),
    Screen("/forms/{form}/edit", editor.show, needs=blank.CHANGE),
    Screen("/forms/{form}/edit", editor.send, ("POST",), needs=blank.CHANGE),
)
