-- The feed: numbering what is committed, and handing it to followers.

-- Number every change below the oldest running transaction. Ids of transactions are given out before anything of theirs is
-- visible, and a change of one resource takes its lock before its id, so the order of ids never contradicts cause and effect.
-- One sequencer at a time (a transaction lock); whoever comes second finds the work done. Returns how many were numbered.
CREATE OR REPLACE FUNCTION gate.number_changes(p_tenant int, p_limit int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    head bigint;
    moved int;
BEGIN
    IF NOT EXISTS (SELECT FROM record.change c WHERE c.tenant = p_tenant) THEN
        RETURN 0;
    END IF;
    INSERT INTO record.feed_head (tenant) VALUES (p_tenant) ON CONFLICT DO NOTHING;
    SELECT h.n INTO head FROM record.feed_head h WHERE h.tenant = p_tenant FOR UPDATE SKIP LOCKED;
    IF head IS NULL THEN
        RETURN 0;
    END IF;
    WITH ready AS (
        SELECT c.xid, c.seq, c.kind FROM record.change c
        WHERE c.tenant = p_tenant AND c.xid < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY c.xid, c.seq, c.kind LIMIT p_limit),
    taken AS (
        DELETE FROM record.change c USING ready r
        WHERE c.tenant = p_tenant AND c.xid = r.xid AND c.seq = r.seq AND c.kind = r.kind
        RETURNING c.xid, c.seq, c.kind)
    INSERT INTO record.feed (tenant, n, seq, kind)
    SELECT p_tenant, head + row_number() OVER (ORDER BY t.xid, t.seq, t.kind), t.seq, t.kind FROM taken t;
    GET DIAGNOSTICS moved = ROW_COUNT;
    UPDATE record.feed_head h SET n = head + moved WHERE h.tenant = p_tenant;
    RETURN moved;
END $$;

-- After a restore into another cluster, transaction ids may start lower: what waited there is committed, so it goes first.
CREATE OR REPLACE FUNCTION gate.rebase_changes() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE record.change SET xid = '0'::xid8 WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())
$$;

-- Lets the planner count anew once there is `p_times` as much as it knows of. Plans made on empty tables walk whole indexes, and
-- autovacuum looks only once a minute: an import that started on nothing wrote a tenth as much.
CREATE OR REPLACE FUNCTION gate.measure(p_times float8) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    -- By pages: what the statistics count of rows lags a second behind, which is the time in which an empty store fills.
    IF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = 'record.resource'::regclass
                   AND pg_relation_size(c.oid) >= 8192 * greatest(16, p_times * c.relpages)) THEN
        RETURN false;
    END IF;
    ANALYZE record.resource, record.version, record.token, record.string, record.date, record.number, record.edge,
            record.ground;
    RETURN true;
END $$;

-- The next changes after a number.
CREATE OR REPLACE FUNCTION gate.changes(p_tenant int, p_after bigint, p_limit int)
RETURNS TABLE (n bigint, kind text, seq bigint, type text, id text, version text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT f.n, f.kind, f.seq, v.type, v.id, v.version
    FROM record.feed f JOIN record.version v ON v.tenant = f.tenant AND v.seq = f.seq
    WHERE f.tenant = p_tenant AND f.n > p_after ORDER BY f.n LIMIT p_limit
$$;

-- Where a follower stands.
CREATE OR REPLACE FUNCTION gate.follower(p_tenant int, p_name text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce((SELECT f.n FROM record.follower f WHERE f.tenant = p_tenant AND f.name = p_name), 0)
$$;

-- The same, for whoever hands it the next changes: nobody else of that name does until this transaction is over; null if somebody
-- does already. A lock of no row, so that the transaction has no id (which would hold up the numbering of what is committed after
-- it) until the follower writes something. VOLATILE: the place is read with what is committed when the lock is there.
CREATE OR REPLACE FUNCTION gate.follower_begin(p_tenant int, p_name text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('follower/' || p_tenant || '/' || p_name, 0)) THEN
        RETURN NULL;
    END IF;
    RETURN coalesce((SELECT f.n FROM record.follower f WHERE f.tenant = p_tenant AND f.name = p_name), 0);
END $$;

-- Move a follower on, in the transaction of what it did. False when it does not stand there.
CREATE OR REPLACE FUNCTION gate.follow(p_tenant int, p_name text, p_from bigint, p_to bigint) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH moved AS (
        INSERT INTO record.follower AS f (tenant, name, n) SELECT p_tenant, p_name, p_to
        WHERE p_from = 0 OR EXISTS (SELECT FROM record.follower e WHERE e.tenant = p_tenant AND e.name = p_name)
        ON CONFLICT (tenant, name) DO UPDATE SET n = p_to WHERE f.n = p_from RETURNING 1)
    SELECT EXISTS (SELECT FROM moved)
$$;
