"""The whole error family; each knows its HTTP status and its FHIR issue code.

    SojournError
    ├── Invalid            422  what was sent breaks a rule of the format or profile
    ├── Malformed          400  what was sent cannot be read at all
    ├── NotSupported       400  understood, and not offered here
    ├── Unauthenticated    401
    ├── ProofNeeded        401  signed in, but too long ago for what was asked
    ├── Forbidden          403  the role never allows it, whatever the data
    ├── NotFound           404  there is no such record, or you may not know whether there is
    ├── NotAllowed         405
    ├── NotAcceptable      406
    ├── Conflict           409
    ├── Gone               410
    ├── VersionConflict    412
    ├── TooLarge           413
    ├── UnsupportedMedia   415
    ├── TooManyRequests    429
    ├── TooCostly          503  would take longer than the server allows
    └── Unavailable        503  could not be done durably; nothing was done

An error's docstring is its default message, so it is written for the person who sees it.
Messages name places and rules, never the values of a record.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class SojournError(Exception):
    """Something went wrong on our side; it was recorded, and nothing was changed."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "exception"
    place: int | None = None
    """Which of several changes asked for together it is about, counted from 0."""

    def __init__(self, message: str = "", *, expression: str = "") -> None:
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.expression = expression
        super().__init__(self.message)


class Invalid(SojournError):
    """The content breaks a rule; the issues say where and what was expected."""

    status = 422
    code = "invalid"

    def __init__(self, message: str = "", *, issues: tuple[object, ...] = (), expression: str = "") -> None:
        super().__init__(message, expression=expression)
        self.issues = issues


class Malformed(SojournError):
    """The request cannot be read."""

    status = 400
    code = "structure"


class NotSupported(SojournError):
    """This server does not offer that."""

    status = 400
    code = "not-supported"


class Unauthenticated(SojournError):
    """Sign in first: a valid bearer token or session is needed."""

    status = 401
    code = "login"


class ProofNeeded(SojournError):
    """Confirm that it is you: this needs a sign-in of the last few minutes."""

    status = 401
    code = "login"


class Forbidden(SojournError):
    """Your role does not include this action."""

    status = 403
    code = "forbidden"


class NotFound(SojournError):
    """There is no such resource."""

    status = 404
    code = "not-found"


class NotAllowed(SojournError):
    """That method is not allowed here."""

    status = 405
    code = "not-supported"

    def __init__(self, message: str = "", *, allowed: Sequence[str] = (), expression: str = "") -> None:
        super().__init__(message, expression=expression)
        self.allowed = allowed


class NotAcceptable(SojournError):
    """This server answers in JSON (application/fhir+json)."""

    status = 406
    code = "not-supported"


class Conflict(SojournError):
    """The change conflicts with another change; read again and retry."""

    status = 409
    code = "conflict"


class Gone(SojournError):
    """The resource was deleted."""

    status = 410
    code = "deleted"


class VersionConflict(SojournError):
    """Someone else changed this since you read it; nothing was saved."""

    status = 412
    code = "conflict"

    def __init__(self, message: str = "", *, current: str = "", expected: str = "") -> None:
        super().__init__(message)
        self.current = current
        self.expected = expected


class MultipleMatches(SojournError):
    """More than one resource matches the condition; make it more exact."""

    status = 412
    code = "multiple-matches"


class TooLarge(SojournError):
    """The content is larger than this server accepts."""

    status = 413
    code = "too-long"


class UnsupportedMedia(SojournError):
    """Send JSON (application/fhir+json)."""

    status = 415
    code = "not-supported"


class TooManyRequests(SojournError):
    """Too many attempts; wait a little and try again."""

    status = 429
    code = "throttled"

    def __init__(self, message: str = "", *, after: int = 5) -> None:
        """after: seconds to wait."""
        super().__init__(message)
        self.after = after


class TooCostly(SojournError):
    """This would take too long; ask for less, for example one patient, one code or a shorter time."""

    status = 503
    code = "too-costly"


class Unavailable(SojournError):
    """The answer could not be recorded in the audit trail, so it was not given; try again."""

    status = 503
    code = "transient"


class StaleCredential(SojournError):
    """The credential behind this request is no longer what it was; it is looked up again."""

    status = 401
    code = "login"
