"""Every staff URL on one page."""

from __future__ import annotations

from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Route, Router

from sojourn.care.admissions import calls, merging, people
from sojourn.care.admissions import case as cases
from sojourn.care.census import moving, places
from sojourn.care.handoff import referral
from sojourn.care.moves import discharge, receiving, transition
from sojourn.care.staffing import changing as rostering
from sojourn.doors.staff import clocks, palette, settings
from sojourn.doors.staff.accounts import accounts, welcome
from sojourn.doors.staff.accounts import second as second_person
from sojourn.doors.staff.admissions import bed, benefits, board, call, case, double, records
from sojourn.doors.staff.apps.routes import SCREENS as APPS
from sojourn.doors.staff.authorizations.routes import SCREENS as AUTHORIZATIONS
from sojourn.doors.staff.cards import showing as cards
from sojourn.doors.staff.census import census
from sojourn.doors.staff.chart import everything, rooms, section, summary
from sojourn.doors.staff.desk import landing
from sojourn.doors.staff.desk.consents import capture as consent_capture
from sojourn.doors.staff.desk.consents import chart as consents
from sojourn.doors.staff.desk.consents import queue as consent_queue
from sojourn.doors.staff.desk.consents import sign as consent_sign
from sojourn.doors.staff.desk.consents.reading import CAPTURE
from sojourn.doors.staff.desk.consents.reading import SEARCH as CONSENTS
from sojourn.doors.staff.desk.disclosures import disclosures
from sojourn.doors.staff.desk.emergencies import emergencies
from sojourn.doors.staff.desk.frame import OVERSEE, below, screen
from sojourn.doors.staff.desk.labels import labels
from sojourn.doors.staff.desk.labels import one as label
from sojourn.doors.staff.desk.preview import preview
from sojourn.doors.staff.desk.requests import requests
from sojourn.doors.staff.desk.trail import exporting, reports, trail, unusual
from sojourn.doors.staff.desk.why import why
from sojourn.doors.staff.developers import developers, reading
from sojourn.doors.staff.emergency import declare
from sojourn.doors.staff.exchange.routes import SCREENS as EXCHANGE
from sojourn.doors.staff.forms.screens import SCREENS as FORM_SCREENS
from sojourn.doors.staff.greeting import greeting
from sojourn.doors.staff.groups.routes import SCREENS as GROUPS
from sojourn.doors.staff.handoff import handoff
from sojourn.doors.staff.handoff import open as open_loops
from sojourn.doors.staff.handover import handing
from sojourn.doors.staff.handover.locked import Locked
from sojourn.doors.staff.incidents.routes import SCREENS as INCIDENTS
from sojourn.doors.staff.lists.routes import SCREENS as LISTS
from sojourn.doors.staff.measuring.screens import SCREENS as MEASURING
from sojourn.doors.staff.messages.routes import SCREENS as MESSAGES
from sojourn.doors.staff.moves import ending, offer, sending
from sojourn.doors.staff.moves import room as moves
from sojourn.doors.staff.notes.screens import SCREENS as NOTES
from sojourn.doors.staff.oncall import oncall
from sojourn.doors.staff.orders.routes import SCREENS as ORDERS
from sojourn.doors.staff.outside.routes import SCREENS as OUTSIDE
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.papers.routes import SCREENS as PAPERS
from sojourn.doors.staff.patients import patients
from sojourn.doors.staff.patterns import patterns
from sojourn.doors.staff.plan.routes import SCREENS as PLAN
from sojourn.doors.staff.policies import policies
from sojourn.doors.staff.proxies.routes import SCREENS as PROXIES
from sojourn.doors.staff.questions import questions
from sojourn.doors.staff.reaching import reaching
from sojourn.doors.staff.release import release, taking
from sojourn.doors.staff.releasing.routes import SCREENS as RELEASING
from sojourn.doors.staff.reports.routes import SCREENS as REPORTS
from sojourn.doors.staff.results.routes import SCREENS as RESULTS
from sojourn.doors.staff.risk.routes import SCREENS as RISK
from sojourn.doors.staff.roles import roles
from sojourn.doors.staff.schedule.routes import SCREENS as SCHEDULE
from sojourn.doors.staff.screens import Screen
from sojourn.doors.staff.security import reached, security
from sojourn.doors.staff.signin import outside, second, signin
from sojourn.doors.staff.supervision.routes import SCREENS as SIGNING_SCREENS
from sojourn.doors.staff.today import today
from sojourn.doors.staff.vocabulary.routes import SCREENS as VOCABULARY
from sojourn.doors.staff.work import task
from sojourn.web import confirm, frame
from sojourn.web.static import files

PATIENT = (("Patient", "read"),)
ADMINISTER = (("Login", "administer"),)
ROLES = (("Role", "administer"),)
EMERGENCY = (("*", "emergency"),)
RELEASE = (("*", "release"),)


def _section(name: str, verb: str, key: str, type_: str) -> Screen:
    needs = (*PATIENT, (type_, "search"))
    return Screen(f"/patients/{{id}}/{name}", section.show, ("GET", "POST"), verb=verb, key=key, needs=needs, group="This chart")


SCREENS: tuple[Screen, ...] = (
    Screen("/", greeting.show, open=True, verb="Go to the start page", key="g h", group="Places"),
    Screen("/sign-in", signin.show, open=True),
    Screen("/sign-in", signin.sign_in, ("POST",), open=True),
    Screen("/sign-in/passkey", signin.with_passkey, ("POST",), open=True),
    Screen("/sign-in/passkey/options", signin.passkey_options, ("POST",), open=True),
    Screen("/sign-in/second", second.show, open=True),
    Screen("/sign-in/second", second.complete, ("POST",), open=True),
    Screen("/sign-in/second/passkey", second.passkey_options, ("POST",), open=True),
    Screen("/sign-in/outside", outside.begin, open=True),
    Screen("/sign-in/outside/return", outside.back, open=True),
    Screen("/sign-out", signin.sign_out, ("POST",), open=True),
    Screen("/lock", signin.lock, ("POST",), open=True),
    Screen("/session", signin.stay, ("POST",)),
    Screen("/confirm", confirm.over(PAGES, lambda: INSIDE), ("POST",)),
    Screen("/confirm/on", signin.again),
    Screen("/confirm/passkey", confirm.options, ("POST",)),
    Screen("/confirm/outside", outside.confirm),
    Screen("/confirm/outside/done", confirm.back_from_outside(PAGES)),
    Screen("/preferences", settings.change, ("POST",), open=True),
    Screen("/today", today.show, verb="Go to Today", key="g y", group="Places"),
    Screen("/tasks/{task}", task.show, needs=task.NEEDS),
    Screen("/tasks/{task}", task.act, ("POST",), needs=task.CHANGES),
    Screen("/tasks/{task}/people", task.find, ("POST",), needs=(*task.CHANGES, ("Message", "send"))),
    Screen("/admissions", board.show, verb="Admissions", key="g i", needs=cases.NEEDS, group="Places"),
    Screen("/admissions/new", call.show, verb="Take a call", needs=(*cases.NEEDS, *calls.NEEDS), group="Places"),
    Screen("/admissions/new", call.send, ("POST",), needs=(*cases.NEEDS, *calls.NEEDS)),
    Screen("/admissions/double", double.show, verb="Written down twice", needs=people.NEEDS, group="Places"),
    Screen("/admissions/double", double.act, ("POST",), needs=people.NEEDS),
    Screen("/admissions/{task}", case.show, needs=cases.NEEDS),
    Screen("/admissions/{task}", case.act, ("POST",), needs=cases.WRITES),
    Screen("/admissions/{task}/benefits", benefits.show, needs=cases.NEEDS),
    Screen("/admissions/{task}/benefits", benefits.save, ("POST",), needs=(*cases.WRITES, ("QuestionnaireResponse", "create"))),
    Screen("/admissions/{task}/bed", bed.show, needs=(*cases.NEEDS, *places.NEEDS)),
    Screen("/admissions/{task}/bed", bed.hold, ("POST",), needs=(*cases.WRITES, *moving.NEEDS)),
    Screen("/census", census.show, verb="Beds and census", key="g b", needs=places.NEEDS, group="Places"),
    Screen("/census", census.act, ("POST",), needs=moving.NEEDS),
    Screen("/patients", patients.show, ("GET", "POST"), verb="Find a patient", key="g p", needs=(("Patient", "search"),), group="Places"),
    Screen("/patients/{id}", summary.show, verb="Summary of this chart", key="s", needs=PATIENT, group="This chart"),
    Screen("/patients/{id}/cards", cards.beside, needs=PATIENT),
    Screen("/patients/{id}/cards/order", cards.order, ("POST",), needs=PATIENT),
    Screen("/patients/{id}/cards/told", cards.act, ("POST",), needs=PATIENT),
    *LISTS,
    *PLAN,
    *RISK,
    *RESULTS,
    *ORDERS,
    *AUTHORIZATIONS,
    *NOTES,
    *MEASURING,
    *FORM_SCREENS,
    *PAPERS,
    _section("encounters", "Encounters", "e", "Encounter"),
    _section("care-team", "Care team", "c", "CareTeam"),
    _section("coverage", "Coverage", "v", "Coverage"),
    Screen("/patients/{id}/all", everything.show, ("GET", "POST"), verb="All entries of this chart", key="i", needs=PATIENT, group="This chart"),
    Screen("/patients/{id}/records", records.show, verb="Records of this person: merge, take apart", key="z", needs=(*PATIENT, *merging.NEEDS), group="This chart"),
    Screen("/patients/{id}/records", records.act, ("POST",), needs=(*PATIENT, *merging.WRITES)),
    Screen("/patients/{id}/consents", consents.listed, verb="Consents", key="n", needs=CONSENTS, group="This chart"),
    Screen("/patients/{id}/consents/new", consent_capture.choose, verb="New consent", needs=CAPTURE, group="This chart"),
    Screen("/patients/{id}/consents/new", consent_capture.begin, ("POST",), needs=CAPTURE),
    Screen("/patients/{id}/consents/{consent}", consents.one, needs=CONSENTS),
    Screen("/patients/{id}/consents/{consent}/form", consent_capture.edit, needs=CAPTURE),
    Screen("/patients/{id}/consents/{consent}/form", consent_capture.save, ("POST",), needs=CAPTURE),
    Screen("/patients/{id}/consents/{consent}/sign", consent_sign.read, needs=CAPTURE),
    Screen("/patients/{id}/consents/{consent}/sign", consent_sign.send, ("POST",), needs=CAPTURE),
    Screen("/patients/{id}/consents/{consent}/revoke", consents.revoke, ("GET", "POST"), needs=CAPTURE),
    Screen("/patients/{id}/consents/{consent}/after", consents.after, ("POST",), needs=CAPTURE),
    Screen("/patients/{id}/consents/{consent}/amend", consent_capture.amend, ("POST",), needs=CAPTURE),
    Screen("/patients/{id}/consents/{consent}/copy", consents.copy, needs=CONSENTS),
    *SIGNING_SCREENS,
    Screen("/handover", handing.begin(lambda: SCREENS), ("POST",)),
    Screen("/emergency", declare.show, verb="Declare an emergency", needs=EMERGENCY, group="Places"),
    Screen("/emergency", declare.send, ("POST",), needs=EMERGENCY),
    Screen("/emergency/{emergency}/end", declare.end, ("POST",), needs=EMERGENCY),
    Screen("/patients/{id}/emergency", declare.show_for_chart, verb="Emergency access", needs=(*PATIENT, *EMERGENCY), group="This chart"),
    Screen("/patients/{id}/emergency", declare.send_for_chart, ("POST",), needs=(*PATIENT, *EMERGENCY)),
    Screen("/patients/{id}/moves", moves.show, verb="Move on: another level of care, discharge", key="x", needs=(*PATIENT, *transition.NEEDS), group="This chart"),
    Screen("/patients/{id}/moves", moves.begin, ("POST",), needs=(*PATIENT, *transition.WRITES)),
    Screen("/patients/{id}/moves/{task}", sending.show, needs=(*PATIENT, *transition.NEEDS)),
    Screen("/patients/{id}/moves/{task}", sending.act, ("POST",), needs=(*PATIENT, *transition.WRITES)),
    Screen("/patients/{id}/moves/{episode}/end", ending.show, needs=(*PATIENT, *discharge.WRITES)),
    Screen("/patients/{id}/moves/{episode}/end", ending.end, ("POST",), needs=(*PATIENT, *discharge.WRITES)),
    Screen("/offers/{task}", offer.show, needs=(*PATIENT, *receiving.NEEDS)),
    Screen("/offers/{task}", offer.act, ("POST",), needs=(*PATIENT, *receiving.WRITES)),
    Screen("/handoffs", open_loops.show, verb="Open hand-offs and referrals", needs=(("Patient", "search"), *referral.NEEDS), group="Places"),
    Screen("/patients/{id}/handoff", handoff.show, verb="Hand-off to somebody outside", key="h", needs=(*PATIENT, *referral.NEEDS), group="This chart"),
    Screen("/patients/{id}/handoff", handoff.begin, ("POST",), needs=(*PATIENT, *referral.WRITES)),
    Screen("/patients/{id}/handoff/{task}", handoff.one, needs=(*PATIENT, *referral.NEEDS)),
    Screen("/patients/{id}/handoff/{task}", handoff.act, ("POST",), needs=(*PATIENT, *referral.WRITES)),
    *RELEASING,
    Screen("/patients/{id}/release", release.show, verb="Release of information", needs=(*PATIENT, *RELEASE), group="This chart"),
    Screen("/patients/{id}/release", release.send, ("POST",), needs=(*PATIENT, *RELEASE)),
    Screen("/releases/{disclosure}", release.done, needs=RELEASE),
    Screen("/releases/{disclosure}/bundle", taking.bundle, needs=RELEASE),
    Screen("/releases/{disclosure}/print", taking.document, needs=RELEASE),
    Screen("/desk", landing.show, verb="Go to the privacy desk", key="g d", needs=OVERSEE, group="Places"),
    Screen("/questions", questions.show, verb="Questions about what I wrote", needs=(("Observation", "update"),), group="Places"),
    Screen("/questions/{n}", questions.answer, ("POST",), needs=(("Observation", "update"),)),
    screen(labels.PAGE, labels.show),
    below(labels.PAGE, "/questions/{n}", labels.answer, ("POST",)),
    below(labels.PAGE, "/codes", labels.add_code, ("POST",)),
    below(labels.PAGE, "/laws", labels.add_law, ("POST",)),
    below(labels.PAGE, "/rules/{n}/end", labels.end, ("POST",)),
    below(labels.PAGE, "/apart/{type}/{id}", labels.undo, ("POST",)),
    below(labels.PAGE, "/{type}/{id}", label.show),
    below(labels.PAGE, "/{type}/{id}", label.decide, ("POST",)),
    below(labels.PAGE, "/{type}/{id}/element", label.take_off, ("POST",)),
    screen(emergencies.PAGE, emergencies.show),
    below(emergencies.PAGE, "/{emergency}", emergencies.one),
    below(emergencies.PAGE, "/{emergency}", emergencies.review, ("POST",)),
    below(emergencies.PAGE, "/{emergency}/end", emergencies.end, ("POST",)),
    Screen("/patients/{id}/requests", requests.new, verb="Write down a patient's request", needs=(*PATIENT, *OVERSEE), group="This chart"),
    Screen("/patients/{id}/requests", requests.take, ("POST",), needs=(*PATIENT, *OVERSEE)),
    screen(requests.PAGE, requests.show),
    below(requests.PAGE, "/{task}", requests.one),
    below(requests.PAGE, "/{task}", requests.act, ("POST",)),
    screen(disclosures.PAGE, disclosures.show, methods=("GET", "POST")),
    Screen("/desk/disclosures/export", disclosures.export, ("POST",), needs=OVERSEE),
    below(disclosures.PAGE, "/{disclosure}", disclosures.one),
    Screen("/on-call", oncall.show, verb="Who is on call", key="g k", needs=oncall.NEEDS, group="Places"),
    Screen("/on-call", oncall.add, ("POST",), needs=(*oncall.NEEDS, *rostering.NEEDS)),
    Screen("/on-call/{entry}/end", oncall.end, ("POST",), needs=(*oncall.NEEDS, *rostering.NEEDS)),
    Screen("/security", security.show, verb="Your security", group="Places"),
    Screen("/security/password", security.password, ("GET", "POST")),
    Screen("/security/app", security.begin_app, ("POST",)),
    Screen("/security/app/code", security.confirm_app, ("POST",)),
    Screen("/security/passkeys", security.add_passkey, ("POST",)),
    Screen("/security/passkeys/new", security.new_passkey),
    Screen("/security/passkeys/options", security.passkey_options, ("POST",)),
    Screen("/security/reached", reached.show, ("GET", "POST")),
    Screen("/security/reached/code", reached.prove, ("POST",)),
    Screen("/security/reached/end", reached.end, ("POST",)),
    Screen("/security/factors/{factor}/end", security.end_factor, ("POST",)),
    Screen("/security/recovery", security.recovery, ("POST",)),
    Screen("/security/sessions", security.end_sessions, ("POST",)),
    Screen("/accounts", accounts.show, verb="Manage accounts", key="g a", needs=ADMINISTER, group="Places"),
    Screen("/accounts/new", accounts.invitation, ("GET", "POST"), verb="Invite somebody", needs=ADMINISTER, group="Places"),
    Screen(second_person.PATH, second_person.show, verb="Second person", needs=second_person.NEEDS, group="Places"),
    Screen(second_person.PATH, second_person.act, ("POST",), needs=second_person.NEEDS),
    Screen("/accounts/{account}", accounts.show_one, needs=ADMINISTER),
    Screen("/accounts/{account}/role", accounts.assign, ("POST",), needs=ADMINISTER),
    Screen("/accounts/{account}/link", accounts.link, ("POST",), needs=ADMINISTER),
    Screen("/accounts/{account}/reset", accounts.reset, ("POST",), needs=ADMINISTER),
    Screen("/accounts/{account}/deactivate", accounts.deactivate, ("POST",), needs=ADMINISTER),
    Screen("/accounts/{account}/reactivate", accounts.reactivate, ("POST",), needs=ADMINISTER),
    *APPS,
    *EXCHANGE,
    *OUTSIDE,
    *VOCABULARY,
    *PROXIES,
    Screen("/places", reaching.show, verb="Places and limits", needs=ROLES, group="Places"),
    Screen("/places/{what}", reaching.change, ("POST",), needs=ROLES),
    Screen("/roles", roles.show, verb="Edit roles", key="g r", needs=ROLES, group="Places"),
    Screen("/roles/{role}", roles.show_one, needs=ROLES),
    Screen("/roles/{role}/reach", roles.change_reach, ("POST",), needs=ROLES),
    Screen("/roles/{role}/purpose", roles.change_purpose, ("POST",), needs=ROLES),
    Screen("/roles/{role}/rule", roles.change_rule, ("POST",), needs=ROLES),
    Screen("/policies", policies.show, verb="Rules of care", needs=policies.NEEDS, group="Places"),
    Screen("/policies", policies.change, ("POST",), needs=policies.NEEDS),
    Screen("/welcome/{secret}", welcome.show, ("GET", "POST"), open=True),
    screen(trail.PAGE, trail.show, key="g t", methods=("GET", "POST"))._replace(needs=trail.NEEDS),
    Screen("/desk/trail/export", exporting.export, ("POST",), needs=trail.NEEDS),
    screen(reports.PAGE, reports.choose, methods=("GET", "POST"))._replace(needs=trail.NEEDS),
    Screen("/desk/reports/{id}", reports.show, verb="Who looked at this chart", needs=(*PATIENT, *trail.NEEDS), group="This chart"),
    Screen("/desk/reports/{id}/{rule}", reports.account, needs=(*PATIENT, *trail.NEEDS)),
    screen(unusual.PAGE, unusual.show, methods=("GET", "POST"))._replace(needs=trail.NEEDS),
    screen(consent_queue.PAGE, consent_queue.show),
    screen(why.PAGE, why.choose, methods=("GET", "POST"))._replace(needs=why.NEEDS),
    Screen("/desk/why/{id}", why.show, ("GET", "POST"), verb="Why can somebody see this chart?", needs=(*PATIENT, *why.NEEDS), group="This chart"),
    screen(preview.PAGE, preview.choose, methods=("GET", "POST"))._replace(needs=why.NEEDS),
    Screen("/desk/preview/{id}", preview.show, ("GET", "POST"), verb="What would they see of this chart?", needs=(*PATIENT, *why.NEEDS), group="This chart"),
    *SCHEDULE,
    *GROUPS,
    *INCIDENTS,
    *REPORTS,
    *MESSAGES,
    Screen("/palette", palette.over(lambda: SCREENS), ("POST",)),
    Screen("/developers", developers.show, open=True, verb="Read about the FHIR API", group="Places"),
    Screen("/developers/{document}", reading.show, open=True),
    Screen("/-/patterns", patterns.show, open=True, verb="See every component", group="Places"),
)
"""Every screen there is; tests hold one row per URL and role against it."""


PAGES.environment.globals["clock_facts"] = clocks.facts
PAGES.environment.globals["side_of"] = rooms.side_of  # the frame of every page of a chart draws them
PAGES.environment.globals["places_of"] = lambda access: palette.places(SCREENS, access)  # and every page the keys of places
PAGES.environment.globals["more_places"] = lambda access: palette.elsewhere(SCREENS, access)
INSIDE: Router = Router([screen.route() for screen in SCREENS])


def routes() -> list[BaseRoute]:
    """What the app mounts, last of all doors: the static files, and every screen inside the frame."""
    return [
        Route("/static/{path:path}", files().serve),
        Mount("/", app=INSIDE, middleware=[*frame.middleware(PAGES, "staff"), Middleware(Locked)]),
    ]
