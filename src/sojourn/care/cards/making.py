"""Cards about one client, from what the caller may see: risk, precautions, consents, the plan.

A card says what is open and where it is looked after. Its words are neutral: who receives what, and what a consent covers, stand in none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from sojourn.base import wall
from sojourn.care import levels, policies
from sojourn.care.plan import due
from sojourn.care.plan import reading as plans
from sojourn.care.risk import precautions, reading, triage
from sojourn.care.risk.episode import TYPE as EPISODE
from sojourn.gate.consenting import standing

if TYPE_CHECKING:
    from sojourn.care.risk.episode import Episode
    from sojourn.gate.access import Access

INFO, WARNING, CRITICAL = "info", "warning", "critical"
"""How urgent a card is (https://cds-hooks.hl7.org/2.0/#card-attributes)."""
LONGEST: Final = 139
"""Characters of a summary; the standard wants fewer than 140."""
_MOST = 100
_IN_CARE = ("active", "onhold")


class Card(NamedTuple):
    """One card. kind: of KINDS. summary: a line; detail: more of it, Markdown. path: of our page about it."""

    kind: str
    indicator: str
    summary: str
    detail: str
    path: str


async def risk(access: Access, patient: str) -> list[Card]:
    """One for each open risk episode. One search."""
    if not access.may(EPISODE, "search"):
        return []
    return [_episode(patient, one) for one in await reading.of_patient(access, patient) if one.open]


def _episode(patient: str, episode: Episode) -> Card:
    state = episode.state
    stands = "Somebody has acted on it." if state.acted else "It was acknowledged; nobody has acted on it yet." if state.acknowledged else "Nobody has acknowledged it yet."
    urgent = not state.acted and state.pace == triage.HIGH
    return Card(
        "risk", CRITICAL if urgent else WARNING, "A risk episode is open", f"Triage: {triage.WORDS[state.level].lower()}. Open since {wall.day(episode.started).isoformat()}. {stands}",
        f"/patients/{patient}/risk",
    )  # fmt: skip


async def safety(access: Access, patient: str) -> list[Card]:
    """One with all precautions in force. One search."""
    found = await precautions.of_patient(access, patient)
    if not found:
        return []
    lines = [f"- {_plain(p.text) or 'Precaution'}" + (f", until {p.until}" if p.until else "") for p in found]
    return [Card("precautions", WARNING, _counted(len(found), "precaution is", "precautions are") + " in force", "\n".join(lines), f"/patients/{patient}/risk")]


async def consents(access: Access, patient: str) -> list[Card]:
    """One with every consent that somebody has to do something about, or that ends within the days after which it stands in the queue. One search."""
    if not access.may("Consent", "search"):
        return []
    found = await access.search("Consent", [("patient", patient), ("status", "draft,proposed,active"), ("_sort", "-date")], count=_MOST)
    lines = []
    for consent in found.resources:
        stands = standing.standing(consent, access.now)
        ends = standing.ends_on(consent)
        if stands.todo:
            lines.append(f"- {stands.word}. {stands.todo}")
        elif ends is not None and standing.expiring(consent, access.now):
            lines.append(f"- One ends on {wall.day(ends).isoformat()}. Ask whether it is to go on.")
    if not lines:
        return []
    return [Card("consent", INFO, _counted(len(lines), "consent needs", "consents need") + " somebody", "\n".join(lines), f"/patients/{patient}/consents")]


async def plan(access: Access, patient: str) -> list[Card]:
    """One for each stay whose plan, signatures or review are due within a week or late. Three questions."""
    if not (access.may("EpisodeOfCare", "search") and access.may("CarePlan", "search")):
        return []
    stays = [s for s in await levels.current(access, patient) if s.status in _IN_CARE]
    _, known = await plans.of_patients(access, [patient])
    rules, by = await policies.of(access), {p.stay: p for p in known if p.stay}
    cards = []
    for stay in stays:
        wanted = due.of_stay(stay, by.get(stay.id), rules)
        if wanted is not None and (wanted.at - access.now <= due.SOON or wanted.kind == due.SIGNATURES):
            late = wanted.late(access.now)
            cards.append(Card("plan", WARNING if late else INFO, f"{wanted.text}: {due.days_left(wanted.at, access)}", f"Due on {wall.day(wanted.at).isoformat()}.", f"/patients/{patient}/plan"))
    return cards


KINDS: Final[Mapping[str, Callable[[Access, str], Awaitable[list[Card]]]]] = {"risk": risk, "precautions": safety, "consent": consents, "plan": plan}
"""How each kind of card is made."""
_ORDER = (CRITICAL, WARNING, INFO)


async def made(access: Access, patient: str, kinds: tuple[str, ...]) -> list[Card]:
    """The cards of these kinds, the most urgent first. patient: one whom the caller may see."""
    cards = [card for kind in kinds for card in await KINDS[kind](access, patient)]
    return sorted(cards, key=lambda card: _ORDER.index(card.indicator))


def _counted(number: int, one: str, more: str) -> str:
    return f"{'A' if number == 1 else number} {one if number == 1 else more}"


def _plain(text: str) -> str:
    """Somebody's words in a list of Markdown: one line, none of its letters a mark."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>()#+!|" else c for c in " ".join(text.split()))[:200]
