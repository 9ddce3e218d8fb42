"""Why? and What would they see? on the privacy officer's desk, over the real gate; and whom the pages tell what."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from sojourn.base import clock, wall
from sojourn.record.database import Dsn
from tests import people
from tests.people import Clinic, consent, encounter, observation, patient
from tests.web.test_gate import screen


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations on a database of the test's own."""
    made = await people.open_clinic(database, connections=8)
    yield made
    await people.close_clinic(made)


async def shared(clinic: Clinic) -> tuple[str, str, str]:
    """A patient of both programs, an Observation of the Part 2 program, and a consent that shares it with tpo."""
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    await clinic.make("sys-sud", encounter(p))
    sud = (await clinic.make("sys-sud", observation(p, 61))).id
    return p, sud, (await clinic.make("sys-sud", consent(p, "tpo"))).id


async def post(browser: httpx.AsyncClient, path: str, **form: str) -> httpx.Response:
    """Send a form with the token of the page."""
    token = re.findall(r'name="csrf" value="([^"]+)"', (await browser.get(path)).text)[0]
    return await browser.post(path, data={"csrf": token, **form})


def text(page: httpx.Response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


async def test_the_officer_reads_the_chain_of_reasons_for_one_record(clinic: Clinic) -> None:
    p, sud, signed = await shared(clinic)
    browser = await screen(clinic, "officer")
    found = await post(browser, f"/desk/why/{p}", who="account:tpo", purpose="TREAT", record=f"Observation/{sud}")
    assert found.status_code == 200
    steps = re.findall(r"<b>([^<]+)</b>", found.text[found.text.index("<ol>") :])
    assert steps[:5] == ["Who", "Purpose", "Role", "Relation", "Labels"]
    assert steps[-1] == "Decision"
    assert f"permitted by Consent/{signed}" in text(found)
    found = await post(browser, f"/desk/why/{p}", who="account:mh-clinician", record=f"Observation/{sud}")
    assert "no consent permits it to this caller" in text(found)
    assert "Withheld. To the caller it looks as if it were not there." in text(found)


async def test_a_past_day_is_answered_twice(clinic: Clinic) -> None:
    p, sud, _ = await shared(clinic)
    browser = await screen(clinic, "officer")
    today = wall.day(clock.now()).isoformat()
    found = text(await post(browser, f"/desk/why/{p}", who="account:tpo", record=f"Observation/{sud}", day=today))
    assert "With what was known on that day" in found
    assert "as known today" in found
    assert "still to come" in text(await post(browser, f"/desk/why/{p}", who="account:tpo", day="2199-01-01"))


async def test_who_can_see_it_and_under_which_consent(clinic: Clinic) -> None:
    p, _, signed = await shared(clinic)
    browser = await screen(clinic, "officer")
    found = await post(browser, f"/desk/why/{p}", do="who", purpose="TREAT")
    assert "<b>tpo</b>" in found.text
    assert "<b>mh-clinician</b>" in found.text  # the patient is of both programs
    assert "<b>stranger</b>" not in found.text
    assert signed


async def test_a_whole_record_is_counted_by_reason_and_side_by_side(clinic: Clinic) -> None:
    p, _, _ = await shared(clinic)
    browser = await screen(clinic, "officer")
    found = text(await post(browser, f"/desk/why/{p}", who="account:mh-clinician", type="Observation"))
    assert "withheld" in found
    assert "no permission for: Part 2 record" in found
    both = await post(browser, f"/desk/preview/{p}", who="made-up", role="clinician", program="2", type="Observation")
    assert both.status_code == 200
    assert "no permission for: Part 2 record" in text(both)
    both = await post(browser, f"/desk/preview/{p}", who="to:Organization/tpo", purpose="HRESCH")
    assert "Would leave" in both.text


async def test_nobody_without_the_right_reaches_the_pages_and_an_unknown_patient_is_not_found(clinic: Clinic) -> None:
    p, _, _ = await shared(clinic)
    clinician = await screen(clinic, "both-clinician")
    for path in ("/desk/why", "/desk/preview", f"/desk/why/{p}", f"/desk/preview/{p}"):
        assert (await clinician.get(path)).status_code == 403
    browser = await screen(clinic, "officer")
    assert (await browser.get("/desk/why/no-such-patient")).status_code == 404
    assert (await browser.get("/desk/preview/no-such-patient")).status_code == 404
    assert f"/desk/why/{p}" in str((await post(browser, "/desk/why", patient="rivera")).headers.get("location"))
