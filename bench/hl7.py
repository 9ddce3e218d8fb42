"""Results by HL7 v2: how many a second are acknowledged once they are on the disk, and how many are mapped, labelled and found.

`python -m bench.hl7 --messages 5000 --connections 8`; with `--mix`, four of ten are admissions, transfers, changes and discharges, and appointments. The mix follows the public samples: half are short (1 to 3 values), some have 28. One
message in twenty corrects an earlier one, one in fifty is sent twice. Both rates are measured in one run, so mapping pays for taking.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import socket
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

from bench.house import TOKENS, House
from bench.machine import Meter, memory
from sojourn.base import clock
from sojourn.gate.exchange import partners
from sojourn.gate.exchange.partners import Partner
from sojourn.gate.importing import Arrival, bring_in
from sojourn.record import exchangebench
from sojourn.wire.mllp import Blocks, framed

_LOOK = 5.0  # seconds between looks at the memory
MRN = "urn:oid:2.16.840.1.113883.19.5"
SIZES = (1, 1, 2, 3, 3, 5, 6, 6, 10, 28)
TESTS = (
    "2951-2",
    "2823-3",
    "2160-0",
    "2345-7",
    "1742-6",
    "1920-8",
    "1975-2",
    "6690-2",
    "718-7",
    "777-3",
    "3016-3",
    "4548-4",
    "26453-1",
    "20570-8",
)


def message(n: int, people: int, rng: random.Random) -> bytes:
    """One result."""
    corrects = n % 20 == 19
    about = n - 10 if corrects else n
    person, size = about % people, SIZES[about % len(SIZES)]
    status, minute = ("C", f"{n // 60 % 60:02d}") if corrects else ("F", "00")
    head = f"MSH|^~\\&|LAB|BENCH|EHR|HERE|20260302{8 + n % 12:02d}{minute}{n % 60:02d}-0500||ORU^R01^ORU_R01|B{n}|P|2.5.1\r"
    pid = f"PID|1||M{person}^^^RIVER^MR||Family{person}^Given||19800101|F\rORC|RE||F{about}\r"
    obr = f"OBR|1||F{about}|24323-8^Panel^LN|||20260302070000-0500|||||||||||||||2026030{2 + corrects}083000-0500||CH|{status}\r"
    obx = "".join(
        f"OBX|{i + 1}|NM|{TESTS[i % len(TESTS)]}^Test {i}^LN|{i // len(TESTS) or ''}|{rng.uniform(1, 200):.1f}|mmol/L^^UCUM|3.5-150|{'H' if i % 7 == 6 else 'N'}|||{status}\r"
        for i in range(size)
    )
    return (head + pid + obr + obx).encode()


def other(n: int, people: int) -> bytes:
    """What happened to somebody's stay, or an appointment: admitted, moved, changed, discharged, in this order for each stay."""
    stay, step = n // 8, n % 4  # n counts these messages alone
    person, event = stay % people, ("A01", "A02", "A08", "A03")[step]
    at = f"20260302{8 + step:02d}{stay % 60:02d}00-0500"
    pid = f"PID|1||M{person}^^^RIVER^MR||Family{person}^Given||19800101|F\r"
    if n % 8 >= 4:  # noqa: PLR2004 - the other half
        sch = f"SCH|P{stay}|A{stay}|||||R1^Visit||||^^^20260402{9 + stay % 8:02d}0000-0500^20260402{9 + stay % 8:02d}3000-0500||||||||||||||Booked\r"
        return (f"MSH|^~\\&|LAB|BENCH|EHR|HERE|{at}||SIU^{('S12', 'S13', 'S14', 'S15')[step]}|C{n}|P|2.5.1\r{sch}{pid}RGS|1\rAIS|1||CONS^Consultation^L\r").encode()
    left = "20260302120000-0500" if event == "A03" else ""
    pv1 = f"PV1|1|I|{'ICU' if step == 0 else 'WEST'}^{stay % 40}^A||||99^Okafor^Ngozi||||||||||||V{stay}" + "|" * 25 + f"20260302080000-0500|{left}\r"
    more = "DG1|1||F10.239^Alcohol dependence with withdrawal^I10|||A\rAL1|1|DA|^Penicillin|SV|Hives\r" if step == 0 else ""
    return (f"MSH|^~\\&|LAB|BENCH|EHR|HERE|{at}||ADT^{event}|C{n}|P|2.5.1\rEVN|{event}|{at}\r{pid}{pv1}{more}").encode()


async def prepare(house: House, people: int) -> None:
    """People, and the laboratory as a partner."""
    gate = await house.gate()
    access = await gate.access(TOKENS["import"])
    assert access is not None
    made = (
        {
            "resourceType": "Patient",
            "id": f"p{n}",
            "identifier": [{"system": MRN, "value": f"M{n}"}],
            "name": [{"family": f"Family{n}", "given": ["Given"]}],
            "birthDate": "1980-01-01",
        }
        for n in range(people)
    )
    stays = (
        {"resourceType": "EpisodeOfCare", "id": f"e{n}", "status": "active", "patient": {"reference": f"Patient/p{n}"}, "period": {"start": "2026-01-01"}, "managingOrganization": {"display": "Here"}}
        for n in range(people)
    )
    async for outcome in bring_in(access, (Arrival(str(n), 1, r) for n, r in enumerate([*made, *stays]))):
        assert not outcome.refused, outcome.refused[:1]
    lab = replace(Partner("lab", "Laboratory", applications=("LAB",), authorities={"RIVER": MRN}, timezone="America/New_York"), program=1)
    await gate.house.db.call("SELECT gate.exchange_put_partner(1, 'lab', $1, 'active', NULL, '', '', $2)", partners.facts(lab), clock.now())
    await exchangebench.before(gate.house.db, 1, "lab", "In a measurement.", clock.now())  # what is not cleared is kept and held
    await gate.close()


async def send(port: int, todo: list[bytes], waits: list[float]) -> None:
    """One connection: each message is sent when the one before is acknowledged."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    blocks = Blocks(100_000)
    while todo:
        one = todo.pop()
        begun = time.perf_counter()
        writer.write(framed(one))
        answer: list[bytes] = []
        while not answer:
            some = await reader.read(65536)
            assert some, "the server hung up"
            answer = blocks.feed(some)
        assert b"MSA|AA|" in answer[0], answer[0]
        waits.append(time.perf_counter() - begun)
    writer.close()


def main() -> None:
    """Set up, measure, print."""
    parser = argparse.ArgumentParser(prog="bench.hl7", description=__doc__)
    parser.add_argument("--messages", type=int, default=3000)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--mix", action="store_true")
    arguments = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    os.environ["SOJOURN_MLLP_PORT"] = str(port)
    house = House(Path(tempfile.mkdtemp(prefix="sojourn-hl7-")))
    try:
        asyncio.run(prepare(house, arguments.people))
        house.tidy()
        house.serve()
        rng = random.Random(7)  # noqa: S311 - values of a measurement
        todo = [other(n // 10 * 4 + n % 10, arguments.people) if arguments.mix and n % 10 < 4 else message(n, arguments.people, rng) for n in range(arguments.messages)]  # noqa: PLR2004 - four of ten
        todo += todo[::50]
        todo.reverse()
        server = house.processes["server"].pid
        before = memory(server)
        meter = Meter({"server": server, "postgres": house.postmaster})
        waits: list[float] = []
        total = len(todo)
        begun = time.perf_counter()
        grown: list[int] = []
        over = threading.Event()

        def look() -> None:
            while not over.wait(_LOOK):
                grown.append(memory(server))

        watch = threading.Thread(target=look, daemon=True)
        watch.start()

        async def all_() -> None:
            await asyncio.gather(*(send(port, todo, waits) for _ in range(arguments.connections)))

        asyncio.run(all_())
        taken = time.perf_counter() - begun
        while house.sql("SELECT count(*) AS n FROM record.exchange_message WHERE state = 'received'")[0]["n"]:
            time.sleep(0.2)
        mapped = time.perf_counter() - begun
        over.set()
        watch.join()
        use = meter.read()
        spent = {k: use.cores[k] * mapped for k in ("server", "postgres")}
        reasons = [dict(r) for r in house.sql("SELECT kind, reason, count(*) AS n FROM record.exchange_message WHERE reason <> '' GROUP BY kind, reason")]
        states = {r["state"]: r["n"] for r in house.sql("SELECT state, count(*) AS n FROM record.exchange_message GROUP BY state")}
        found = house.sql(
            "SELECT count(*) FILTER (WHERE type = 'Encounter') AS e, count(*) FILTER (WHERE type = 'Appointment') AS a, count(*) FILTER (WHERE type = 'Observation') AS o, count(*) FILTER (WHERE type = 'DiagnosticReport') AS r FROM record.resource"
        )[0]
        waits.sort()
        print(json.dumps({
            "messages": total, "kept": sum(states.values()), "states": states, "reasons": reasons, "observations": found["o"], "reports": found["r"], "visits": found["e"], "appointments": found["a"],
            "acknowledged_per_second": round(total / taken), "mapped_per_second": round(sum(states.values()) / mapped),
            "wait_ms": {"median": round(waits[len(waits) // 2] * 1000, 1), "p99": round(waits[int(len(waits) * 0.99)] * 1000, 1)},
            "processor_ms_per_message": {k: round(v * 1000 / total, 2) for k, v in spent.items()}, "mapped_per_core_second": round(total / sum(spent.values())),
            "cores": {k: round(v, 2) for k, v in use.cores.items()}, "others": round(use.foreign, 2), "memory": {"before": before, "while": grown, "most": max(grown, default=before), "after": memory(server)},
        }, indent=1))  # fmt: skip
    finally:
        house.close()


if __name__ == "__main__":
    main()
