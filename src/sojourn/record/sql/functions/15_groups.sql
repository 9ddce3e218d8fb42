-- Group sessions before they are signed, and findings of the clock (0050).

-- May this person open a session? Who leads it, and who oversees the program that it belongs to.
CREATE OR REPLACE FUNCTION gate.leads(p_leaders text[], p_program int, p_agent text, p_programs int[]) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$ SELECT p_agent = ANY (p_leaders) OR p_program = ANY (p_programs) $$;

-- Begin a session, or find the one of that group and time that was begun already: its id.
CREATE OR REPLACE FUNCTION gate.group_begin(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_session text, p_program int, p_schedule text,
    p_starts timestamptz, p_ends timestamptz, p_leaders text[], p_body text, p_stamp text
) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE there text;
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    INSERT INTO record.group_session (tenant, session, program, schedule, starts, ends, leaders, body, stamp, updated)
    VALUES (p_tenant, p_session, p_program, p_schedule, p_starts, p_ends, p_leaders, p_body, p_stamp, p_now)
    ON CONFLICT DO NOTHING RETURNING session INTO there;
    IF there IS NULL THEN
        SELECT s.session INTO there FROM record.group_session s WHERE s.tenant = p_tenant AND s.schedule = p_schedule AND s.schedule <> '' AND s.starts = p_starts;
    END IF;
    RETURN there;
END $$;

-- Sessions that begin in a span, or (null) those that are not finished, with each part as it is sealed: how far a session is, is counted over those
-- of its members whom the caller may see, and only what is sealed says who they are.
CREATE OR REPLACE FUNCTION gate.group_sessions(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_agent text, p_programs int[], p_low timestamptz, p_high timestamptz
) RETURNS TABLE (session text, program int, schedule text, starts timestamptz, ends timestamptz, leaders text[], closed timestamptz, parts text[], states text[], documents text[], bodies text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT s.session, s.program, s.schedule, s.starts, s.ends, s.leaders, s.closed,
           array_agg(p.part ORDER BY p.part) FILTER (WHERE p.part IS NOT NULL), array_agg(p.state ORDER BY p.part) FILTER (WHERE p.part IS NOT NULL),
           array_agg(p.document ORDER BY p.part) FILTER (WHERE p.part IS NOT NULL), array_agg(p.body ORDER BY p.part) FILTER (WHERE p.part IS NOT NULL)
    FROM record.group_session s LEFT JOIN record.group_part p ON p.tenant = s.tenant AND p.session = s.session
    WHERE s.tenant = p_tenant AND gate.leads(s.leaders, s.program, p_agent, p_programs)
      AND CASE WHEN p_low IS NULL THEN s.closed IS NULL ELSE s.starts >= p_low AND s.starts < p_high END
    GROUP BY s.tenant, s.session ORDER BY s.starts, s.session LIMIT 300;
END $$;

CREATE OR REPLACE FUNCTION gate.group_session(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_session text, p_agent text, p_programs int[])
RETURNS TABLE (session text, program int, schedule text, starts timestamptz, ends timestamptz, leaders text[], body text, stamp text, updated timestamptz, closed timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT s.session, s.program, s.schedule, s.starts, s.ends, s.leaders, s.body, s.stamp, s.updated, s.closed FROM record.group_session s
    WHERE s.tenant = p_tenant AND s.session = p_session AND gate.leads(s.leaders, s.program, p_agent, p_programs);
END $$;

CREATE OR REPLACE FUNCTION gate.group_parts(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_session text, p_agent text, p_programs int[])
RETURNS TABLE (part text, state text, document text, body text, stamp text, updated timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT p.part, p.state, p.document, p.body, p.stamp, p.updated
    FROM record.group_part p JOIN record.group_session s ON s.tenant = p.tenant AND s.session = p.session
    WHERE p.tenant = p_tenant AND p.session = p_session AND gate.leads(s.leaders, s.program, p_agent, p_programs) ORDER BY p.part;
END $$;

-- Keep the shared part unless a newer one is there than the one that was seen. The stamp that is there now; null for a session that one may not open.
CREATE OR REPLACE FUNCTION gate.group_keep(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_session text, p_agent text, p_programs int[], p_leaders text[],
    p_body text, p_seen text, p_stamp text, p_closed boolean
) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE kept text;
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    UPDATE record.group_session s SET body = p_body, stamp = p_stamp, updated = p_now, leaders = coalesce(p_leaders, s.leaders),
        closed = CASE WHEN p_closed THEN coalesce(s.closed, p_now) END
    WHERE s.tenant = p_tenant AND s.session = p_session AND s.stamp = p_seen AND gate.leads(s.leaders, s.program, p_agent, p_programs);
    SELECT s.stamp INTO kept FROM record.group_session s
    WHERE s.tenant = p_tenant AND s.session = p_session AND gate.leads(s.leaders, s.program, p_agent, p_programs);
    RETURN kept;
END $$;

-- Keep one client's part in the same way. What is signed or missed is never opened again.
CREATE OR REPLACE FUNCTION gate.group_keep_part(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_session text, p_agent text, p_programs int[],
    p_part text, p_state text, p_document text, p_body text, p_seen text, p_stamp text
) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE kept text;
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    IF NOT EXISTS (SELECT FROM record.group_session s WHERE s.tenant = p_tenant AND s.session = p_session AND gate.leads(s.leaders, s.program, p_agent, p_programs)) THEN
        RETURN NULL;
    END IF;
    INSERT INTO record.group_part AS g (tenant, session, part, state, document, body, stamp, updated)
    VALUES (p_tenant, p_session, p_part, p_state, p_document, p_body, p_stamp, p_now)
    ON CONFLICT (tenant, session, part) DO UPDATE SET state = excluded.state, body = excluded.body, stamp = excluded.stamp, updated = excluded.updated
    WHERE g.stamp = p_seen AND g.state = 'open'
    RETURNING g.stamp INTO kept;
    IF kept IS NULL THEN
        SELECT g.stamp INTO kept FROM record.group_part g WHERE g.tenant = p_tenant AND g.session = p_session AND g.part = p_part;
    END IF;
    RETURN kept;
END $$;

-- What the clock found. True if it is new: what was put right stays so.
CREATE OR REPLACE FUNCTION gate.finding_add(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_finding text, p_kind text, p_subjects text[])
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    INSERT INTO record.finding (tenant, finding, kind, subjects, found) VALUES (p_tenant, p_finding, p_kind, p_subjects, p_now) ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;

CREATE OR REPLACE FUNCTION gate.findings(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_prefix text)
RETURNS TABLE (finding text, kind text, subjects text[], found timestamptz) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT f.finding, f.kind, f.subjects, f.found FROM record.finding f
    WHERE f.tenant = p_tenant AND starts_with(f.kind, p_prefix) AND f.closed IS NULL ORDER BY f.found, f.finding LIMIT 500;
END $$;

CREATE OR REPLACE FUNCTION gate.finding_close(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_finding text, p_account text, p_note text)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    UPDATE record.finding f SET closed = p_now, closed_by = p_account, note = p_note WHERE f.tenant = p_tenant AND f.finding = p_finding AND f.closed IS NULL;
    RETURN FOUND;
END $$;
