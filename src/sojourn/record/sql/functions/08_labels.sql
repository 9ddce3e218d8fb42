-- Labels: what a row takes from others, what people decided about it, and giving labels again.

-- The bases that a reference passes on to the row that has it. From an encounter everything but the notes kept apart, which are
-- by their author's choice (45 CFR 164.501 leaves times, prescriptions and diagnoses out of them); a document and a report hold
-- what their contents carry (also those that no search parameter covers: @, see gate/inheriting.py); a prescription is as the
-- medication that it names.
CREATE OR REPLACE FUNCTION gate.passed_on(p_param text, p_target text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN p_param IN ('encounter', 'context', 'part-of', '') AND p_target >= 'Encounter/' AND p_target < 'Encounter0' THEN ~12::bigint
        WHEN p_param IN ('@', 'entry', 'result', 'medication') THEN ~0::bigint
        -- What was ordered, and work about an order or a result.
        WHEN p_param = 'based-on' AND p_target >= 'ServiceRequest/' AND p_target < 'ServiceRequest0' THEN ~0::bigint
        WHEN p_param = 'focus' AND ((p_target >= 'DiagnosticReport/' AND p_target < 'DiagnosticReport0') OR (p_target >= 'Observation/' AND p_target < 'Observation0')
                                   OR (p_target >= 'ServiceRequest/' AND p_target < 'ServiceRequest0')) THEN ~0::bigint
        ELSE 0 END
$$;

-- Of these the ones that reach a row. Part 2 follows the program, so a source of another program's Part 2 record passes nothing on:
-- its label would tell those who may see the row, and not the source, that there is such a program. Nor does another patient's.
CREATE OR REPLACE FUNCTION gate.reaching(
    p_mask bigint, s_own bigint, s_origin int[], s_patient text, r_type text, r_own bigint, r_origin int[], r_patient text
) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN (s_own & p_mask) = 0 OR s_patient <> r_patient THEN 0
        WHEN (s_own & 2) = 0 THEN s_own & p_mask
        WHEN s_origin = '{}' OR NOT s_origin <@ r_origin THEN 0
        WHEN NOT r_type = ANY ('{Patient,RelatedPerson,Coverage,Account,AllergyIntolerance,Immunization}') THEN s_own & p_mask
        WHEN (r_own & 2) <> 0 THEN s_own & p_mask & ~2::bigint
        ELSE 0 END
$$;

-- What a stored row takes from what it refers to now, or did until that was deleted; and for care that a minor consented to alone.
CREATE OR REPLACE FUNCTION gate.inherited(p_tenant int, p_rid bigint, p_type text, p_own bigint, p_origin int[], p_patient text)
RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT gate.minors_care(p_tenant, p_rid, p_type, p_patient)
           | coalesce(bit_or(gate.reaching(gate.passed_on(e.param, e.target), s.own, s.origin, s.patient, p_type, p_own, p_origin,
                                           p_patient)), 0)
    FROM record.edge e
    CROSS JOIN LATERAL (
        (SELECT t.own, t.origin, t.patient FROM record.resource t
         WHERE t.tenant = p_tenant AND t.type = split_part(e.target, '/', 1) AND t.id = split_part(e.target, '/', 2))
        UNION ALL
        (SELECT w.own, w.origin, w.patient FROM record.version w
         WHERE w.tenant = p_tenant AND w.type = split_part(e.target, '/', 1) AND w.id = split_part(e.target, '/', 2)
         ORDER BY w.seq DESC LIMIT 1)
        LIMIT 1) s
    WHERE e.tenant = p_tenant AND e.rid = p_rid AND e.type = p_type AND gate.passed_on(e.param, e.target) <> 0
$$;

-- Laws that the privacy officer took from a resource, and laws that staff put on it: in force now.
CREATE OR REPLACE FUNCTION gate.decided(p_tenant int, p_type text, p_id text, p_effect text, p_now timestamptz) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT coalesce(bit_or(o.bases), 0) FROM record.label_override o
    WHERE o.tenant = p_tenant AND o.type = p_type AND o.id = p_id AND o.effect = p_effect AND o.known_to = 'infinity'
      AND o.valid_from <= p_now AND p_now < o.valid_to
$$;

-- The labels of what these carry reach what hangs on them: at once, in the transaction that gave them; whatever hangs on that in
-- turn too. Only raises, so it ends. The labels within the bytes follow through the feed.
CREATE OR REPLACE FUNCTION gate.reach(p_tenant int, p_targets text[], p_rules text, p_now timestamptz) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    front text[] := p_targets;
    total int := 0;
BEGIN
    LOOP
        -- What becomes a note kept apart with another is held as if it were changed itself: nobody judges by it that it is none (gate.write).
        IF EXISTS (SELECT FROM unnest(front) AS f(target) JOIN record.resource s ON s.tenant = p_tenant AND s.type = split_part(f.target, '/', 1)
                   AND s.id = split_part(f.target, '/', 2) WHERE (s.own & 12) <> 0) THEN
            PERFORM pg_advisory_xact_lock(k.key)
            FROM (SELECT DISTINCT hashtextextended(p_tenant || '/' || r.type || '/' || r.id, 0) AS key FROM unnest(front) AS f(target)
                  JOIN record.edge e ON e.tenant = p_tenant AND e.target = f.target AND (gate.passed_on(e.param, e.target) & 12) <> 0
                  JOIN record.resource r ON r.tenant = p_tenant AND r.type = e.type AND r.rid = e.rid AND (r.own & 12) = 0 ORDER BY key) k;
        END IF;
        WITH hit AS (
            SELECT r.type, r.rid, r.id, r.seq, r.own, r.parts, r.tags,
                   bit_or(gate.reaching(gate.passed_on(e.param, e.target), s.own, s.origin, s.patient, r.type, r.own, r.origin,
                                        r.patient)) AS bits
            FROM unnest(front) AS f(target)
            JOIN record.edge e ON e.tenant = p_tenant AND e.target = f.target
            JOIN record.resource s ON s.tenant = p_tenant AND s.type = split_part(f.target, '/', 1) AND s.id = split_part(f.target, '/', 2)
            JOIN record.resource r ON r.tenant = p_tenant AND r.type = e.type AND r.rid = e.rid
            WHERE gate.passed_on(e.param, e.target) <> 0
            GROUP BY r.type, r.rid, r.id, r.seq, r.own, r.parts, r.tags),
        due AS (
            SELECT h.*, h.bits & ~gate.decided(p_tenant, h.type, h.id, 'lower', p_now) AS more FROM hit h
            WHERE (h.bits & ~h.own) <> 0),
        moved AS (
            UPDATE record.resource r SET own = r.own | due.more FROM due
            WHERE r.tenant = p_tenant AND r.type = due.type AND r.rid = due.rid AND (due.more & ~r.own) <> 0
            RETURNING r.seq, r.type, r.id, r.own, r.origin, due.own AS before, due.parts, due.tags),
        kept AS (
            UPDATE record.version v SET own = moved.own FROM moved WHERE v.tenant = p_tenant AND v.seq = moved.seq),
        told AS (
            INSERT INTO record.change (tenant, seq, kind) SELECT p_tenant, m.seq, 'label' FROM moved m ON CONFLICT DO NOTHING),
        noted AS (
            INSERT INTO record.label_change (tenant, seq, known, rule_set, own_before, own_after, parts_before, parts_after, tags_before,
                                             tags_after, reason)
            SELECT p_tenant, m.seq, p_now, p_rules, m.before, m.own, m.parts, m.parts, m.tags, m.tags, 'inherited' FROM moved m
            ON CONFLICT DO NOTHING)
        SELECT array_agg(m.type || '/' || m.id) INTO front FROM moved m;
        EXIT WHEN front IS NULL;
        total := total + cardinality(front);
        -- What refers to them reveals them.
        WITH hit AS (
            SELECT e.type, e.rid, bit_or(gate.revealed(s.own, s.patient, s.origin)) AS own, s.origin
            FROM record.edge e
            JOIN record.resource s ON s.tenant = p_tenant AND s.type = split_part(e.target, '/', 1) AND s.id = split_part(e.target, '/', 2)
            WHERE e.tenant = p_tenant AND e.target = ANY (front) GROUP BY e.type, e.rid, s.origin),
        moved AS (
            UPDATE record.resource r SET refs = r.refs | hit.own,
                ref_origin = r.ref_origin || ARRAY (SELECT unnest(hit.origin) EXCEPT SELECT unnest(r.ref_origin))
            FROM hit WHERE r.tenant = p_tenant AND r.type = hit.type AND r.rid = hit.rid
              AND ((r.refs | hit.own) <> r.refs OR NOT hit.origin <@ r.ref_origin)
            RETURNING r.seq, r.refs, r.ref_origin)
        UPDATE record.version v SET refs = moved.refs, ref_origin = moved.ref_origin
        FROM moved WHERE v.tenant = p_tenant AND v.seq = moved.seq;
    END LOOP;
    RETURN total;
END $$;

-- The labels of what others may hang on, or hold.
CREATE OR REPLACE FUNCTION gate.label_sources(p_tenant int, p_targets text[])
RETURNS TABLE (target text, own bigint, origin int[], patient text, tags text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off AS $$
    SELECT f.target, s.own, s.origin, s.patient, s.tags FROM unnest(p_targets) AS f(target)
    CROSS JOIN LATERAL (
        (SELECT t.own, t.origin, t.patient, t.tags FROM record.resource t
         WHERE t.tenant = p_tenant AND t.type = split_part(f.target, '/', 1) AND t.id = split_part(f.target, '/', 2))
        UNION ALL
        (SELECT w.own, w.origin, w.patient, '{}' FROM record.version w
         WHERE w.tenant = p_tenant AND w.type = split_part(f.target, '/', 1) AND w.id = split_part(f.target, '/', 2)
         ORDER BY w.seq DESC LIMIT 1)
        LIMIT 1) s
$$;

-- Everything that the label of a version follows from, and the label that it has. The versions named, or the next after a place.
CREATE OR REPLACE FUNCTION gate.label_facts(p_tenant int, p_seqs bigint[], p_after bigint, p_limit int, p_now timestamptz)
RETURNS TABLE (seq bigint, type text, id text, version text, updated timestamptz, kind text, current boolean, author text, patient text,
               origin int[], own bigint, parts bigint, tags text[], inherited bigint, inherited_tags text[], sent text, raised text[],
               lowered text[], body bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
    SELECT v.seq, v.type, v.id, v.version, v.updated, v.kind, coalesce(r.seq = v.seq, false), v.author, v.patient, v.origin, v.own,
           v.parts, CASE WHEN r.seq = v.seq THEN r.tags ELSE '{}' END,
           CASE WHEN r.rid IS NULL THEN 0 ELSE gate.inherited(p_tenant, r.rid, r.type, r.own, r.origin, r.patient) END,
           coalesce((SELECT array_agg(DISTINCT g.tag) FROM record.edge e
                     JOIN record.resource m ON m.tenant = p_tenant AND m.type = 'Medication' AND m.id = split_part(e.target, '/', 2)
                     CROSS JOIN LATERAL unnest(m.tags) AS g(tag)
                     WHERE e.tenant = p_tenant AND e.rid = r.rid AND e.type = r.type AND e.param = 'medication'
                       AND m.own = 0), '{}'),
           coalesce(s.codings, CASE WHEN v.seq < (SELECT c.seq FROM record.label_since c) THEN NULL ELSE '[]' END),
           coalesce((SELECT array_agg(DISTINCT c.code) FROM record.label_override o CROSS JOIN LATERAL unnest(o.codes) AS c(code)
                     WHERE o.tenant = p_tenant AND o.type = v.type AND o.id = v.id AND o.effect = 'raise' AND o.known_to = 'infinity'
                       AND o.valid_from <= p_now AND p_now < o.valid_to), '{}'),
           coalesce((SELECT array_agg(DISTINCT c.code) FROM record.label_override o CROSS JOIN LATERAL unnest(o.codes) AS c(code)
                     WHERE o.tenant = p_tenant AND o.type = v.type AND o.id = v.id AND o.effect = 'lower' AND o.known_to = 'infinity'
                       AND o.valid_from <= p_now AND p_now < o.valid_to), '{}'),
           CASE WHEN r.seq = v.seq THEN /*body:r*/
                WHEN v.kind = 'delete' THEN (SELECT /*body:b*/ FROM record.version b  -- what was deleted says under which law
                                             WHERE b.tenant = p_tenant AND b.type = v.type AND b.id = v.id AND b.seq < v.seq
                                               AND b.body IS NOT NULL ORDER BY b.seq DESC LIMIT 1)
                ELSE /*body:v*/ END
    FROM (SELECT w.* FROM record.version w
          WHERE w.tenant = p_tenant AND w.seq > p_after AND (p_seqs IS NULL OR w.seq = ANY (p_seqs))
          ORDER BY w.seq LIMIT p_limit) v
    LEFT JOIN record.resource r ON r.tenant = p_tenant AND r.type = v.type AND r.id = v.id
    LEFT JOIN record.label_sent s ON s.tenant = p_tenant AND s.seq = v.seq
    ORDER BY v.seq
$$;

-- The current version of each.
CREATE OR REPLACE FUNCTION gate.label_heads(p_tenant int, p_types text[], p_ids text[]) RETURNS TABLE (i int, seq bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off AS $$
    SELECT w.i::int, r.seq FROM unnest(p_types, p_ids) WITH ORDINALITY AS w(type, id, i)
    JOIN record.resource r ON r.tenant = p_tenant AND r.type = w.type AND r.id = w.id
$$;

-- Past versions get their labels in place; so does what was deleted, which can only rise. A version that was relabelled meanwhile
-- is left alone. Returns how many were changed.
CREATE OR REPLACE FUNCTION gate.relabel_past(
    p_tenant int, p_rules text, p_reason text, p_now timestamptz, p_seqs bigint[], p_before bigint[], p_own bigint[], p_parts bigint[],
    p_bodies bytea[]
) RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off AS $$
    WITH wanted AS (
        SELECT w.* FROM unnest(p_seqs, p_before, p_own, p_parts, p_bodies) AS w(seq, before, own, parts, body)),
    moved AS (
        UPDATE record.version v SET own = w.own, parts = w.parts, body = coalesce(gate.in_row(w.body), v.body),
            blobs = CASE WHEN gate.sealed(w.body) THEN coalesce(v.blobs, '{apart}') ELSE v.blobs END
        FROM wanted w
        WHERE v.tenant = p_tenant AND v.seq = w.seq AND v.own = w.before
          AND NOT EXISTS (SELECT FROM record.resource r WHERE r.tenant = p_tenant AND r.type = v.type AND r.id = v.id AND r.seq = v.seq)
        RETURNING v.seq, w.before, v.own, v.parts),
    kept AS (
        INSERT INTO record.kept_apart (tenant, seq, sealed)
        SELECT p_tenant, m.seq, w.body FROM moved m JOIN wanted w ON w.seq = m.seq WHERE gate.sealed(w.body)
        ON CONFLICT (tenant, seq) DO UPDATE SET sealed = excluded.sealed),
    freed AS (
        DELETE FROM record.kept_apart k USING moved m JOIN wanted w ON w.seq = m.seq
        WHERE k.tenant = p_tenant AND k.seq = m.seq AND w.body IS NOT NULL AND NOT gate.sealed(w.body)),
    noted AS (
        INSERT INTO record.label_change (tenant, seq, known, rule_set, own_before, own_after, parts_before, parts_after, tags_before,
                                         tags_after, reason)
        SELECT p_tenant, m.seq, p_now, p_rules, m.before, m.own, m.parts, m.parts, '{}', '{}', p_reason FROM moved m
        ON CONFLICT DO NOTHING),
    told AS (
        INSERT INTO record.change (tenant, seq, kind) SELECT p_tenant, m.seq, 'label' FROM moved m ON CONFLICT DO NOTHING)
    SELECT count(*)::int FROM moved
$$;

-- Of what changed: the current versions whose label may not be right any more. What was relabelled in its row and not yet in its
-- bytes; and what hangs on something whose law is not what it was (it may fall; gate.reach has raised it already).
CREATE OR REPLACE FUNCTION gate.label_due(p_tenant int, p_types text[], p_ids text[], p_versions text[], p_kinds text[], p_now timestamptz)
RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
    WITH changed AS MATERIALIZED (
        SELECT DISTINCT v.seq, v.type, v.id, c.kind, v.own, v.origin
        FROM unnest(p_types, p_ids, p_versions, p_kinds) AS c(type, id, version, kind)
        JOIN record.version v ON v.tenant = p_tenant AND v.type = c.type AND v.id = c.id AND v.version = c.version)
    SELECT r.seq FROM changed c JOIN record.resource r ON r.tenant = p_tenant AND r.type = c.type AND r.id = c.id AND r.seq = c.seq
    WHERE c.kind = 'label'
       -- An edit between: it says of what it has from elsewhere what the version that it replaced said (gate/inheriting.py: known).
       OR (c.kind = 'update' AND EXISTS (SELECT FROM record.version b JOIN record.label_change l ON l.tenant = p_tenant AND l.seq = b.seq
                                         WHERE b.tenant = p_tenant AND b.type = c.type AND b.id = c.id AND b.seq < c.seq))
    UNION
    SELECT r.seq FROM changed c
    JOIN record.edge e ON e.tenant = p_tenant AND e.target = c.type || '/' || c.id
    JOIN record.resource r ON r.tenant = p_tenant AND r.type = e.type AND r.rid = e.rid
    WHERE gate.passed_on(e.param, e.target) <> 0
      AND (c.kind = 'label' OR c.type = 'Medication'
           OR c.own <> coalesce((SELECT b.own FROM record.version b
                                 WHERE b.tenant = p_tenant AND b.type = c.type AND b.id = c.id AND b.seq < c.seq
                                 ORDER BY b.seq DESC LIMIT 1), 0))
$$;

-- Versions of the past of what these current versions are of, oldest first: of each its number and that of the current one.
CREATE OR REPLACE FUNCTION gate.label_past(p_tenant int, p_seqs bigint[]) RETURNS TABLE (seq bigint, head bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off AS $$
    SELECT v.seq, c.seq FROM record.version c
    JOIN record.version v ON v.tenant = p_tenant AND v.type = c.type AND v.id = c.id AND v.seq < c.seq
    WHERE c.tenant = p_tenant AND c.seq = ANY (p_seqs) ORDER BY v.seq
$$;

-- Every version of one resource.
CREATE OR REPLACE FUNCTION gate.label_versions(p_tenant int, p_type text, p_id text, p_limit int) RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off AS $$
    SELECT v.seq FROM record.version v WHERE v.tenant = p_tenant AND v.type = p_type AND v.id = p_id ORDER BY v.seq DESC LIMIT p_limit
$$;

-- Decisions of people about labels, newest first, as far as the caller may see what they are about: of one resource, or all.
CREATE OR REPLACE FUNCTION gate.overrides(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_mask bigint, p_programs int[], p_keys text[], p_purpose text,
    p_action text, p_related boolean, p_type text, p_id text, p_limit int
) RETURNS TABLE (n bigint, type text, id text, patient text, effect text, codes text[], reason text, account text, role text,
                 valid_from timestamptz, valid_to timestamptz, ended_by text, ended_reason text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off AS $$
BEGIN
    /*alive*/
    RETURN QUERY
    SELECT o.n, o.type, o.id, r.patient, o.effect, o.codes, o.reason, o.account, o.role, o.valid_from, o.valid_to, o.ended_by,
           o.ended_reason
    FROM record.label_override o
    JOIN record.resource r ON r.tenant = p_tenant AND r.type = o.type AND r.id = o.id
    WHERE o.tenant = p_tenant AND o.known_to = 'infinity' AND (p_type IS NULL OR (o.type = p_type AND o.id = p_id)) AND /*row:r*/
    ORDER BY o.n DESC LIMIT p_limit;
END $$;

-- Decide: a new decision ends what was decided the other way about the same codes.
CREATE OR REPLACE FUNCTION gate.override(
    p_tenant int, p_type text, p_id text, p_effect text, p_codes text[], p_bases bigint, p_reason text, p_account text, p_role text,
    p_now timestamptz
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE
    made bigint;
    old record.label_override;
    kept text[];
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_tenant || '/' || p_type || '/' || p_id, 0));
    FOR old IN SELECT * FROM record.label_override o
               WHERE o.tenant = p_tenant AND o.type = p_type AND o.id = p_id AND o.effect <> p_effect AND o.codes && p_codes
                 AND o.known_to = 'infinity' AND o.valid_to > p_now LOOP
        UPDATE record.label_override o SET known_to = p_now WHERE o.tenant = p_tenant AND o.n = old.n;
        INSERT INTO record.label_override (tenant, type, id, effect, codes, bases, reason, account, role, ended_by, ended_reason,
                                           valid_from, valid_to, known_from)
        VALUES (p_tenant, old.type, old.id, old.effect, old.codes, old.bases, old.reason, old.account, old.role, p_account, p_reason,
                old.valid_from, p_now, p_now);
        kept := ARRAY (SELECT unnest(old.codes) EXCEPT SELECT unnest(p_codes));
        IF cardinality(kept) > 0 THEN
            INSERT INTO record.label_override (tenant, type, id, effect, codes, bases, reason, account, role, valid_from, known_from)
            VALUES (p_tenant, old.type, old.id, old.effect, kept, old.bases & ~p_bases, old.reason, old.account, old.role, p_now, p_now);
        END IF;
    END LOOP;
    INSERT INTO record.label_override (tenant, type, id, effect, codes, bases, reason, account, role, valid_from, known_from)
    VALUES (p_tenant, p_type, p_id, p_effect, p_codes, p_bases, p_reason, p_account, p_role, p_now, p_now) RETURNING n INTO made;
    RETURN made;
END $$;

-- The rules of an organization that are its own, in force now, and when they last changed.
CREATE OR REPLACE FUNCTION gate.subject_codes(p_tenant int, p_now timestamptz)
RETURNS TABLE (n bigint, system text, code text, prefix boolean, tags text[], source text, account text, valid_from timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT c.n, c.system, c.code, c.prefix, c.tags, c.source, c.account, c.valid_from FROM record.subject_code c
    WHERE c.tenant = p_tenant AND c.known_to = 'infinity' AND c.valid_from <= p_now AND p_now < c.valid_to ORDER BY c.n
$$;
CREATE OR REPLACE FUNCTION gate.subject_laws(p_tenant int, p_now timestamptz)
RETURNS TABLE (n bigint, tag text, basis text, source text, account text, valid_from timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT l.n, l.tag, l.basis, l.source, l.account, l.valid_from FROM record.subject_law l
    WHERE l.tenant = p_tenant AND l.known_to = 'infinity' AND l.valid_from <= p_now AND p_now < l.valid_to ORDER BY l.n
$$;
CREATE OR REPLACE FUNCTION gate.add_subject_code(
    p_tenant int, p_system text, p_code text, p_prefix boolean, p_tags text[], p_source text, p_account text, p_now timestamptz
) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    INSERT INTO record.subject_code (tenant, system, code, prefix, tags, source, account, valid_from, known_from)
    VALUES (p_tenant, p_system, p_code, p_prefix, p_tags, p_source, p_account, p_now, p_now) RETURNING n
$$;
CREATE OR REPLACE FUNCTION gate.add_subject_law(p_tenant int, p_tag text, p_basis text, p_source text, p_account text, p_now timestamptz)
RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    INSERT INTO record.subject_law (tenant, tag, basis, source, account, valid_from, known_from)
    VALUES (p_tenant, p_tag, p_basis, p_source, p_account, p_now, p_now) RETURNING n
$$;
CREATE OR REPLACE FUNCTION gate.end_subject(p_tenant int, p_n bigint, p_account text, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE record.subject_code c SET known_to = p_now WHERE c.tenant = p_tenant AND c.n = p_n AND c.known_to = 'infinity';
    IF FOUND THEN
        INSERT INTO record.subject_code (tenant, system, code, prefix, tags, source, account, valid_from, valid_to, known_from)
        SELECT c.tenant, c.system, c.code, c.prefix, c.tags, c.source, p_account, c.valid_from, p_now, p_now
        FROM record.subject_code c WHERE c.tenant = p_tenant AND c.n = p_n;
        RETURN true;
    END IF;
    UPDATE record.subject_law l SET known_to = p_now WHERE l.tenant = p_tenant AND l.n = p_n AND l.known_to = 'infinity';
    IF FOUND THEN
        INSERT INTO record.subject_law (tenant, tag, basis, source, account, valid_from, valid_to, known_from)
        SELECT l.tenant, l.tag, l.basis, l.source, p_account, l.valid_from, p_now, p_now
        FROM record.subject_law l WHERE l.tenant = p_tenant AND l.n = p_n;
    END IF;
    RETURN FOUND;
END $$;
