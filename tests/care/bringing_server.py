"""What brings documents, asks partners and runs errands, as a process of its own, for a test that kills it. Arguments: database, data folder, base, the time, which door, its address."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sojourn.base import clock, crypto
from sojourn.base.clock import FakeClock
from sojourn.care.consequences import CONSEQUENCES
from sojourn.care.handoff import sending
from sojourn.care.reaching.delivering import Delivering
from sojourn.care.reaching.sender import Sender
from sojourn.doors.direct.sending import Direct
from sojourn.doors.fax.gateways import Http
from sojourn.doors.fax.sending import Faxing
from sojourn.doors.mhd.asking import Asking
from sojourn.doors.mhd.providing import Providing
from sojourn.doors.sftp.errands import Errands
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.exchange import ways
from sojourn.gate.exchange.partners import Envoys
from sojourn.gate.gate import Gate
from sojourn.web.outbound import Outbound
from tests.doors.fax.counterpart import TOKEN
from tests.people import A

NEAR = ["127.0.0.1"]


async def main() -> None:
    """Bring until killed."""
    dsn, data, base, at, door, place = sys.argv[1:]
    with clock.using(FakeClock(datetime.fromisoformat(at))):
        gate = Gate(dsn, crypto.ServerKey(b"k" * 64), Path(data), base=base, connections=6, consequences=CONSEQUENCES)
        await gate.open()
        if door == "ask":
            await Asking(Envoys(gate), Outbound(NEAR)).start()
        elif door == "errand":
            await Errands(gate, lambda: None, tuple(NEAR)).round(gate.house.tenants[A])
        else:
            makers: dict[str, Callable[[], Sender]] = {ways.FAX: lambda: Faxing(Http(place, TOKEN)), ways.DIRECT: lambda: Direct(gate, NEAR), ways.MHD: lambda: Providing(gate.house, Outbound(NEAR))}
            senders: dict[str, Sender] = {door: makers[door]()}
            await Delivering(Envoys(gate), Clockwork(gate), senders, {sending.ORIGIN: sending.Told()}).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
