-- Stored resources are indexed for a search parameter that came after them: no new version, no change that anybody hears of.

-- The parameters that are not yet worked off.
CREATE OR REPLACE FUNCTION gate.index_behind(p_tenant int) RETURNS TABLE (type text, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT b.type, b.name FROM record.index_backlog b WHERE b.tenant = p_tenant AND b.finished IS NULL ORDER BY b.type, b.name
$$;

-- The next rows of one of them. For the account that labels, which alone reads what nobody was shown.
CREATE OR REPLACE FUNCTION gate.index_next(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_limit int)
RETURNS TABLE (type text, name text, place bigint, next bigint, seqs bigint[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off AS $$
BEGIN
    PERFORM gate.labels(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT b.type, b.name, b.place, coalesce(max(n.rid), b.place), coalesce(array_agg(n.seq) FILTER (WHERE n.seq IS NOT NULL), '{}')
    FROM (SELECT o.* FROM record.index_backlog o WHERE o.tenant = p_tenant AND o.finished IS NULL ORDER BY o.type, o.name LIMIT 1) b
    LEFT JOIN LATERAL (SELECT r.rid, r.seq FROM record.resource r WHERE r.tenant = p_tenant AND r.type = b.type AND r.rid > b.place
                       ORDER BY r.rid LIMIT p_limit) n ON true
    GROUP BY b.type, b.name, b.place;
END $$;

-- Index these versions by dates under one key. What was written anew since it was read has its rows already, and is left alone.
-- p_shown: those in which the parameter is there for everybody who sees the rest; the others name their masks as rows of p_present_*.
CREATE OR REPLACE FUNCTION gate.index_again(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_type text, p_name text, p_place bigint, p_next bigint, p_key bigint,
    p_date_seqs bigint[], p_low timestamptz[], p_high timestamptz[], p_masks bigint[], p_shown bigint[], p_present_seqs bigint[], p_present_masks bigint[]
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off AS $$
BEGIN
    PERFORM gate.labels(p_tenant, p_credential, p_generation, p_now);
    UPDATE record.index_backlog b SET place = p_next, finished = CASE WHEN p_next = p_place THEN p_now END
    WHERE b.tenant = p_tenant AND b.type = p_type AND b.name = p_name AND b.place = p_place AND b.finished IS NULL;
    IF NOT FOUND THEN
        RETURN false;  -- another process was there first
    END IF;
    PERFORM FROM record.version v JOIN record.resource r ON r.tenant = v.tenant AND r.type = v.type AND r.id = v.id
    WHERE v.tenant = p_tenant AND v.seq = ANY (p_date_seqs || p_present_seqs) ORDER BY r.rid FOR UPDATE OF r;
    WITH here AS MATERIALIZED (
        SELECT r.rid, r.seq FROM record.version v JOIN record.resource r ON r.tenant = v.tenant AND r.type = v.type AND r.id = v.id AND r.seq = v.seq
        WHERE v.tenant = p_tenant AND v.seq = ANY (p_date_seqs || p_present_seqs)),
    dated AS (
        INSERT INTO record.date (tenant, key, rid, low, high, mask)
        SELECT p_tenant, p_key, h.rid, d.low, d.high, d.mask
        FROM unnest(p_date_seqs, p_low, p_high, p_masks) AS d(seq, low, high, mask) JOIN here h ON h.seq = d.seq
        WHERE NOT EXISTS (SELECT FROM record.date o WHERE o.tenant = p_tenant AND o.rid = h.rid AND o.key = p_key)),
    marked AS (
        INSERT INTO record.token (tenant, hash, rid, mask, also)
        SELECT p_tenant, p_key, h.rid, bit_or(m.mask), CASE WHEN count(*) > 1 THEN array_agg(m.mask) END
        FROM unnest(p_present_seqs, p_present_masks) AS m(seq, mask) JOIN here h ON h.seq = m.seq GROUP BY h.rid ON CONFLICT DO NOTHING)
    UPDATE record.resource r SET
        tokens = CASE WHEN r.seq = ANY (p_shown) THEN r.tokens || p_key ELSE r.tokens END,
        labelled_tokens = CASE WHEN r.seq = ANY (p_shown) THEN r.labelled_tokens ELSE coalesce(r.labelled_tokens, '{}') || p_key END
    FROM here h WHERE r.tenant = p_tenant AND r.type = p_type AND r.rid = h.rid
      AND NOT p_key = ANY (r.tokens || coalesce(r.labelled_tokens, '{}'));
    RETURN true;
END $$;
