"""An integration of the sample that asked to be told of visits, and whose receiver nobody reaches."""

from __future__ import annotations

from datetime import date

from sojourn.base import ids
from sojourn.cli.riverbend_desk import signed_in_as
from sojourn.gate.changes import Change
from sojourn.gate.gate import Gate
from sojourn.gate.subscriptions import asking
from sojourn.gate.subscriptions.model import ID_ONLY, REQUESTED, Facts, topics

TOPIC = "https://sojourn.example/fhir/SubscriptionTopic/encounter-start"
ENDPOINT = "https://warehouse.riverbend.example/told"
"""Of nobody: the exchange shows how that looks, and that nothing is lost."""


async def lay_out(gate: Gate, today: date) -> None:  # noqa: ARG001 - as the others
    """Once, as the integration would by the API; the server tries it when it starts."""
    async with signed_in_as(gate, "app-inside") as app:
        if (await app.search("Subscription", [("url", ENDPOINT)])).matches:
            return
        wanted = {
            "resourceType": "Subscription", "status": REQUESTED, "reason": "Visits for the data warehouse", "criteria": TOPIC,
            "channel": {"type": "rest-hook", "endpoint": ENDPOINT, "payload": "application/fhir+json", "_payload": {"extension": [{"url": "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content", "valueCode": ID_ONLY}]}},
        }  # fmt: skip
        id_ = ids.new_id()
        await app.write([Change("create", "Subscription", id_, wanted)])
        await asking.begin(app, id_, Facts(topics()[TOPIC].url, ENDPOINT))
