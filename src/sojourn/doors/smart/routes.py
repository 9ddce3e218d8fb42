"""Every URL of the door of apps on one page."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from sojourn.doors.smart import authorize, machine, mine, sandbox, signin, wellknown
from sojourn.doors.smart.pages import PAGES, known
from sojourn.web import frame

FRAME = frame.middleware(PAGES, "portal", also=("staff",))
"""Patients come in by the door of the portal; who is signed in to the staff app need not sign in again."""

SCREENS = (
    Route("/oauth/authorize", known(authorize.show), middleware=FRAME),
    Route("/oauth/patient", known(authorize.pick), methods=["POST"], middleware=FRAME),
    Route("/oauth/decide", known(authorize.decide), methods=["POST"], middleware=FRAME),
    Route("/oauth/sign-in", known(signin.send), methods=["POST"], middleware=FRAME),
    Route("/oauth/second", known(signin.second), methods=["GET", "POST"], middleware=FRAME),
    Route("/oauth/sign-out", known(mine.leave), methods=["POST"], middleware=FRAME),
    Route("/oauth/apps", known(mine.show), middleware=FRAME),
    Route("/oauth/apps/stop", known(mine.stop), methods=["POST"], middleware=FRAME),
    Route("/sandbox/app", sandbox.app, middleware=FRAME),
    Route("/sandbox/app.js", sandbox.part, middleware=FRAME),
    Route("/sandbox/app.css", sandbox.part, middleware=FRAME),
)
"""Pages for people."""


def routes() -> list[BaseRoute]:
    """What the app mounts before the staff pages."""
    return [
        Route("/fhir/.well-known/smart-configuration", wellknown.smart),
        Route("/fhir/.well-known/openid-configuration", wellknown.openid),
        Route("/oauth/jwks", wellknown.jwks),
        Route("/oauth/style.json", wellknown.style),
        Route("/oauth/token", machine.asked(machine.token), methods=["POST"]),
        Route("/oauth/introspect", machine.asked(machine.introspect), methods=["POST"]),
        Route("/oauth/revoke", machine.asked(machine.revoke), methods=["POST"]),
        Route("/oauth/register", machine.asked(machine.register), methods=["POST"]),
        Route("/oauth/permissions", mine.permissions, methods=["GET", "DELETE"]),
        Route("/oauth/authorize", authorize.posted, methods=["POST"]),
        *SCREENS,
    ]
