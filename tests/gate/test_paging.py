"""Pages, a few words to one person alone: whose they are, how often one is put anew, and that it goes with its answer."""

from __future__ import annotations

import pytest

from sojourn.base import errors
from sojourn.gate import drafts, paging
from sojourn.gate.clockwork import Clockwork
from tests.gate.test_seeing import access
from tests.gate.test_signin import clinic as standing
from tests.people import A, Clinic
from tests.web.real import later

__all__ = ["standing"]

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


async def test_who_is_paged_again_has_one_page_of_when_they_were_last_asked(standing: Clinic) -> None:
    for step, came, said in ((0, True, "a"), (59, False, "b"), (1, True, "c"), (59, False, "d"), (3600, True, "e")):
        later(seconds=step)
        before = await paging.mine(await access(standing, "mh-clinician"))
        await paging.page(await Clockwork(standing.gate).access(A), "mh-clinician", "e", {"said": said})
        mine = await access(standing, "mh-clinician")
        held = await paging.read(mine, "e")
        assert (await paging.mine(mine), held == {"said": said}) == ([("e", mine.now)] if came else before, came), said
    later(seconds=5)
    await paging.page(await Clockwork(standing.gate).access(A), "mh-clinician", "f", BODY)
    assert [name for name, _ in await paging.mine(await access(standing, "mh-clinician"))] == ["f", "e"], "the newest first"
