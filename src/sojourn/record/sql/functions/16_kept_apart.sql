-- Notes kept apart: their sealed bodies (0060).

-- For dynamic searches, beside a row that they may read. The server itself may not call it: it gets bodies with the rows that it is shown.
CREATE OR REPLACE FUNCTION gate.kept_apart(p_tenant int, p_seq bigint) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT k.sealed FROM record.kept_apart k
    WHERE k.tenant = p_tenant AND k.seq = p_seq AND p_tenant = cast('0' || coalesce(current_setting('gate.tenant', true), '') AS int)
$$;

-- Versions that are labelled as such notes and whose body is not sealed yet, or has attachments in files.
-- For the account that labels, and for no other.
CREATE OR REPLACE FUNCTION gate.in_the_open(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_limit int)
RETURNS TABLE (seq bigint, blobs text[], body bytea, whole bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off AS $$
BEGIN
    PERFORM gate.labels(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT v.seq, v.blobs, v.body, /*body:v*/ FROM record.version v
    WHERE v.tenant = p_tenant AND (v.own & 12) <> 0 AND v.body IS NOT NULL AND (v.body <> '' OR v.blobs IS DISTINCT FROM '{apart}'::text[])
    ORDER BY v.seq LIMIT p_limit;
END $$;

-- Put them apart: the body, and with it the attachments that stood in files. What changed since it was read is left alone.
CREATE OR REPLACE FUNCTION gate.put_apart(p_tenant int, p_now timestamptz, p_seqs bigint[], p_before bytea[], p_sealed bytea[]) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE moved bigint[];
BEGIN
    PERFORM FROM record.version v WHERE v.tenant = p_tenant AND v.seq = ANY (p_seqs) ORDER BY v.seq FOR UPDATE;
    moved := ARRAY (
        SELECT v.seq FROM unnest(p_seqs, p_before) AS w(seq, before) JOIN record.version v ON v.tenant = p_tenant AND v.seq = w.seq
        WHERE (v.own & 12) <> 0 AND v.body = w.before);
    INSERT INTO record.blob_leftover (tenant, digest, since)
    SELECT DISTINCT p_tenant, b.digest, p_now FROM record.version v CROSS JOIN LATERAL unnest(v.blobs) AS b(digest)
    WHERE v.tenant = p_tenant AND v.seq = ANY (moved) AND b.digest <> 'apart' ON CONFLICT DO NOTHING;
    INSERT INTO record.kept_apart (tenant, seq, sealed)
    SELECT p_tenant, w.seq, w.sealed FROM unnest(p_seqs, p_sealed) AS w(seq, sealed) WHERE w.seq = ANY (moved)
    ON CONFLICT (tenant, seq) DO UPDATE SET sealed = excluded.sealed;
    DELETE FROM record.string s USING record.version v, record.resource r
    WHERE v.tenant = p_tenant AND v.seq = ANY (moved) AND r.tenant = p_tenant AND r.type = v.type AND r.id = v.id AND r.seq = v.seq
      AND s.tenant = p_tenant AND s.rid = r.rid;
    UPDATE record.version v SET body = '', blobs = '{apart}' WHERE v.tenant = p_tenant AND v.seq = ANY (moved);
    UPDATE record.resource r SET body = '', blobs = '{apart}' FROM record.version v
    WHERE v.tenant = p_tenant AND v.seq = ANY (moved) AND r.tenant = p_tenant AND r.type = v.type AND r.id = v.id AND r.seq = v.seq;
    RETURN cardinality(moved);
END $$;

-- Files left over since before p_until that nothing holds any more; those that something holds are forgotten.
CREATE OR REPLACE FUNCTION gate.leftovers(p_tenant int, p_until timestamptz) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    DELETE FROM record.blob_leftover l WHERE l.tenant = p_tenant AND l.since < p_until
      AND (EXISTS (SELECT FROM record.version v WHERE v.tenant = p_tenant AND v.blobs @> ARRAY[l.digest])
           OR EXISTS (SELECT FROM record.paper o WHERE o.tenant = p_tenant AND o.blob = l.digest));
    RETURN QUERY SELECT l.digest FROM record.blob_leftover l WHERE l.tenant = p_tenant AND l.since < p_until ORDER BY l.digest LIMIT 100;
END $$;

CREATE OR REPLACE FUNCTION gate.leftovers_gone(p_tenant int, p_digests text[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    DELETE FROM record.blob_leftover l WHERE l.tenant = p_tenant AND l.digest = ANY (p_digests)
$$;
