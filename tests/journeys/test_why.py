"""Why? and What would they see? in a browser over the real gate, with axe at two widths."""

from __future__ import annotations

import pytest

from tests.journeys.serving import SIZES, pytestmark  # noqa: F401 - the mark is pytest's
from tests.journeys.test_desk import Place, place, shoot, visit  # noqa: F401 - the fixture is pytest's
from tests.people import consent, encounter, labelled, observation, patient


@pytest.mark.parametrize("size", list(SIZES))
async def test_from_a_question_to_the_reasons_and_to_both_sides(place: Place, size: str) -> None:  # noqa: F811
    clinic = place.clinic
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    await clinic.make("sys-sud", encounter(p))
    for n in range(3):
        await clinic.make("sys-sud", observation(p, 60 + n))
        await clinic.make("sys-mh", observation(p, 70 + n, **({"note": [labelled({"text": "apart"}, "HIV")]} if n else {})))
    await clinic.make("sys-sud", consent(p, "tpo"))
    await clinic.make("sys-sud", consent(p, "stranger", purposes=("HPAYMT",)))
    async with visit(place, "officer", size) as v:
        await v.page.goto(f"{place.url}/desk/why")
        await shoot(v, "why-choose")
        await v.page.goto(f"{place.url}/desk/why/{p}")
        await v.page.select_option("#who", "account:stranger")
        await v.page.select_option("#type", "Observation")
        await v.page.click("button[value=why]")
        await v.page.wait_for_selector("button[name=record]")
        await shoot(v, "why-type")
        await v.page.click("button[name=record] >> nth=0")
        await v.page.wait_for_selector(".chain")
        await v.page.click(".chain details >> nth=0")
        await shoot(v, "why-record")
        await v.page.click("button[value=who]")
        await v.page.wait_for_selector(".visits")
        await shoot(v, "why-who")
        await v.page.goto(f"{place.url}/desk/preview/{p}")
        await v.page.select_option("#who", "account:tpo")
        await v.page.click("text=Compare")
        await v.page.click("text=Side by side >> nth=-1")
        await v.page.click("button[value=Observation]")
        await v.page.wait_for_selector(".pairs")
        await shoot(v, "sides")
