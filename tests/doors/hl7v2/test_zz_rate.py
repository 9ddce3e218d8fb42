import os, time
from tests.doors.hl7v2.test_events_out import *  # noqa
async def test_rate(clinic, hie):
    client, place = await known(clinic)
    partner = await agreed(clinic, hie, place, "ADT^A04", authorities={"RIVER": MRN}, version="2.8")
    n = 0
    for c in range(60):
        client, _ = await known(clinic, place)
        for _ in range(5):
            await clinic.make("sys-mh", {**encounter(client), "status": "in-progress"}); n += 1
    from tests.doors.hl7v2.counterpart import follow
    c0, w0 = time.process_time(), time.perf_counter()
    await follow(clinic)
    c1, w1 = time.process_time(), time.perf_counter()
    await sent(clinic, partner)
    c2, w2 = time.process_time(), time.perf_counter()
    print(f"RATE {len(hie.got)} messages: follow {1000*(c1-c0)/n:.2f} ms cpu, decide+compose+send {1000*(c2-c1)/n:.2f} ms cpu, wall {n/(w2-w1):.0f}/s, loadavg {os.getloadavg()}")
    assert len(hie.got) == n
