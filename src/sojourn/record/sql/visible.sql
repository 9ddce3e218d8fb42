-- The predicate of the gate, written once. {r} is a row of record.resource or record.version (or anything with their columns),
-- {own} an expression for the bases in question, and :name an argument of the decision. Three sentences:
--
--   bases    every basis carried is permitted to the role as such, or is Part 2 within the caller's own programs
--            (42 CFR 2.12(c)(3)), or is covered, basis by basis, by a consent;
--   relation a relation to the patient exists now, unless the role reaches the whole organization; what is about several people or
--            none of its own (patient is null) and refers to somebody's record, to one of them. Within it the scopes of a token, if
--            bit 61 of the mask says that there are any: they are among the keys. A function about one patient asks for the relation
--            once and puts the bare id before the keys (gate.chart_near); no other key is a bare id;
--   deny     nothing the patient forbids: deny wins.

-- bases --
({own} = 0 OR ({own} & ~:mask) = 0
 OR (({own} & ~:mask & ~2::bigint) = 0 AND {r}.origin <> '{}'
     AND ({r}.origin <@ :programs OR ({r}.type = ANY (gate.longitudinal()) AND {r}.origin && :programs)))
 OR ({r}.patient IS NOT NULL
     AND EXISTS (SELECT FROM record.consent_grant g
                 WHERE g.tenant = {r}.tenant AND g.patient = {r}.patient AND g.recipient = ANY (:keys) AND g.effect = 'permit')
     AND gate.consented({r}.tenant, {r}.patient, {own} & ~:mask, {r}.origin, {r}.type, {r}.id, {r}.tokens, {r}.at,
                        :keys, :purpose, :action, :programs, :now)))

-- part --
-- The same for something small on a row: nearly always without a basis, so that the rest is one call and no plan of its own.
(({own} & ~:mask) = 0
 OR gate.consented({r}.tenant, {r}.patient, {own} & ~:mask, {r}.origin, {r}.type, {r}.id, {r}.tokens, {r}.at,
                   :keys, :purpose, :action, :programs, :now))

-- relation --
(((:mask & 2305843009213693952) = 0 OR gate.scoped({r}.type, {r}.patient, {r}.refs, {r}.tokens, :keys)) AND (NOT :related OR (:keys)[1] = {r}.patient OR EXISTS (
    SELECT FROM record.relation l
    WHERE l.tenant = {r}.tenant AND l.patient = {r}.patient AND l.actor = ANY (:keys)
      AND l.valid_from <= :now AND :now < l.valid_to AND l.known_to = 'infinity')
 OR ({r}.patient IS NULL AND (({r}.refs & 4611686018427387904) = 0
     OR gate.concerns({r}.tenant, {r}.rid, {r}.type, :keys, :now)))))

-- deny --
({r}.patient IS NULL OR NOT EXISTS (
    SELECT FROM record.consent_grant d
    WHERE d.tenant = {r}.tenant AND d.patient = {r}.patient AND d.recipient = ANY (:keys) AND d.effect = 'deny'
      AND (d.basis = 0 OR ({own} & d.basis) <> 0)
      AND d.purpose IN (:purpose, '*') AND d.action IN (:action, '*')
      AND d.valid_from <= :now AND :now < d.valid_to AND d.known_to = 'infinity'
      AND (d.programs IS NULL OR {r}.origin && d.programs)
      AND (d.types IS NULL OR {r}.type = ANY (d.types))
      AND (d.codes IS NULL OR {r}.tokens && d.codes)
      AND (d.data_from IS NULL OR {r}.at >= d.data_from) AND (d.data_to IS NULL OR {r}.at < d.data_to)
      AND (d.resources IS NULL OR {r}.type || '/' || {r}.id = ANY (d.resources))))

-- bearing --
-- What the row cannot do without is not withheld: redaction would leave nothing of it. Asked only where something behind it may be.
({behind}
 OR gate.bears({r}.tenant, {r}.rid, {r}.type, :mask & ~2305843009213693952, :programs, :keys, :purpose, :action, :related, :now))

-- behind --
-- Everything that the row refers to may be seen. What it refers to is of its own patient or of nobody unless bit 62 of `refs` says
-- otherwise, and that bit is in no mask of those who need relations. To those outside a reference may be forbidden for itself.
(:action = 'use' AND (({r}.refs & ~:mask) = 0
                      OR (({r}.refs & ~:mask & ~2::bigint) = 0 AND {r}.ref_origin <> '{}' AND {r}.ref_origin <@ :programs)))

-- clean --
-- Nothing in or behind the row needs redaction: its bytes may be served as they are.
((({r}.own | {r}.parts | {r}.refs) & ~:mask) = 0
 OR ((({r}.own | {r}.parts | {r}.refs) & ~:mask & ~2::bigint) = 0
     AND {r}.origin <> '{}' AND {r}.origin <@ :programs AND {r}.ref_origin <@ :programs))

-- alive --
-- For PL/pgSQL: the credential is good and its account acts as it did when the caller was looked up. Raised, not answered: a dead
-- credential must not look like an empty chart. Spliced in, because a call of gate.alive costs a tenth of a read.
IF NOT EXISTS (
    SELECT FROM record.credential c JOIN record.account a ON a.tenant = c.tenant AND a.account = c.account
    WHERE c.credential = p_credential AND c.tenant = p_tenant AND p_now < c.expires AND p_now < c.revoked
      AND a.generation = p_generation) THEN
    RAISE EXCEPTION 'stale credential' USING ERRCODE = 'SJ401';
END IF;
