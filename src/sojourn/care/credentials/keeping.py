"""Enter and renew credentials, and see whose end soon."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base import errors
from sojourn.care.credentials import held
from sojourn.care.credentials.held import LEVELS, SUPERVISIONS, Credential
from sojourn.gate.changes import Change

if TYPE_CHECKING:
    from sojourn.gate.access import Access

MANAGE = ("Credential", "administer")
NEEDS = (MANAGE, ("Practitioner", "search"), ("Practitioner", "update"))
"""What a role must allow for it."""
MANY = 500


class Holder(NamedTuple):
    """Somebody of the directory with what they hold. own: places in the list of those that were entered with a level."""

    id: str
    name: str
    version: str
    credentials: list[Credential]
    resource: dict[str, Any]

    @property
    def reference(self) -> str:
        """Practitioner/id."""
        return f"Practitioner/{self.id}"


class Ending(NamedTuple):
    """A credential that ends soon or has ended, and in how many days."""

    holder: Holder
    credential: Credential
    days: int


def holder(resource: dict[str, Any], version: str = "") -> Holder:
    """A Practitioner, read."""
    name = next((n for n in resource.get("name") or () if isinstance(n, dict)), {})
    said = str(name.get("text") or " ".join([*(str(g) for g in name.get("given") or ()), str(name.get("family") or "")]).strip())
    return Holder(str(resource["id"]), said, version, held.credentials(resource), resource)


async def holders(access: Access) -> list[Holder]:
    """Everybody of the directory, by name. One search."""
    found = await access.search("Practitioner", [], count=MANY)
    return sorted((holder(s.resource, s.version) for s in found.matches), key=lambda h: h.name.casefold())


def ending(found: list[Holder], today: date, days: float) -> list[Ending]:
    """What ends within so many days or has ended with nothing in its place, the first to end first."""
    out = []
    for one in found:
        last: dict[tuple[str, str], Credential] = {}
        for credential in held.managed(one.resource):
            key = (credential.title, credential.state)
            before = last.get(key)
            if before is None or (before.end or date.max) < (credential.end or date.max):
                last[key] = credential
        out += [Ending(one, c, (c.end - today).days) for c in last.values() if c.end is not None and (c.end - today).days <= days]
    return sorted(out, key=lambda e: (e.days, e.holder.name))


def checked(fields: dict[str, str]) -> Credential:
    """A credential as it was typed. Raises Invalid with everything that is wrong."""
    wrong: list[str] = []

    def day(name: str, label: str) -> date | None:
        text = fields.get(name, "").strip()
        if not text:
            return None
        try:
            return date.fromisoformat(text)
        except ValueError:
            wrong.append(f"{label}: write a day, such as 2027-06-30.")
            return None

    made = Credential(
        fields.get("title", "").strip(), fields.get("number", "").strip(), fields.get("state", "").strip().upper(), fields.get("level", ""), day("start", "In force from"),
        day("end", "In force until"), fields.get("supervisor", ""), fields.get("supervision", ""), fields.get("issuer", "").strip(),
    )  # fmt: skip
    if not made.title:
        wrong.append("Title: write it as it stands after the name, such as LCSW.")
    if made.level not in LEVELS:
        wrong.append("Level: choose what it lets its holder do.")
    if made.supervision not in SUPERVISIONS:
        wrong.append("Kind of supervision: choose one.")
    if made.start and made.end and made.end < made.start:
        wrong.append("It must end after it begins.")
    if made.level in ("intern", "supervised") and not made.supervisor.startswith("Practitioner/"):
        wrong.append("Supervisor: whoever works under supervision needs one.")
    if wrong:
        raise errors.Invalid(" ".join(wrong))
    return made


async def put(access: Access, who: str, credential: Credential, *, at: int | None, version: str) -> None:
    """Enter a credential of Practitioner `who` (logical id), or change the one in a place of their list.

    What stood there before stays in the history. Raises Forbidden, NotFound, Invalid, VersionConflict.
    """
    await access.check(MANAGE[1], MANAGE[0], who)
    if credential.supervisor == f"Practitioner/{who}":
        raise errors.Invalid("Supervisor: nobody supervises themselves.")
    stored = await access.read("Practitioner", who)
    list_ = [dict(q) for q in stored.resource.get("qualification") or ()]
    if at is None:
        list_.append(held.written(credential))
    elif 0 <= at < len(list_):
        list_[at] = {**{k: v for k, v in list_[at].items() if k == "id"}, **held.written(credential)}
    else:
        raise errors.NotFound("There is no such credential.")
    await access.write([Change("update", "Practitioner", who, {**stored.resource, "qualification": list_}, if_match=version or stored.version)], action="credential")


async def end(access: Access, who: str, at: int, day: date, *, version: str) -> None:
    """End a credential with a day, such as when a board suspends it."""
    stored = await access.read("Practitioner", who)
    found = held.credentials(stored.resource)
    if not 0 <= at < len(found):
        raise errors.NotFound("There is no such credential.")
    await put(access, who, replace(found[at], end=day), at=at, version=version)
