"""The addresses of the exchange, for doors/staff/routes.py."""

from __future__ import annotations

from sojourn.doors.staff.exchange import (
    agreed,
    bench,
    boxes,
    calling,
    contracts,
    correspondent,
    desk,
    errand,
    letter,
    mailbox,
    message,
    partner,
    sending,
    traffic,
    ways,
    withheld,
)
from sojourn.doors.staff.screens import Screen
from sojourn.gate.exchange.messages import NEEDS, OPENS
from sojourn.gate.exchange.partners import NEEDS as ADMINISTER
from sojourn.gate.exchange.telling import WITHHELD

SCREENS: tuple[Screen, ...] = (
    Screen("/exchange", desk.show, verb="Exchange: partners and messages", key="g x", needs=NEEDS, group="Places"),
    Screen("/exchange/messages", desk.listed, verb="Messages from outside", needs=NEEDS, group="Places"),
    Screen("/exchange/overdue", contracts.overdue, verb="Overdue exchanges with partners", needs=NEEDS, group="Places"),
    Screen("/exchange/traffic", traffic.show, verb="Traffic and errors of partners", needs=NEEDS, group="Places"),
    Screen("/exchange/messages/{message}", message.show, needs=NEEDS),
    Screen("/exchange/messages/{message}", message.act, ("POST",), needs=NEEDS),
    Screen("/exchange/messages/{message}/content", message.content, needs=OPENS),
    Screen("/exchange/messages/{message}/content", message.choose, ("POST",), needs=(*OPENS, ("Patient", "read"))),
    Screen("/exchange/messages/{message}/file", message.take, needs=OPENS),
    Screen("/exchange/messages/{message}/files/{n}", letter.take, needs=OPENS),
    Screen("/exchange/direct", mailbox.show, ("GET", "POST"), verb="Direct mailbox", needs=ADMINISTER, group="Places"),
    Screen("/exchange/partners/new", partner.new, ("GET", "POST"), verb="Register a partner", needs=ADMINISTER, group="Places"),
    Screen("/exchange/partners/{partner}", partner.show, ("GET", "POST"), needs=ADMINISTER),
    Screen("/exchange/partners/{partner}/sending", sending.show, ("GET", "POST"), needs=ADMINISTER),
    Screen("/exchange/partners/{partner}/agreed", agreed.show, ("GET", "POST"), needs=ADMINISTER),
    Screen("/exchange/partners/{partner}/contracts", contracts.show, ("GET", "POST"), needs=ADMINISTER),
    Screen("/exchange/partners/{partner}/ways", ways.show, ("GET", "POST"), needs=ADMINISTER),
    Screen("/exchange/partners/{partner}/ways/confirm", ways.confirm, ("POST",), needs=ADMINISTER),
    Screen("/exchange/partners/{partner}/ways/look", ways.look, ("POST",), needs=ADMINISTER),
    Screen("/exchange/partners/{partner}/ways/test", ways.trial, ("POST",), needs=ADMINISTER),
    Screen("/exchange/partners/{partner}/bench", bench.show, needs=ADMINISTER),
    Screen("/exchange/partners/{partner}/bench", bench.act, ("POST",), needs=ADMINISTER),
    Screen("/exchange/partners/{partner}/bench/signed", bench.act, ("POST",), needs=ADMINISTER),
    Screen("/partner-test/{secret}", bench.countersign, ("GET", "POST"), open=True),
    Screen("/exchange/partners/{partner}/cds", calling.show, ("GET", "POST"), needs=ADMINISTER),
    Screen("/exchange/withheld", withheld.show, verb="What was held back from partners", needs=WITHHELD, group="Places"),
    Screen("/exchange/withheld", withheld.act, ("POST",), needs=WITHHELD),
    Screen("/exchange/partners/{partner}/state", partner.move, ("POST",), needs=ADMINISTER),
    Screen("/exchange/partners/{partner}/files", boxes.files, needs=NEEDS),
    Screen("/exchange/partners/{partner}/sftp", boxes.show, needs=ADMINISTER),
    Screen("/exchange/partners/{partner}/sftp", boxes.put, ("POST",), needs=ADMINISTER),
    Screen("/exchange/partners/{partner}/sftp/keys", boxes.keys, ("POST",), needs=ADMINISTER),
    Screen("/exchange/partners/{partner}/sftp/out", boxes.out, ("POST",), needs=ADMINISTER),
    Screen("/exchange/partners/{partner}/sftp/state", boxes.move, ("POST",), needs=ADMINISTER),
    Screen("/exchange/partners/{partner}/direct", correspondent.show, needs=ADMINISTER),
    Screen("/exchange/partners/{partner}/direct", correspondent.put, ("POST",), needs=ADMINISTER),
    Screen("/exchange/partners/{partner}/direct/certificates", correspondent.certificates, ("POST",), needs=ADMINISTER),
    Screen("/exchange/partners/{partner}/errands/{errand}", errand.show, ("GET", "POST"), needs=ADMINISTER),
    Screen("/exchange/partners/{partner}/errands/{errand}/now", errand.now, ("POST",), needs=NEEDS),
    Screen("/exchange/host-key", boxes.host_key, ("POST",), needs=ADMINISTER),
)
