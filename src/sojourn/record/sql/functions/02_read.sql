-- The hot shapes: one statement a function, one round trip a request. Each takes the decision as arguments.
--
-- Planned once a connection (plan_cache_mode): with arrays among the arguments PostgreSQL would plan anew at every call, which costs
-- more than the statement. Planned for any size (enable_seqscan): a plan made on a table that is empty yet must still be right later.

-- One resource by id; if there is none that may be seen, its deletion if that may be seen. An id that is withheld runs what an
-- unknown id runs.
CREATE OR REPLACE FUNCTION gate.read(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_mask bigint, p_programs int[], p_keys text[], p_purpose text,
    p_action text, p_related boolean, p_type text, p_id text
) RETURNS TABLE (kind text, rid bigint, seq bigint, version text, updated timestamptz, patient text, clean boolean, blobs text[],
                 body bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    /*alive*/
    RETURN QUERY
    SELECT 'current', r.rid, r.seq, r.version, r.updated, r.patient, /*clean:r:stands.bits*/ AND NOT r.apart, r.blobs, /*body:r*/ AS body
    FROM record.resource r LEFT JOIN LATERAL (/*standing:r*/) stands ON true
    WHERE r.tenant = p_tenant AND r.type = p_type AND r.id = p_id AND /*row:r:stands.bits*/;
    IF NOT FOUND THEN
        RETURN QUERY
        SELECT v.kind, v.rid, v.seq, v.version, v.updated, v.patient, true, v.blobs, /*body:v*/ AS body
        FROM (SELECT * FROM record.version w WHERE w.tenant = p_tenant AND w.type = p_type AND w.id = p_id
              ORDER BY w.seq DESC LIMIT 1) v
        WHERE v.kind = 'delete' AND /*row:v*/;
    END IF;
END $$;

-- The versions of one resource, newest first, from a seq downwards. A version is seen only if its own labels pass and those of
-- the current row pass too (so that a label raised later covers the past). One in which nothing but notes kept apart changed is none
-- for whoever may not see these. When something becomes such a note, past versions that refer to it say so from then on (gate.tell_of);
-- those of no patient, and those of what was deleted, are never clean.
CREATE OR REPLACE FUNCTION gate.history(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_mask bigint, p_programs int[], p_keys text[], p_purpose text,
    p_action text, p_related boolean, p_type text, p_id text, p_version text, p_since timestamptz, p_before bigint, p_limit int
) RETURNS TABLE (kind text, rid bigint, seq bigint, version text, updated timestamptz, patient text, clean boolean, blobs text[],
                 body bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    /*alive*/
    RETURN QUERY
    SELECT v.kind, v.rid, v.seq, v.version, v.updated, v.patient,
           /*clean:v*/ AND NOT v.apart AND EXISTS (
               SELECT FROM record.resource r
               WHERE r.tenant = p_tenant AND r.type = p_type AND r.id = p_id AND (r.seq = v.seq OR v.patient IS NOT NULL)),
           v.blobs, /*body:v*/ AS body
    FROM record.version v
    WHERE v.tenant = p_tenant AND v.type = p_type AND v.id = p_id AND v.seq < p_before
      AND (p_version IS NULL OR v.version = p_version) AND (p_since IS NULL OR v.updated >= p_since)
      AND (NOT v.apart OR /*part:v:12*/)
      AND /*row:v*/
      AND NOT EXISTS (SELECT FROM record.resource r WHERE r.tenant = p_tenant AND r.type = p_type AND r.id = p_id AND NOT /*row:r*/)
    ORDER BY v.seq DESC LIMIT p_limit;
END $$;

-- The history of some types, newest first. p_plain: only versions in which the unlabelled part changed.
CREATE OR REPLACE FUNCTION gate.history_of(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_mask bigint, p_programs int[], p_keys text[], p_purpose text,
    p_action text, p_related boolean, p_types text[], p_since timestamptz, p_before bigint, p_limit int, p_plain boolean
) RETURNS TABLE (kind text, rid bigint, seq bigint, version text, updated timestamptz, patient text, clean boolean, blobs text[],
                 body bytea, type text, id text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off AS $$
BEGIN
    /*alive*/
    RETURN QUERY
    SELECT h.* FROM unnest(p_types) AS t(name) CROSS JOIN LATERAL (
        SELECT v.kind, v.rid, v.seq, v.version, v.updated, v.patient,
               /*clean:v*/ AND NOT v.apart AND EXISTS (
                   SELECT FROM record.resource r
                   WHERE r.tenant = p_tenant AND r.type = v.type AND r.id = v.id AND (r.seq = v.seq OR v.patient IS NOT NULL)) AS clean,
               v.blobs, /*body:v*/ AS body, v.type, v.id
        FROM record.version v
        WHERE v.tenant = p_tenant AND v.type = t.name AND v.seq < p_before
          AND (p_since IS NULL OR v.updated >= p_since) AND (NOT p_plain OR v.plain_seq = v.seq) AND (NOT v.apart OR /*part:v:12*/)
          AND /*row:v*/
          AND NOT EXISTS (SELECT FROM record.resource r
                          WHERE r.tenant = p_tenant AND r.type = v.type AND r.id = v.id AND NOT /*row:r*/)
        ORDER BY v.seq DESC LIMIT p_limit) h
    ORDER BY h.seq DESC LIMIT p_limit;
END $$;

-- The chart search: one patient, one type, every token given, newest first (or in the order of rid). How the caller stands with the patient
-- is asked once; beside each row only where it hangs on the row.
CREATE OR REPLACE FUNCTION gate.chart(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_mask bigint, p_programs int[], p_keys text[], p_purpose text,
    p_action text, p_related boolean, p_type text, p_patient text, p_tokens bigint[], p_newest boolean,
    p_at timestamptz, p_rid bigint, p_limit int
) RETURNS TABLE (type text, id text, rid bigint, seq bigint, version text, updated timestamptz, patient text, clean boolean,
                 blobs text[], at timestamptz, body bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off AS $$
DECLARE
    standing bigint; limited int[]; limits bigint[];
BEGIN
    /*alive*/
    standing := (SELECT stands.bits FROM (SELECT p_tenant AS tenant, p_patient AS patient, '{}'::int[] AS origin, '{}'::int[] AS ref_origin) p
                 CROSS JOIN LATERAL (/*standing:p*/) stands);
    IF (standing & 72057594037927936) <> 0 THEN
        SELECT l.programs, l.bits INTO limited, limits
        FROM (SELECT p_tenant AS tenant, p_patient AS patient) p CROSS JOIN LATERAL (/*limited:p*/) l;
    END IF;
    IF p_newest THEN
        RETURN QUERY
        SELECT r.type, r.id, r.rid, r.seq, r.version, r.updated, r.patient, /*clean:r:stands.bits*/ AND NOT r.apart, r.blobs, r.at, /*body:r*/ AS body
        FROM record.resource r
        CROSS JOIN LATERAL (SELECT /*beside:r*/ AS bits OFFSET 0) stands
        WHERE r.tenant = p_tenant AND r.patient = p_patient AND r.type = p_type AND (r.at, r.rid) < (p_at, p_rid)
          AND (r.tokens @> p_tokens OR (r.labelled_tokens IS NOT NULL AND r.tokens || ARRAY(
                SELECT k.hash FROM record.token k WHERE k.tenant = p_tenant AND k.rid = r.rid AND k.hash = ANY (p_tokens)
                  AND (/*part:r:k.mask*/ OR (k.also IS NOT NULL AND EXISTS (SELECT FROM unnest(k.also) AS m(mask) WHERE /*part:r:m.mask*/)))
                ) @> p_tokens))
          AND (r.parts = 0 OR EXISTS ( -- that it belongs to the patient may itself be labelled
                SELECT FROM record.edge e WHERE e.tenant = p_tenant AND e.rid = r.rid AND e.type = p_type
                  AND e.target = 'Patient/' || p_patient AND /*part:r:e.mask*/))
          AND /*row:r:stands.bits*/
        ORDER BY r.at DESC, r.rid DESC LIMIT p_limit;
    ELSE
        RETURN QUERY
        SELECT r.type, r.id, r.rid, r.seq, r.version, r.updated, r.patient, /*clean:r:stands.bits*/ AND NOT r.apart, r.blobs, r.at, /*body:r*/ AS body
        FROM record.resource r
        CROSS JOIN LATERAL (SELECT /*beside:r*/ AS bits OFFSET 0) stands
        WHERE r.tenant = p_tenant AND r.patient = p_patient AND r.type = p_type AND r.rid > p_rid
          AND (r.tokens @> p_tokens OR (r.labelled_tokens IS NOT NULL AND r.tokens || ARRAY(
                SELECT k.hash FROM record.token k WHERE k.tenant = p_tenant AND k.rid = r.rid AND k.hash = ANY (p_tokens)
                  AND (/*part:r:k.mask*/ OR (k.also IS NOT NULL AND EXISTS (SELECT FROM unnest(k.also) AS m(mask) WHERE /*part:r:m.mask*/)))
                ) @> p_tokens))
          AND (r.parts = 0 OR EXISTS ( -- that it belongs to the patient may itself be labelled
                SELECT FROM record.edge e WHERE e.tenant = p_tenant AND e.rid = r.rid AND e.type = p_type
                  AND e.target = 'Patient/' || p_patient AND /*part:r:e.mask*/))
          AND /*row:r:stands.bits*/
        ORDER BY r.rid + 0 LIMIT p_limit; -- by the chart index: the index by rid would walk through everybody else's rows
    END IF;
END $$;

-- The same, newest first, for callers subject to redaction. That a row is in the patient's chart may be told if nothing labelled is about it, or if
-- one of its references to the patient may be seen (p_params: their names). And what came before, of rows that were changed since they
-- were made: `past` rows are versions, for working out as which version this caller knows the row.
CREATE OR REPLACE FUNCTION gate.chart_redacted(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_mask bigint, p_programs int[], p_keys text[], p_purpose text,
    p_action text, p_related boolean, p_type text, p_patient text, p_params text[], p_tokens bigint[], p_at timestamptz, p_rid bigint,
    p_limit int, p_deep int
) RETURNS TABLE (type text, id text, rid bigint, seq bigint, version text, updated timestamptz, patient text, clean boolean,
                 blobs text[], at timestamptz, body bytea, kind text, past boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off AS $$
DECLARE
    unknown boolean; -- whether there is a patient of this id of whom the caller must not know
    standing bigint; limited int[]; limits bigint[];
BEGIN
    /*alive*/
    standing := (SELECT stands.bits FROM (SELECT p_tenant AS tenant, p_patient AS patient, '{}'::int[] AS origin, '{}'::int[] AS ref_origin) p
                 CROSS JOIN LATERAL (/*standing:p*/) stands);
    IF (standing & 72057594037927936) <> 0 THEN
        SELECT l.programs, l.bits INTO limited, limits
        FROM (SELECT p_tenant AS tenant, p_patient AS patient) p CROSS JOIN LATERAL (/*limited:p*/) l;
    END IF;
    unknown := EXISTS (SELECT FROM record.resource t WHERE t.tenant = p_tenant AND t.type = 'Patient' AND t.id = p_patient AND NOT /*row:t*/)
        OR EXISTS (SELECT FROM (SELECT * FROM record.version w WHERE w.tenant = p_tenant AND w.type = 'Patient' AND w.id = p_patient
                                ORDER BY w.seq DESC LIMIT 1) v WHERE v.kind = 'delete' AND NOT /*row:v*/);
    RETURN QUERY
    WITH page AS MATERIALIZED (
        SELECT r.type, r.id, r.rid, r.seq, r.version, r.updated, r.patient, r.blobs, r.at, /*body:r*/ AS body
        FROM record.resource r
        CROSS JOIN LATERAL (SELECT /*beside:r*/ AS bits OFFSET 0) stands
        WHERE r.tenant = p_tenant AND r.patient = p_patient AND r.type = p_type AND (r.at, r.rid) < (p_at, p_rid)
          AND (r.tokens @> p_tokens OR (r.labelled_tokens IS NOT NULL AND r.tokens || ARRAY(
                SELECT k.hash FROM record.token k WHERE k.tenant = p_tenant AND k.rid = r.rid AND k.hash = ANY (p_tokens)
                  AND (/*part:r:k.mask*/ OR (k.also IS NOT NULL AND EXISTS (SELECT FROM unnest(k.also) AS m(mask) WHERE /*part:r:m.mask*/)))
                ) @> p_tokens))
          AND ((/*behind:r:stands.bits*/ AND /*part:r:r.parts*/) OR EXISTS (
                SELECT FROM record.edge e WHERE e.tenant = p_tenant AND e.rid = r.rid AND e.type = p_type AND e.param = ANY (p_params)
                  AND e.target = 'Patient/' || p_patient AND /*part:r:e.mask*/ AND (NOT unknown OR /*behind:r:stands.bits*/)))
          AND /*row:r:stands.bits*/
        ORDER BY r.at DESC, r.rid DESC LIMIT p_limit)
    SELECT g.type, g.id, g.rid, g.seq, g.version, g.updated, g.patient, false, g.blobs, g.at, g.body, 'current', false FROM page g
    UNION ALL
    SELECT h.type, h.id, h.rid, h.seq, h.version, h.updated, h.patient, false, h.blobs, h.at, h.body, h.kind, true
    FROM page g CROSS JOIN LATERAL (
        SELECT v.* FROM record.version v
        WHERE g.seq <> g.rid AND v.tenant = p_tenant AND v.type = g.type AND v.id = g.id AND /*row:v*/
        ORDER BY v.seq DESC LIMIT p_deep) h;
END $$;

-- How far a caller sees (for redaction): which references may not be followed, because the target exists, or did until it was
-- deleted, and may not be seen; and for each resource named, of the bases of its labelled elements those that may be seen in it.
CREATE OR REPLACE FUNCTION gate.sight(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_mask bigint, p_programs int[], p_keys text[], p_purpose text,
    p_action text, p_related boolean, p_targets text[], p_names text[], p_parts bigint[]
) RETURNS TABLE (hidden text, name text, permitted bigint) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off AS $$
BEGIN
    /*alive*/
    RETURN QUERY
    -- Each target is looked for once; only what is not there may have been deleted. Of the many that are about the same people how the caller
    -- stands with them is asked once a patient (as in gate.chart), and beside the row only where it hangs on the row.
    WITH here AS MATERIALIZED (
        SELECT t.name, r.tenant, r.rid, r.type, r.id, r.patient, r.own, r.parts, r.refs, r.origin, r.ref_origin, r.tokens, r.at
        FROM unnest(p_targets) AS t(name)
        LEFT JOIN record.resource r ON r.tenant = p_tenant AND r.type = split_part(t.name, '/', 1) AND r.id = split_part(t.name, '/', 2)),
    people AS MATERIALIZED (
        SELECT p.patient, stands.bits
        FROM (SELECT DISTINCT p_tenant AS tenant, h.patient, '{}'::int[] AS origin, '{}'::int[] AS ref_origin FROM here h WHERE h.patient IS NOT NULL) p
        CROSS JOIN LATERAL (/*standing:p*/) stands)
    SELECT r.name, NULL, NULL::bigint FROM here r LEFT JOIN people p ON p.patient = r.patient
    CROSS JOIN LATERAL (SELECT CASE WHEN (coalesce(p.bits, 0) & 72057594037927936) = 0 THEN coalesce(p.bits, 0) ELSE (/*standing:r*/) END AS bits OFFSET 0) stands
    WHERE r.rid IS NOT NULL AND NOT /*row:r:stands.bits*/
    UNION ALL
    SELECT h.name, NULL, NULL FROM here h
    CROSS JOIN LATERAL (
        SELECT * FROM record.version w
        WHERE h.rid IS NULL AND w.tenant = p_tenant AND w.type = split_part(h.name, '/', 1) AND w.id = split_part(h.name, '/', 2)
        ORDER BY w.seq DESC LIMIT 1) v
    WHERE v.kind = 'delete' AND NOT /*row:v*/
    UNION ALL
    SELECT NULL, n.name, (SELECT coalesce(bit_or(b.bit), 0) FROM (SELECT 1::bigint << i AS bit FROM generate_series(1, 20) i) b
                          WHERE (n.parts & b.bit) <> 0 AND /*part:x:b.bit*/)
    FROM unnest(p_names, p_parts) AS n(name, parts)
    CROSS JOIN LATERAL (
        SELECT r.tenant, r.patient, r.origin, r.type, r.id, r.tokens, r.at FROM record.resource r
        WHERE r.tenant = p_tenant AND r.type = split_part(n.name, '/', 1) AND r.id = split_part(n.name, '/', 2)
        UNION ALL
        (SELECT w.tenant, w.patient, w.origin, w.type, w.id, w.tokens, w.at FROM record.version w
         WHERE w.tenant = p_tenant AND w.type = split_part(n.name, '/', 1) AND w.id = split_part(n.name, '/', 2)
         ORDER BY w.seq DESC LIMIT 1)
        LIMIT 1) x;
END $$;

-- Which of these references lead to something that may be seen (for writes).
CREATE OR REPLACE FUNCTION gate.known(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_mask bigint, p_programs int[], p_keys text[], p_purpose text,
    p_action text, p_related boolean, p_targets text[]
) RETURNS SETOF text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off AS $$
BEGIN
    /*alive*/
    RETURN QUERY
    SELECT t.name FROM unnest(p_targets) AS t(name)
    JOIN record.resource r ON r.tenant = p_tenant AND r.type = split_part(t.name, '/', 1) AND r.id = split_part(t.name, '/', 2)
    WHERE /*row:r*/;
END $$;

-- What a change is made from: the current row with everything that the write needs to keep.
CREATE OR REPLACE FUNCTION gate.for_update(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_mask bigint, p_programs int[], p_keys text[], p_purpose text,
    p_action text, p_related boolean, p_types text[], p_ids text[]
) RETURNS TABLE (i int, kind text, seq bigint, version text, updated timestamptz, clean boolean, origin int[], own bigint,
                 parts bigint, tags text[], blobs text[], patient text, body bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off AS $$
BEGIN
    /*alive*/
    RETURN QUERY
    SELECT w.i::int, coalesce(r.kind, d.kind), coalesce(r.seq, d.seq), coalesce(r.version, d.version),
           coalesce(r.updated, d.updated), coalesce(r.clean, true), coalesce(r.origin, d.origin), coalesce(r.own, d.own),
           coalesce(r.parts, d.parts), coalesce(r.tags, '{}'), r.blobs, coalesce(r.patient, d.patient), r.body
    FROM unnest(p_types, p_ids) WITH ORDINALITY AS w(type, id, i)
    LEFT JOIN LATERAL (
        SELECT 'current' AS kind, r.seq, r.version, r.updated, /*clean:r*/ AND NOT r.apart AS clean, r.origin, r.own, r.parts, r.tags, r.blobs,
               r.patient, /*body:r*/ AS body
        FROM record.resource r WHERE r.tenant = p_tenant AND r.type = w.type AND r.id = w.id AND /*row:r*/) r ON true
    LEFT JOIN LATERAL (
        SELECT v.* FROM (SELECT * FROM record.version x WHERE x.tenant = p_tenant AND x.type = w.type AND x.id = w.id
                         ORDER BY x.seq DESC LIMIT 1) v
        WHERE r.kind IS NULL AND v.kind = 'delete' AND /*row:v*/) d ON true
    ORDER BY w.i;
END $$;

-- The versions of several resources that may be seen, newest first: what a caller can tell apart is worked out from them.
-- p_several: only of those that have more than one, since the caller has the rows themselves. `told`: whether something changed but
-- notes kept apart, or these may be seen.
CREATE OR REPLACE FUNCTION gate.versions(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_mask bigint, p_programs int[], p_keys text[], p_purpose text,
    p_action text, p_related boolean, p_types text[], p_ids text[], p_limit int, p_several boolean
) RETURNS TABLE (kind text, rid bigint, seq bigint, version text, updated timestamptz, patient text, clean boolean, blobs text[],
                 body bytea, type text, id text, told boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off AS $$
BEGIN
    /*alive*/
    RETURN QUERY
    SELECT h.* FROM unnest(p_types, p_ids) AS w(type, id)
    LEFT JOIN record.resource c ON c.tenant = p_tenant AND c.type = w.type AND c.id = w.id
    CROSS JOIN LATERAL (
        SELECT v.kind, v.rid, v.seq, v.version, v.updated, v.patient, /*clean:v*/ AND NOT v.apart AS clean, v.blobs, /*body:v*/ AS body, v.type, v.id,
               NOT v.apart OR /*part:v:12*/ AS told
        FROM record.version v
        WHERE v.tenant = p_tenant AND v.type = w.type AND v.id = w.id AND /*row:v*/
          AND NOT EXISTS (SELECT FROM record.resource r WHERE r.tenant = p_tenant AND r.type = w.type AND r.id = w.id AND NOT /*row:r*/)
        ORDER BY v.seq DESC LIMIT p_limit) h
    WHERE NOT p_several OR c.seq IS DISTINCT FROM c.rid
    ORDER BY h.type, h.id, h.seq DESC;
END $$;

-- Which of these, by place from 0, nobody but one account ever wrote: for a deletion by the same import that brought them.
CREATE OR REPLACE FUNCTION gate.brought(p_tenant int, p_account text, p_types text[], p_ids text[]) RETURNS SETOF int
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT (w.i - 1)::int FROM unnest(p_types, p_ids) WITH ORDINALITY AS w(type, id, i)
    WHERE NOT EXISTS (SELECT FROM record.version v WHERE v.tenant = p_tenant AND v.type = w.type AND v.id = w.id AND v.author <> p_account)
$$;

-- Which of these `Type/id` exist, or did, and carry a label with one of the bases, whoever asks: for deciding whether a change touched
-- what everybody may see.
CREATE OR REPLACE FUNCTION gate.labelled(p_tenant int, p_targets text[], p_bases bigint) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT t.name FROM unnest(p_targets) AS t(name)
    CROSS JOIN LATERAL (
        SELECT r.own FROM record.resource r
        WHERE r.tenant = p_tenant AND r.type = split_part(t.name, '/', 1) AND r.id = split_part(t.name, '/', 2)
        UNION ALL
        (SELECT w.own FROM record.version w
         WHERE w.tenant = p_tenant AND w.type = split_part(t.name, '/', 1) AND w.id = split_part(t.name, '/', 2)
         ORDER BY w.seq DESC LIMIT 1)
        LIMIT 1) x
    WHERE (x.own & p_bases) <> 0
$$;
