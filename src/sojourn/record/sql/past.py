"""The predicate of the gate as it stood at a moment: its own text, asked of what was known then.

Nothing is said a second time here. Every `known_to = 'infinity'` becomes "known at p_known", in the sentences of visible.sql
and in the functions that they call.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_NOW = re.compile(r"\b(\w+)\.known_to = 'infinity'")
_DEFINED = re.compile(r"^CREATE OR REPLACE FUNCTION gate\.(\w+)\(.*?\$\$;$", re.M | re.S)
_CALLED = re.compile(r"\bgate\.(\w+)\(")
_FUNCTIONS = Path(__file__).parent / "functions"

BEARS = "bears"
"""The one that asks about other rows: written by hand in 10_explain.sql, since those rows are versions then."""
ASKED = ("rules", "programs", "reach_times", "program_sites")
"""What is asked beside the predicate."""


def decision() -> str:
    """The parameters of the decision, as gate.read takes them."""
    text = (_FUNCTIONS / "02_read.sql").read_text("utf-8")
    found = re.search(r"FUNCTION gate\.read\(\s*(.*?)p_type text, p_id text\s*\)", text, re.S)
    if found is None:
        raise ValueError("gate.read in 02_read.sql no longer ends in p_type text, p_id text")
    return " ".join(found[1].partition("p_now timestamptz,")[2].split()).rstrip(", ")


def then(text: str) -> str:
    """A sentence or function as it stood: what was known at p_known, by functions that ask the same."""
    text = _NOW.sub(r"\1.known_from <= p_known AND p_known < \1.known_to", text)
    return re.sub(r"\bgate\.(\w+)\(", lambda m: f"gate.{m[1]}_past(p_known, " if m[1] in _dated() or m[1] == BEARS else m[0], text)


def functions() -> str:
    """The functions that look at what is known, each once more with p_known as its first parameter."""
    out = []
    for name, definition in _dated().items():
        text = then(definition).replace(f"FUNCTION gate.{name}_past(p_known, ", f"FUNCTION gate.{name}_past(p_known timestamptz, ", 1)
        if "LANGUAGE plpgsql" in text and "plan_cache_mode" not in text:
            text = text.replace(" AS $$", " SET plan_cache_mode = force_generic_plan AS $$", 1)
        out.append(text)
    return "\n\n".join(out)


@cache
def _dated() -> dict[str, str]:
    """By name: the functions of the predicate, and of ASKED, whose answer depends on what is known."""
    defined = {m[1]: m[0] for file in sorted(_FUNCTIONS.glob("*.sql")) for m in _DEFINED.finditer(file.read_text("utf-8"))}
    found: dict[str, str] = {}
    waiting = [*_CALLED.findall((_FUNCTIONS.parent / "visible.sql").read_text("utf-8")), *ASKED]
    while waiting:
        name = waiting.pop()
        if name in found or name == BEARS or name not in defined:
            continue
        called = [c for c in _CALLED.findall(defined[name]) if c != name]
        waiting += called
        if _NOW.search(defined[name]):
            found[name] = defined[name]
    return dict(sorted(found.items()))
