"""Bulk data at the sample organization: a payer's members as a Group, and an export under way."""

from __future__ import annotations

from datetime import date

from sojourn.base import ids
from sojourn.cli.riverbend_desk import signed_in_as
from sojourn.gate.bulk import asking
from sojourn.gate.changes import Change
from sojourn.gate.gate import Gate

GROUP = "Members of one payer"
_ATTRIBUTION = "https://riverbend.example/attribution"


async def lay_out(gate: Gate, today: date) -> None:
    """Once: the payer with the most members gets its Group, and what is in it is asked for."""
    async with signed_in_as(gate, "app-inside") as access:
        if (await access.search("Group", [("identifier", f"{_ATTRIBUTION}|")])).matches:
            return
        members: dict[str, set[str]] = {}
        for coverage in (await access.search("Coverage", [("status", "active")], count=500)).resources:
            payer = coverage.get("payor", [{}])[0]
            members.setdefault(str(payer.get("display") or payer.get("reference", "")), set()).add(coverage["beneficiary"]["reference"])
        if not members:
            return
        payer, patients = max(members.items(), key=lambda item: (len(item[1]), item[0]))
        type_, _, id_ = payer.partition("/")
        name = str((await access.read("Organization", id_)).resource.get("name", "")) if type_ == "Organization" else payer
        group = {
            "resourceType": "Group", "active": True, "type": "person", "actual": True, "identifier": [{"system": _ATTRIBUTION, "value": "largest"}], "name": f"Members of {name}" if name else GROUP, "quantity": len(patients),
            "member": [{"entity": {"reference": p}, "period": {"start": f"{today.year}-01-01"}} for p in sorted(patients)],
        }  # fmt: skip
        written = await access.write([Change("create", "Group", ids.new_id(), group)])
        wish = await asking.wish(access, [("_type", "Patient,Coverage,Encounter")], level="group", group=written[0].id)
        await asking.begin(access, wish, f"{access.house.base}/Group/{written[0].id}/$export?_type=Patient,Coverage,Encounter")
