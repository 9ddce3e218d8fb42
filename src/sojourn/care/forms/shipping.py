"""Forms that come with Sojourn, in our own words.

There is one file for each version. A file that was shipped is never changed: the next version is one of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from sojourn.care.forms.model import Form, Json, read
from sojourn.fhir import codec


@cache
def _resources() -> Mapping[str, Json]:
    folder = files("sojourn.care.forms").joinpath("shipped")
    found = [codec.loads(f.read_bytes()) for f in sorted(folder.iterdir(), key=lambda f: f.name) if f.name.endswith(".json")]
    return {str(r["id"]): r for r in found}


@cache
def shipped(base: str = "") -> Mapping[str, Form]:  # noqa: ARG001 - a shipped form has the same canonical wherever it is asked
    """Every shipped form by its id, in all versions."""
    return {id_: read(resource) for id_, resource in _resources().items()}


def current(base: str = "") -> list[Form]:
    """The newest version of each shipped form."""
    newest: dict[str, Form] = {}
    for form in shipped(base).values():
        if form.url not in newest or int(form.version) > int(newest[form.url].version):
            newest[form.url] = form
    return list(newest.values())
