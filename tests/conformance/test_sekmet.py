"""sekmet-fhir's scenarios, as a backend service that proves itself with its key."""

from __future__ import annotations

import asyncio
import re
import socket
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sojourn.base import clock
from sojourn.care.orders import findings
from sojourn.doors.api.subscriptions.telling import Telling
from sojourn.gate.bulk.running import Exporting
from sojourn.gate.exchange.partners import Partner
from sojourn.listeners import Following
from sojourn.record import organization
from sojourn.record.database import Dsn
from sojourn.web.outbound import Outbound
from tests.care.test_placed_orders import CERTIFIED
from tests.conformance.others import program, run
from tests.conformance.serving import everything
from tests.doors.hl7v2.lab import registered
from tests.doors.smart.office import Key, Office
from tests.people import MH, A, Clinic
from tests.web.real import HASH, Visitor

OURS = (
    "adt_admit_transfer_discharge", "adt_merge_update", "appointment_book_cancel", "billing_claim", "bulk_export_group", "clinical_documentation", "conformance_smoke",
    "lab_order_to_result", "medication_order_dispense", "messaging_adt_orders", "rad_order_imaging_report", "subscription_backport_roundtrip", "subscription_roundtrip",
)  # fmt: skip
FILLED = "lab_order_peer_fills"
"""Its laboratory is us: a nurse tests while it waits."""
ENDED = "https://sojourn.example/fhir/SubscriptionTopic/encounter-end"


@pytest.fixture
async def there(database: Dsn) -> AsyncIterator[tuple[Office, str]]:
    """Every door, with what goes on beside requests: exports are cut, changes are followed, subscribers are told."""
    async with everything(database) as (here, url), AsyncExitStack() as stack:
        for each in (Following(here.clinic.gate), Exporting(here.clinic.gate), Telling(here.clinic.gate, Outbound(["127.0.0.1"]))):
            await each.start()
            stack.push_async_callback(each.stop)
        yield here, url


async def test_its_scenarios_pass(there: tuple[Office, str], tmp_path: Path) -> None:
    here, url = there
    sekmet = await asking(here, url, tmp_path)
    listed = {line.split()[0] for line in (await run(sekmet, "scenario", "list", folder=tmp_path)).splitlines() if " steps " in line}
    assert listed == {*OURS, FILLED}
    said = await run(sekmet, "scenario", "run", *OURS, "--peer", "ours", "--serve", "--var", f"topic={ENDED}", "--report-dir", str(tmp_path / "reports"), folder=tmp_path)
    passed(tmp_path, said, len(OURS))


async def asking(here: Office, url: str, tmp_path: Path, roles: str = "") -> str:
    """The program, with settings by which we are its peer. roles: those that we play, as its settings declare them."""
    sekmet, key = program("sekmet"), Key("sekmet", "RS384")
    app = await here.service(key, scopes="system/*.cruds", pace=6000, programs=(MH,), acting=MH)
    await registered(here.clinic.gate, Partner("sekmet", "Sekmet", door="fhir", client=app.id, program=MH, types=("ADT^A01", "ADT^A03", "ADT^A04", "OML^O21", "ORU^R01")))
    (tmp_path / "key.pem").write_bytes(key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    auth = f"{{type: smart, client_id: {app.id}, private_key_path: {tmp_path / 'key.pem'}, kid: sekmet, alg: RS384, scope: system/*.cruds}}"
    (tmp_path / "settings.yaml").write_text(
        f"base_url: http://127.0.0.1:{port}/fhir\nhost: 127.0.0.1\nport: {port}\npeers:\n  ours:\n    base_url: {url}/fhir\n    roles: [{roles}]\n    auth: {auth}\n"
    )
    return sekmet


def passed(tmp_path: Path, said: str, many: int) -> None:
    """So many scenarios ran, and each of them passed."""
    suites = [s for path in (tmp_path / "reports").rglob("*.xml") for s in ET.parse(path).iter("testsuite")]
    assert len(suites) >= many, said
    assert [s.get("name") for s in suites if int(s.get("failures", "0")) + int(s.get("errors", "0"))] == [], said[-4000:]
    assert [s.get("name") for s in suites if int(s.get("tests", "0")) == int(s.get("skipped", "0"))] == [], said[-4000:]


async def test_a_nurse_of_ours_fills_the_order_that_it_places(there: tuple[Office, str], tmp_path: Path) -> None:
    """While it waits for a final report, somebody opens their work in a browser, tests and writes down what the analyzer shows."""
    here, url = there
    sekmet = await asking(here, url, tmp_path, "lab-filler")
    await laboratory(here.clinic)
    waiting = asyncio.create_task(run(sekmet, "scenario", "run", FILLED, "--peer", "ours", "--serve", "--report-dir", str(tmp_path / "reports"), folder=tmp_path))
    try:
        nurse = Visitor(here.clinic)
        nurse.client = httpx.AsyncClient(base_url=url)
        assert (await nurse.sign_in("nurse")).status_code == 303
        order = await work(nurse)
        page = await nurse.get(f"{order}/result")
        assert "CBC panel" in page.text
        read = {"c.wbc": "5.4", "c.rbc": "4.6", "c.hemoglobin": "13.4", "c.hematocrit": "40.1", "c.platelets": "231"}
        form = {"version": nurse.hidden("version"), "key": nurse.hidden("key"), **dict(re.findall(r'id="(at|tested)"[^>]*value="([^"]+)"', page.text)), "control": "none", "kit": "Analyzer 2", "do": "save"}
        saved = await nurse.post(f"{order}/result", {**form, **read})
        assert (saved.status_code, saved.headers["location"]) == (303, order)
        said = await waiting
    finally:
        waiting.cancel()
    passed(tmp_path, said, 1)


async def laboratory(clinic: Clinic) -> None:
    """A nurse, and a laboratory of ours which it finds by its own number, and which the rules know by its certificate."""
    id_ = (await clinic.make("sys-mh", {"resourceType": "Practitioner", "name": [{"family": "Nurse"}]})).id
    await organization.account(clinic.owner, A, organization.AccountRow("nurse", "staff", "nurse", "Nurse", None, f"Practitioner/{id_}", "nurse", [MH], MH, []), clock.now())
    await clinic.owner.execute("UPDATE record.account SET password = $1 WHERE tenant = 1 AND account = 'nurse'", HASH)
    await clinic.owner.execute(CERTIFIED)
    numbers = [{"system": "urn:oid:1.2.3.4.5.6", "value": "LAB-001"}, {"system": findings.CLIA, "value": "05D1234567"}]
    await clinic.make("sys-mh", {"resourceType": "Organization", "active": True, "name": "Clinical Laboratory", "identifier": numbers})


async def work(nurse: Visitor) -> str:
    """The test to do, from Today, as soon as it is there."""
    for _ in range(200):
        found = re.search(r'href="([^"]*/orders/[^"/]+)"', (await nurse.get("/today")).text)
        if found:
            assert "A test to do here" in nurse.last.text
            return found[1]
        await asyncio.sleep(0.2)
    raise AssertionError("The order is not on the list of work.")
