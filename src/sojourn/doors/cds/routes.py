"""Every URL of the door of CDS Hooks on one page. https://cds-hooks.hl7.org/2.0/"""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from sojourn.doors.cds import answering


def routes() -> list[BaseRoute]:
    """What the app mounts before the staff pages."""
    return [
        Route("/cds-services", answering.discovery),
        Route("/cds-services/{service}", answering.answered(answering.call), methods=["POST"]),
        Route("/cds-services/{service}/feedback", answering.answered(answering.feedback), methods=["POST"]),
    ]
