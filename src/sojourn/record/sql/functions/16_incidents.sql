-- Incident reports (0078): sent once, changed in versions, opened by role and never by those whom they are about.

-- May this person open a report? p_me: the digest of whoever asks; p_all: every program; p_private: those about privacy.
CREATE OR REPLACE FUNCTION gate.reviews(p_barred text[], p_program int, p_privacy boolean, p_me text, p_programs int[], p_all boolean, p_private boolean) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$ SELECT NOT p_me = ANY (p_barred) AND (p_all OR p_program = ANY (p_programs) OR (p_private AND p_privacy)) $$;

-- Send a report. True if it is new: a second press changes nothing.
CREATE OR REPLACE FUNCTION gate.incident_send(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_incident text, p_program int, p_privacy boolean, p_author text,
    p_barred text[], p_body text, p_stamp text, p_reported timestamptz
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    INSERT INTO record.incident (tenant, incident, program, privacy, state, author, barred, body, stamp, n, reported, changed)
    VALUES (p_tenant, p_incident, p_program, p_privacy, 'sent', p_author, p_barred, p_body, p_stamp, 1, p_reported, p_reported) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO record.incident_version (tenant, incident, n, account, act, at, body) VALUES (p_tenant, p_incident, 1, p_author, 'sent', p_reported, p_body);
    RETURN true;
END $$;

-- Reports that the caller may open: those that are open, or all from a moment on; the newest first.
CREATE OR REPLACE FUNCTION gate.incidents(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_me text, p_programs int[], p_all boolean, p_private boolean, p_since timestamptz
) RETURNS TABLE (incident text, program int, privacy boolean, state text, author text, barred text[], body text, stamp text, n int, reported timestamptz, changed timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT i.incident, i.program, i.privacy, i.state, i.author, i.barred, i.body, i.stamp, i.n, i.reported, i.changed FROM record.incident i
    WHERE i.tenant = p_tenant AND gate.reviews(i.barred, i.program, i.privacy, p_me, p_programs, p_all, p_private)
      AND CASE WHEN p_since IS NULL THEN i.state <> 'closed' ELSE i.reported >= p_since END
    ORDER BY i.reported DESC, i.incident LIMIT 3000;
END $$;

CREATE OR REPLACE FUNCTION gate.incident(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_incident text, p_me text, p_programs int[], p_all boolean, p_private boolean
) RETURNS TABLE (incident text, program int, privacy boolean, state text, author text, barred text[], body text, stamp text, n int, reported timestamptz, changed timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT i.incident, i.program, i.privacy, i.state, i.author, i.barred, i.body, i.stamp, i.n, i.reported, i.changed FROM record.incident i
    WHERE i.tenant = p_tenant AND i.incident = p_incident AND gate.reviews(i.barred, i.program, i.privacy, p_me, p_programs, p_all, p_private);
END $$;

CREATE OR REPLACE FUNCTION gate.incident_versions(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_incident text, p_me text, p_programs int[], p_all boolean, p_private boolean
) RETURNS TABLE (n int, account text, name text, act text, at timestamptz, body text) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT v.n, v.account, coalesce(a.name, ''), v.act, v.at, v.body
    FROM record.incident_version v JOIN record.incident i ON i.tenant = v.tenant AND i.incident = v.incident
    LEFT JOIN record.account a ON a.tenant = v.tenant AND a.account = v.account
    WHERE v.tenant = p_tenant AND v.incident = p_incident AND gate.reviews(i.barred, i.program, i.privacy, p_me, p_programs, p_all, p_private) ORDER BY v.n;
END $$;

-- Change a report unless a newer one is there than the one that was seen; each change is a version. The stamp that is there now; null for one that one may not open.
CREATE OR REPLACE FUNCTION gate.incident_change(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_incident text, p_me text, p_programs int[], p_all boolean, p_private boolean,
    p_program int, p_privacy boolean, p_state text, p_barred text[], p_body text, p_seen text, p_stamp text, p_account text, p_act text
) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE kept text;
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    UPDATE record.incident i SET program = p_program, privacy = p_privacy, state = p_state, barred = p_barred, body = p_body, stamp = p_stamp, n = i.n + 1, changed = p_now
    WHERE i.tenant = p_tenant AND i.incident = p_incident AND i.stamp = p_seen AND gate.reviews(i.barred, i.program, i.privacy, p_me, p_programs, p_all, p_private);
    IF FOUND THEN
        INSERT INTO record.incident_version (tenant, incident, n, account, act, at, body)
        SELECT p_tenant, p_incident, i.n, p_account, p_act, p_now, p_body FROM record.incident i WHERE i.tenant = p_tenant AND i.incident = p_incident;
        RETURN p_stamp;
    END IF;
    SELECT i.stamp INTO kept FROM record.incident i
    WHERE i.tenant = p_tenant AND i.incident = p_incident AND gate.reviews(i.barred, i.program, i.privacy, p_me, p_programs, p_all, p_private);
    RETURN kept;
END $$;

-- What an author learns of their own reports once they are sent: that they arrived, and whether they are closed.
CREATE OR REPLACE FUNCTION gate.incidents_sent(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_author text)
RETURNS TABLE (incident text, state text, reported timestamptz) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT i.incident, i.state, i.reported FROM record.incident i WHERE i.tenant = p_tenant AND i.author = p_author AND p_author <> '' ORDER BY i.reported DESC LIMIT 20;
END $$;

-- Corrective actions of a report, for those who may open it.
CREATE OR REPLACE FUNCTION gate.incident_actions(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_incident text, p_me text, p_programs int[], p_all boolean, p_private boolean
) RETURNS TABLE (incident text, action text, owner text, due date, state text, body text, stamp text) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT a.incident, a.action, a.owner, a.due, a.state, a.body, a.stamp
    FROM record.incident_action a JOIN record.incident i ON i.tenant = a.tenant AND i.incident = a.incident
    WHERE a.tenant = p_tenant AND (p_incident IS NULL OR a.incident = p_incident) AND (p_incident IS NOT NULL OR a.state = 'open')
      AND gate.reviews(i.barred, i.program, i.privacy, p_me, p_programs, p_all, p_private) ORDER BY a.due, a.action;
END $$;

CREATE OR REPLACE FUNCTION gate.incident_action_add(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_incident text, p_me text, p_programs int[], p_all boolean, p_private boolean,
    p_action text, p_owner text, p_due date, p_body text, p_stamp text
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    INSERT INTO record.incident_action (tenant, incident, action, owner, due, state, body, stamp, changed)
    SELECT p_tenant, p_incident, p_action, p_owner, p_due, 'open', p_body, p_stamp, p_now FROM record.incident i
    WHERE i.tenant = p_tenant AND i.incident = p_incident AND gate.reviews(i.barred, i.program, i.privacy, p_me, p_programs, p_all, p_private) ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;

-- The actions of one owner: those that are open, or (named) one of them.
CREATE OR REPLACE FUNCTION gate.incident_actions_of(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_owner text, p_action text)
RETURNS TABLE (incident text, action text, owner text, due date, state text, body text, stamp text) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT a.incident, a.action, a.owner, a.due, a.state, a.body, a.stamp FROM record.incident_action a
    WHERE a.tenant = p_tenant AND a.owner = p_owner AND p_owner <> '' AND CASE WHEN p_action IS NULL THEN a.state = 'open' ELSE a.action = p_action END ORDER BY a.due, a.action;
END $$;

-- Its owner says what was done. The stamp that is there now; null for one that is not theirs.
CREATE OR REPLACE FUNCTION gate.incident_action_do(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_owner text, p_action text, p_state text, p_body text, p_seen text, p_stamp text
) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE kept text;
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    UPDATE record.incident_action a SET state = p_state, body = p_body, stamp = p_stamp, changed = p_now
    WHERE a.tenant = p_tenant AND a.action = p_action AND a.owner = p_owner AND p_owner <> '' AND a.stamp = p_seen AND a.state = 'open';
    SELECT a.stamp INTO kept FROM record.incident_action a WHERE a.tenant = p_tenant AND a.action = p_action AND a.owner = p_owner AND p_owner <> '';
    RETURN kept;
END $$;
