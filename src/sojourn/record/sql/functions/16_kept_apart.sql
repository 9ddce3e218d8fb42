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

-- What became such a note, or is none any more, and what became one with it (gate.reach): every version of what refers to it, now or in a
-- version of the past, by resource and in their order. `says`: it is named in it, or it is sealed and may name it. The resources are found in the chart of its
-- patient, and by references to it: those of current rows and of what was deleted, and those of the past from other charts (record.past_edge).
CREATE OR REPLACE FUNCTION gate.telling_of(p_tenant int, p_targets text[])
RETURNS TABLE (seq bigint, type text, id text, own bigint, apart boolean, says boolean, body bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
    WITH RECURSIVE turned AS (
        SELECT t.name COLLATE "C" AS name FROM unnest(p_targets) AS t(name)
        UNION
        SELECT r.type || '/' || r.id FROM turned t JOIN record.edge e ON e.tenant = p_tenant AND e.target = t.name
        JOIN record.resource r ON r.tenant = p_tenant AND r.type = e.type AND r.rid = e.rid
        WHERE (gate.passed_on(e.param, e.target) & 12) <> 0 AND (r.own & 12) <> 0),
    places AS (
        SELECT t.name FROM turned t
        UNION
        SELECT 'Patient/' || r.patient FROM turned t
        JOIN record.resource r ON r.tenant = p_tenant AND r.type = split_part(t.name, '/', 1) AND r.id = split_part(t.name, '/', 2)),
    changed AS MATERIALIZED ( -- what has one version told nothing before
        SELECT f.type, f.id FROM (
            SELECT e.type, e.rid FROM places p JOIN record.edge e ON e.tenant = p_tenant AND e.target = p.name
            UNION
            SELECT k.type, k.rid FROM turned t JOIN record.past_edge k ON k.tenant = p_tenant AND k.target = t.name
            UNION
            SELECT r.type, r.rid FROM places p JOIN record.resource r ON r.tenant = p_tenant AND r.patient = substr(p.name, 9)
            WHERE p.name >= 'Patient/' AND p.name < 'Patient0') e
        JOIN record.version f ON f.tenant = p_tenant AND f.seq = e.rid
        WHERE NOT EXISTS (SELECT FROM record.resource r WHERE r.tenant = p_tenant AND r.type = e.type AND r.rid = e.rid AND r.seq = r.rid)),
    versions AS (
        SELECT v.seq, v.type, v.id, v.own, v.apart, v.body, v.body IS NOT NULL AND (v.body = '' OR EXISTS (
                   SELECT FROM turned t WHERE position(convert_to(t.name, 'UTF8') IN v.body) > 0)) AS says
        FROM changed c JOIN record.version v ON v.tenant = p_tenant AND v.type = c.type AND v.id = c.id)
    SELECT s.seq, s.type, s.id, s.own, s.apart, s.says, s.body
    FROM (SELECT v.*, bool_or(v.says) OVER (PARTITION BY v.type, v.id) AS named FROM versions v) s
    WHERE s.named ORDER BY s.type, s.id, s.seq
$$;

-- Say of versions whether they changed nothing but such notes, as if that had been known when they were written: one that did not, and
-- with it the current row, has the time of the one before.
-- p_named: versions that name such a note, or may: these staff are given as they are no more.
CREATE OR REPLACE FUNCTION gate.tell_of(p_tenant int, p_seqs bigint[], p_apart boolean[], p_named bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off AS $$
DECLARE
    w record.version;
BEGIN
    UPDATE record.version v SET refs = v.refs | 12 WHERE v.tenant = p_tenant AND v.seq = ANY (p_named) AND (v.refs & 12) = 0;
    FOR w IN SELECT v.* FROM unnest(p_seqs) AS s(seq) JOIN record.version v ON v.tenant = p_tenant AND v.seq = s.seq ORDER BY v.seq LOOP
        UPDATE record.version v SET apart = p_apart[array_position(p_seqs, w.seq)] WHERE v.tenant = p_tenant AND v.seq = w.seq;
        IF p_apart[array_position(p_seqs, w.seq)] THEN -- of what was written before there was record.telling
            UPDATE record.version v SET plain_seq = gate.plain_before(p_tenant, w.type, w.id, w.seq) WHERE v.tenant = p_tenant AND v.seq = w.seq AND v.plain_seq = v.seq;
        END IF;
    END LOOP;
    UPDATE record.resource r SET apart = c.apart, plain_updated = plain.updated, updated = (
        SELECT v.updated FROM record.version v
        WHERE v.tenant = p_tenant AND v.type = c.type AND v.id = c.id AND NOT v.apart ORDER BY v.seq DESC LIMIT 1)
    FROM (SELECT DISTINCT v.type, v.id FROM record.version v WHERE v.tenant = p_tenant AND v.seq = ANY (p_seqs)) m
    JOIN record.resource n ON n.tenant = p_tenant AND n.type = m.type AND n.id = m.id
    JOIN record.version c ON c.tenant = p_tenant AND c.seq = n.seq
    JOIN record.version plain ON plain.tenant = p_tenant AND plain.seq = gate.plain_before(p_tenant, m.type, m.id, n.seq + 1)
    WHERE r.tenant = p_tenant AND r.type = m.type AND r.id = m.id;
END $$;
