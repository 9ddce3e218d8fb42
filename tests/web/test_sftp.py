"""SFTP in the staff app: boxes opened, keys registered and revoked, files seen without their names, and opened by who may."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import asyncssh
import pytest

from sojourn.base import clock
from sojourn.record import exchangebench, organization
from sojourn.record.database import Dsn
from tests.care.reported import house, visitor
from tests.doors.hl7v2.lab import MRN, done, oru
from tests.doors.hl7v2.lab import listener as hl7
from tests.doors.sftp.partner import KEY, OTHER, brought, connected, door, looked, opened, public
from tests.doors.sftp.test_routes import service
from tests.people import MH, SUD, A, Clinic, encounter, patient
from tests.web.real import HASH
from tests.web.test_exchange import FORM

STAFF = (("ivy", "integration-manager", (SUD, MH, 3)), ("ivo", "integration-manager", (MH,)), ("adam", "administrator", (MH,)))


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    async with house(database) as made:
        for account, role, programs in STAFF:
            row = organization.AccountRow(account, "staff", account, account.title(), HASH, f"Practitioner/{account}", role, list(programs), programs[-1], [])
            await organization.account(made.owner, A, row, clock.now())
        yield made


async def test_boxes_from_opening_to_revoking(clinic: Clinic) -> None:
    ivy = await visitor(clinic, "ivy")
    await ivy.get("/exchange/partners/new")
    path = (await ivy.post("/exchange/partners/new", {**FORM, "door": "sftp", "applications": "", "name": "Cedar County", "organization": "Organization/tpo"})).headers["location"]
    await exchangebench.before(clinic.gate.house.db, A, path.rpartition("/")[2], "In a test.", clock.now())
    boxes = f"{path}/sftp"
    assert "not opened" in (await ivy.get(boxes)).text
    agreed = {"login": "cedar-county", "most": "10", "quota": "20", "brings": "", "gets": ""}
    for wrong, why in (({"login": "Cedar County"}, "small letters"), ({"quota": "2"}, "room for one"), ({"most": "much"}, "whole numbers"), ({"brings": "nobody"}, "registered")):
        refused = await ivy.post(boxes, {**agreed, **wrong})
        assert (refused.status_code, why in refused.text) == (422, True), wrong
    assert (await ivy.post(boxes, agreed)).status_code == 303
    private = KEY.export_private_key().decode()
    for wrong, why in ((private, "private key"), ("ssh-rsa nothing", "public key"), ("hello", "public key")):
        refused = await ivy.post(f"{boxes}/keys", {"public": wrong, "name": "", "until": ""})
        assert (refused.status_code, why in refused.text) == (422, True)
    assert (await ivy.post(f"{boxes}/keys", {"public": public(KEY).text, "name": "Their server", "until": "2099-01-31"})).status_code == 303
    assert (await ivy.post(f"{boxes}/keys", {"public": public(KEY).text, "name": "", "until": ""})).status_code == 422
    async with door(clinic.gate) as listener:
        with pytest.raises(asyncssh.PermissionDenied):
            async with connected(listener, key=OTHER):
                pass
        async with connected(listener) as client:
            await brought(client, "Quillfeather_Ana.csv", b"name,born,sex\nQuillfeather,1988,f\n")
            await looked(listener, clinic.gate)
            page = (await ivy.get(boxes)).text
            assert "Last contact just now" in page
            assert public(KEY).fingerprint in page
            assert "Use the next key" not in page
            assert (await ivy.post("/exchange/host-key", {"do": "prepare", "partner": path.rpartition("/")[2]})).status_code == 303
            assert "Use the next key" in (await ivy.get(boxes)).text
            assert (await ivy.post("/exchange/host-key", {"do": "follow", "partner": path.rpartition("/")[2]})).status_code == 303
            key = re.search(r'name="key" value="([^"]+)"', page)
            assert key is not None
            assert (await ivy.post(f"{boxes}/keys", {"do": "revoke", "key": key[1], "why": "Their server was replaced."})).status_code == 303
            with pytest.raises(asyncssh.Error):
                await client.listdir("/in")
        with pytest.raises(asyncssh.PermissionDenied):
            async with connected(listener):
                pass
    assert "Their server was replaced." in (await ivy.get(boxes)).text
    (message,) = [r["message"] for r in await clinic.owner.fetch("SELECT message FROM record.exchange_message")]
    for closed in (boxes, f"{path}/files", "/exchange", "/exchange/messages", f"/exchange/messages/{message}"):
        shown = (await ivy.get(closed)).text
        assert "uillfeather" not in shown
    assert "Files of this kind (CSV)" in (await ivy.get(f"{path}/files")).text
    opened = await ivy.get(f"/exchange/messages/{message}/content")
    assert "Quillfeather_Ana.csv" in opened.text
    assert "1988" in opened.text
    taken = await ivy.get(f"/exchange/messages/{message}/file")
    assert taken.content == b"name,born,sex\nQuillfeather,1988,f\n"
    assert "uillfeather" not in str(taken.headers)
    for who, seen in (("ivo", 404), ("adam", 403), ("nurse", 403)):
        browser = await visitor(clinic, who)
        for end in ("content", "file"):
            there, none = await browser.get(f"/exchange/messages/{message}/{end}"), await browser.get(f"/exchange/messages/{'a' * len(message)}/{end}")
            assert (there.status_code, none.status_code) == (seen, seen), (who, end)
            assert "uillfeather" not in there.text
    adam = await visitor(clinic, "adam")
    assert (await adam.post(f"{boxes}/out", {"types": "Patient", "since": "", "group": ""})).status_code == 422, "for nobody's service"
    await service(clinic, "county-app", whose="outside", organization="Organization/tpo", role="", programs=())
    assert (await adam.post(boxes, {**agreed, "every": "24"})).status_code == 422, "for nobody's service"
    assert (await adam.post(boxes, {**agreed, "gets": "county-app", "every": "24", "own_types": "Patient, Observation", "own_group": "", "changed": "yes"})).status_code == 303
    page = (await adam.get(boxes)).text
    assert all(part in page for part in ('<option value="24" selected>every day</option>', 'value="Patient, Observation"', 'name="changed" value="yes" checked'))
    assert (await adam.post(boxes, {**agreed, "gets": "county-app"})).status_code == 303
    assert (await adam.post(f"{boxes}/out", {"types": "Nothing", "since": "", "group": ""})).status_code == 422
    assert (await adam.post(f"{boxes}/out", {"types": "Patient, Observation", "since": "2026-01-01", "group": ""})).status_code == 303
    page = (await adam.get(boxes)).text
    drop = re.search(r'name="drop" value="([^"]+)"', page)
    assert drop is not None
    assert "nothing taken yet" in page
    assert (await adam.post(f"{boxes}/out", {"do": "withdraw", "drop": drop[1]})).status_code == 303
    assert "withdrawn" in (await adam.get(boxes)).text
    assert (await adam.post(f"{boxes}/out", {"do": "withdraw", "drop": drop[1]})).status_code == 404
    errand = {
        "way": "fetch", "host": "sftp.cedar.example", "port": "22", "login": "riverbend", "folder": "/out", "pattern": "*.hl7", "known_by": public(OTHER).text, "every": "60", "afterwards": "leave", "renamed": "yes",
    }  # fmt: skip
    assert "ssh-ed25519" in (await adam.get(f"{path}/errands/new")).text, "our key, for them"
    for wrong, why in (({"known_by": ""}, "do not take it from the network"), ({"host": "a b"}, "name or address"), ({"every": "0"}, "10,080")):
        refused = await adam.post(f"{path}/errands/new", {**errand, **wrong})
        assert (refused.status_code, why in refused.text) == (422, True)
    assert (await adam.post(f"{path}/errands/new", errand)).status_code == 303
    its = re.search(rf'{path}/errands/([^"/]+)"', (await adam.get(boxes)).text)
    assert its is not None
    assert (await adam.post(f"{path}/errands/{its[1]}", {**errand, "every": "5"})).status_code == 303
    assert "every 5 minutes" in (await adam.get(boxes)).text
    await clinic.owner.execute("UPDATE record.sftp_errand_run SET problem = 'Their server could not be reached.'")
    assert "An errand at Cedar County does not work." in (await ivy.get("/exchange")).text
    assert (await adam.post(f"{path}/errands/{its[1]}/now", {})).status_code == 303
    assert (await adam.post(f"{path}/errands/{its[1]}", {"state": "stopped", "why": "They come to us now."})).status_code == 303
    assert (await adam.post(f"{path}/errands/{its[1]}/now", {})).status_code == 404
    assert (await adam.post(f"{boxes}/state", {"state": "stopped", "why": ""})).status_code == 422
    assert (await adam.post(f"{boxes}/state", {"state": "stopped", "why": "The agreement ended."})).status_code == 303


async def test_whoever_opens_a_file_leaves_a_line_about_each_client_whom_it_turned_out_to_be_about(clinic: Clinic) -> None:
    ours = [(await clinic.make("sys-mh", patient(family, identifier=[{"system": MRN, "value": mrn}]))).id for family, mrn in (("Rivera", "R1"), ("Rivas", "R2"))]
    for id_ in ours:
        await clinic.make("sys-mh", encounter(id_))
    await service(clinic)
    await opened(clinic.gate, as_={"authorities": {"RIVER": MRN}, "program": MH, "applications": ("CEDAR",)}, brings="mover")
    batch = b"BHS|^~\\&|CEDAR\r" + b"".join(oru(f"M{n}", mrn=mrn, family=family, filler=f"F{n}") for n, (mrn, family) in enumerate((("R1", "Rivera"), ("R2", "Rivas"), ("X9", "Nobody")))) + b"BTS|3\r"
    records = b'{"resourceType": "Patient", "id": "brought", "name": [{"family": "Newcomer"}]}\n'
    for name, content, about in (("nobody.hl7", oru("M9", mrn="X1", family="Elsewhere", filler="F9"), []), ("results.hl7", batch, ours), ("records.ndjson", records, ["brought"]), ("again.ndjson", records + b"\n", ["brought"])):
        async with door(clinic.gate) as listener, connected(listener) as client:
            await brought(client, name, content)
            await looked(listener, clinic.gate)
            await done(hl7(clinic.gate), clinic.gate)
        message = await clinic.owner.fetchval("SELECT message FROM record.exchange_message WHERE door = 'sftp' ORDER BY seq DESC LIMIT 1")
        ivy = await visitor(clinic, "ivy")
        for end in ("content", "file"):
            answer = await ivy.get(f"/exchange/messages/{message}/{end}")
            assert answer.status_code == 200, (name, end)
            lines = await clinic.owner.fetch("SELECT patients FROM record.audit WHERE request = $1 AND action = 'exchange-open'", answer.headers["x-request-id"])
            assert [sorted(line["patients"]) for line in lines] == [sorted(about)], (name, end)
