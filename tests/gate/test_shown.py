"""Rows become what somebody is shown: in their order, redacted or as they are, and which of their targets may be known."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sojourn.fhir.codec import dumps, loads
from sojourn.gate import shown
from sojourn.gate.shown import Row
from sojourn.record.trail import Receipt
from tests.gate.test_inheriting import under
from tests.gate.test_quick import N
from tests.gate.test_quick import under as with_labels
from tests.gate.test_seeing import access, chart
from tests.people import Clinic, consent, labelled, observation

AT = datetime(2026, 3, 1, tzinfo=UTC)
RECEIPT = Receipt("request")


def row(resource: dict[str, Any] | None, *, id_: str = "o", clean: bool = True, kind: str = "current", mode: str = "match") -> Row:
    return Row("Observation", id_, "1", AT, kind, clean, None, None if resource is None else dumps(resource), mode)


def test_a_row_is_read_with_or_without_its_kind() -> None:
    of = {"version": "1", "updated": AT, "clean": False, "blobs": ["x"], "body": b"{}"}
    assert Row.of(of, "Observation", "o") == Row("Observation", "o", "1", AT, "current", False, ["x"], b"{}", "match")
    assert Row.of({**of, "kind": "delete", "body": None}, "Observation", "o", "include") == Row("Observation", "o", "1", AT, "delete", False, ["x"], None, "include")


async def test_what_is_clean_is_shown_as_it_is_and_what_is_not_without_what_is_hidden(clinic: Clinic) -> None:
    _, plain, hidden = await chart(clinic)
    named = with_labels([N], subject={"reference": "Patient/p", "display": "Ana"})
    secret = with_labels([N], derivedFrom=[{"reference": f"Observation/{hidden}"}, {"reference": f"Observation/{plain}"}])
    withheld = {k: v for k, v in named.items() if k != "status"}
    rows = [row(named, id_="a"), row(secret, id_="b", clean=False), row(None, id_="c", kind="delete"), row(withheld, id_="d", mode="include")]
    found = await shown.show(await access(clinic, "mh-clinician"), rows, RECEIPT)
    assert [None if s is None else (s.id, s.kind, s.mode, s.version, s.updated, s.receipt) for s in found] == [
        ("a", "current", "match", "1", AT, RECEIPT), ("b", "current", "match", "1", AT, RECEIPT), ("c", "delete", "match", "1", AT, RECEIPT), None,
    ]  # fmt: skip
    assert found[0] is not None
    assert found[0].resource["subject"] == {"reference": "Patient/p"}
    assert found[1] is not None
    assert found[1].resource["derivedFrom"] == [{"reference": f"Observation/{plain}"}]
    assert found[1].resource == loads(found[1].body or b"")
    assert found[2] is not None
    assert found[2].body is None
    whole = await shown.show(await access(clinic, "both-clinician"), rows, RECEIPT)
    assert [None if s is None else s.body for s in whole] == [r.body for r in rows], "who sees everything gets it to the byte"


async def test_a_row_that_is_clean_is_not_looked_into_for_who_sees_the_rest(clinic: Clinic) -> None:
    note = labelled({"text": "secret"}, "PSYTHPN")
    rows = [row(with_labels([N], note=[note]), id_="a"), row(with_labels([N], note=[note, {"text": "words"}], text={"status": "generated", "div": "<div>x</div>"}), id_="b", clean=False)]
    first, second = await shown.show(await access(clinic, "both-clinician"), rows, RECEIPT)
    assert first is not None
    assert second is not None
    assert first.body == rows[0].body
    assert second.resource["note"] == [{"text": "words"}]
    assert "text" in second.resource, "a note alone takes no narrative with it"


async def test_which_targets_may_be_known_and_which_labelled_elements_seen(clinic: Clinic) -> None:
    p, plain, hidden = await chart(clinic)
    refers = observation(p, derivedFrom=[{"reference": f"Observation/{hidden}"}, {"reference": f"Observation/{plain}"}])
    parts = observation(p, note=[labelled({"text": "x"}, "SUD"), labelled({"text": "y"}, "HIV")])
    stored = (await clinic.make("sys-mh", parts)).id
    names = [("Observation/new", refers), (f"Observation/{stored}", parts), ("Observation/other", parts)]
    for who, away in (("mh-clinician", {f"Observation/{hidden}"}), ("both-clinician", set()), ("sud-clinician", set()), ("tpo", {f"Patient/{p}", f"Observation/{hidden}", f"Observation/{plain}"})):
        one = await access(clinic, who)
        targets, seen = await shown.sight(one, names)
        assert targets == away, who
        assert set(seen) == {n for n, _ in names}
        assert seen["Observation/new"] == one.decision.mask
        if who == "mh-clinician":
            assert seen[f"Observation/{stored}"] & (1 << 1 | 1 << 5) == 1 << 1 | 1 << 5, "HIV by their role, the other in their own program"
    await clinic.make("sys-sud", consent(p, "tpo"))
    _, seen = await shown.sight(await access(clinic, "tpo"), names)
    assert seen[f"Observation/{stored}"] & 1 << 5 == 0, "no consent names it"


async def test_of_labelled_elements_the_record_says_what_is_shown_in_each(clinic: Clinic) -> None:
    """What a role lets pass is not all: what their own program made is shown, too. Of versions on one page each by what is in it."""
    p, _, _ = await chart(clinic)
    notes = [labelled({"text": "x"}, "SUD"), labelled({"text": "y"}, "HIV")]
    stored = (await clinic.make("sys-mh", observation(p, note=notes))).id
    bodies = [observation(p, id=stored, meta=with_labels([N])["meta"], note=some) for some in (notes, notes[:1], notes[1:])]
    for who in ("mh-clinician", "both-clinician"):
        one = await access(clinic, who)
        found = await shown.show(one, [row(body, id_=stored, clean=False) for body in bodies], RECEIPT)
        assert [[note["text"] for note in (s.resource if s is not None else {}).get("note", [])] for s in found] == [["x", "y"], ["x"], ["y"]], who


async def test_of_what_is_hidden_notes_alone_take_no_narrative(clinic: Clinic) -> None:
    p, plain, _ = await chart(clinic)
    note = await clinic.ask("mh-clinician", "POST", "Observation", observation(p, **under("PSYTHPN")))
    name = f"Observation/{note.header('location').split('/')[-3]}"
    one = await access(clinic, "both-clinician")
    assert not one.decision.redacted
    assert await shown.more_than_notes(one, {name, f"Observation/{plain}", "Observation/none"}) == {f"Observation/{plain}", "Observation/none"}
    assert await shown.more_than_notes(one, {name}) == set()
    assert await shown.more_than_notes(one, set()) == set()
    assert await shown.more_than_notes(await access(clinic, "mh-clinician"), {f"Observation/{plain}"}) == set(), "from them narrative goes always"
