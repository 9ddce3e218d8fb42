-- By what a version differs for whoever is shown everything redacted, where that hangs on references alone (gate/plainly.py, record.telling). `plain_seq` of a version is
-- its own seq where what everybody may see changed with it, else that of an earlier one.

-- The last version before a place in which what everybody may see changed.
CREATE OR REPLACE FUNCTION gate.plain_before(p_tenant int, p_type text, p_id text, p_seq bigint) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog SET enable_seqscan = off AS $$
    SELECT v.seq FROM record.version v
    WHERE v.tenant = p_tenant AND v.type = p_type AND v.id = p_id AND v.seq < p_seq AND v.plain_seq = v.seq ORDER BY v.seq DESC LIMIT 1
$$;

-- These got a label or lost their last, or came: the versions that tell by them are asked again whether they do. Only those whose answer turns are written, and the time
-- by which their resource is found.
CREATE OR REPLACE FUNCTION gate.tells_again(p_tenant int, p_targets text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    asked bigint[] := ARRAY (SELECT DISTINCT t.seq FROM record.telling t WHERE t.tenant = p_tenant AND t.target = ANY (p_targets) ORDER BY t.seq);
BEGIN
    IF cardinality(asked) > 0 THEN
        -- Who edits one of them now is waited for: what follows sees what they wrote.
        PERFORM FROM record.resource r JOIN (SELECT DISTINCT v.type, v.id FROM record.version v WHERE v.tenant = p_tenant AND v.seq = ANY (asked)) m
            ON r.tenant = p_tenant AND r.type = m.type AND r.id = m.id ORDER BY r.type, r.id FOR UPDATE OF r;
        PERFORM gate.tells(p_tenant, a.seq, EXISTS (
            SELECT FROM record.telling t LEFT JOIN LATERAL gate.labelled(p_tenant, ARRAY[t.target], -1) AS l(target) ON true
            WHERE t.tenant = p_tenant AND t.seq = a.seq GROUP BY t.part HAVING count(l.target) = 0))
        FROM unnest(asked) AS a(seq);
    END IF;
END $$;

-- Say of a version whether what everybody may see changed with it.
CREATE OR REPLACE FUNCTION gate.tells(p_tenant int, p_seq bigint, p_tells boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off AS $$
DECLARE
    turned record;
BEGIN
    UPDATE record.version v SET plain_seq = CASE WHEN p_tells THEN v.seq ELSE gate.plain_before(p_tenant, v.type, v.id, v.seq) END
    WHERE v.tenant = p_tenant AND v.seq = p_seq AND v.kind = 'update' AND (v.plain_seq = v.seq) <> p_tells RETURNING v.type, v.id INTO turned;
    IF FOUND THEN
        UPDATE record.resource r SET plain_updated = v.updated FROM record.version v
        WHERE r.tenant = p_tenant AND r.type = turned.type AND r.id = turned.id
          AND v.tenant = p_tenant AND v.seq = gate.plain_before(p_tenant, turned.type, turned.id, r.seq + 1);
    END IF;
END $$;

-- The next edits that were written before it was kept by what they tell: each with the version before it, and where they end. For the account that labels.
CREATE OR REPLACE FUNCTION gate.telling_next(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_limit int)
RETURNS TABLE (place bigint, next bigint, seq bigint, before bytea, after bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off AS $$
BEGIN
    PERFORM gate.labels(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    WITH here AS MATERIALIZED (SELECT b.place, b.until FROM record.telling_backlog b WHERE b.tenant = p_tenant AND b.finished IS NULL),
    page AS MATERIALIZED (
        SELECT v.seq, v.type, v.id, v.kind FROM here h JOIN record.version v ON v.tenant = p_tenant AND v.seq > h.place AND v.seq <= h.until
        ORDER BY v.seq LIMIT p_limit)
    SELECT h.place, coalesce((SELECT max(p.seq) FROM page p), h.until), e.seq, e.before, e.after FROM here h
    LEFT JOIN (
        SELECT v.seq, b.body AS before, v.body AS after
        FROM page p JOIN record.version v ON v.tenant = p_tenant AND v.seq = p.seq
        JOIN LATERAL (SELECT w.body FROM record.version w WHERE w.tenant = p_tenant AND w.type = p.type AND w.id = p.id AND w.seq < p.seq
                      ORDER BY w.seq DESC LIMIT 1) b ON true
        -- Of a note kept apart nobody who is shown things redacted sees anything.
        WHERE p.kind = 'update' AND v.body <> '' AND b.body <> '') e ON true;
END $$;

-- Keep of edits by what they tell, and move on. False where another process was there first.
CREATE OR REPLACE FUNCTION gate.telling_put(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_place bigint, p_next bigint, p_seqs bigint[], p_parts int[], p_targets text[]
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off AS $$
BEGIN
    PERFORM gate.labels(p_tenant, p_credential, p_generation, p_now);
    UPDATE record.telling_backlog b SET place = p_next, finished = CASE WHEN p_next >= b.until THEN p_now END WHERE b.tenant = p_tenant AND b.place = p_place AND b.finished IS NULL;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO record.telling (tenant, seq, part, target) SELECT p_tenant, t.seq, t.part, t.target FROM unnest(p_seqs, p_parts, p_targets) AS t(seq, part, target) ON CONFLICT DO NOTHING;
    -- Held as by who edits them, so that no label comes between.
    PERFORM FROM record.resource r JOIN (SELECT DISTINCT split_part(t.target, '/', 1) AS type, split_part(t.target, '/', 2) AS id FROM unnest(p_targets) AS t(target)) h
        ON r.tenant = p_tenant AND r.type = h.type AND r.id = h.id ORDER BY r.type, r.id FOR SHARE OF r;
    PERFORM gate.tells_again(p_tenant, ARRAY (SELECT DISTINCT t.target FROM unnest(p_targets) AS t(target)));
    RETURN true;
END $$;
