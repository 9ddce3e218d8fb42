-- What rooms keep beside the record (0020): drafts, policies; and the account that acts by the clock.

-- Keep a draft unless a newer one is there than the one that was seen. The stamp that is kept now: the new one if it was.
CREATE OR REPLACE FUNCTION gate.keep_draft(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_account text, p_key text, p_patient text, p_body text, p_seen text, p_stamp text
) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE kept text;
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    INSERT INTO record.draft AS d (tenant, account, key, patient, body, stamp, updated)
    VALUES (p_tenant, p_account, p_key, p_patient, p_body, p_stamp, p_now)
    ON CONFLICT (tenant, account, key) DO UPDATE SET patient = excluded.patient, body = excluded.body, stamp = excluded.stamp, updated = excluded.updated
    WHERE d.stamp = p_seen
    RETURNING d.stamp INTO kept;
    IF kept IS NULL THEN
        SELECT d.stamp INTO kept FROM record.draft d WHERE d.tenant = p_tenant AND d.account = p_account AND d.key = p_key;
    END IF;
    RETURN kept;
END $$;

CREATE OR REPLACE FUNCTION gate.draft(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_account text, p_key text)
RETURNS TABLE (key text, patient text, body text, stamp text, updated timestamptz) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT d.key, d.patient, d.body, d.stamp, d.updated FROM record.draft d
    WHERE d.tenant = p_tenant AND d.account = p_account AND d.key = p_key;
END $$;

-- Those whose key begins so, the newest first; without their bodies.
CREATE OR REPLACE FUNCTION gate.drafts(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_account text, p_prefix text)
RETURNS TABLE (key text, patient text, stamp text, updated timestamptz) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT d.key, d.patient, d.stamp, d.updated FROM record.draft d
    WHERE d.tenant = p_tenant AND d.account = p_account AND starts_with(d.key, p_prefix) ORDER BY d.updated DESC, d.key;
END $$;

CREATE OR REPLACE FUNCTION gate.drop_draft(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_account text, p_key text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    DELETE FROM record.draft d WHERE d.tenant = p_tenant AND d.account = p_account AND d.key = p_key;
END $$;

-- The organization's own values, those in force first by what was known last; with everything that was, for their history.
CREATE OR REPLACE FUNCTION gate.policies(p_tenant int, p_now timestamptz, p_all boolean)
RETURNS TABLE (key text, level text, value text, account text, reason text, valid_from timestamptz, valid_to timestamptz, known_from timestamptz, known_to timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT p.key, p.level, p.value, p.account, p.reason, p.valid_from, p.valid_to, p.known_from, p.known_to
    FROM record.policy p
    WHERE p.tenant = p_tenant AND (p_all OR (p.known_to = 'infinity' AND p.valid_from <= p_now AND p_now < p.valid_to))
    ORDER BY p.key, p.level, p.known_from DESC, p.n DESC
$$;

-- Set a value from now on, or (null) go back to the one that is shipped.
CREATE OR REPLACE FUNCTION gate.set_policy(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_account text, p_key text, p_level text, p_value text, p_reason text
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    PERFORM pg_advisory_xact_lock(hashtextextended('policy:' || p_tenant || ':' || p_key || ':' || p_level, 0));
    -- What was known stays, closed; the shorter truth is added.
    INSERT INTO record.policy (tenant, key, level, value, account, reason, valid_from, valid_to, known_from)
    SELECT p.tenant, p.key, p.level, p.value, p.account, p.reason, p.valid_from, p_now, p_now FROM record.policy p
    WHERE p.tenant = p_tenant AND p.key = p_key AND p.level = p_level AND p.known_to = 'infinity' AND p.valid_from < p_now AND p.valid_to > p_now;
    UPDATE record.policy p SET known_to = p_now
    WHERE p.tenant = p_tenant AND p.key = p_key AND p.level = p_level AND p.known_to = 'infinity' AND p.valid_to > p_now;
    IF p_value IS NOT NULL THEN
        INSERT INTO record.policy (tenant, key, level, value, account, reason, valid_from, known_from)
        VALUES (p_tenant, p_key, p_level, p_value, p_account, p_reason, p_now, p_now);
    END IF;
END $$;

-- The account that acts by the clock. It is made where it is missing, works in every program there is, and cannot sign in.
CREATE OR REPLACE FUNCTION gate.clockwork(p_tenant int, p_credential bytea, p_now timestamptz, p_expires timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE everywhere int[];
BEGIN
    IF p_expires > p_now + interval '1 hour' THEN
        RAISE EXCEPTION 'a credential of the server itself lasts an hour';
    END IF;
    SELECT coalesce(array_agg(DISTINCT p.program ORDER BY p.program), '{}') INTO everywhere FROM record.program p WHERE p.tenant = p_tenant;
    INSERT INTO record.account (tenant, account, kind, login, name) VALUES (p_tenant, 'system-clock', 'system', 'system-clock', 'The clock')
    ON CONFLICT DO NOTHING;
    IF NOT EXISTS (SELECT FROM record.assignment s WHERE s.tenant = p_tenant AND s.account = 'system-clock' AND s.known_to = 'infinity'
                   AND s.programs = everywhere) THEN
        UPDATE record.assignment s SET known_to = p_now WHERE s.tenant = p_tenant AND s.account = 'system-clock' AND s.known_to = 'infinity';
        INSERT INTO record.assignment (tenant, account, role, programs, known_from) VALUES (p_tenant, 'system-clock', 'system', everywhere, p_now);
    END IF;
    INSERT INTO record.credential (tenant, credential, account, kind, door, purpose, created, expires)
    VALUES (p_tenant, p_credential, 'system-clock', 'token', 'clock', 'TREAT', p_now, p_expires);
END $$;
