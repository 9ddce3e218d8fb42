"""Admissions and census in two worlds: a lead, a person, a hold and a bed that collide with hidden ones change no page and no answer.

The second world is the first one with what is hidden added, on a clock that stands still. Nothing is taken out before comparing but the
the token of the session.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sojourn.record.database import Dsn
from tests.care.test_admissions import at, call, clinic, held, house  # noqa: F401 - a fixture
from tests.leaks.drawn import Drawn
from tests.people import MH, SUD, Clinic
from tests.web.real import HASH, Visitor, furnish

SESSION = Drawn("csrf", "tab", "seen")


@pytest.fixture
async def mia(clinic: Clinic, database: Dsn) -> AsyncIterator[Visitor]:  # noqa: F811 - the fixture
    """Admissions staff who work in the mental health program alone, at a browser."""
    await furnish(clinic)
    await clinic.owner.execute("UPDATE record.account SET password = $1 WHERE tenant = 1 AND account IN ('mia', 'adam')", HASH)
    visitor = Visitor(clinic)
    await visitor.sign_in("mia")
    return visitor


async def look(visitor: Visitor, case: str) -> list[tuple[int, str]]:
    """Every page of admissions and census, Today and the search for somebody alike."""
    found = []
    for path in ("/admissions", f"/admissions/{case}", f"/admissions/{case}/benefits", f"/admissions/{case}/bed", "/census", "/census?on=2026-03-01", "/admissions/double", "/today", "/patients"):
        answer = await visitor.get(path)
        found.append((answer.status_code, SESSION.out(answer.text)))
    typed = {"do": "look", "p.family": "Rivera", "p.given": "Ana", "p.born": "1988-03-04"}
    answer = await visitor.post("/admissions/new", typed, headers={"hx-request": "true"})
    found.append((answer.status_code, SESSION.out(answer.text)))
    await visitor.post("/admissions/new", {"do": "discard", "seen": ""})
    answer = await visitor.post("/palette", {"q": "rivera"})
    found.append((answer.status_code, SESSION.out(answer.text)))
    return found


async def test_what_is_hidden_changes_no_page(clinic: Clinic, mia: Visitor) -> None:  # noqa: F811 - the fixture
    bed, other = await house(clinic)
    mine = await call(clinic, "mia", program=MH)
    before = await look(mia, mine.id)
    hidden = await call(clinic, program=SUD, level="3.5")
    twin = await call(clinic, program=SUD, level="3.5", outcome="waitlist", **{"danger": "yes", "danger-what": "x", "danger-done": "911"})
    await held(clinic, hidden, bed)
    await held(clinic, twin, other)
    after = await look(mia, mine.id)
    assert after == before
    await held(clinic, mine, bed, "mia")
    assert (await mia.get(f"/admissions/{hidden.id}")).status_code == (await mia.get("/admissions/nobody")).status_code == 404
    assert (await mia.get("/census")).status_code == 200


async def test_a_case_of_somebody_hidden_answers_as_one_that_is_not_there(clinic: Clinic, mia: Visitor) -> None:  # noqa: F811 - the fixture
    hidden = await call(clinic, program=SUD, level="3.5")
    for path in ("", "/benefits", "/bed"):
        there, nowhere = await mia.get(f"/admissions/{hidden.id}{path}"), await mia.get(f"/admissions/{'A' * len(hidden.id)}{path}")
        assert (there.status_code, SESSION.out(there.text).replace(hidden.id, "")) == (nowhere.status_code, SESSION.out(nowhere.text).replace("A" * len(hidden.id), ""))
    assert (await at(clinic, "mia")).caller.account == "mia"
