"""Where you are reached when you are not signed in: a number or address, proved by a code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sojourn.base import errors
from sojourn.doors.staff.pages import PAGES
from sojourn.gate import calling, channels
from sojourn.web.forms import Field, Form, sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

CODE = Field("code", "The code that was sent to you", "Enter the six digits that were sent to you.", autocomplete="one-time-code", max_length=12)
WRONG = "That is not the code, or it is too old. Look at the newest message; after five wrong ones, have a new code sent."
TOO_MANY = "Too many codes were sent. Wait an hour, and try again."
MEANS = {channels.SMS: "Text message", channels.EMAIL: "E-mail"}


def _form(access: Access) -> Form:
    options = tuple((means, text) for means, text in MEANS.items() if means in access.house.channels)
    return Form((
        Field("means", "How", "Choose how you are reached.", options=options),
        Field("to", "Mobile number or address", "Write your mobile number or your e-mail address.", "One that nobody else reads. Nothing of a client is ever sent there.", autocomplete="off", max_length=254),
    ))  # fmt: skip


async def show(request: Request) -> Response:
    """GET and POST /security/reached: where, and have a code sent there."""
    access: Access = request.state.access
    form = _form(access)
    if request.method == "GET":
        await access.require_fresh()
        return await _page(request, form, "")
    if not form.fill(await sent(request)):
        return await _page(request, form, "", 422)
    try:
        await calling.begin(access, form.values["means"], form.values["to"])
    except errors.TooManyRequests:
        return await _page(request, form, TOO_MANY, 429)
    except (errors.Malformed, errors.Conflict) as error:
        form.errors["to"] = error.message
        return await _page(request, form, "", 422)
    return redirect(request, "/security/reached", "code-sent")


async def prove(request: Request) -> Response:
    """POST /security/reached/code."""
    given = Form((CODE,))
    if given.fill(await sent(request)):
        if await calling.prove(request.state.access, given.values["code"]):
            return redirect(request, "/security", "reached")
        given.errors["code"] = WRONG
    return await _page(request, _form(request.state.access), "", 422, given)


async def end(request: Request) -> Response:
    """POST /security/reached/end."""
    await calling.end(request.state.access)
    return redirect(request, "/security", "saved")


async def _page(request: Request, form: Form, problem: str, status: int = 200, code: Form | None = None) -> Response:
    begun = next((p for p in await calling.places(request.state.access) if p.proved is None), None)
    return PAGES.render(request, "security/reached.html", status=status, form=form, code=code or Form((CODE,)), begun=begun, problem=problem, means=MEANS)
