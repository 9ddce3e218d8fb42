-- The predicate of the gate, written once. {r} is a row of record.resource or record.version (or anything with their columns),
-- {own} an expression for the bases in question, {stands} how the caller stands with the row's patient (below), and :name an argument
-- of the decision. The sentences:
--
--   bases    every basis carried is permitted to the role as such, or is Part 2 within the caller's own programs
--            (42 CFR 2.12(c)(3)), or is covered, basis by basis, by a consent;
--   purpose  outside the organization, for anything but treatment, payment and operations, also what no law of its own protects needs a
--            permission (45 CFR 164.508): bit 60, which is in the mask of everybody else (bases.ORDINARY);
--   relation a relation to the patient exists now, unless the role reaches the whole organization; what is about several people or
--            none of its own (patient is null) and refers to somebody's record, to one of them. Within it the scopes of a token, if
--            bit 61 of the mask says that there are any: they are among the keys;
--   deny     nothing the patient forbids: deny wins.

-- standing --
-- How the caller stands with the patient of a row, at one moment and as one number (docs/decisions/0019-standing.md): the bases that consents
-- permit without any further limit, or with none but the programs that disclose, where all that made the row and what it refers to are
-- among them. And beside them
--   bit 55   there is a relation,                 bit 56   consents permit something within other limits,
--   bit 57   something is forbidden.
-- ground.bits says it of each relation and grant; bit 54 there: limited by programs alone. Asked once where all rows are of one patient
-- (gate.chart), else beside each row: one index answers without its table. OFFSET 0: the sentences ask for the number several times, and
-- it is worked out once. The grounds stand in a query of their own because PostgreSQL keeps answers by patient (Memoize) only of what it
-- cannot prove to be one row.
SELECT coalesce(a.bits, 0) AS bits
FROM (SELECT bit_or(CASE WHEN (g.bits & 18014398509481984) = 0 THEN g.bits
                         WHEN {r}.origin <> '{}' AND {r}.origin <@ g.programs AND {r}.ref_origin <@ g.programs THEN g.bits & 1154047404513689598
                         ELSE 72057594037927936 END) AS bits
      FROM record.ground g
      WHERE g.tenant = {r}.tenant AND g.patient = {r}.patient AND g.recipient = ANY (:keys)
        AND (g.purposes = '{*}' OR :purpose = ANY (g.purposes)) AND (g.action = :action OR g.action = '*')
        AND g.valid_from <= :now AND :now < g.valid_to AND g.known_to = 'infinity') a
OFFSET 0

-- limited --
-- What consents permit with no limit but the programs that disclose: each program, and the bases. Asked once for a patient, as `standing` without
-- a row, where that says that consents permit something within limits; then rows made by one program need not ask the grants again (beside). Bit 54: of
-- no other limit, and no denial; a * is in no permit.
SELECT array_agg(x.program) AS programs, array_agg(x.bits) AS bits
FROM (SELECT made.program, bit_or(g.bits & 1154047404513689598) AS bits
      FROM record.ground g CROSS JOIN LATERAL unnest(g.programs) AS made(program)
      WHERE (g.bits & 18014398509481984) <> 0 AND g.tenant = {r}.tenant AND g.patient = {r}.patient AND g.recipient = ANY (:keys) AND :purpose = ANY (g.purposes) AND g.action = :action
        AND g.valid_from <= :now AND :now < g.valid_to AND g.known_to = 'infinity'
      GROUP BY made.program) x

-- beside --
-- The standing for a row of a patient of whom it is known without a row (standing), and what is limited by programs alone (limited, limits). Of a row that one
-- program made and that refers to nothing of another each grant permits what it permits if that program is among its own. Bit 56 stays on:
-- where it was not needed it makes the sentences ask the grants themselves, never permit.
CASE WHEN (standing & 72057594037927936) = 0 THEN standing
     WHEN cardinality({r}.origin) = 1 AND {r}.ref_origin <@ {r}.origin THEN standing | coalesce(limits[array_position(limited, {r}.origin[1])], 0)
     ELSE ({standing}) END

-- closed --
-- Of a patient with whom the caller stands as {stands} says: the bases that are open neither to the role nor by a consent. Where consents permit something within
-- limits it hangs on the row, and none is said to be closed.
CASE WHEN ({stands} & 72057594037927936) = 0 THEN ~(:mask | {stands}) ELSE 0 END

-- possible --
-- What every row meets that `bases` lets through, told by less where `closed` of its patient is known: a row that does not is left where it is found. Lets
-- through more, never less (tests/gate/test_standing.py): Part 2 is open to who works in a program that made the row, and of several programs only `bases` knows.
(({own} & {closed}) = 0 OR (({own} & {closed}) = 2 AND ({r}.origin[1] = ANY (:programs) OR {r}.origin[2] IS NOT NULL)))

-- bases --
(({own} & ~:mask & ~{stands}) = 0
 OR (({own} & ~:mask & ~{stands} & ~2::bigint) = 0 AND {r}.origin <> '{}'
     AND ({r}.origin <@ :programs OR ({r}.type = ANY (gate.longitudinal()) AND {r}.origin && :programs)))
 OR (({stands} & 72057594037927936) <> 0
     AND gate.consented({r}.tenant, {r}.patient, {own} & ~:mask, {r}.origin, {r}.type, {r}.id, {r}.tokens, {r}.at,
                        :keys, :purpose, :action, :programs, :now)))

-- purpose --
-- What Part 2 or the rules on notes kept apart (bits 1 to 3) protect, the sentence above asks for already; a directory is about nobody.
((:mask & 1152921504606846976) <> 0 OR ({own} & 14) <> 0 OR ({stands} & 1152921504606846976) <> 0
 OR ({r}.patient IS NULL AND ({r}.refs & 4611686018427387904) = 0)
 OR (({stands} & 72057594037927936) <> 0
     AND gate.consented({r}.tenant, {r}.patient, 1152921504606846976, {r}.origin, {r}.type, {r}.id, {r}.tokens, {r}.at,
                        :keys, :purpose, :action, :programs, :now)))

-- part --
-- The same for something small on a row: nearly always without a basis, so that the rest is two calls and no plan of its own. What is
-- forbidden by its label is forbidden where a part of the row alone has that label.
({own} = 0 OR ((({own} & ~:mask) = 0
                OR gate.consented({r}.tenant, {r}.patient, {own} & ~:mask, {r}.origin, {r}.type, {r}.id, {r}.tokens, {r}.at,
                                  :keys, :purpose, :action, :programs, :now))
               AND NOT gate.forbidden({r}.tenant, {r}.patient, {own}, {r}.origin, {r}.type, {r}.id, {r}.tokens, {r}.at,
                                      :keys, :purpose, :action, :now)))

-- relation --
(((:mask & 2305843009213693952) = 0 OR gate.scoped({r}.type, {r}.patient, {r}.refs, {r}.tokens, :keys))
 AND (NOT :related OR ({stands} & 36028797018963968) <> 0
      OR ({r}.patient IS NULL AND (({r}.refs & 4611686018427387904) = 0
          OR gate.concerns({r}.tenant, {r}.rid, {r}.type, :keys, :now)))))

-- deny --
(({stands} & 144115188075855872) = 0
 OR NOT gate.forbidden({r}.tenant, {r}.patient, {own}, {r}.origin, {r}.type, {r}.id, {r}.tokens, {r}.at, :keys, :purpose, :action, :now))

-- bearing --
-- What the row cannot do without is not withheld: redaction would leave nothing of it. Asked only where something behind it may be.
({behind}
 OR gate.bears({r}.tenant, {r}.rid, {r}.type, :mask & ~2305843009213693952, :programs, :keys, :purpose, :action, :related, :now))

-- behind --
-- Everything that the row refers to may be seen: nothing is forbidden, all of it is of the row's own patient or of nobody (bit 62), and
-- nothing of no program carries a basis (bit 59): what is otherwise is asked target by target.
((:action = 'use' AND ({stands} & 144115188075855872) = 0
  AND (({r}.refs & ~(:mask & ~5188146770730811392)) = 0
       OR (({r}.refs & ~(:mask & ~5188146770730811392) & ~2::bigint) = 0 AND {r}.ref_origin <> '{}' AND {r}.ref_origin <@ :programs)))
 OR {covered})

-- covered --
-- What the row refers to may be seen for what the patient permits: all of it is of the same patient (bit 62), nothing that is of nobody or
-- of no program carries a basis (bit 59: no consent speaks for the one, and none limited by programs for the other), nothing is forbidden,
-- and what no law of its own protects goes out for this purpose.
((:mask & 1152921504606846976) <> 0 AND ({r}.refs & ~(:mask & ~5188146770730811392) & ~{stands}) = 0 AND ({stands} & 144115188075855872) = 0
 AND (NOT :related OR ({stands} & 36028797018963968) <> 0))

-- clean --
-- Nothing in or behind the row needs redaction: its bytes may be served as they are.
(({stands} & 144115188075855872) = 0 AND (
    (({r}.own | {r}.parts) & ~:mask | {r}.refs & ~(:mask & ~5188146770730811392)) = 0
    OR (((({r}.own | {r}.parts) & ~:mask | {r}.refs & ~(:mask & ~5188146770730811392)) & ~2::bigint) = 0
        AND {r}.origin <> '{}' AND {r}.origin <@ :programs AND {r}.ref_origin <@ :programs)
    OR ((({r}.own | {r}.parts) & ~:mask & ~{stands}) = 0 AND {covered})))

-- alive --
-- For PL/pgSQL: the credential is good and its account acts as it did when the caller was looked up. Raised, not answered: a dead
-- credential must not look like an empty chart. Spliced in, because a call of gate.alive costs a tenth of a read.
IF NOT EXISTS (
    SELECT FROM record.credential c JOIN record.account a ON a.tenant = c.tenant AND a.account = c.account
    WHERE c.credential = p_credential AND c.tenant = p_tenant AND p_now < c.expires AND p_now < c.revoked
      AND a.generation = p_generation) THEN
    RAISE EXCEPTION 'stale credential' USING ERRCODE = 'SJ401';
END IF;
