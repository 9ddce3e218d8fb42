"""Staffing: who answers for whom, who is on call, who is away; each with its dates."""

from sojourn.care.staffing.roster import Roster, absent, on_call, read, site_leads, supervisor_of
from sojourn.care.staffing.treating import responsible

__all__ = ["Roster", "absent", "on_call", "read", "responsible", "site_leads", "supervisor_of"]
