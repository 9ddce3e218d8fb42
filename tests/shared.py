"""Where the shared material lies, when it is beside this checkout; tests that need it skip without it."""

import os
from pathlib import Path

import pytest

_beside = Path(__file__).resolve().parents[2] / "shared"
_named = os.environ.get("SOJOURN_SHARED")

SHARED: Path | None = Path(_named) if _named else (_beside if _beside.is_dir() else None)

needs_shared = pytest.mark.skipif(SHARED is None, reason="the shared material is not beside this checkout (SOJOURN_SHARED)")
