"""A new narrative that comes with a note kept apart is kept apart with it, and no other is."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.gate import bases
from sojourn.gate.bases import INLINE
from sojourn.gate.labels import labelled_elements, read
from sojourn.gate.narrating import kept_apart
from tests.gate.test_label_facts import thing

OLD, NEW = {"status": "additional", "div": "<div>old</div>"}, {"status": "additional", "div": "<div>what was said in the session</div>"}
PSYCHOTHERAPY, COUNSELING = bases.PSYCHOTHERAPY, bases.SUD_COUNSELING


def inline(code: str) -> dict[str, Any]:
    """The label of a law on an element."""
    return {"url": INLINE, "valueCoding": bases.codings(bases.bit_of(code))[0]}


def on_text(resource: dict[str, Any]) -> int:
    """The laws that the narrative is under by a label of its own."""
    return dict(labelled_elements(resource)).get(("text",), 0)


def note(*labels: str, text: Any = NEW) -> dict[str, Any]:
    """An entry with elements under these labels, and a narrative."""
    return thing(note=[{"text": "x", "extension": [inline(c)]} for c in labels], **({} if text is None else {"text": text}))


@pytest.mark.parametrize(
    ("sent", "before", "laws"),
    [
        (note("PSYTHPN"), {}, PSYCHOTHERAPY),
        (note("SUDCN"), {}, COUNSELING),
        (note("PSYTHPN", "SUDCN", "HIV"), {}, PSYCHOTHERAPY | COUNSELING),
        (note("HIV"), {}, 0),
        (note(), {}, 0),
        (note("PSYTHPN"), note("PSYTHPN", text=OLD), PSYCHOTHERAPY),
        (note("PSYTHPN"), note("PSYTHPN"), 0),
        (note("PSYTHPN", text=None), {}, 0),
        (note("PSYTHPN", text="of no sort"), {}, 0),
    ],
)
def test_a_narrative_gets_the_labels_of_notes_kept_apart_that_were_sent_with_it_if_it_is_new(
    sent: dict[str, Any], before: dict[str, Any], laws: int
) -> None:
    made = kept_apart(sent, sent, before)
    assert on_text(made) == laws
    assert {k: v for k, v in made.items() if k != "text"} == {k: v for k, v in sent.items() if k != "text"}
    assert kept_apart(sent, None, before) == made, "where nothing tells what was sent it is the resource itself"


def test_what_the_author_sent_counts_and_not_what_stands_there_hidden_from_them() -> None:
    """Or what becomes of a narrative would tell of a note that they do not see."""
    assert on_text(kept_apart(note("PSYTHPN"), note(), {})) == 0
    assert on_text(kept_apart(note(), note("PSYTHPN"), {})) == PSYCHOTHERAPY
    assert on_text(kept_apart(note("PSYTHPN"), note("PSYTHPN", text=OLD), {})) == 0, "a narrative that merging kept is not theirs"


def test_a_label_that_the_narrative_has_is_not_put_on_twice_and_what_else_it_says_stays() -> None:
    mine = {**NEW, "extension": [inline("PSYTHPN"), {"url": "x", "valueString": "y"}]}
    assert kept_apart(note("PSYTHPN", text=mine), None, {})["text"] == mine
    both = kept_apart(note("PSYTHPN", "SUDCN", text=mine), None, {})["text"]
    assert [e["url"] for e in both["extension"]] == [INLINE, "x", INLINE]
    assert {k: v for k, v in both.items() if k != "extension"} == NEW
    assert read({"resourceType": "Observation", "text": both})[1] == PSYCHOTHERAPY | COUNSELING
