-- Every change of the record passes here: one statement for one resource or for a thousand, all or nothing, with its versions,
-- search rows, compiled consents and relations, its place in the feed and its audit row. Requests that arrive together are
-- written together (record/combining.py): each has its credential, its part of the ops (p_lasts: its last) and its audit row.
--
-- Raised: SJ401 a credential is stale; SJ409 something was changed or created since it was read (nothing is written then).
CREATE OR REPLACE FUNCTION gate.write(
    p_tenant int, p_credentials bytea[], p_generations int[], p_now timestamptz, p_authors text[], p_lasts int[],
    p_ops record.op[],
    p_labelled_ops int[], p_labelled_hashes bigint[], p_labelled_masks bigint[],
    p_string_ops int[], p_string_keys bigint[], p_string_folded text[], p_string_exact text[], p_string_masks bigint[],
    p_date_ops int[], p_date_keys bigint[], p_date_low timestamptz[], p_date_high timestamptz[], p_date_masks bigint[],
    p_number_ops int[], p_number_keys bigint[], p_number_low float8[], p_number_high float8[], p_number_units bigint[], p_number_masks bigint[],
    p_edge_ops int[], p_edge_params text[], p_edge_targets text[], p_edge_masks bigint[],
    p_judged_ops int[], p_judged_targets text[], p_judged_apart boolean[],
    p_telling_ops int[], p_telling_groups int[], p_telling_targets text[],
    p_grants record.grant_row[], p_relations record.relation_row[], p_sent record.sent_row[],
    p_audits record.audit_row[]
) RETURNS bigint[] LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    n int := cardinality(p_ops);
    seqs bigint[];                  -- new version of each op
    rids bigint[];                  -- row of each op
    fresh int[];                    -- ops whose search rows are written
    worded int[];                   -- ops whose texts are written, although nothing changed but the label
    stale bigint[];                 -- rows whose search rows are removed first
    kinds text[] := ARRAY (SELECT DISTINCT o.kind FROM unnest(p_ops) o);
    only_creates boolean := kinds = '{create}';
    touched int;
    types text[];                   -- type of each op
    told text[];                    -- Type/id of ops to which others may refer already, and which reveal more than before
    op_refs bigint[];
    op_ref_origin text[];
    op_brings bigint[];             -- bases that what an op hangs on, or holds, may bring it
BEGIN
    IF EXISTS (
        SELECT FROM unnest(p_credentials, p_generations) AS w(credential, generation)
        WHERE NOT EXISTS (
            SELECT FROM record.credential c JOIN record.account a ON a.tenant = c.tenant AND a.account = c.account
            WHERE c.credential = w.credential AND c.tenant = p_tenant AND p_now < c.expires AND p_now < c.revoked
              AND a.generation = w.generation)) THEN
        RAISE EXCEPTION 'stale credential' USING ERRCODE = 'SJ401';
    END IF;

    -- Taken before this transaction has an id (nextval gives it one), so that the order of ids is the order of changes to one
    -- resource, which the feed relies on; and always in the same order, so that two bundles cannot wait for each other. What is
    -- changed is held alone; what is referred to is held with others, so that no label of it changes unseen between here and the commit.
    PERFORM CASE WHEN k.alone THEN pg_advisory_xact_lock(k.key) ELSE pg_advisory_xact_lock_shared(k.key) END
    FROM (SELECT h.key, bool_or(h.alone) AS alone
          FROM (SELECT hashtextextended(p_tenant || '/' || o.type || '/' || o.id, 0) AS key, true AS alone
                FROM unnest(p_ops) o WHERE o.kind <> 'create' OR o.expected = 0
                UNION ALL
                SELECT hashtextextended(p_tenant || '/' || e.target, 0), false FROM unnest(p_edge_targets || p_judged_targets || p_telling_targets) AS e(target)) h
          GROUP BY h.key ORDER BY h.key) k;
    -- Whether a version tells of more than notes kept apart was judged by what was such a note then (gate/preparing.py: keep_apart). What becomes
    -- one after this asks again of what is written here (gate/retelling.py), for it waits until this is committed.
    IF cardinality(p_judged_ops) > 0 AND EXISTS (
        SELECT FROM unnest(p_judged_targets, p_judged_apart) AS j(target, apart)
        LEFT JOIN gate.labelled(p_tenant, p_judged_targets, 12) AS note ON note = j.target WHERE j.apart <> (note IS NOT NULL)) THEN
        RAISE EXCEPTION 'labelled otherwise since it was judged by' USING ERRCODE = 'SJ409';
    END IF;
    -- So was whether it changes what everybody may see, where that hangs on references alone (gate/plainly.py). Their rows are held: what reaches one (gate.reach)
    -- waits, and asks again of what is written here (gate.tells_again).
    IF cardinality(p_telling_ops) > 0 THEN
        PERFORM FROM record.resource r JOIN (SELECT DISTINCT split_part(t.target, '/', 1) AS type, split_part(t.target, '/', 2) AS id FROM unnest(p_telling_targets) AS t(target)) h
            ON r.tenant = p_tenant AND r.type = h.type AND r.id = h.id ORDER BY r.type, r.id FOR SHARE OF r;
        IF EXISTS (
            SELECT FROM (
                SELECT g.op, bool_or(g.labelled = 0) AS tells FROM (
                    SELECT t.op, count(l.target) AS labelled
                    FROM unnest(p_telling_ops, p_telling_groups, p_telling_targets) AS t(op, part, target)
                    LEFT JOIN gate.labelled(p_tenant, p_telling_targets, -1) AS l(target) ON l.target = t.target GROUP BY t.op, t.part) g
                GROUP BY g.op) x
            WHERE x.tells <> coalesce((p_ops[x.op]).plain, false)) THEN
            RAISE EXCEPTION 'labelled otherwise since it was judged by' USING ERRCODE = 'SJ409';
        END IF;
    END IF;
    seqs := ARRAY (SELECT nextval('record.seq') FROM generate_series(1, n));

    told := ARRAY (
        SELECT o.type || '/' || o.id FROM unnest(p_ops) o
        LEFT JOIN record.resource r ON o.kind = 'update' AND r.tenant = p_tenant AND r.type = o.type AND r.id = o.id
        WHERE o.own <> 0 AND (o.kind IN ('restore', 'label') OR (o.kind = 'create' AND o.expected = 0)
                              OR (o.kind = 'update' AND (r.own <> o.own OR r.origin <> o.origin))));
    IF only_creates THEN
        rids := seqs;
        fresh := NULL;
    ELSE
        rids := ARRAY (
            SELECT CASE WHEN o.kind = 'create' THEN seqs[o.i] ELSE coalesce(r.rid, v.rid) END
            FROM unnest(p_ops) WITH ORDINALITY AS o(kind, type, id, version, expected, plain, patient, at, updated, own, parts, tags,
                                                    origin, tokens, presence, digest, blobs, body, i)
            LEFT JOIN record.resource r ON r.tenant = p_tenant AND r.type = o.type AND r.id = o.id AND o.kind <> 'create'
            LEFT JOIN record.version v ON v.tenant = p_tenant AND v.seq = o.expected AND o.kind = 'restore'
            ORDER BY o.i);
        -- A change is made from the version that was read, or not at all.
        IF EXISTS (
            SELECT FROM unnest(p_ops) o
            LEFT JOIN record.resource r ON r.tenant = p_tenant AND r.type = o.type AND r.id = o.id
            WHERE (o.kind IN ('update', 'delete', 'label') AND r.seq IS DISTINCT FROM o.expected)
               OR (o.kind IN ('create', 'restore') AND r.seq IS NOT NULL)) THEN
            RAISE EXCEPTION 'changed since it was read' USING ERRCODE = 'SJ409';
        END IF;
        fresh := ARRAY (
            SELECT o.i FROM unnest(p_ops) WITH ORDINALITY AS o(kind, type, id, version, expected, plain, patient, at, updated, own, parts,
                                                           tags, origin, tokens, presence, digest, blobs, body, i)
            LEFT JOIN record.resource r ON r.tenant = p_tenant AND r.type = o.type AND r.id = o.id
            WHERE o.kind IN ('create', 'restore')
               OR (o.kind = 'update' AND (r.index_digest <> o.digest OR r.labelled_tokens IS NOT NULL OR o.parts <> 0)));
        -- No note kept apart any more: it is found by its texts again. One that becomes such a note is not.
        worded := ARRAY (
            SELECT o.i FROM unnest(p_ops) WITH ORDINALITY AS o(kind, type, id, version, expected, plain, patient, at, updated, own, parts,
                                                           tags, origin, tokens, presence, digest, blobs, body, i)
            JOIN record.resource r ON r.tenant = p_tenant AND r.type = o.type AND r.id = o.id
            WHERE o.kind = 'label' AND (r.own & 12) <> 0 AND (o.own & 12) = 0);
        DELETE FROM record.string s USING unnest(p_ops) o JOIN record.resource r ON r.tenant = p_tenant AND r.type = o.type AND r.id = o.id
        WHERE o.kind = 'label' AND ((r.own | o.own) & 12) <> 0 AND s.tenant = p_tenant AND s.rid = r.rid;
        stale := ARRAY (
            SELECT r.rid FROM unnest(p_ops) WITH ORDINALITY AS o(kind, type, id, version, expected, plain, patient, at, updated, own,
                                                           parts, tags, origin, tokens, presence, digest, blobs, body, i)
            JOIN record.resource r ON r.tenant = p_tenant AND r.type = o.type AND r.id = o.id
            WHERE o.kind = 'delete' OR (o.kind = 'update' AND o.i = ANY (fresh)));
        IF cardinality(stale) > 0 THEN
            DELETE FROM record.string s WHERE s.tenant = p_tenant AND s.rid = ANY (stale);
            DELETE FROM record.date s WHERE s.tenant = p_tenant AND s.rid = ANY (stale);
            DELETE FROM record.number s WHERE s.tenant = p_tenant AND s.rid = ANY (stale);
        END IF;
        -- What is deleted keeps its references: they say whom its history is about, and what it could not do without. No search meets
        -- them, for all look for the row; they go when it comes back with others.
        IF kinds && '{update,restore}' THEN
            -- What it referred to once is looked for in the chart of its patient (gate.telling_of). Of what is in another chart it is kept.
            WITH gone AS (
                DELETE FROM record.edge s USING unnest(p_ops) WITH ORDINALITY AS o(kind, type, id, version, expected, plain, patient, at, updated,
                                                               own, parts, tags, origin, tokens, presence, digest, blobs, body, i)
                WHERE ((o.kind = 'update' AND o.i = ANY (fresh)) OR o.kind = 'restore') AND s.tenant = p_tenant AND s.rid = rids[o.i]
                RETURNING s.type, s.rid, s.target, o.patient)
            INSERT INTO record.past_edge (tenant, target, type, rid)
            SELECT DISTINCT p_tenant, g.target, g.type, g.rid FROM gone g
            WHERE (n > 1 OR NOT g.target = ANY (p_edge_targets)) AND NOT EXISTS (
                SELECT FROM record.resource r
                WHERE r.tenant = p_tenant AND r.type = split_part(g.target, '/', 1) AND r.id = split_part(g.target, '/', 2)
                  AND (r.patient IS NULL OR r.patient = g.patient))
            ON CONFLICT DO NOTHING;
        END IF;
        -- Tokens that are gone; those that stay are left alone.
        DELETE FROM record.token k USING (
            SELECT r.rid, h.hash FROM unnest(p_ops) o
            JOIN record.resource r ON r.tenant = p_tenant AND r.type = o.type AND r.id = o.id
            CROSS JOIN LATERAL unnest(r.tokens || coalesce(r.labelled_tokens, '{}')) AS h(hash)
            WHERE (o.kind = 'delete' OR (o.kind IN ('update', 'label') AND (r.tokens <> o.tokens || o.presence OR r.labelled_tokens IS NOT NULL)))
              AND (o.kind = 'delete' OR r.labelled_tokens IS NOT NULL OR NOT h.hash = ANY (o.tokens))) gone
        WHERE k.tenant = p_tenant AND k.hash = gone.hash AND k.rid = gone.rid;
    END IF;

    -- What each op's references reveal: the bases of their targets, in this batch or before it.
    IF cardinality(p_edge_ops) > 0 THEN
        WITH e AS (
            SELECT s.op, s.target, bit_or(gate.passed_on(s.param, s.target)) AS passes
            FROM unnest(p_edge_ops, p_edge_params, p_edge_targets) AS s(op, param, target) GROUP BY s.op, s.target),
        made AS MATERIALIZED (
            SELECT o.type || '/' || o.id AS target, o.own, o.origin, o.patient FROM unnest(p_ops) o
            WHERE n > 1 AND o.kind IN ('create', 'restore') AND o.own <> 0),
        -- Side by side and sorted, not each with each: a join of thousands of ops with what is made beside them would be that here.
        beside AS (
            SELECT u.op, u.passes, first_value(u.own) OVER w AS own, first_value(u.origin) OVER w AS origin, first_value(u.patient) OVER w AS patient
            FROM (SELECT 0 AS op, NULL::bigint AS passes, m.target, m.own, m.origin, m.patient FROM made m
                  UNION ALL
                  SELECT e.op, e.passes, e.target, NULL, NULL, NULL FROM e WHERE EXISTS (SELECT FROM made)) u
            WINDOW w AS (PARTITION BY u.target ORDER BY u.op)),
        t AS (
            SELECT b.op, b.passes, b.own, b.origin, b.patient FROM beside b WHERE b.op > 0 AND b.own IS NOT NULL
            UNION ALL
            SELECT e.op, e.passes, r.own, r.origin, r.patient FROM e
            JOIN record.resource r ON r.tenant = p_tenant AND r.type = split_part(e.target, '/', 1) AND r.id = split_part(e.target, '/', 2)
            WHERE r.own <> 0
            UNION ALL
            SELECT e.op, e.passes, d.own, d.origin, d.patient FROM e  -- what was deleted is not told either
            CROSS JOIN LATERAL (
                SELECT w.kind, w.own, w.origin, w.patient FROM record.version w
                WHERE w.tenant = p_tenant AND w.type = split_part(e.target, '/', 1) AND w.id = split_part(e.target, '/', 2)
                ORDER BY w.seq DESC LIMIT 1) d
            WHERE d.kind = 'delete' AND d.own <> 0),
        x AS (
            SELECT t.op, bit_or(gate.revealed(t.own, t.patient, t.origin)) AS refs, bit_or(t.own & t.passes) AS brings, array_agg(DISTINCT p.program) FILTER (WHERE p.program IS NOT NULL) AS origins
            FROM (SELECT t.* FROM t UNION ALL SELECT g.i, 0, 0, '{}', NULL FROM generate_series(1, n) AS g(i)) t  -- each op once at least
            LEFT JOIN LATERAL unnest(t.origin) AS p(program) ON true GROUP BY t.op)
        SELECT array_agg(coalesce(x.refs, 0) ORDER BY x.op), array_agg(coalesce(x.origins, '{}')::text ORDER BY x.op),
               array_agg(coalesce(x.brings, 0) ORDER BY x.op)
        INTO op_refs, op_ref_origin, op_brings
        FROM x;
    END IF;

    INSERT INTO record.version (tenant, seq, rid, type, id, version, kind, updated, plain_seq, author, patient, at, own, parts, refs,
                                origin, ref_origin, tokens, blobs, body, apart)
    SELECT p_tenant, seqs[o.i], rids[o.i], o.type, o.id, o.version,
           CASE o.kind WHEN 'restore' THEN 'create' ELSE o.kind END, o.updated,
           CASE WHEN o.plain THEN seqs[o.i]
                ELSE (SELECT v.plain_seq FROM record.version v WHERE v.tenant = p_tenant AND v.seq = o.expected) END,
           p_authors[o.i], o.patient, o.at, o.own, o.parts,
           CASE o.kind WHEN 'delete' THEN (SELECT c.refs FROM record.resource c WHERE c.tenant = p_tenant AND c.type = o.type AND c.id = o.id)
                ELSE coalesce(op_refs[o.i], 0) END, o.origin,
           CASE o.kind WHEN 'delete' THEN (SELECT c.ref_origin FROM record.resource c WHERE c.tenant = p_tenant AND c.type = o.type AND c.id = o.id)
                ELSE coalesce(op_ref_origin[o.i]::int[], '{}') END,
           CASE o.kind WHEN 'delete' THEN (SELECT c.tokens FROM record.resource c
                                           WHERE c.tenant = p_tenant AND c.type = o.type AND c.id = o.id)
                ELSE o.tokens END, o.blobs, gate.in_row(o.body), o.plain IS NULL
    FROM unnest(p_ops) WITH ORDINALITY AS o(kind, type, id, version, expected, plain, patient, at, updated, own, parts, tags, origin,
                                            tokens, presence, digest, blobs, body, i)
    WHERE o.kind <> 'label';
    IF cardinality(p_telling_ops) > 0 THEN
        INSERT INTO record.telling (tenant, seq, part, target)
        SELECT p_tenant, seqs[t.op], t.part, t.target FROM unnest(p_telling_ops, p_telling_groups, p_telling_targets) AS t(op, part, target);
    END IF;
    IF EXISTS (SELECT FROM unnest(p_ops) o WHERE gate.sealed(o.body)) THEN
        INSERT INTO record.kept_apart (tenant, seq, sealed)
        SELECT p_tenant, CASE o.kind WHEN 'label' THEN o.expected ELSE seqs[o.i] END, o.body
        FROM unnest(p_ops) WITH ORDINALITY AS o(kind, type, id, version, expected, plain, patient, at, updated, own, parts, tags, origin,
                                                tokens, presence, digest, blobs, body, i)
        WHERE gate.sealed(o.body) ON CONFLICT (tenant, seq) DO UPDATE SET sealed = excluded.sealed;
    END IF;
    IF cardinality(p_sent) > 0 THEN
        INSERT INTO record.label_sent (tenant, seq, codings) SELECT p_tenant, seqs[w.op], w.codings FROM unnest(p_sent) w;
    END IF;
    IF 'update' = ANY (kinds) THEN
        INSERT INTO record.label_sent (tenant, seq, codings)  -- what was sent with the version before stays
        SELECT p_tenant, seqs[o.i], w.codings
        FROM unnest(p_ops) WITH ORDINALITY AS o(kind, type, id, version, expected, plain, patient, at, updated, own, parts, tags, origin,
                                                tokens, presence, digest, blobs, body, i)
        JOIN record.label_sent w ON w.tenant = p_tenant AND w.seq = o.expected
        WHERE o.kind = 'update' ON CONFLICT DO NOTHING;
    END IF;

    IF kinds && '{create,restore}' THEN
        INSERT INTO record.resource (tenant, rid, seq, type, id, version, patient, at, updated, plain_updated, own, parts, refs, tags,
                                     origin, ref_origin, tokens, labelled_tokens, index_digest, blobs, body)
        SELECT p_tenant, rids[o.i], seqs[o.i], o.type, o.id, o.version, o.patient, o.at, o.updated, o.updated, o.own, o.parts,
               coalesce(op_refs[o.i], 0), o.tags, o.origin, coalesce(op_ref_origin[o.i]::int[], '{}'), o.tokens || o.presence,
               CASE WHEN o.parts = 0 THEN NULL ELSE (SELECT array_agg(l.hash) FROM unnest(p_labelled_ops, p_labelled_hashes) AS l(op, hash) WHERE l.op = o.i) END,
               o.digest, o.blobs, gate.in_row(o.body)
        FROM unnest(p_ops) WITH ORDINALITY AS o(kind, type, id, version, expected, plain, patient, at, updated, own, parts, tags, origin,
                                                tokens, presence, digest, blobs, body, i)
        WHERE o.kind IN ('create', 'restore');
        IF n >= 500 THEN
            PERFORM gate.measure(4);  -- what is asked from here on would be planned for the store as it was: each row looked for among all
        END IF;
    END IF;

    IF NOT only_creates THEN
        INSERT INTO record.token (tenant, hash, rid)
        SELECT DISTINCT p_tenant, h.hash, r.rid FROM unnest(p_ops) o
        JOIN record.resource r ON r.tenant = p_tenant AND r.type = o.type AND r.id = o.id
        CROSS JOIN LATERAL unnest(o.tokens) AS h(hash)
        WHERE o.kind IN ('update', 'label') AND (r.labelled_tokens IS NOT NULL OR (r.tokens <> o.tokens || o.presence AND NOT h.hash = ANY (r.tokens)));

        UPDATE record.resource r SET
            seq = seqs[o.i], version = o.version, patient = o.patient, at = o.at, apart = o.plain IS NULL,
            updated = CASE WHEN o.plain IS NULL THEN r.updated ELSE o.updated END, -- null: nothing but notes kept apart changed
            plain_updated = CASE WHEN o.plain THEN o.updated ELSE r.plain_updated END, own = o.own, parts = o.parts,
            refs = CASE WHEN op_refs IS NULL THEN 0 ELSE op_refs[o.i] END, tags = o.tags, origin = o.origin,
            ref_origin = coalesce(op_ref_origin[o.i]::int[], '{}'), tokens = o.tokens || o.presence,
            labelled_tokens = CASE WHEN o.parts = 0 THEN NULL
                              ELSE (SELECT array_agg(l.hash) FROM unnest(p_labelled_ops, p_labelled_hashes) AS l(op, hash) WHERE l.op = o.i) END,
            index_digest = o.digest, blobs = o.blobs, body = gate.in_row(o.body)
        FROM unnest(p_ops) WITH ORDINALITY AS o(kind, type, id, version, expected, plain, patient, at, updated, own, parts, tags, origin,
                                                tokens, presence, digest, blobs, body, i)
        WHERE o.kind = 'update' AND r.tenant = p_tenant AND r.type = o.type AND r.id = o.id;

    END IF;
    IF 'delete' = ANY (kinds) THEN
        -- With the current row its labels would be gone, which cover the past: they stay on every version.
        UPDATE record.version v SET own = v.own | o.own FROM unnest(p_ops) o
        WHERE o.kind = 'delete' AND v.tenant = p_tenant AND v.type = o.type AND v.id = o.id AND (v.own | o.own) <> v.own;
        DELETE FROM record.resource r USING unnest(p_ops) o
        WHERE o.kind = 'delete' AND r.tenant = p_tenant AND r.type = o.type AND r.id = o.id;

    END IF;
    IF 'label' = ANY (kinds) THEN
        -- Relabelling: no new version, but its history is kept and listeners hear of it.
        INSERT INTO record.label_change (tenant, seq, known, rule_set, own_before, own_after, parts_before, parts_after, tags_before,
                                         tags_after, reason)
        SELECT p_tenant, r.seq, p_now, coalesce(encode((p_audits[1]).rules, 'hex'), ''), r.own, o.own, r.parts, o.parts, r.tags, o.tags,
               CASE (p_audits[1]).action WHEN 'label' THEN (p_audits[1]).query ELSE 'admitted' END
        FROM unnest(p_ops) o JOIN record.resource r ON r.tenant = p_tenant AND r.type = o.type AND r.id = o.id
        WHERE o.kind = 'label' ON CONFLICT DO NOTHING;
        DELETE FROM record.kept_apart k USING unnest(p_ops) o
        WHERE o.kind = 'label' AND NOT gate.sealed(o.body) AND k.tenant = p_tenant AND k.seq = o.expected;
        UPDATE record.version v SET own = o.own, parts = o.parts, origin = o.origin, body = gate.in_row(o.body),
            blobs = CASE WHEN gate.sealed(o.body) THEN coalesce(v.blobs, '{apart}') ELSE v.blobs END
        FROM unnest(p_ops) o WHERE o.kind = 'label' AND v.tenant = p_tenant AND v.seq = o.expected;
        UPDATE record.resource r SET own = o.own, parts = o.parts, tags = o.tags, origin = o.origin, body = gate.in_row(o.body),
            blobs = CASE WHEN gate.sealed(o.body) THEN coalesce(r.blobs, '{apart}') ELSE r.blobs END,
            tokens = o.tokens || o.presence
        FROM unnest(p_ops) o WHERE o.kind = 'label' AND r.tenant = p_tenant AND r.type = o.type AND r.id = o.id;
    END IF;

    IF kinds && '{create,restore}' THEN
        INSERT INTO record.token (tenant, hash, rid)
        SELECT DISTINCT p_tenant, h.hash, rids[o.i]
        FROM unnest(p_ops) WITH ORDINALITY AS o(kind, type, id, version, expected, plain, patient, at, updated, own, parts, tags, origin,
                                                tokens, presence, digest, blobs, body, i)
        CROSS JOIN LATERAL unnest(o.tokens) AS h(hash)
        WHERE o.kind IN ('create', 'restore');
    END IF;
    IF cardinality(p_labelled_ops) > 0 THEN
        INSERT INTO record.token (tenant, hash, rid, mask, also)
        SELECT p_tenant, l.hash, rids[l.op], bit_or(l.mask), CASE WHEN count(*) > 1 THEN array_agg(l.mask) END
        FROM unnest(p_labelled_ops, p_labelled_hashes, p_labelled_masks) AS l(op, hash, mask) GROUP BY l.hash, rids[l.op]
        ON CONFLICT DO NOTHING;
    END IF;
    IF cardinality(p_string_ops) > 0 THEN
        INSERT INTO record.string (tenant, key, rid, folded, exact, mask)
        SELECT p_tenant, s.key, rids[s.op], s.folded, s.exact, s.mask
        FROM unnest(p_string_ops, p_string_keys, p_string_folded, p_string_exact, p_string_masks) AS s(op, key, folded, exact, mask)
        WHERE fresh IS NULL OR s.op = ANY (fresh) OR s.op = ANY (worded);
    END IF;
    IF cardinality(p_date_ops) > 0 THEN
        INSERT INTO record.date (tenant, key, rid, low, high, mask)
        SELECT p_tenant, s.key, rids[s.op], s.low, s.high, s.mask
        FROM unnest(p_date_ops, p_date_keys, p_date_low, p_date_high, p_date_masks) AS s(op, key, low, high, mask)
        WHERE fresh IS NULL OR s.op = ANY (fresh);
    END IF;
    IF cardinality(p_number_ops) > 0 THEN
        INSERT INTO record.number (tenant, key, rid, low, high, unit, mask)
        SELECT p_tenant, s.key, rids[s.op], s.low, s.high, s.unit, s.mask
        FROM unnest(p_number_ops, p_number_keys, p_number_low, p_number_high, p_number_units, p_number_masks) AS s(op, key, low, high, unit, mask)
        WHERE fresh IS NULL OR s.op = ANY (fresh);
    END IF;
    IF cardinality(p_edge_ops) > 0 THEN
        types := ARRAY (SELECT o.type FROM unnest(p_ops) o);
        INSERT INTO record.edge (tenant, rid, type, param, target, mask)
        SELECT p_tenant, rids[s.op], types[s.op], s.param, s.target, s.mask
        FROM unnest(p_edge_ops, p_edge_params, p_edge_targets, p_edge_masks) AS s(op, param, target, mask)
        WHERE fresh IS NULL OR s.op = ANY (fresh);
    END IF;

    -- Others may refer to what has just come under an id that was known, or been relabelled: their references now reveal it.
    IF cardinality(told) > 0 THEN
        WITH hit AS (
            SELECT e.type, e.rid, bit_or(gate.revealed(o.own, o.patient, o.origin)) AS own, o.origin
            FROM record.edge e JOIN unnest(p_ops) o ON o.type || '/' || o.id = e.target
            WHERE e.tenant = p_tenant AND e.target = ANY (told) GROUP BY e.type, e.rid, o.origin),
        moved AS (
            UPDATE record.resource r SET refs = r.refs | hit.own,
                ref_origin = r.ref_origin || ARRAY (SELECT unnest(hit.origin) EXCEPT SELECT unnest(r.ref_origin))
            FROM hit
            WHERE r.tenant = p_tenant AND r.type = hit.type AND r.rid = hit.rid
              AND ((r.refs | hit.own) <> r.refs OR NOT hit.origin <@ r.ref_origin)
            RETURNING r.seq, r.refs, r.ref_origin)
        UPDATE record.version v SET refs = moved.refs, ref_origin = moved.ref_origin
        FROM moved WHERE v.tenant = p_tenant AND v.seq = moved.seq;
    END IF;

    -- Whoever hangs on an encounter, or holds what it does, carries its laws: those made with it, and those already there.
    IF EXISTS (
        SELECT FROM unnest(p_ops) WITH ORDINALITY AS o(kind, type, id, version, expected, plain, patient, at, updated, own, parts, tags, origin,
                                                       tokens, presence, digest, blobs, body, i)
        WHERE (o.kind = 'label' OR (coalesce(op_brings[o.i], 0) & ~o.own) <> 0
               OR (o.kind IN ('update', 'restore')
                   AND EXISTS (SELECT FROM record.label_override d
                               WHERE d.tenant = p_tenant AND d.type = o.type AND d.id = o.id AND d.known_to = 'infinity'))
               OR EXISTS (SELECT FROM record.consent_grant g
                          WHERE g.tenant = p_tenant AND g.patient = o.patient AND g.recipient = '' AND g.effect = 'label'
                            AND g.known_to = 'infinity' AND (g.basis & ~o.own) <> 0))
          AND o.kind <> 'delete'
          AND ((gate.inherited(p_tenant, rids[o.i], o.type, o.own, o.origin, o.patient) | gate.decided(p_tenant, o.type, o.id, 'raise', p_now))
               & ~gate.decided(p_tenant, o.type, o.id, 'lower', p_now) & ~o.own) <> 0) THEN
        RAISE EXCEPTION 'labelled otherwise since it was read' USING ERRCODE = 'SJ409';
    END IF;
    IF kinds && '{restore}' OR EXISTS (SELECT FROM unnest(p_ops) o WHERE o.kind = 'create' AND o.expected = 0) THEN
        -- A row that changes tells this itself (record.label_turned).
        PERFORM gate.tells_again(p_tenant, ARRAY (SELECT o.type || '/' || o.id FROM unnest(p_ops) o WHERE o.kind = 'restore' OR (o.kind = 'create' AND o.expected = 0)));
    END IF;
    IF cardinality(told) > 0 THEN
        PERFORM gate.reach(p_tenant, told, coalesce(encode((p_audits[1]).rules, 'hex'), ''), p_now);
    END IF;

    -- Consents compile to grants in the transaction that writes them; what was known before stays, closed.
    IF NOT only_creates AND EXISTS (SELECT FROM unnest(p_ops) o WHERE o.type = 'Consent' AND o.kind <> 'label') THEN
        UPDATE record.consent_grant g SET known_to = p_now
        FROM unnest(p_ops) o
        WHERE o.type = 'Consent' AND o.kind <> 'label' AND g.tenant = p_tenant AND g.consent = o.id AND g.known_to = 'infinity';
    END IF;
    IF cardinality(p_grants) > 0 THEN
        INSERT INTO record.consent_grant (tenant, patient, consent, consent_seq, effect, basis, recipient, purposes, action, programs,
            types, codes, data_from, data_to, resources, valid_from, valid_to, known_from)
        SELECT p_tenant, g.patient, p_ops[g.op].id, CASE p_ops[g.op].kind WHEN 'label' THEN p_ops[g.op].expected ELSE seqs[g.op] END, g.effect, g.basis, g.recipient, g.purposes, g.action, g.programs,
            g.types, g.codes, g.data_from, g.data_to, g.resources, g.valid_from, g.valid_to, p_now
        FROM unnest(p_grants) g;
    END IF;
    IF NOT only_creates THEN
        UPDATE record.relation l SET known_to = p_now
        FROM unnest(p_ops) o
        WHERE o.kind IN ('update', 'delete', 'restore', 'label') AND o.type IN ('CareTeam', 'EpisodeOfCare', 'Consent')
          AND (o.kind <> 'label' OR o.type <> 'Consent') AND l.tenant = p_tenant AND l.source = o.type || '/' || o.id AND l.known_to = 'infinity';
    END IF;
    IF cardinality(p_relations) > 0 THEN
        INSERT INTO record.relation (tenant, patient, actor, kind, source, valid_from, valid_to, known_from)
        SELECT p_tenant, l.patient, l.actor, l.kind, p_ops[l.op].type || '/' || p_ops[l.op].id, l.valid_from, l.valid_to, p_now
        FROM unnest(p_relations) l;
    END IF;

    INSERT INTO record.change (tenant, seq, kind)
    SELECT p_tenant, CASE WHEN o.kind = 'label' THEN o.expected ELSE seqs[o.i] END,
           CASE o.kind WHEN 'restore' THEN 'create' ELSE o.kind END
    FROM unnest(p_ops) WITH ORDINALITY AS o(kind, type, id, version, expected, plain, patient, at, updated, own, parts, tags, origin,
                                            tokens, presence, digest, blobs, body, i)
    ON CONFLICT DO NOTHING;
    INSERT INTO record.audit (tenant, recorded, request, account, role, door, purpose, action, outcome, type, query, patients,
                              shown, rules)
    SELECT p_tenant, a.recorded, a.request, a.account, a.role, a.door, a.purpose, a.action, a.outcome, a.type, a.query, a.patients,
           seqs[coalesce(p_lasts[a.i - 1], 0) + 1 : p_lasts[a.i]], a.rules
    FROM unnest(p_audits) WITH ORDINALITY AS a(recorded, request, account, role, door, purpose, action, outcome, type, query, patients,
                                               shown, rules, i);
    RETURN seqs;
END $$;

CREATE OR REPLACE FUNCTION gate.audit_rows(p_tenant int, p_rows record.audit_row[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    INSERT INTO record.audit (tenant, recorded, request, account, role, door, purpose, action, outcome, type, query, patients,
                              shown, rules)
    SELECT p_tenant, a.recorded, a.request, a.account, a.role, a.door, a.purpose, a.action, a.outcome, a.type, a.query, a.patients,
           a.shown, a.rules
    FROM unnest(p_rows) a
$$;
