"""Minutes and days of the risk path as policy sets them; what cannot be read is short.

A mistake in a policy must neither keep an answer from being saved nor keep somebody from being told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sojourn.base import log

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sojourn.care.policies import Policies
    from sojourn.care.risk.episode import State

SHORT: Final = 10.0
"""Minutes where nothing else can be read."""
_log = log.logger(__name__)


def number(rules: Policies, key: str, otherwise: float) -> float:
    """A number of a policy."""
    try:
        return rules.number(key)
    except (KeyError, TypeError, ValueError):
        _log.error("a policy of the risk path cannot be read", key=key)
        return otherwise


def texts(rules: Policies, key: str, otherwise: Sequence[str]) -> list[str]:
    """A list of words of a policy."""
    try:
        return [str(v) for v in rules.value(key)]
    except (KeyError, TypeError):
        _log.error("a policy of the risk path cannot be read", key=key)
        return list(otherwise)


def waits(rules: Policies, pace: str) -> list[float]:
    """Minutes to wait at each step."""
    try:
        return [float(v) for v in rules.value(f"risk.wait.{pace}")] or [SHORT]
    except (KeyError, TypeError, ValueError):
        _log.error("a policy of the risk path cannot be read", key=f"risk.wait.{pace}")
        return [SHORT]


def due(state: State, rules: Policies) -> datetime | None:
    """When the next person has to be told."""
    return state.due(waits(rules, state.pace), number(rules, f"risk.action.{state.pace}", SHORT))


def rescreen(rules: Policies, level: str) -> int:
    """Days within which the client is screened again."""
    return max(int(number(rules, f"risk.rescreen.{level}", 1)), 0)
