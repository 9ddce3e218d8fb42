"""What became of a document that goes by a partner's doors, written into what it belongs to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from sojourn.base import errors
from sojourn.gate.access import Access
from sojourn.gate.changes import Change

T = TypeVar("T")
_TRIES: Final = 3


async def write(access: Access, action: str, read: Callable[[], Awaitable[T]], changed: Callable[[T], list[Change]]) -> None:
    """Write what `changed` makes of what `read` finds, under the version that is there; somebody may change it at that moment, and it is read again then.

    Nothing is written where `changed` gives nothing, or where its new task is there already. Raises VersionConflict when it was changed each time.
    """
    for n in range(_TRIES):
        changes = changed(await read())
        if not changes:
            return
        try:
            await access.write(changes, action=action)
        except errors.VersionConflict:
            if n + 1 == _TRIES:
                raise
        except errors.Conflict:
            return
        else:
            return
