"""The sample's roster, and people in danger: unanswered, in hand, closed; safety plans."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from sojourn.care import policies
from sojourn.care.measures import actions
from sojourn.care.measures.model import Answer, instruments
from sojourn.care.risk import acting, opening, plan, precautions, reading
from sojourn.care.risk.acting import Closing
from sojourn.care.staffing import changing, zones
from sojourn.care.staffing.model import AWAY, NEVER, ON_CALL, SITE_LEAD, SUPERVISOR, Entry
from sojourn.cli.riverbend_desk import at_browser, signed_in_as
from sojourn.gate.access import Access
from sojourn.gate.gate import Gate
from sojourn.sample import staff_accounts
from sojourn.sample.identity import Ids

TENANT, SEED = 1, 1
KIOSK = "app-inside"
"""What clients answer by themselves comes in through the organization's own integration."""

_FORMULATIONS = (
    "Wishes he would not wake up, most mornings since the divorce was final. No thought of killing himself, no plan, no means at home. His daughters every other week, the choir and his work hold him; drinking alone raises it. He asked for more contact and gets it.",
    "Thought of taking her pills on Sunday night and did not; she called her sister. No preparation, regrets nothing said. The sister keeps the pills now. Sleep is the hinge: with four hours she goes down fast. Prescriber sees her on Thursday.",
)
_PLANS: tuple[Mapping[str, str], ...] = (
    {
        "signs": "I stop answering my phone\nSundays after the children have left", "myself": "Walk to the river and back\nThe playlist from my brother", "places": "The chess table in the library\nChoir on Wednesdays",
        "ask": "Jo, my sister, 518-555-0188\nPastor Lee, 518-555-0177", "professionals": "Dana Whitfield, Northgate Clinic, 518-555-0130, weekdays 9 to 5", "place": "Jo keeps my pills and gives me two days' worth",
    },
    {
        "signs": "Three nights without sleep\nI begin to give things away", "myself": "Cold water, then the crossword", "places": "My mother's kitchen", "ask": "Sam from the shop, 518-555-0166",
        "professionals": "Dana Whitfield, Northgate Clinic, 518-555-0130", "place": "The rifle is at my uncle's, locked, until we say otherwise",
    },
)  # fmt: skip


async def lay_out(gate: Gate, today: date) -> None:
    """Once. Everything goes through the gate as the people of the sample would do it."""
    async with signed_in_as(gate, "priya") as officer:
        if await reading.everyone(officer):
            return
        await policies.change(officer, "risk.crisis-line", "", "Three Rivers crisis line: 518-555-0109, at any hour", "The county's line")
    async with signed_in_as(gate, "sam") as supervisor:
        await _roster(supervisor, today)
    async with signed_in_as(gate, "dana") as therapist:
        found = await therapist.search("EpisodeOfCare", [("care-manager", therapist.caller.agent or ""), ("status", "active"), ("_sort", "-date")], count=8)
        clients = list(dict.fromkeys(str(stay["patient"]["reference"]).partition("/")[2] for stay in found.resources))
    for n, client in enumerate(clients[:4]):
        await (_waiting, _in_hand, _closed, _closed)[n](gate, client, n)


async def _roster(supervisor: Access, today: date) -> None:
    """The week before, this one and the next: nights and days, one afternoon that nobody has, somebody away; supervisors and a site lead."""
    ids = Ids(SEED)
    who = {a.login: f"Practitioner/{a.practitioner_id}" for a in staff_accounts(SEED)} | {"castaldi": f"Practitioner/{ids('Practitioner:castaldi')}"}
    zone, monday = zones.of(None), today - timedelta(days=today.weekday())

    def at(day: date, hour: int, *, ends: bool = False) -> datetime:
        return zones.moment(day, time(hour), zone, ends=ends)

    entries = [Entry("", "", SUPERVISOR, who["sam"], None, (), at(monday - timedelta(days=120), 0), NEVER), Entry("", "", SITE_LEAD, who["okafor"], None, (), at(monday - timedelta(days=200), 0), NEVER)]
    for n in range(-7, 14):
        day = monday + timedelta(days=n)
        night, by_day = (who["okafor"], who["dana"]) if n % 3 else (who["dana"], who["sam"])
        entries.append(Entry("", "", ON_CALL, night, None, (), at(day, 17), at(day + timedelta(days=1), 8, ends=True)))
        entries.append(Entry("", "", ON_CALL, by_day, None, (), at(day, 8), at(day, 13 if n % 7 == 5 else 17, ends=True)))
    entries.append(Entry("", "", AWAY, who["castaldi"], None, (), at(today - timedelta(days=1), 8), at(today + timedelta(days=3), 17, ends=True)))
    await changing.add(supervisor, entries)


async def _waiting(gate: Gate, client: str, _: int) -> None:
    """The tablet in the waiting room: question nine, and nobody has it yet."""
    async with signed_in_as(gate, KIOSK) as tablet:
        await actions.record(tablet, client, instruments()["phq-9"], _phq9(2))


async def _in_hand(gate: Gate, client: str, n: int) -> None:
    """Somebody has it and acted; precautions are up, the safety plan is signed."""
    async with signed_in_as(gate, KIOSK) as tablet:
        await actions.record(tablet, client, instruments()["phq-9"], _phq9(3))
    async with signed_in_as(gate, "dana") as therapist:
        (episode,) = [e for e in await reading.of_patient(therapist, client) if e.open]
        await acting.acknowledge(therapist, episode.id)
    async with signed_in_as(gate, "dana") as therapist:
        await actions.record(therapist, client, instruments()["c-ssrs-screener"], _cssrs("1", "2", "3", "4"))
        await acting.act(therapist, episode.id, "with-client", "Her sister sits with her in room 4 until the prescriber comes.")
        await precautions.put(therapist, client, "in-sight")
        await precautions.put(therapist, client, "means")
    await _planned(gate, client, n)


async def _closed(gate: Gate, client: str, n: int) -> None:
    """Closed with a formulation; the next screening is due. One came by a word in a session, one by the tablet."""
    async with signed_in_as(gate, "dana") as therapist:
        id_ = await opening.by_hand(therapist, client, "moderate", "Said on the way out that it would be easier for everybody without her.")
    async with signed_in_as(gate, "dana") as therapist:
        await actions.record(therapist, client, instruments()["c-ssrs-screener"], _cssrs("1") if n % 2 else _cssrs("1", "2", "3"))
    async with signed_in_as(gate, "dana") as therapist:
        await acting.act(therapist, id_, "spoke", "")
    async with signed_in_as(gate, "dana") as therapist:
        episode = await reading.one(therapist, id_)
        again = therapist.now.date() + timedelta(days=n - 1)
        await acting.close(therapist, id_, episode.version, Closing(_FORMULATIONS[n % 2], "more-contact", "", "", again))
    if n % 2:
        await _planned(gate, client, n)


async def _planned(gate: Gate, client: str, n: int) -> None:
    """A plan written together, signed by the therapist, a copy given."""
    async with at_browser(gate, "dana") as therapist:
        id_ = await plan.save(therapist, client, _PLANS[n // 2 % 2])
        draft = await plan.one(therapist, client, id_)
        await plan.sign(therapist, client, id_, draft.version, await plan.words(therapist, draft))
        await plan.copy_given(therapist, client, id_, "on paper, and as a card for the wallet")


def _phq9(nine: int) -> dict[str, Answer]:
    return {**{str(n): Decimal(1 + n % 3) for n in range(1, 9)}, "9": Decimal(nine), "10": Decimal(2)}


def _cssrs(*yes: str) -> dict[str, Answer]:
    asked = ["1", "2", *(("3", "4", "5") if "2" in yes else ()), "6"]
    return {q: Decimal(int(q in yes)) for q in asked}
