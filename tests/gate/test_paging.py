"""Pages, a few words to one person alone: whose they are, how often one is put anew, and that it goes with its answer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sojourn.base import errors
from sojourn.gate import drafts, paging
from sojourn.gate.clockwork import Clockwork
from tests.gate.test_seeing import access
from tests.people import A, Clinic

BODY = {"episode": "e", "patient": "Quillfeather"}


async def test_a_page_is_of_who_is_paged_alone_until_it_is_answered(clinic: Clinic) -> None:
    clock, mine, other = await Clockwork(clinic.gate).access(A), await access(clinic, "mh-clinician"), await access(clinic, "sud-clinician")
    await paging.page(clock, "mh-clinician", "e", BODY)
    await drafts.keep(mine, "note:e", b"a draft of theirs")
    assert ([name for name, _ in await paging.mine(mine)], await paging.read(mine, "e")) == (["e"], BODY)
    assert "Quillfeather" not in str([dict(r) for r in await clinic.owner.fetch("SELECT * FROM record.draft")])
    for one in (other, clock):
        assert await paging.mine(one) == []
        with pytest.raises(errors.NotFound):
            await paging.read(one, "e")
        await paging.done(one, "e")
    assert await paging.read(mine, "e") == BODY
    for name in ("", "f", "note:e"):
        with pytest.raises(errors.NotFound):
            await paging.read(mine, name)
    await paging.done(mine, "e")
    assert await paging.mine(mine) == []
    assert [d.key for d in await drafts.listed(mine)] == ["note:e"], "and nothing else goes"


async def test_who_is_paged_again_has_one_page_of_when_they_were_last_asked(clinic: Clinic) -> None:
    begun = (await access(clinic)).now
    for seconds, came, said in ((0, 0, "a"), (59, 0, "a"), (60, 60, "c"), (119, 60, "c"), (3600, 3600, "e")):
        clock = await Clockwork(clinic.gate).access(A)
        clock.now = begun + timedelta(seconds=seconds)
        await paging.page(clock, "mh-clinician", "e", {"said": {0: "a", 59: "b", 60: "c", 119: "d", 3600: "e"}[seconds]})
        mine = await access(clinic, "mh-clinician")
        assert (await paging.mine(mine), await paging.read(mine, "e")) == ([("e", begun + timedelta(seconds=came))], {"said": said})
    clock.now = begun + timedelta(seconds=1800)
    await paging.page(clock, "mh-clinician", "f", BODY)
    assert [name for name, _ in await paging.mine(await access(clinic, "mh-clinician"))] == ["e", "f"], "the newest first"
