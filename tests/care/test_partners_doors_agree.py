"""By a partner's doors: what was looked at, what is in the log and what the receiver reads are equal.

A few records in CI, a thousand through each door in `make test-slow`. Fax: the pages that the gateway got. Direct: the letter that the HISP delivers, opened and verified. MHD: what
waits in the tray of a second Sojourn. Each by the queue that a running server has. SFTP, messages and exports: test_doors_agree.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sojourn.doors.direct.sending import Direct
from sojourn.doors.fax.sending import Faxing
from sojourn.doors.mhd.providing import Providing
from sojourn.gate import papers
from sojourn.gate.exchange import ways
from sojourn.gate.exchange.ways import Way
from sojourn.gate.releasing import Preview
from sojourn.record.database import Dsn
from sojourn.web.outbound import Outbound
from sojourn.wire.direct import Letter, Notice
from tests.care.agreeing import clinician, on_paper, read_back, standing, through
from tests.care.reach import FAX, brought
from tests.care.test_handoff import at
from tests.care.test_handoff_agrees import Chart
from tests.doors.direct.hisp import HOST
from tests.doors.direct.partner import THEM, US, read, ready, sealed
from tests.doors.fax.counterpart import Counterpart
from tests.doors.mhd.conftest import two  # noqa: F401 - a fixture
from tests.doors.mhd.network import NEAR, Two, registered
from tests.people import Clinic


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    async with standing(database) as made:
        yield made


async def test_fax(clinic: Clinic) -> None:
    there = Counterpart()
    senders: dict[str, Any] = {ways.FAX: Faxing(there.gateway(), "+15125550100")}

    async def arrives(made: Chart, delivery: str, seen: Preview) -> bytes:
        await brought(clinic, senders)
        there.said = {key: {"status": "delivered", "pages": 2} for key in there.faxes}
        await brought(clinic, senders)
        faxes, there.faxes = there.faxes, {}
        assert all((key, number) == (f"{delivery}-0", FAX.address) for key, (number, _) in faxes.items())
        return next((content for _, content in faxes.values()), b"")

    await through(clinic, "fax", FAX, arrives, form="paper", seed="faxes")


async def test_direct(clinic: Clinic) -> None:
    async with ready(clinic.gate, as_={"id": "lakeside"}) as (there, door):
        await clinic.owner.execute("DELETE FROM record.exchange_partner")
        senders: dict[str, Any] = {ways.DIRECT: Direct(clinic.gate, [HOST])}

        async def arrives(made: Chart, delivery: str, seen: Preview) -> bytes:
            await brought(clinic, senders)
            mails = there.inbox(THEM)
            there.boxes[THEM]["INBOX"].clear()
            if not mails:
                return b""
            (raw,) = mails
            assert b"Rivera" not in raw
            letter = read(raw)  # sealed for them, signed by us
            (file,) = letter.files
            there.put(US, sealed(Letter(f"<n-{delivery}@direct.cedar.test>", THEM, US, "Notice", "x", notice=Notice(letter.id, "dispatched", final=True)), delivery))
            await door.look()
            await brought(clinic, senders)
            return file.content

        await through(clinic, "direct", Way(ways.DIRECT, THEM, "one"), arrives, form="ccda", seed="letters")


async def test_document_exchange(two: Two) -> None:  # noqa: F811
    """ITI-65 over HTTP to another Sojourn, and what waits in its tray."""
    await clinician(two.us)
    await registered(two.network, "bringer", "Organization/tpo", f"{two.ours}/oauth/jwks", "system/DocumentReference.c")
    senders: dict[str, Any] = {ways.MHD: Providing(two.us.gate.house, Outbound(NEAR))}
    known: set[str] = set()

    async def arrives(made: Chart, delivery: str, seen: Preview) -> bytes:
        await brought(two.us, senders)
        access = await at(two.network, "officer")
        new = [p for p in await papers.waiting(access) if p.id not in known]
        known.update(p.id for p in new)
        if not new:
            return b""
        (paper,) = new
        assert (paper.door, "R" in paper.marks) == (papers.MHD, True)
        return await papers.content(access, paper)

    await through(two.us, "mhd", Way(ways.MHD, f"{two.theirs}/fhir"), arrives, form="ccda", seed="submissions", fhir={"client": "bringer"})


def test_reading_back_is_not_misled_where_lines_of_two_records_say_a_third() -> None:
    """How the comparison of paper itself failed once in some thousand packets, by luck."""

    def allergy(text: str, reaction: str) -> dict[str, Any]:
        return {"resourceType": "AllergyIntolerance", "code": {"text": text}, "reaction": [{"manifestation": [{"text": reaction}]}]}

    shown = {"AllergyIntolerance/1": allergy("quiet", "é"), "AllergyIntolerance/2": allergy("2 × daily since May", "quiet"), "Goal/3": {"resourceType": "Goal", "description": {"text": "é 2 × daily since May"}}}
    foot = "\nReleased by A. For whom it was released to, and no one else. Page {} of 2"
    body = ["Allergies", *(line for r in shown.values() if r["resourceType"] != "Goal" for line in on_paper(r)), "Goals", *on_paper(shown["Goal/3"])]
    pages = ["Index" + foot.format(1), "\n".join(body) + foot.format(2)]
    assert read_back(pages, shown, 0, "all of it") == 8
    body.remove("Reaction: é")
    with pytest.raises(AssertionError, match="is not on paper"):
        read_back([pages[0], "\n".join(body) + foot.format(2)], shown, 0, "without a reaction")
