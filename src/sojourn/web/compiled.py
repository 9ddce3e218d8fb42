"""Compiled templates, kept beside compiled modules: a start reads what takes seconds to make."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2

if TYPE_CHECKING:
    from jinja2.bccache import Bucket


class Compiled(jinja2.BytecodeCache):
    """Where Python keeps what it compiled of a folder's modules, and under the same conditions: where nobody may write, each process compiles for itself.

    What is there is used only if it was made of the same source by the same versions of Python and Jinja.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get_source_checksum(self, source: str) -> str:
        """Of the source and of what compiles it: Jinja itself looks at the version of Python only."""
        return super().get_source_checksum(f"{jinja2.__version__}\n{source}")

    def load_bytecode(self, bucket: Bucket) -> None:
        """Read it, if it is there and can be read: whatever is wrong with it, it is compiled again."""
        with suppress(Exception), self._file(bucket).open("rb") as file:
            bucket.load_bytecode(file)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it, if it can be kept. It is whole whenever it is there: another process may read it now."""
        if sys.dont_write_bytecode:
            return
        file = self._file(bucket)
        made = file.with_suffix(f".{os.getpid()}.{id(bucket)}")  # nobody else writes this one now
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with made.open("xb") as out:
                bucket.write_bytecode(out)
            made.replace(file)
        except OSError:
            with suppress(OSError):
                made.unlink(missing_ok=True)

    def _file(self, bucket: Bucket) -> Path:
        return Path(cache_from_source(str(self._folder / f"{bucket.key}.py")))
