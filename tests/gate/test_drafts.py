"""Drafts: nothing typed is lost, and nobody else ever gets it."""

from __future__ import annotations

import pytest

from sojourn.base import errors
from sojourn.base.crypto import BadSeal
from sojourn.gate import drafts, together
from sojourn.gate.access import Access
from tests.people import Clinic


async def access(clinic: Clinic, who: str) -> Access:
    found = await clinic.gate.access(clinic.tokens[who])
    assert found is not None
    return found


async def test_a_draft_is_its_authors_alone(clinic: Clinic) -> None:
    mine, other = await access(clinic, "mh-clinician"), await access(clinic, "sud-clinician")
    await drafts.keep(mine, "note:1", b"what she said", patient="ana")
    found = await drafts.kept(mine, "note:1")
    assert found is not None
    assert (found.body, found.patient) == (b"what she said", "ana")
    assert await drafts.kept(other, "note:1") is None
    assert await drafts.listed(other) == []
    assert [(d.key, d.body) for d in await drafts.listed(mine, "note:")] == [("note:1", b"")]
    assert await drafts.listed(mine, "form:") == []


async def test_the_body_is_sealed_and_does_not_open_for_another_account(clinic: Clinic) -> None:
    mine, other = await access(clinic, "mh-clinician"), await access(clinic, "sud-clinician")
    await drafts.keep(mine, "note:1", b"what she said")
    assert "what she said" not in str(await clinic.owner.fetchval("SELECT body FROM record.draft"))
    await clinic.owner.execute("UPDATE record.draft SET account = 'sud-clinician'")
    with pytest.raises(BadSeal):
        await drafts.kept(other, "note:1")


async def test_what_is_too_large_is_refused_and_a_page_lists_those_of_a_kind_as_they_are_now(clinic: Clinic) -> None:
    mine = await access(clinic, "mh-clinician")
    for key, body in (("note:1", b"x" * (drafts.MOST + 1)), ("k" * 301, b"x")):
        with pytest.raises(errors.TooLarge):
            await drafts.keep(mine, key, body)
    together.keep(mine)
    assert await drafts.listed(mine) == []
    for key in ("note:1", "form:1", "k" * 300):
        await drafts.keep(mine, key, b"x" * drafts.MOST if key == "note:1" else b"x")
    for _ in range(2):
        assert [d.key for d in await drafts.listed(mine, "note:")] == ["note:1"]
        together.keep(mine)
    assert {d.key for d in await drafts.listed(mine)} == {"note:1", "form:1", "k" * 300}
    await drafts.drop(mine, "note:1")
    assert await drafts.listed(mine, "note:") == []


async def test_two_windows_do_not_overwrite_each_other(clinic: Clinic) -> None:
    mine = await access(clinic, "mh-clinician")
    first = await drafts.keep(mine, "note:1", b"one")
    second = await drafts.keep(mine, "note:1", b"one two", seen=first)
    with pytest.raises(errors.VersionConflict) as refused:
        await drafts.keep(mine, "note:1", b"one three", seen=first)
    assert refused.value.current == second
    with pytest.raises(errors.VersionConflict):
        await drafts.keep(mine, "note:1", b"a new one")
    found = await drafts.kept(mine, "note:1")
    assert found is not None
    assert found.body == b"one two"
    await drafts.drop(mine, "note:1")
    assert await drafts.kept(mine, "note:1") is None


async def test_a_page_that_types_faster_than_its_answers_arrive_is_no_other_window(clinic: Clinic) -> None:
    mine = await access(clinic, "mh-clinician")
    first = await drafts.keep(mine, "note:1", b"o", tab="here")
    await drafts.keep(mine, "note:1", b"on", seen=first, tab="here")
    await drafts.keep(mine, "note:1", b"one", seen=first, tab="here")
    with pytest.raises(errors.VersionConflict):
        await drafts.keep(mine, "note:1", b"two", seen=first, tab="there")
    found = await drafts.kept(mine, "note:1")
    assert found is not None
    assert found.body == b"one"


async def test_the_browsers_key_is_one_for_each_person(clinic: Clinic) -> None:
    mine, other = await access(clinic, "mh-clinician"), await access(clinic, "sud-clinician")
    assert len(drafts.browser_key(mine)) == 32
    assert drafts.browser_key(mine) == drafts.browser_key(await access(clinic, "mh-clinician"))
    assert drafts.browser_key(mine) != drafts.browser_key(other)
