"""sekmet-fhir's scenarios, as a backend service that proves itself with its key."""

from __future__ import annotations

import socket
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sojourn.doors.api.subscriptions.telling import Telling
from sojourn.gate.bulk.running import Exporting
from sojourn.gate.exchange.partners import Partner
from sojourn.listeners import Following
from sojourn.record.database import Dsn
from sojourn.web.outbound import Outbound
from tests.conformance.others import program, run
from tests.conformance.serving import everything
from tests.doors.hl7v2.lab import registered
from tests.doors.smart.office import Key, Office
from tests.people import MH

NOT_OURS = {
    "lab_order_peer_fills": "the server would have to act as a laboratory",
}
"""Scenarios that ask for what we do not offer."""
OURS = (
    "adt_admit_transfer_discharge", "adt_merge_update", "appointment_book_cancel", "billing_claim", "bulk_export_group", "clinical_documentation", "conformance_smoke",
    "lab_order_to_result", "medication_order_dispense", "messaging_adt_orders", "rad_order_imaging_report", "subscription_backport_roundtrip", "subscription_roundtrip",
)  # fmt: skip
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
    sekmet, key = program("sekmet"), Key("sekmet", "RS384")
    app = await here.service(key, scopes="system/*.cruds", pace=6000, programs=(MH,), acting=MH)
    await registered(here.clinic.gate, Partner("sekmet", "Sekmet", door="fhir", client=app.id, program=MH, types=("ADT^A01", "ADT^A03", "ADT^A04", "OML^O21", "ORU^R01")))
    (tmp_path / "key.pem").write_bytes(key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    listed = {line.split()[0] for line in (await run(sekmet, "scenario", "list", folder=tmp_path)).splitlines() if " steps " in line}
    assert listed == {*OURS, *NOT_OURS}
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    auth = f"{{type: smart, client_id: {app.id}, private_key_path: {tmp_path / 'key.pem'}, kid: sekmet, alg: RS384, scope: system/*.cruds}}"
    (tmp_path / "settings.yaml").write_text(
        f"base_url: http://127.0.0.1:{port}/fhir\nhost: 127.0.0.1\nport: {port}\npeers:\n  ours:\n    base_url: {url}/fhir\n    auth: {auth}\n"
    )
    said = await run(sekmet, "scenario", "run", *OURS, "--peer", "ours", "--serve", "--var", f"topic={ENDED}", "--report-dir", str(tmp_path / "reports"), folder=tmp_path)
    suites = [s for path in (tmp_path / "reports").rglob("*.xml") for s in ET.parse(path).iter("testsuite")]
    assert len(suites) >= len(OURS), said
    assert [s.get("name") for s in suites if int(s.get("failures", "0")) + int(s.get("errors", "0"))] == [], said[-4000:]
    assert [s.get("name") for s in suites if int(s.get("tests", "0")) == int(s.get("skipped", "0"))] == [], said[-4000:]
