"""Who is asking, through which door, for what purpose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

APP_DOOR = "app:"
"""What the door of an app's token begins with; its client id follows. So each line of the trail says through which app it was."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program of the operating organization. `part2`: a 42 CFR Part 2 program, as the deployer determined.

    organization: the reference (`Organization/id`) of the Organization that stands for it.
    """

    number: int
    key: str
    name: str
    organization: str | None
    part2: bool


@dataclass(frozen=True, slots=True)
class Tenant:
    """The operating legal organization. `secret` keys its search hashes; `organization` is the logical id that stands for it.

    bench_of: the number of the organization whose test bench it is; None for an organization.
    """

    number: int
    key: str
    name: str
    host: str | None
    secret: bytes
    organization: str | None = None
    bench_of: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """For whom somebody acts now. withheld: bases that do not pass because they act for somebody else. types: data classes; None: all.

    by_law: whether the law lets them act, as a parent or guardian; who is only named in a consent sees only what it names.
    """

    patient: str
    withheld: int
    types: tuple[str, ...] | None
    by_law: bool = True


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in person, app, organization or system actor, as it stands behind one credential.

    keys: what a consent or relation can name it by (`Practitioner/…`, `Organization/…`, `class:…`).
    programs: those within which it works; acting: the one under which it writes.
    purpose: a v3-ActReason code, matched exactly (http://terminology.hl7.org/CodeSystem/v3-ActReason).
    generation: of its account; the database refuses the statement when it has changed since.
    scopes: SMART scopes of its token, and context: the patient in whose context it is; None: whatever its account may do.
    standing: of a proxy, for whom it may act now.
    denied: whether a patient forbade this member of staff, or a program of theirs, anything (45 CFR 164.522; decision 55).
    idle, warning, fresh, ends: limits of its session (signinrules); proved: when its holder last proved who they are; methods: how.
    """

    tenant: Tenant
    account: str
    generation: int
    kind: str
    name: str
    agent: str | None
    role: str
    programs: tuple[int, ...]
    acting: int | None
    keys: tuple[str, ...]
    door: str
    purpose: str
    credential: bytes
    session: bool
    idle: timedelta | None = None
    warning: timedelta | None = None
    fresh: timedelta | None = None
    ends: datetime | None = None
    proved: datetime | None = None
    methods: tuple[str, ...] = ()
    scopes: str | None = None
    context: str | None = None
    standing: Standing | None = None
    denied: bool = False

    @property
    def app(self) -> str | None:
        """The client id of the app that asks; None for whoever asks without one."""
        return self.door.removeprefix(APP_DOOR) if self.door.startswith(APP_DOOR) else None

    @property
    def brings(self) -> bool:
        """Whether what this caller writes may have been written elsewhere: by the API, an app or an import, whoever it is. Our own pages, the clock and what reads messages are none of them."""
        return self.door in ("api", "import") or self.app is not None

    @property
    def outside(self) -> bool:
        """Whether what this caller receives leaves the organization."""
        return self.kind == "organization"
