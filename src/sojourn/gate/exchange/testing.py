"""The scripts of the test bench: the steps that a profile needs, and their people, who are made up.

A synthetic person is known by the number: whatever a partner sends while they are tested that names another is no part of a test.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.gate.exchange import profile

if TYPE_CHECKING:
    from sojourn.gate.exchange.partners import Partner

MARK: Final = "ZZTEST"
"""With it the number of a synthetic person, and the name of a test file, begins."""
IN, OUT, FILE, ASKS, CALLS = "in", "out", "file", "asks", "calls"
WAITS, PASSED, FAILED = "waits", "passed", "failed"
_ANY: Final = ("ORU^R01",)
"""Asked of who may send whatever we read."""


class Person(NamedTuple):
    """Somebody who does not exist."""

    number: str
    family: str
    given: str
    born: str
    sex: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run. way: of IN, OUT, FILE, ASKS, CALLS. kind: of the message, or the service. expects: in words. said: what came of it, in words that name nobody.

    needs: fields that have to say something. subject: from what we write it. message: which message it was, of one that came.
    """

    way: str
    kind: str
    title: str
    expects: str
    needs: tuple[str, ...] = ()
    subject: str = ""
    state: str = WAITS
    said: str = ""
    at: str = ""
    message: str = ""

    @property
    def key(self) -> str:
        """Which it is within a run."""
        return f"{self.way}.{self.kind}"

    def became(self, state: str, said: str, at: datetime, message: str = "") -> Step:
        """The same, done."""
        return replace(self, state=state, said=said, at=at.isoformat(timespec="seconds"), message=message)


@cache
def _scripts() -> Mapping[str, Any]:
    return tomllib.loads((Path(__file__).parent / "scripts.toml").read_text("utf-8"))


def dated() -> str:
    """Of which day the scripts are."""
    return str(_scripts()["dated"])


def people() -> list[Person]:
    """Those of the scripts."""
    return [Person(**p) for p in _scripts()["person"]]


def is_synthetic(name: str) -> bool:
    """Whether a number is a synthetic person's, or a name a test file's."""
    return name.strip().upper().startswith(MARK)


def steps(partner: Partner) -> list[Step]:
    """What a run against this profile has: a step for each kind of message that is exchanged."""
    found: list[Step] = []
    if partner.door in ("none", "cds"):
        return found
    if partner.door == "sftp":
        found.append(Step(FILE, "", "A file arrives in their box", f"They put a file whose name begins with {MARK} into /in; it arrives whole, once."))
        return found
    known = {c["kind"]: c for c in _scripts()["came"]}
    for kind in partner.types or _ANY:
        script = known.get(kind, {})
        found.append(Step(IN, kind, str(script.get("title", "A message that people read")), f"They send it about a person of the script, as a test (MSH-11 is T); we answer that we took it, and it can be read by the profile.", tuple(script.get("needs", ("MSH-10", "PID-3")))))  # noqa: F541
    subjects = {k: w["subject"] for w in _scripts()["went"] for k in w["kinds"]}
    for kind in profile.of(partner.sending).kinds:
        found.append(Step(OUT, kind, profile.KINDS[kind], "We send it about a person of the script, written by the profile; they answer that they took it (AA or CA).", subject=subjects[kind]))
    return found


def asked(may: Callable[[str, str], bool]) -> list[Step]:
    """The steps of who comes by the API, as far as they may: may(action, type)."""
    found = []
    for script in _scripts()["asks"]:
        type_ = next((t for t in script["types"] if may(script["action"], t)), "")
        if type_ and all(may(action, t) for action, t in script.get("also", ())):
            found.append(Step(ASKS, script["kind"], script["title"], script["expects"].replace("{type}", type_), subject=type_))
    return found


def calls() -> Mapping[str, Mapping[str, Any]]:
    """Of each hook at which we ask, what a step is called and what it expects."""
    return {str(c["hook"]): c for c in _scripts()["calls"]}


def example(step: Step, says: Mapping[str, str]) -> str:
    """The requests by which a client does a step of the API; `says` fills in addresses."""
    text = next((str(s["example"]).strip() for s in _scripts()["asks"] if s["kind"] == step.kind), "")
    for name, value in {"type": step.subject, "number": people()[0].number, **says}.items():
        text = text.replace("{" + name + "}", value)
    return text


def sample(kind: str, partner: Partner, now: datetime) -> str:
    """A message of a kind as they could send it, about the first person; '' where there is none."""
    script = next((c for c in _scripts()["came"] if c["kind"] == kind), None)
    if script is None:
        return ""
    one, out = people()[0], profile.of(partner.sending)
    says = {
        "theirs": (*partner.applications, "THEIRS")[0], "their_place": (*partner.facilities, "THEIRPLACE")[0], "ours": out.ours, "our_place": out.our_place, "now": f"{now:%Y%m%d%H%M%S}+0000",
        "authority": (*partner.authorities, "OURS")[0], "number": one.number, "family": one.family, "given": one.given, "born": one.born.replace("-", ""), "sex": one.sex[0].upper(),
    }  # fmt: skip
    text = str(script["sample"]).strip()
    for name, value in says.items():
        text = text.replace("{" + name + "}", value)
    return text


def kept(some: Sequence[Step]) -> list[dict[str, Any]]:
    """Steps as they are kept."""
    return [asdict(s) for s in some]


def of(said: Sequence[Mapping[str, Any]]) -> list[Step]:
    """Steps that were kept."""
    return [Step(**{**s, "needs": tuple(s["needs"])}) for s in said]
