"""What a partner gets, at its page: entered, checked, kept; refused without TLS and reason; and the sheet that names the laboratory."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sojourn.base import clock
from sojourn.gate.exchange import partners, profile
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests.care.reported import house, visitor
from tests.doors.hl7v2.counterpart import agreed
from tests.doors.hl7v2.lab import registered
from tests.people import MH, SUD, A, Clinic, encounter, patient
from tests.web.real import HASH

SAID = {
    "kinds": ["ORM^O01", "ADT^A08"], "host": "lab.example", "port": "2575", "timeout": "20", "ours": "SOJOURN", "our_place": "RIVER", "theirs": "LIS", "their_place": "LAB", "version": "2.3", "charset": "8859/1",
    "processing": "T", "acknowledgement": "enhanced", "purpose": "TREAT", "tables": "0001.female = W\n24323-8 = CMP^Metabolic panel^L", "segments": "ZRV|1|{PID-3.1}", "certificate": "", "plain": "",
}  # fmt: skip


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    async with house(database) as made:
        row = organization.AccountRow("ivy", "staff", "ivy", "Ivy", HASH, "Practitioner/ivy", "integration-manager", [SUD, MH, 3], 3, [])
        await organization.account(made.owner, A, row, clock.now())
        yield made


async def test_what_they_get_is_entered_checked_and_kept(clinic: Clinic) -> None:
    await registered(clinic.gate)
    ivy = await visitor(clinic, "ivy")
    await ivy.get("/exchange/partners/cedar/sending")
    refused = await ivy.post("/exchange/partners/cedar/sending", SAID | {"tls": "yes"})
    assert refused.status_code == 422
    assert "which organization they are here" in refused.text
    assert 'value="ORM^O01" checked' in refused.text, "what was typed stays"
    await clinic.owner.execute("DELETE FROM record.exchange_partner")
    await registered(clinic.gate, organization="Organization/lab")
    await ivy.get("/exchange/partners/cedar/sending")
    refused = await ivy.post("/exchange/partners/cedar/sending", SAID)
    assert refused.status_code == 422
    assert "Without TLS, messages cross the network readable" in refused.text
    answer = await ivy.post("/exchange/partners/cedar/sending", SAID | {"tls": "yes"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/exchange/partners/cedar/sending")
    row = await clinic.owner.fetchrow("SELECT partner, facts, state, author, reason, known_from AS since FROM record.exchange_partner WHERE known_to = 'infinity'")
    out = profile.of(partners.of_row(row).sending)
    assert out.on
    assert (out.kinds, out.port, out.tables["0001.female"], out.segments, out.begun[:10]) == (("ADT^A08", "ORM^O01"), 2575, "W", ("ZRV|1|{PID-3.1}",), "2026-03-04")
    page = (await ivy.get("/exchange/partners/cedar")).text
    assert "ADT A08, ORM O01; to lab.example, port 2575, encrypted." in page


async def test_a_file_of_a_rhythm_takes_no_receiver_but_boxes(clinic: Clinic) -> None:
    await registered(clinic.gate, organization="Organization/lab")
    ivy = await visitor(clinic, "ivy")
    await ivy.get("/exchange/partners/cedar/sending")
    answer = await ivy.post("/exchange/partners/cedar/sending", SAID | {"host": "", "port": "", "batch": "24"})
    assert answer.status_code == 303
    page = (await ivy.get("/exchange/partners/cedar/sending")).text
    assert '<option value="24" selected>In a file every day' in page
    assert "They have no SFTP boxes yet" in page
    assert "ADT A08, ORM O01; in a file every day, in their SFTP box." in (await ivy.get("/exchange/partners/cedar")).text
    assert (await ivy.post("/exchange/partners/cedar/sending", SAID | {"batch": "5"})).status_code == 422


async def test_an_order_names_the_laboratory_that_it_goes_to(clinic: Clinic) -> None:
    client = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(client))
    place = "Organization/" + (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Cedar Ridge Laboratory"})).id
    await agreed(clinic, None, place, "ORM^O01")
    doctor = await visitor(clinic, "both-clinician")
    page = (await doctor.get(f"/patients/{client}/orders/new")).text
    assert "Cedar Ridge Laboratory, sent to them" in page
