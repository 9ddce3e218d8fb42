"""Answer a measure: its response and its scores, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sojourn.base import clock
from sojourn.care.measures import forms
from sojourn.care.measures.model import Answer, Instrument
from sojourn.care.measures.score import Result, score
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id

NEEDS = (("QuestionnaireResponse", "create"), ("Observation", "create"))
"""What a role must allow for it."""


class Recorded(NamedTuple):
    """What was written, and what the answers come to."""

    response: str
    result: Result


async def record(access: Access, patient: str, instrument: Instrument, answers: Mapping[str, Answer], *, encounter: str | None = None) -> Recorded:
    """Score the answers and write the QuestionnaireResponse with an Observation for each valid score, all or nothing.

    patient: logical id. encounter: reference, if it was answered in a visit. Raises BadAnswer, and what a write raises.
    """
    result = score(instrument, answers)
    now = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    agent = access.caller.agent or ""
    author = agent if agent.startswith("Practitioner/") else None
    subject, id_ = f"Patient/{patient}", new_id()
    answered = forms.response(instrument, answers, access.house.base, patient=subject, authored=now, author=author, encounter=encounter)
    scores = forms.observations(result, patient=subject, effective=now, response_reference=f"QuestionnaireResponse/{id_}", performer=author, encounter=encounter)
    await access.write([Change("create", "QuestionnaireResponse", id_, answered), *(Change("create", "Observation", "", one) for one in scores)], action="measure")
    return Recorded(id_, result)
