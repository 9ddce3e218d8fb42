"""Where the shared material lies, when it is beside this checkout; and what tests need beside the package.

Tests skip without it, but not where CI runs: there a scenario that nobody ran must not look like one that held.
"""

import os
import shutil
from pathlib import Path

import pytest

EVERYTHING = os.environ.get("CI") == "true"
"""Whether nothing may be missing (.ci/run)."""


class NotHere(Exception):  # noqa: N818 - it says what is wrong
    """Something that tests need is not on a machine that must have everything: no test of the file can be collected."""


def needs(what: str, *, there: bool, everything: bool = EVERYTHING) -> pytest.MarkDecorator:
    """A mark for what cannot be tested without something. Raises NotHere where everything must be there, and it is not."""
    if everything and not there:
        raise NotHere(f"CI=true, and this is missing: {what}.")
    return pytest.mark.skipif(not there, reason=f"missing: {what}")


def needs_command(name: str, *, everything: bool = EVERYTHING) -> pytest.MarkDecorator:
    """The same for a command that is installed or not."""
    return needs(f"the command {name}", there=shutil.which(name) is not None, everything=everything)


_beside = Path(__file__).resolve().parents[2] / "shared"
_named = os.environ.get("SOJOURN_SHARED")

SHARED: Path | None = Path(_named) if _named else (_beside if _beside.is_dir() else None)

needs_shared = needs("the shared material beside this checkout (SOJOURN_SHARED)", there=SHARED is not None)
