-- Sealing the trail (docs/decisions/0017-sealing.md).

-- A line as it is hashed: a JSON array in the order of the columns, times in microseconds since 1970.
CREATE OR REPLACE FUNCTION gate.audit_leaf(a record.audit) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256('\x00'::bytea || convert_to(jsonb_build_array(
        a.tenant, a.stamp, a.n, (extract(epoch FROM a.recorded) * 1000000)::bigint, a.request, a.account, a.role, a.door, a.purpose, a.action,
        a.outcome, a.type, a.query, to_jsonb(a.patients), to_jsonb(a.shown), coalesce(encode(a.rules, 'hex'), ''))::text, 'UTF8'))
$$;

-- The root of a Merkle tree as RFC 9162, 2.1 builds it: pairs from the left, a last one without a partner moves up as it is.
CREATE OR REPLACE FUNCTION gate.merkle(p_leaves bytea[]) RETURNS bytea LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog AS $$
DECLARE
    level bytea[] := p_leaves;
BEGIN
    WHILE cardinality(level) > 1 LOOP
        SELECT array_agg(CASE WHEN p.c = 2 THEN sha256('\x01'::bytea || p.s) ELSE p.s END ORDER BY p.g) INTO level
        FROM (SELECT (u.o - 1) / 2 AS g, count(*) AS c, string_agg(u.x, ''::bytea ORDER BY u.o) AS s
              FROM unnest(level) WITH ORDINALITY AS u(x, o) GROUP BY 1) p;
    END LOOP;
    RETURN level[1];
END $$;

-- After a restore into another cluster its transaction ids may start lower than the stamps that are there. Stamps then go on above
-- the greatest; lines that came before this was noticed (their n is above every sealed one, their stamp is not) are lifted, too.
CREATE OR REPLACE FUNCTION gate.rebase_audit() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    start bigint;
    highest bigint;
BEGIN
    SELECT b.base INTO start FROM record.audit_base b;
    SELECT max(m.stamp) INTO highest FROM record.tenant t CROSS JOIN LATERAL (
        SELECT greatest((SELECT a.stamp FROM record.audit a WHERE a.tenant = t.tenant ORDER BY a.stamp DESC LIMIT 1),
                        (SELECT s.stamp FROM record.seal s WHERE s.tenant = t.tenant ORDER BY s.number DESC LIMIT 1)) AS stamp) m;
    IF highest IS NULL OR highest < start + pg_snapshot_xmax(pg_current_snapshot())::text::bigint THEN
        RETURN false;
    END IF;
    LOCK TABLE record.audit IN ACCESS EXCLUSIVE MODE;
    UPDATE record.audit a SET stamp = highest + 1
    FROM (SELECT DISTINCT ON (s.tenant) s.tenant, s.stamp, s.top FROM record.seal s ORDER BY s.tenant, s.number DESC) h
    WHERE a.tenant = h.tenant AND a.n > h.top AND a.stamp <= h.stamp;
    UPDATE record.audit_base b SET base = highest + 1;
    EXECUTE format('ALTER TABLE record.audit ALTER COLUMN stamp SET DEFAULT %s + pg_current_xact_id()::text::bigint', highest + 1);
    RETURN true;
END $$;

-- Seal what is committed: everything below the oldest running transaction that is not sealed yet, up to p_limit lines. One sealer per
-- tenant (a transaction lock); whoever comes second finds the work being done. Returns the new head, or nothing.
CREATE OR REPLACE FUNCTION gate.seal(p_tenant int, p_limit int, p_now timestamptz)
RETURNS TABLE (number bigint, lines int, total bigint, sealed timestamptz, hash bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    start bigint;
    horizon bigint;
    head record.seal;
    made record.seal;
    leaves bytea[];
    found_keys bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(x'5365616C'::int, p_tenant) THEN
        RETURN;
    END IF;
    SELECT b.base INTO start FROM record.audit_base b;
    SELECT s.* INTO head FROM record.seal s WHERE s.tenant = p_tenant ORDER BY s.number DESC LIMIT 1;
    IF head.stamp >= start + pg_snapshot_xmax(pg_current_snapshot())::text::bigint THEN
        PERFORM gate.rebase_audit();
        RETURN;
    END IF;
    head.number := coalesce(head.number, 0);
    horizon := start + pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
    SELECT array_agg(q.leaf ORDER BY q.stamp, q.n), max(q.stamp), (array_agg(q.n ORDER BY q.stamp DESC, q.n DESC))[1], max(q.n)
    INTO leaves, made.stamp, made.n, made.top
    FROM (SELECT a.stamp, a.n, gate.audit_leaf(a) AS leaf FROM record.audit a
          WHERE a.tenant = p_tenant AND (a.stamp, a.n) > (coalesce(head.stamp, -1), coalesce(head.n, -1)) AND a.stamp < horizon
          ORDER BY a.stamp, a.n LIMIT p_limit) q;
    IF leaves IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO record.audit_key (tenant, key, recorded, stamp, n)
    SELECT p_tenant, k.key, a.recorded, a.stamp, a.n
    FROM record.audit a
    CROSS JOIN LATERAL (SELECT DISTINCT 'Patient/' || p.id AS key FROM unnest(a.patients) AS p(id)
                        UNION ALL SELECT 'account:' || a.account WHERE a.account <> '') k
    WHERE a.tenant = p_tenant AND (a.stamp, a.n) > (coalesce(head.stamp, -1), coalesce(head.n, -1)) AND (a.stamp, a.n) <= (made.stamp, made.n);
    GET DIAGNOSTICS found_keys = ROW_COUNT;
    made.number := head.number + 1;
    made.top := greatest(made.top, coalesce(head.top, 0));
    made.lines := cardinality(leaves);
    made.total := coalesce(head.total, 0) + made.lines;
    made.keys := coalesce(head.keys, 0) + found_keys;
    made.root := gate.merkle(leaves);
    made.previous := coalesce(head.hash, decode(repeat('00', 32), 'hex'));
    made.hash := sha256(convert_to(jsonb_build_array('sojourn seal 1', p_tenant, made.number, made.stamp, made.n, made.lines, made.total, made.keys,
        (extract(epoch FROM p_now) * 1000000)::bigint)::text, 'UTF8') || made.root || made.previous);
    INSERT INTO record.seal (tenant, number, stamp, n, top, lines, total, keys, sealed, root, previous, hash)
    VALUES (p_tenant, made.number, made.stamp, made.n, made.top, made.lines, made.total, made.keys, p_now, made.root, made.previous, made.hash);
    RETURN QUERY SELECT made.number, made.lines, made.total, p_now, made.hash;
END $$;

-- Keep what the server signed about a seal. The chain decides whether it is so: a signature about something else is not kept.
CREATE OR REPLACE FUNCTION gate.checkpoint(p_tenant int, p_number bigint, p_hash bytea, p_text text, p_key bytea, p_signature bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    INSERT INTO record.checkpoint (tenant, number, text, key, signature)
    SELECT s.tenant, s.number, p_text, p_key, p_signature FROM record.seal s
    WHERE s.tenant = p_tenant AND s.number = p_number AND s.hash = p_hash
    ON CONFLICT DO NOTHING
$$;

-- The head of the chain, for whoever finds that its last checkpoint is missing (the server fell between sealing and signing).
CREATE OR REPLACE FUNCTION gate.unsigned_head(p_tenant int)
RETURNS TABLE (number bigint, lines int, total bigint, sealed timestamptz, hash bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT s.number, s.lines, s.total, s.sealed, s.hash
    FROM (SELECT * FROM record.seal h WHERE h.tenant = p_tenant ORDER BY h.number DESC LIMIT 1) s
    WHERE NOT EXISTS (SELECT FROM record.checkpoint c WHERE c.tenant = p_tenant AND c.number = s.number)
$$;

-- Checkpoints after a number, to be sent outside.
CREATE OR REPLACE FUNCTION gate.checkpoints(p_tenant int, p_after bigint, p_limit int)
RETURNS TABLE (number bigint, text text, key bytea, signature bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT c.number, c.text, c.key, c.signature FROM record.checkpoint c
    WHERE c.tenant = p_tenant AND c.number > p_after ORDER BY c.number LIMIT p_limit
$$;

-- A line from the local journal, once however often it is brought.
CREATE OR REPLACE FUNCTION gate.audit_taken(p_tenant int, p_entry text, p_now timestamptz, p_row record.audit_row) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO record.audit_journal (tenant, entry, kept, taken) VALUES (p_tenant, p_entry, (p_row).recorded, p_now) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM gate.audit_rows(p_tenant, ARRAY[p_row]);
    RETURN true;
END $$;
