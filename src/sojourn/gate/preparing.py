"""One change becomes the rows of one batch: meta, labels, bytes, search rows, compiled consents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sojourn.base import errors, ids
from sojourn.fhir import codec
from sojourn.fhir.dates import PAST
from sojourn.gate import apart, bases, bearing, closing, consent, holding, labels, narrating, quick, redact, relationships, runs
from sojourn.gate.changes import Written
from sojourn.gate.consenting import amending, entering
from sojourn.gate.found import Receipt, Stored
from sojourn.gate.labelling import as_sent, origin_of, own_of, wrote
from sojourn.gate.shown import Row, more_than_notes, show, sight, strips_more
from sojourn.gate.visible import Sight
from sojourn.record import bulk, index, store
from sojourn.record.blobs import APART, MARK, THRESHOLD

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.changes import Change

_MARK = MARK.decode()


@dataclass(slots=True)
class Prepared:
    """A change ready to be written. kind: create, restore, update, delete or label (record.op.kind)."""

    kind: str
    type: str
    id: str
    version: str
    updated: datetime
    expected: int | None
    plain: bool = True
    apart: bool = False
    """Nothing but notes kept apart changed: no version for whoever may not see these."""
    clean: bool = True
    """Nothing is hidden from its author in or behind it, as far as its elements say and what it is made from."""
    body: bytes | None = None
    resource: dict[str, Any] | None = None
    own: int = 0
    before: int = 0
    """The laws that it had as a whole."""
    parts: int = 0
    tags: Sequence[str] = ()
    origin: list[int] = field(default_factory=list)
    patient: str | None = None
    rows: index.IndexRows | None = None
    blobs: list[str] | None = None
    facts: labels.Facts = labels.NOTHING
    sent: dict[str, Any] | None = None
    """With the labels that its senders wrote, and no other."""
    originates: bool = False
    """It becomes a note kept apart by the hand of who wrote it."""
    owed: int = 0
    """Laws that it has and does not say yet, because the version before it did not either (Change.owed)."""
    replaced: dict[str, Any] | None = None
    """What may differ by notes kept apart alone: the version before it, with the labels that its senders wrote."""
    by: tuple[frozenset[str], ...] = ()
    """As in Change."""
    judged: dict[str, bool] = field(default_factory=dict)
    """By what was found out what it tells of: of what it refers to, or did, whether it is a note kept apart."""


def prepare(access: Access, change: Change, resource: dict[str, Any]) -> Prepared:
    """Everything about a create or update that follows from the resource, its author and what it is made from."""
    base = change.base
    kind = {None: "create", "delete": "restore", "current": "update"}[base["kind"] if base is not None else None]
    id_ = change.id or ids.new_id()
    prepared = Prepared(kind, change.type, id_, ids.new_version(), access.now, base["seq"] if kind in ("update", "restore") else 0 if change.upsert else None)
    prepared.plain = kind != "update" or change.plain
    prepared.clean = kind != "update" or bool(base["clean"])
    # One origin for ever, also of what was deleted and is there again: its past versions are judged by it.
    prepared.origin = origin(acting(access, change), change.type, base["origin"] if kind in ("update", "restore") else None)
    prepared.before = int(base["own"]) if kind in ("update", "restore") else 0
    before = change.before if kind == "update" else {}
    if change.type == "Consent" and before:
        amending.check(before, resource)
    entering.check(access, change, {**resource, "meta": {**(resource.get("meta") or {}), "lastUpdated": instant(access.now)}})
    resource = closing.applied(access, change, before, narrating.kept_apart(resource, change.sent, before))
    prepared.facts, prepared.sent = change.facts, as_sent(resource, change, access.rules)
    if before:
        prepared.owed, prepared.by = change.owed, change.by
        prepared.replaced = None if change.plain else wrote(change, access.rules)
    prepared.own, label = _labelled(access, prepared, resource)
    prepared.parts, prepared.tags = label.parts, list(label.tags)
    prepared.resource = finished = with_meta(resource, id_, prepared.version, prepared.updated, label.security)
    prepared.body, prepared.blobs = _stored(access, finished, prepared.own)
    prepared.rows = index_rows(access, finished, prepared.origin, prepared.sent, _said(prepared), labelled=label.parts != 0)
    prepared.patient = prepared.rows.patient
    if prepared.patient and not prepared.origin:
        raise errors.Forbidden("This account works in no program; what it writes about a patient would have no origin.")
    return prepared


async def keep_apart(access: Access, prepared: Sequence[Prepared]) -> None:
    """Find out which of these updates touch nothing but notes kept apart, now that all labels are known. What is compared has labels by the same rules and facts."""
    for one in prepared:
        if one.replaced is None or one.own != one.before or one.own & bases.APART:
            continue
        assert one.resource is not None  # noqa: S101 - an update has content
        security = labels.label(one.replaced, origin_of(one.origin, access.rules.programs), access.rules.labels, _said(one)).security
        before = {**one.replaced, "meta": {**one.replaced["meta"], "security": security}}
        one.apart, one.judged = await runs.touches_notes_only(access, before, one.resource)


def index_rows(
    access: Access, resource: dict[str, Any], programs: Sequence[int], sent: dict[str, Any] | None = None, facts: labels.Facts = labels.NOTHING, *, labelled: bool = True
) -> index.IndexRows:
    """What a finished resource can be found by. sent: the same with the labels that its senders wrote; without it these are guessed from those it has.

    labelled: whether it may have labelled elements, which are looked for then.
    """
    keys, base = access.house.keys[access.tenant.number], access.house.base
    elements = labels.labelled_elements(resource, access.rules.labels) if labelled else []
    if not elements:
        return index.rows(resource, keys, (), base)
    rest = index.without(resource, [path for path, _ in elements])
    security = labels.findable(sent or resource, rest, origin_of(programs, access.rules.programs), access.rules.labels, facts)
    return index.rows({**resource, "meta": {**resource["meta"], "security": security}}, keys, elements, base)


def acting(access: Access, change: Change) -> int | None:
    """The program that makes a change; none of a blank form, which is the organization's and nobody's record, whoever writes it."""
    if change.type in bases.ORGANIZATIONS:
        return None
    return change.program if change.program is not None else access.caller.acting


def origin(program: int | None, type_: str, before: list[int] | None) -> list[int]:
    """The programs that made it: one for ever; for shared, longitudinal types every program that added to it."""
    if before:
        return sorted({*before, program}) if program is not None and type_ in bases.LONGITUDINAL else list(before)
    return [program] if program is not None else []


def extend(access: Access, prepared: Prepared, added: set[int]) -> None:
    """Another program admits a patient in the batch that makes the Patient: its origin and labels before it is written."""
    prepared.origin = sorted({*prepared.origin, *added})
    relabel(access, prepared, prepared.facts)


def relabel(access: Access, prepared: Prepared, facts: labels.Facts) -> None:
    """More is known of what is about to be written: its labels anew, and what follows from them."""
    assert prepared.resource is not None and prepared.sent is not None  # noqa: S101, PT018 - only for what was prepared here
    prepared.facts = facts
    prepared.own, label = _labelled(access, prepared, prepared.resource)
    prepared.tags = list(label.tags)
    prepared.resource = with_meta(prepared.resource, prepared.id, prepared.version, prepared.updated, label.security)
    prepared.rows = index_rows(access, prepared.resource, prepared.origin, prepared.sent, _said(prepared), labelled=label.parts != 0)
    prepared.body, prepared.blobs = _stored(access, prepared.resource, prepared.own)


def _labelled(access: Access, prepared: Prepared, resource: dict[str, Any]) -> tuple[int, labels.Label]:
    """Its bases, and the label that its bytes say."""
    assert prepared.sent is not None  # noqa: S101 - only for what has content
    programs, said = origin_of(prepared.origin, access.rules.programs), _said(prepared)
    label = labels.label(prepared.sent, programs, access.rules.labels, prepared.facts)
    own = own_of(resource, label, access.rules)
    return own, label if said is prepared.facts else labels.label(prepared.sent, programs, access.rules.labels, said)


def _said(prepared: Prepared) -> labels.Facts:
    """What is known of it, as far as its bytes are to say it."""
    facts = prepared.facts
    return facts._replace(inherited=facts.inherited & ~prepared.owed) if facts.inherited & prepared.owed else facts


def with_meta(resource: dict[str, Any], id_: str, version: str, updated: datetime, security: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The resource as it is served: resourceType, id and meta first, then everything in the order in which it was sent."""
    meta = {k: v for k, v in (resource.get("meta") or {}).items() if k not in ("versionId", "lastUpdated", "security")}
    meta = {"versionId": version, "lastUpdated": instant(updated), **meta}
    if security:
        meta["security"] = list(security)
    rest = {k: v for k, v in resource.items() if k not in ("resourceType", "id", "meta")}
    return {"resourceType": resource["resourceType"], "id": id_, "meta": meta, **rest}


def instant(moment: datetime) -> str:
    """A FHIR instant in UTC with milliseconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def deletion(access: Access, change: Change) -> Prepared:
    """A delete as a version of its own, with the labels of what it deletes."""
    base = change.base
    closing.refuse_deletion(access.house.blobs.opened(access.tenant.number, base["body"]) if base["body"] else None, access.now)
    return Prepared(
        "delete", change.type, change.id, ids.new_version(), access.now, base["seq"], own=base["own"], parts=base["parts"],
        tags=base["tags"], origin=base["origin"], patient=base["patient"],
    )  # fmt: skip


def _stored(access: Access, resource: dict[str, Any], own: int) -> tuple[bytes, list[str] | None]:
    """The bytes to store, large attachments taken out of them, and the digests of these; None when there are none.

    A note kept apart is sealed with everything that is in it.
    """
    body = codec.dumps(resource)
    if own & bases.APART:
        return access.house.blobs.sealed(access.tenant.number, body), [APART]
    if b'"data":' not in body:
        return body, None
    found: list[str] = []
    out = _taken_out(access, resource, found)
    return (codec.dumps(out), found) if found else (body, None)


def _taken_out(access: Access, value: Any, found: list[str]) -> Any:
    if isinstance(value, dict):
        return {k: _blob(access, v, found) if k == "data" and isinstance(v, str) else _taken_out(access, v, found) for k, v in value.items()}
    if isinstance(value, list):
        return [_taken_out(access, item, found) for item in value]
    return value


def _blob(access: Access, text: str, found: list[str]) -> str:
    if text.startswith(_MARK):
        raise errors.Invalid("An attachment's data must be base64.")
    mark = access.house.blobs.take_out(access.tenant.number, text) if len(text) > THRESHOLD else None
    if mark:
        found.append(mark.removeprefix(_MARK))
    return mark or text


async def view(access: Access, change: Change) -> tuple[dict[str, Any], dict[str, Any], Sight]:
    """What is stored, what the author of a change sees of it (the same object when that is everything), and how far they see."""
    row = change.base
    body = row["body"]
    if row["blobs"]:
        body = access.house.blobs.whole(access.tenant.number, body, row["blobs"])
    stored = codec.loads(body)
    rules = access.rules.labels
    parts = labels.read(stored, rules)[1]
    if row["clean"] and not access.decision.redacted:
        # Nothing in it is hidden from them, also what only their programs or a consent permit: merging must take none of it for hidden.
        return stored, stored, Sight(access.decision.mask | parts, frozenset(), access.decision.redacted, rules)
    name = f"{change.type}/{change.id}"
    hidden, permitted = await sight(access, [(name, stored)])
    more = await more_than_notes(access, hidden)
    strip = access.decision.redacted or strips_more(parts, permitted[name], redact.targets(stored), more)
    see = Sight(permitted[name], hidden, strip, rules)
    if not strip and not hidden and not parts & ~see.permitted:
        return stored, stored, see  # it had to be asked target by target, and nothing is hidden
    seen = redact.redact(stored, permitted=see.permitted, hidden=see.hidden, strip=see.strip, rules=rules)
    if seen is None:
        raise errors.NotFound(f"There is no such {change.type}.")
    return stored, seen, see


def merged(stored: dict[str, Any], seen: dict[str, Any], submitted: dict[str, Any], see: Sight) -> dict[str, Any]:
    """A change made on a redacted view, applied to what is stored: what its author could not see stays, in place."""
    return redact.merge(stored, seen, submitted, permitted=see.permitted, hidden=see.hidden, strip=see.strip, rules=see.rules)


def batch(access: Access, prepared: Sequence[Prepared]) -> tuple[store.Batch, list[str]]:
    """The arrays that gate.write takes, and the patients concerned."""
    out = store.Batch()
    for n, one in enumerate(prepared, 1):
        rows = one.rows
        tokens, presence = _tokens(rows) if rows else ([], [])
        if one.kind in ("create", "label") and not one.parts and one.blobs is None and one.body and one.resource is not None and quick.stands_alone(one.resource, one.body, access.rules.labels):
            presence = [*presence, bulk.stands(access.house.keys[access.tenant.number])]
        out.ops.append((
            one.kind, one.type, one.id, one.version, one.expected, None if one.apart else one.plain, one.patient, rows.at if rows else PAST, one.updated,
            one.own, one.parts, list(one.tags), one.origin, tokens, presence, rows.digest if rows else 0, one.blobs, one.body,
        ))  # fmt: skip
        if one.judged:
            _extend(out.judged, n, list(one.judged), list(one.judged.values()))
        for group, of in enumerate(one.by):
            _extend(out.telling, n, [group] * len(of), sorted(of))
        if rows is None:
            continue
        _children(out, n, rows, texts=not one.own & bases.APART)
        if one.resource is not None:
            borne = list(bearing.edges(one.resource))
            if borne:
                _extend(out.edges, n, [p for p, _ in borne], [t for _, t in borne], [0] * len(borne))
            held = holding.contents(one.resource) if one.type in holding.HOLDERS else ()
            if held:
                _extend(out.edges, n, [holding.CONTENT] * len(held), list(held), [0] * len(held))
            if one.sent is not None and (written := (one.sent.get("meta") or {}).get("security")):
                out.sent.append((n, codec.dumps(written).decode()))
            _compiled(access, out, n, one)
    return out, sorted({p.patient for p in prepared if p.patient})


def found_by(rows: index.IndexRows) -> list[int]:
    """Keys of what a row is found by, whoever searches: those of no labelled element."""
    return _tokens(rows)[0]


def _tokens(rows: index.IndexRows) -> tuple[list[int], list[int]]:
    """Keys of unlabelled tokens, and the rest of the column: presence."""
    if rows.labelled_tokens is None:
        return rows.token_hash, rows.tokens[len(rows.token_hash) :]
    own = [h for h, mask in zip(rows.token_hash, rows.token_mask, strict=True) if mask == 0]
    known = set(own)
    return own, [key for key in rows.tokens if key not in known]


def _children(out: store.Batch, n: int, rows: index.IndexRows, *, texts: bool) -> None:
    """texts: whether it can be found by the texts in it. A note kept apart cannot: the index would hold its words in the open."""
    if rows.labelled_tokens is not None:
        own = [(h, mask) for h, mask in zip(rows.token_hash, rows.token_mask, strict=True) if mask]
        _extend(out.labelled, n, [h for h, _ in own], [mask for _, mask in own])
    if texts:
        _extend(out.strings, n, rows.string_key, rows.string_folded, rows.string_exact, rows.string_mask)
    _extend(out.dates, n, rows.date_key, rows.date_low, rows.date_high, rows.date_mask)
    _extend(out.numbers, n, rows.number_key, rows.number_low, rows.number_high, rows.number_unit, rows.number_mask)
    _extend(out.edges, n, rows.edge_param, rows.edge_target, rows.edge_mask)


def _extend(table: store.Columns, op: int, *columns: list[Any]) -> None:
    """Rows of one op, by column."""
    table[0].extend([op] * len(columns[0]))
    for column, more in zip(table[1:], columns, strict=True):
        column.extend(more)


def _compiled(access: Access, out: store.Batch, n: int, one: Prepared) -> None:
    """Grants and relations. Of what is relabelled, gate.write closes the relations of care teams and episodes alone."""
    resource = one.resource
    assert resource is not None  # noqa: S101 - only for what has content
    if one.own & bases.APART and (one.originates or one.kind in ("create", "restore")):
        out.grants.extend(apart.grants(access, one.type, one.id, one.patient, one.own, n))
    if resource["resourceType"] == "Consent":
        keys = access.house.keys[access.tenant.number]
        grants, relations = consent.compiled(resource, access.tenant, access.rules.programs, keys, n)
        out.grants.extend(grants)
        out.relations.extend(relations)
    elif one.type in relationships.SOURCES and (one.kind != "label" or one.type in ("CareTeam", "EpisodeOfCare")):
        source = relationships.Source(one.own, one.origin, access.caller.agent, one.updated, access.rules.days, created=one.kind in ("create", "restore"))
        out.relations.extend(relationships.compiled(resource, n, source))


async def written(access: Access, prepared: Sequence[Prepared], request: str) -> list[Written]:
    """What the author of the changes is told: their own view of what is stored now."""
    receipt = Receipt(request)  # the line of a write is durable with the write itself
    if access.decision.redacted:
        heads = await runs.seen(access, [(p.type, p.id) for p in prepared])
        return [_told(p, receipt, next(iter(heads.get((p.type, p.id), ())), None)) for p in prepared]
    rows = [Row(p.type, p.id, p.version, p.updated, "current", p.clean and p.parts == 0, p.blobs, p.body) for p in prepared]
    if any(not row.clean or row.blobs for row in rows):
        shown = await show(access, rows, receipt)
    else:
        shown = [Stored(r.type, r.id, r.version, r.updated, r.kind, r.body, receipt) for r in rows]
    return [_told(p, receipt, stored) for p, stored in zip(prepared, shown, strict=True)]


def _told(prepared: Prepared, receipt: Receipt, stored: Stored | None) -> Written:
    created = prepared.kind in ("create", "restore")
    if prepared.kind == "delete" or stored is None:
        return Written(prepared.type, prepared.id, prepared.version, prepared.updated, created, None)
    stored.receipt = receipt
    return Written(prepared.type, prepared.id, stored.version, stored.updated, created, stored)
