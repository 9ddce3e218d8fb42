"""Keep what is typed in a group session, as it is typed; and pass danger on at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sojourn.base import errors
from sojourn.base.digits import digits
from sojourn.care.groups import danger, model
from sojourn.care.groups.model import ATTENDANCE, LONGEST, Own, Shared
from sojourn.care.groups.opening import Member, Sitting
from sojourn.care.notes.model import MODALITIES, RISKS, Template
from sojourn.gate import groupsessions
from sojourn.gate.access import Access

_SHARED = ("topic", "intervention", "process", "materials", "language")


def _clipped(text: str) -> str:
    return text.replace("\r\n", "\n")[:LONGEST]


def shared(sitting: Sitting, form: Mapping[str, str]) -> Shared:
    """The shared part with what a form says."""
    said: dict[str, Any] = {name: _clipped(form[name]) for name in _SHARED if name in form}
    chosen: dict[str, Any] = {name: form[name] for name in ("service", "modality") if name in form}
    if chosen.get("modality") and chosen["modality"] not in MODALITIES:
        raise errors.Malformed("Choose how you met.")
    return replace(sitting.shared, **said, **chosen)


async def keep_shared(access: Access, sitting: Sitting, form: Mapping[str, str]) -> str:
    """Keep it; its stamp. Raises VersionConflict where another window changed it since the form's `seen`.

    What the same page saved by itself a moment ago, while this was on its way, is no other window.
    """
    window, turn = _window(form)
    mine, before = window and sitting.shared.window == window, sitting.shared
    if mine and turn and turn < before.turn:
        return sitting.session.stamp
    said = replace(shared(sitting, form), window=window, turn=turn)
    try:
        return await groupsessions.keep(access, sitting.session if mine else sitting.session._replace(stamp=form.get("seen", "")), model.packed(said))
    except errors.VersionConflict:
        session, _ = await groupsessions.open_(access, sitting.session.id)
        now = model.shared(session.body)
        if not window or now.window != window:
            raise
        return session.stamp if turn <= now.turn else await groupsessions.keep(access, session, model.packed(said))


def _window(form: Mapping[str, str]) -> tuple[str, int]:
    """Which page sent a form, and its turn there."""
    turn = form.get("turn", "")
    return form.get("window", "")[:40], int(turn) if digits(turn) and len(turn) < 16 else 0


def own(member: Member, form: Iterable[tuple[str, str]], template: Template, deeds: Iterable[str] = ()) -> Own:
    """A client's part with what a form says. deeds: what may be said to have been done. Raises Malformed for an answer that there is not."""
    rows = list(form)
    one = dict(rows)
    attendance, risk_ = one.get("attendance", ""), one.get("risk", "")
    if (attendance and attendance not in ATTENDANCE) or (risk_ and risk_ not in RISKS):
        raise errors.Malformed("Choose one of the answers.")
    window, turn = _window(one)
    sections = {s.key: _clipped(one.get(f"s-{s.key}", "")) for s in template.sections if s.key != model.GROUP}
    return replace(
        member.own, attendance=attendance, came=one.get("came", "")[:5], left=one.get("left", "")[:5], sections={k: v for k, v in sections.items() if v}, risk=risk_,
        objectives=tuple(v[:64] for k, v in rows if k == "objectives")[:20], no_objective=_clipped(one.get("no_objective", "")),
        diagnoses=tuple(v[:64] for k, v in rows if k == "diagnoses" and v)[:20], risk_note=_clipped(one.get("risk_note", "")), done=tuple(v for v in deeds if ("done", v) in rows), window=window, turn=turn,
    )  # fmt: skip


async def keep_own(access: Access, sitting: Sitting, member: Member, said: Own, seen: str, *, typing: bool) -> str:
    """Keep a client's part; its stamp. typing: by itself, while somebody types: then nobody is called yet.

    What points to danger opens the risk path once, when its author goes on. Raises VersionConflict.
    """
    mine = said.window and said.window == member.own.window
    if mine and said.turn and said.turn < member.own.turn:
        return member.part.stamp
    said = replace(said, passed_on=member.own.passed_on)
    if said.risk == "present" and said.risk_note.strip() and not said.passed_on and not typing:
        if not member.danger:
            await danger.pass_on(access, said.patient, said.found())
        said = replace(said, passed_on=True)
    part = member.part._replace(body=model.packed(said), stamp=member.part.stamp if mine else seen)
    try:
        return await groupsessions.keep_part(access, sitting.session.id, part)
    except errors.VersionConflict:
        part = next((p for p in (await groupsessions.open_(access, sitting.session.id))[1] if p.id == part.id), part)
        now = model.own(part.body)
        if not said.window or now.window != said.window or part.state != groupsessions.OPEN:
            raise
        return part.stamp if said.turn <= now.turn else await groupsessions.keep_part(access, sitting.session.id, part._replace(body=model.packed(replace(said, passed_on=said.passed_on or now.passed_on))))
