"""What goes on beside requests for as long as the server runs: one task, begun and ended with it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import suppress


class Background(ABC):
    """A task of the process. What is under way when it ends is undone by the database, and done at the next start or by another process."""

    _task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End, wherever it is."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @abstractmethod
    async def _run(self) -> None:
        """Go on until cancelled. Raises nothing: a round that fails is tried again."""
