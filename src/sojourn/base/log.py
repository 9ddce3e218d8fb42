"""Structured logs that refuse patient data."""

import json
import logging
import sys
import traceback
from typing import TextIO

from sojourn.base import clock

ALLOWED = frozenset({
    "action", "address", "attempt", "bytes", "caller", "code", "command", "count", "database", "door", "done", "duration_ms", "error", "event",
    "failed", "file", "host", "interaction", "job", "line", "method", "migration", "outcome", "pid", "port", "process", "reason", "request",
    "resource_type", "retry", "rows", "route", "seconds", "setting", "signal", "size", "state", "status", "step", "tenant", "total", "version",
})  # fmt: skip
"""Every key that may be logged. None names or describes a patient: no id of a resource, no search value, no URL, no message of an error."""

_LONGEST = 200


class Log:
    """Writes events. An event has a fixed name and fields from ALLOWED; any other field is dropped, and how many were is said."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, **fields: object) -> None:
        """For those who develop."""
        self._write(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: object) -> None:
        """For those who operate: something ordinary happened."""
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Someone should look at this in time."""
        self._write(logging.WARNING, event, fields)

    def error(self, event: str, error: BaseException | None = None, **fields: object) -> None:
        """Someone should look at this now. Of an exception the type and the places are kept, never its message: it may quote a value."""
        self._write(logging.ERROR, event, fields | (_described(error) if error else {}))

    def _write(self, level: int, event: str, fields: dict[str, object]) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, event, extra={"sojourn_fields": fields}, stacklevel=3)


def logger(name: str) -> Log:
    """The log of a module: `_log = logger(__name__)`."""
    return Log(name)


class JsonLines(logging.Formatter):
    """One line of JSON per record. From other people's loggers only the template of the message is kept, never its arguments."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        fields: dict[str, object] = getattr(record, "sojourn_fields", {})
        line: dict[str, object] = {"at": clock.now().isoformat(timespec="milliseconds"), "level": record.levelname.lower(), "log": record.name}
        line["event"] = str(record.msg)[:_LONGEST]
        line |= {key: _plain(value) for key, value in fields.items() if key in ALLOWED or key in _OF_ERROR}
        dropped = sum(key not in ALLOWED and key not in _OF_ERROR for key in fields)
        if dropped:
            line["dropped"] = dropped
        if record.exc_info and record.exc_info[1] is not None:
            line |= _described(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False)


def configure(level: str = "info", stream: TextIO | None = None) -> None:
    """Send all logs of the process, other libraries' included, to one stream as JSON lines."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = name != "uvicorn.access"  # its lines hold URLs, and a URL may hold a patient


_OF_ERROR = frozenset({"error_type", "places"})


def _described(error: BaseException) -> dict[str, object]:
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
    return {"error_type": type(error).__qualname__, "places": places}


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value[:20]]
    return str(value)[:_LONGEST]
