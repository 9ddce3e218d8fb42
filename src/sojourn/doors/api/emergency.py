"""Patient/$emergency-access: staff declare an emergency through an application (42 CFR 2.51)."""

from __future__ import annotations

from typing import Any

from sojourn.base import errors
from sojourn.doors.api.answer import Answer, of_json
from sojourn.doors.api.ask import Ask
from sojourn.gate import emergency
from sojourn.gate.access import Access
from sojourn.gate.decide import EMERGENCY
from sojourn.gate.emergency import Sought
from sojourn.gate.preparing import instant

HEADER = "x-purpose-of-use"
"""A member of staff asks one request under their emergencies: `ETREAT` or `BTG`. A token issued for that purpose needs no header."""
_TEXTS = ("family", "given", "birthDate", "identifier", "reason", "because", "facility", "discloser")


async def declare(ask: Ask, type_: str) -> Answer:
    """POST: Parameters in and out. Whether anybody was found is told only by the answer to a whole declaration, which is recorded."""
    if type_ != "Patient":
        raise errors.NotSupported("$emergency-access is offered for Patient.")
    ask.check_format()
    given = _given(await ask.json())
    sought = Sought(given["family"], given["given"], given["birthDate"], given["identifier"])
    declared = await emergency.declare(
        ask.access, sought, reason=given["reason"], because=given["because"], attested=given["attested"] is True, facility=given["facility"], discloser=given["discloser"]
    )
    parameters: list[dict[str, Any]] = [{"name": "emergency", "valueId": declared.id}, {"name": "until", "valueInstant": instant(declared.until)}]
    if declared.patient:
        parameters.append({"name": "patient", "valueReference": {"reference": f"Patient/{declared.patient}"}})
    return of_json({"resourceType": "Parameters", "parameter": parameters}, receipt=declared.receipt)


def _given(value: Any) -> dict[str, Any]:
    """The parameters by name; those that were not sent are empty."""
    if not isinstance(value, dict) or value.get("resourceType") != "Parameters":
        raise errors.Malformed("Send Parameters.", expression="Parameters")
    found: dict[str, Any] = dict.fromkeys(_TEXTS, "") | {"attested": False}
    for parameter in value.get("parameter") or ():
        name = parameter.get("name") if isinstance(parameter, dict) else None
        if name not in found:
            raise errors.Malformed(f"$emergency-access takes {', '.join(found)}.", expression="Parameters.parameter")
        one = next((v for k, v in parameter.items() if k.startswith("value")), "")
        found[name] = one if name == "attested" else str(one)
    return found


def purpose(ask: Ask) -> Access:
    """The access of a request that states an emergency as its purpose. Raises Forbidden for who is no member of staff, Malformed for another purpose."""
    wanted = ask.header(HEADER)
    if not wanted:
        return ask.access
    if wanted not in EMERGENCY:
        raise errors.Malformed(f"{HEADER} may be {' or '.join(EMERGENCY)}.")
    if ask.access.caller.kind != "staff":
        raise errors.Forbidden("Only a member of staff states an emergency.")
    return emergency.opened(ask.access, wanted)
