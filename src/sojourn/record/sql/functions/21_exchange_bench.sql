-- The partner test bench (0174): runs, signatures, and the decision that a partner exchanges for real.

-- Begin a run against the profile as it is; false where one is running, or the partner was changed since it was read.
CREATE OR REPLACE FUNCTION gate.exchange_run_begin(p_tenant int, p_run text, p_partner text, p_since timestamptz, p_dated text, p_steps text, p_author text, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO record.exchange_run (tenant, run, partner, facts, dated, steps, author, begun)
    SELECT p_tenant, p_run, p_partner, gate.exchange_facts(p_tenant, p_partner), p_dated, p_steps, p_author, p_now FROM record.exchange_partner p
    WHERE p.tenant = p_tenant AND p.partner = p_partner AND p.known_to = 'infinity' AND p.known_from = p_since AND p.state = 'active'
    ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;

-- Runs: those of a partner, the newest first; one (p_run); or, with neither, those that are running.
CREATE OR REPLACE FUNCTION gate.exchange_runs(p_tenant int, p_partner text, p_run text)
RETURNS TABLE (run text, partner text, dated text, steps text, state text, digest text, revision int, author text, begun timestamptz, ended timestamptz, fits boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT r.run, r.partner, r.dated, r.steps, r.state, r.digest, r.revision, coalesce(a.name, r.author), r.begun, r.ended,
           gate.exchange_profile(r.facts) = gate.exchange_profile(gate.exchange_facts(r.tenant, r.partner))
    FROM record.exchange_run r
    JOIN record.exchange_partner p ON p.tenant = r.tenant AND p.partner = r.partner AND p.known_to = 'infinity'
    LEFT JOIN record.account a ON a.tenant = r.tenant AND a.account = r.author
    WHERE r.tenant = p_tenant AND CASE WHEN p_run <> '' THEN r.run = p_run WHEN p_partner <> '' THEN r.partner = p_partner ELSE r.state = 'running' END
    ORDER BY r.begun DESC LIMIT 20
$$;

-- What became of steps, from the revision that was read; false where somebody was faster. A run that has ended stays as it is.
CREATE OR REPLACE FUNCTION gate.exchange_run_put(p_tenant int, p_run text, p_revision int, p_steps text, p_state text, p_digest text, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE who text;
BEGIN
    UPDATE record.exchange_run r SET steps = p_steps, state = p_state, digest = p_digest, revision = r.revision + 1, ended = CASE WHEN p_state <> 'running' THEN p_now END
    WHERE r.tenant = p_tenant AND r.run = p_run AND r.revision = p_revision AND r.state = 'running' RETURNING r.partner INTO who;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF p_state <> 'running' THEN  -- what came for it is done with
        WITH over AS (
            UPDATE record.exchange_message m SET state = 'aside', blocked = false, reason = 'A test message. It is never done.', updated = p_now
            WHERE m.tenant = p_tenant AND m.partner = who AND m.test AND m.state = 'held' RETURNING m.message)
        INSERT INTO record.exchange_event (tenant, message, at, state, reason) SELECT p_tenant, o.message, p_now, 'aside', 'The test is over.' FROM over o;
    END IF;
    RETURN true;
END $$;

-- Test messages that came from a partner since a run began.
CREATE OR REPLACE FUNCTION gate.exchange_tested(p_tenant int, p_partner text, p_since timestamptz)
RETURNS TABLE (message text, door text, kind text, body bytea, received timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT m.message, m.door, m.kind, m.body, m.received FROM record.exchange_message m
    WHERE m.tenant = p_tenant AND m.partner = p_partner AND m.test AND m.state = 'held' AND m.received >= p_since ORDER BY m.seq LIMIT 200
$$;

CREATE OR REPLACE FUNCTION gate.exchange_signatures(p_tenant int, p_run text) RETURNS TABLE (side text, name text, role text, way text, digest text, at timestamptz, has_file boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT s.side, s.name, s.role, s.way, s.digest, s.at, s.file IS NOT NULL FROM record.exchange_signature s WHERE s.tenant = p_tenant AND s.run = p_run ORDER BY s.side
$$;

-- Sign a passed run, once for each side; false where that was done, or this is not its result.
CREATE OR REPLACE FUNCTION gate.exchange_sign(
    p_tenant int, p_run text, p_side text, p_name text, p_role text, p_account text, p_way text, p_digest text, p_file bytea, p_now timestamptz
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO record.exchange_signature (tenant, run, side, name, role, account, way, digest, file, at)
    SELECT p_tenant, p_run, p_side, p_name, p_role, p_account, p_way, p_digest, p_file, p_now FROM record.exchange_run r
    WHERE r.tenant = p_tenant AND r.run = p_run AND r.state = 'passed' AND r.digest = p_digest
    ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;

CREATE OR REPLACE FUNCTION gate.exchange_signing_make(p_tenant int, p_secret bytea, p_run text, p_author text, p_expires timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM record.exchange_run r WHERE r.tenant = p_tenant AND r.run = p_run AND r.state = 'passed') THEN
        RETURN false;
    END IF;
    DELETE FROM record.exchange_signing s WHERE s.tenant = p_tenant AND s.run = p_run AND s.used IS NULL;  -- only the last link is good
    INSERT INTO record.exchange_signing (tenant, secret, run, author, expires) VALUES (p_tenant, p_secret, p_run, p_author, p_expires);
    RETURN true;
END $$;

-- The run that a link is for, while it is good.
CREATE OR REPLACE FUNCTION gate.exchange_signing(p_tenant int, p_secret bytea, p_now timestamptz) RETURNS TABLE (run text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT s.run FROM record.exchange_signing s WHERE s.tenant = p_tenant AND s.secret = p_secret AND s.used IS NULL AND p_now < s.expires
$$;

-- Their signature by a link, which is good no more then.
CREATE OR REPLACE FUNCTION gate.exchange_signing_use(p_tenant int, p_secret bytea, p_name text, p_role text, p_digest text, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE it text;
BEGIN
    UPDATE record.exchange_signing s SET used = p_now WHERE s.tenant = p_tenant AND s.secret = p_secret AND s.used IS NULL AND p_now < s.expires RETURNING s.run INTO it;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    RETURN gate.exchange_sign(p_tenant, it, 'theirs', p_name, p_role, '', 'link', p_digest, NULL, p_now);
END $$;

-- Messages that were held until their partner exchanges for real go on, where they do now. How many.
CREATE OR REPLACE FUNCTION gate.exchange_unblock(p_tenant int, p_now timestamptz) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE n int;
BEGIN
    WITH ready AS (
        SELECT b.partner, b.door FROM (SELECT DISTINCT m.partner, m.door FROM record.exchange_message m WHERE m.tenant = p_tenant AND m.blocked) b
        WHERE gate.exchange_takes(p_tenant, b.partner, b.door, p_now) = ''),
    gone AS (
        UPDATE record.exchange_message m SET state = 'received', blocked = false, reason = '', due = p_now, updated = p_now
        FROM ready r WHERE m.tenant = p_tenant AND m.partner = r.partner AND m.door = r.door AND m.blocked AND m.state = 'held' AND NOT m.test RETURNING m.message)
    INSERT INTO record.exchange_event (tenant, message, at, state, reason) SELECT p_tenant, g.message, p_now, 'released', 'Its partner exchanges for real now.' FROM gone g;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$;

-- Decide whether a partner exchanges for real. run: only by a passed run that both signed, of the profile as it is, with an agreement in force and a basis.
CREATE OR REPLACE FUNCTION gate.exchange_go(p_tenant int, p_partner text, p_way text, p_run text, p_author text, p_reason text, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE current_facts text;
BEGIN
    PERFORM FROM record.exchange_partner p WHERE p.tenant = p_tenant AND p.partner = p_partner AND p.known_to = 'infinity' FOR SHARE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    current_facts := gate.exchange_facts(p_tenant, p_partner);
    IF p_way = 'run' AND (gate.exchange_lacks(current_facts, p_now) <> '' OR NOT EXISTS (
        SELECT FROM record.exchange_run r
        JOIN record.exchange_signature o ON o.tenant = r.tenant AND o.run = r.run AND o.side = 'ours' AND o.digest = r.digest
        JOIN record.exchange_signature t ON t.tenant = r.tenant AND t.run = r.run AND t.side = 'theirs' AND t.digest = r.digest
        WHERE r.tenant = p_tenant AND r.run = p_run AND r.partner = p_partner AND r.state = 'passed' AND gate.exchange_profile(r.facts) = gate.exchange_profile(current_facts))) THEN
        RETURN false;
    END IF;
    INSERT INTO record.exchange_go (tenant, partner, way, run, facts, author, reason, at) VALUES (p_tenant, p_partner, p_way, p_run, current_facts, p_author, p_reason, p_now);
    PERFORM gate.exchange_unblock(p_tenant, p_now);
    IF p_way = 'no' THEN  -- tokens of their service end at once; what it subscribed to waits
        UPDATE record.credential c SET revoked = p_now
        WHERE c.tenant = p_tenant AND c.app = current_facts::jsonb ->> 'client' AND c.grant_id IS NULL AND p_now < c.revoked
          AND NOT EXISTS (SELECT FROM record.subscription s WHERE s.tenant = c.tenant AND s.credential = c.credential);
    END IF;
    IF p_way = 'run' THEN  -- tokens for made-up people end, and with them what was subscribed to there: the next one is real
        UPDATE record.credential c SET revoked = p_now
        WHERE c.tenant IN (SELECT t.tenant FROM record.tenant t WHERE t.bench_of = p_tenant) AND c.app = current_facts::jsonb ->> 'client' AND p_now < c.revoked;
    END IF;
    RETURN true;
END $$;

-- Of each partner, whether they exchange for real now ('' or why not), and how that was decided last.
CREATE OR REPLACE FUNCTION gate.exchange_clearances(p_tenant int, p_now timestamptz)
RETURNS TABLE (partner text, why text, way text, run text, name text, reason text, at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT p.partner, gate.exchange_cleared(p_tenant, p.partner, p_now), coalesce(g.way, ''), coalesce(g.run, ''), coalesce(a.name, g.author, ''), coalesce(g.reason, ''), g.at
    FROM record.exchange_partner p
    LEFT JOIN LATERAL (SELECT o.* FROM record.exchange_go o WHERE o.tenant = p.tenant AND o.partner = p.partner ORDER BY o.n DESC LIMIT 1) g ON true
    LEFT JOIN record.account a ON a.tenant = p.tenant AND a.account = g.author
    WHERE p.tenant = p_tenant AND p.known_to = 'infinity'
$$;
