"""A made-up story told to a server: step by step, whole, or without what one viewer must not know of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sojourn.base.clock import FakeClock
from sojourn.base.ids import SeededSource
from tests.leaks.rules import PSYCHOTHERAPY, Viewer
from tests.leaks.story import LINKS, Step, Story
from tests.people import START, SUD, Clinic


@dataclass
class Told:
    """A story as it was told to one server."""

    ids: dict[str, str] = field(default_factory=dict)
    versions: dict[str, list[str]] = field(default_factory=dict)


async def tell(story: Story, clinic: Clinic, viewer: Viewer | None, clock: FakeClock, source: SeededSource, halfway: Callable[[], Awaitable[None]] | None = None) -> Told:
    """Write the story; for a viewer without what they must not know of. halfway: what the server does by itself meanwhile."""
    told = Told()
    for n, step in enumerate(story.steps):
        clock.set(START + timedelta(minutes=n))
        if halfway is not None and n == len(story.steps) // 2:
            source.step("halfway")
            await halfway()
        source.step(step.label)
        if skipped(story, step, viewer):
            continue
        body = resource(story, step, viewer, told)
        author = step.author
        if "mh" in step.also and viewer is not None and SUD not in viewer.programs:
            author = step.also["mh"]
        id_ = told.ids.get(step.key, "")
        type_ = story.things[step.key].fact.type
        if step.kind == "label":
            access = await clinic.gate.access(clinic.tokens[author])
            assert access is not None
            await access.relabel(type_, id_, "raise", [step.also["label"]], "asked for")
            continue
        if step.kind == "create":
            reply = await clinic.ask(author, "POST", type_, body)
        elif step.kind == "update":
            reply = await clinic.ask(author, "PUT", f"{type_}/{id_}", {**body, "id": id_})
        else:
            reply = await clinic.ask(author, "DELETE", f"{type_}/{id_}")
        assert reply.status in (200, 201, 204), (step.label, author, reply.status, reply.body[:600])
        if step.kind == "create":
            told.ids[step.key] = reply.id
        told.versions.setdefault(step.key, []).append(reply.version)
    clock.set(story.end())
    return told


def skipped(story: Story, step: Step, viewer: Viewer | None) -> bool:
    """Whether this viewer's world is without the step."""
    if viewer is None:
        return False
    if viewer.outside and step.also.get("to") in viewer.names:
        # A consent that names them, while it holds.
        return not all(story.sees(viewer, k) for k in step.snapshot["links"]["patient"])
    return not story.sees(viewer, step.key) or (step.secret is not None and not story.sees(viewer, step.key, step.secret))


def resource(story: Story, step: Step, viewer: Viewer | None, told: Told) -> dict[str, Any]:
    """What is sent: without references and parts that this viewer must not know of."""
    thing, shot = story.things[step.key], step.snapshot
    out: dict[str, Any] = {"resourceType": thing.fact.type, **shot["base"]}
    named = viewer is not None and viewer.outside and step.also.get("to") in viewer.names
    for name, keys in shot["links"].items():
        seen = [k for k in keys if named or story.sees(viewer, k)]
        if step.kind == "update":
            # No author sees psychotherapy notes: a reference to one came with the creation, and stays without being sent again. One to what
            # becomes such a note later is sent, or it would be taken out.
            # (What it cannot do without became one later, or its author would not have it.)
            left = [k for k in seen if k not in step.apart]
            seen = left or (seen if name in thing.required else [])
        _link(out, thing.fact.type, name, [_reference(story, told, k) for k in seen])
    for name, parts in shot["parts"].items():
        # The author does not see psychotherapy parts: they come once, and stay without being sent again.
        sent = [p for p in parts if story.sees(viewer, step.key, p.law) and (p.law != PSYCHOTHERAPY or p.since == step.label)]
        if sent:
            out[name] = [p.value for p in sent]
    text = narrative(story, step, viewer)
    if text:
        out["text"] = {"status": "additional", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>'}
    return out


def narrative(story: Story, step: Step, viewer: Viewer | None) -> str:
    """What the author tells: of what the thing was made of at first. One that came with psychotherapy parts is kept apart with them."""
    thing = story.things[step.key]
    parts = [p for found in thing.first["parts"].values() for p in found]
    links = [k for keys in thing.first["links"].values() for k in keys]
    if not thing.told or any(PSYCHOTHERAPY in story.things[k].fact.laws for k in links):
        return ""
    if any(p.law == PSYCHOTHERAPY for p in parts) and (viewer is not None or step.kind == "update"):
        return ""  # nobody knows of it but who wrote it
    seen = [k for k in links if story.sees(viewer, k)]
    return " ".join([*seen, *(str(p.value.get("text", "")) for p in parts if story.sees(viewer, step.key, p.law))]).strip() or "nothing"


def _reference(story: Story, told: Told, key: str) -> dict[str, Any]:
    type_ = story.things[key].fact.type
    return {"reference": f"{type_}/{told.ids[key]}", **({"display": f"About {key}"} if sum(map(ord, key)) % 2 else {})}


def _link(out: dict[str, Any], type_: str, name: str, references: list[dict[str, Any]]) -> None:
    """Put references where the element has its place."""
    if not references:
        return
    head, _, tail = name.partition(".")
    many = LINKS.get(type_, {}).get(name, ((), name == "performer"))[1]
    if not tail:
        out[head] = references if many else references[0]
    elif head == "context":
        out.setdefault("context", {})[tail] = references
    elif (type_, head) == ("Condition", "evidence"):
        out[head] = [{tail: references}]
    elif (type_, head) == ("Appointment", "participant"):
        out[head] = [{tail: r, "status": "accepted"} for r in references]
    else:
        out[head] = [{tail: r} for r in references]
