"""What a client's part lacks before it can be signed, and what only warns: likeness and names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sojourn.care.groups import opening
from sojourn.care.groups.model import AWAY, EARLY, GROUP, LATE, Shared
from sojourn.care.groups.opening import Member, Sitting
from sojourn.care.notes import similar
from sojourn.care.notes.model import Template
from sojourn.care.policies import Policies
from sojourn.care.scheduling import zones


class Verdict(NamedTuple):
    """What stands between a part and its signature, and what to look at. like: percent of their own text that is like another's."""

    missing: tuple[str, ...]
    warnings: tuple[str, ...]
    words: int
    like: int

    @property
    def valid(self) -> bool:
        """Whether it can be signed, or marked as missed."""
        return not self.missing


def shared_missing(shared: Shared) -> list[str]:
    """What the shared part lacks."""
    asked = (("topic", "the topic"), ("intervention", "the intervention"), ("service", "which service it was"), ("modality", "how you met"))
    return [f"Say {said} in the part for all." for name, said in asked if not getattr(shared, name).strip()]


def times(member: Member, sitting: Sitting) -> tuple[datetime, datetime] | None:
    """From when to when a client was there; None for times that cannot be, in or out of the session's own."""
    where = zones.zone(sitting.shared.zone)
    start, end = (zones.local(m, where) for m in (sitting.session.starts, sitting.session.ends))
    came = opening.when(start.date(), member.own.came, where) if member.own.came else start
    left = opening.when(end.date(), member.own.left, where) if member.own.left else end
    if came is None or left is None or not came < left:
        return None
    return came, left


def verdict(sitting: Sitting, member: Member, template: Template, rules: Policies) -> Verdict:
    """What is missing and what warns, for one client."""
    own, missing = member.own, []
    if not own.attendance:
        return Verdict(("Say whether they came.",), (), own.words(), 0)
    if own.attendance in AWAY:
        return Verdict((), (), 0, 0)
    where = zones.zone(sitting.shared.zone)
    start, end = (zones.local(m, where) for m in (sitting.session.starts, sitting.session.ends))
    if own.attendance == LATE and (not own.came or own.came <= f"{start:%H:%M}"):
        missing.append("Say when they came.")
    if own.attendance == EARLY and (not own.left or own.left >= f"{end:%H:%M}"):
        missing.append("Say when they left.")
    if times(member, sitting) is None:
        missing.append("They came after they left: check the times.")
    missing += [f"{s.title} is empty." for s in template.sections if s.key != GROUP and s.required and not own.sections.get(s.key, "").strip()]
    least = int(rules.number("groups.own-words"))
    if own.words() < least:
        missing.append(f"{own.words()} of at least {least} words of their own.")
    if not member.chosen and not own.no_objective.strip():
        missing.append("Choose an objective, or say why there is none.")
    if "diagnoses" in template.required and not diagnoses(member):
        missing.append("Choose the diagnosis that this addressed.")
    missing += _risk(member)
    return Verdict(tuple(missing), tuple(_warnings(sitting, member, rules)), own.words(), likeness(sitting.members, member))


def diagnoses(member: Member) -> tuple[str, ...]:
    """The diagnoses that were chosen, else those that the chosen objectives are about."""
    known = {d.id for d in member.diagnoses}
    return tuple(d for d in member.own.diagnoses if d in known) or tuple(dict.fromkeys(c for o in member.chosen for c in o.about if c in known))


def _risk(member: Member) -> list[str]:
    """What was found stands in an answer of the day already, or in words; what was done is chosen, or in words too."""
    own = member.own
    if not own.risk:
        return ["Say what you found about danger to self or others."]
    if member.danger and own.risk == "none":
        return ["An answer of today points to danger: say what you found and did."]
    if own.risk == "none" or own.risk_note.strip():
        return []
    if own.risk == "present" and member.danger:
        return [] if own.done else ["Choose what was done at once, or say in words what you found."]
    return ["Say in words what you found." if own.risk == "present" else "Say in words why you did not ask."]


def _warnings(sitting: Sitting, member: Member, rules: Policies) -> list[str]:
    found = [f"“{name}” is somebody else in this group." for name in others_named(sitting.members, member, member.own.text() + "\n" + member.own.risk_note)]
    like = likeness(sitting.members, member)
    if like >= rules.number("groups.similar"):
        found.append(f"{like} % of it is the same as in another part of this session.")
    return found


def likeness(members: Sequence[Member], member: Member) -> int:
    """Percent of a client's own text that stands in another's."""
    text = member.own.text()
    return round(100 * max((similar.share(text, other.own.text()) for other in members if other is not member), default=0.0))


def others_named(members: Sequence[Member], member: Member | None, text: str) -> list[str]:
    """Names of others in the group that stand in a text; none of the client's own. Only of those whom the caller may see."""
    mine = {n.casefold() for n in member.names} if member else set()
    words = {w.casefold(): w for w in re.findall(r"[^\W\d_][\w'’-]+", text) if w[0].isupper()}
    bare = {w.removesuffix("'s").removesuffix("’s"): said for w, said in words.items()}
    names = {n.casefold() for m in members if m is not member for n in m.names} - mine
    return sorted(said for w, said in bare.items() if w in names)
