-- Papers that are in no chart yet (0071).

-- May this person open it? Whoever indexes and works in the program that it came for; where that is not known, in every Part 2 program.
CREATE OR REPLACE FUNCTION gate.indexes(p_program int, p_programs int[], p_every boolean) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN p_program = 0 THEN p_every ELSE p_program = ANY (p_programs) END $$;

-- Take one in, once: its id, or that of the one that came from the same source before. p_message: the message of a partner that it came as, or ''.
CREATE OR REPLACE FUNCTION gate.paper_receive(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_paper text, p_program int, p_door text, p_source text, p_arrived timestamptz,
    p_blob text, p_body text, p_stamp text, p_message text
) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE there text;
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    INSERT INTO record.paper (tenant, paper, program, door, source, state, arrived, blob, body, stamp, updated, message)
    VALUES (p_tenant, p_paper, p_program, p_door, p_source, 'waiting', p_arrived, p_blob, p_body, p_stamp, p_now, p_message)
    ON CONFLICT (tenant, source) DO NOTHING RETURNING paper INTO there;
    IF there IS NULL THEN
        SELECT t.paper INTO there FROM record.paper t WHERE t.tenant = p_tenant AND t.source = p_source;
    END IF;
    RETURN there;
END $$;

-- Where the paper is that a message of a partner became: waiting, indexed, set-aside; no row where it became none.
CREATE OR REPLACE FUNCTION gate.paper_of_message(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_message text)
RETURNS TABLE (state text) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT t.state FROM record.paper t WHERE t.tenant = p_tenant AND t.message = p_message AND t.message <> '';
END $$;

-- Which papers are in a chart of those that these messages became, of these, and of what was split off from any of them: the bytes of each are a file of its own.
CREATE OR REPLACE FUNCTION gate.papers_filed(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_messages text[], p_papers text[])
RETURNS TABLE (paper text) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT t.paper FROM record.paper t
    WHERE t.tenant = p_tenant AND t.state = 'indexed'
      AND t.blob IN (SELECT o.blob FROM record.paper o
                     WHERE o.tenant = p_tenant AND (o.paper = ANY (p_papers) OR (o.message = ANY (p_messages) AND o.message <> '')));
END $$;

-- Papers whose source names their content by a plain hash, as all did before 0097, and a sealed file that is the same for the same content.
CREATE OR REPLACE FUNCTION gate.papers_unkeyed(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_limit int)
RETURNS TABLE (paper text, program int, door text, state text, arrived timestamptz, blob text, body text, stamp text, updated timestamptz, source text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT t.paper, t.program, t.door, t.state, t.arrived, t.blob, t.body, t.stamp, t.updated, t.source FROM record.paper t
    WHERE t.tenant = p_tenant AND t.source NOT LIKE 'k:%' ORDER BY t.paper LIMIT p_limit;
END $$;

-- Give one its keyed source and a file of its own, unless it changed meanwhile. The file that nothing holds any more is left over.
CREATE OR REPLACE FUNCTION gate.paper_rekey(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_paper text, p_seen text, p_source text, p_blob text, p_body text
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE was record.paper;
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    SELECT * INTO was FROM record.paper t WHERE t.tenant = p_tenant AND t.paper = p_paper AND t.stamp = p_seen AND t.source NOT LIKE 'k:%' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE record.paper t SET blob = p_blob, body = p_body,
        source = CASE WHEN EXISTS (SELECT FROM record.paper o WHERE o.tenant = p_tenant AND o.source = p_source) THEN p_source || ':' || p_paper ELSE p_source END
    WHERE t.tenant = p_tenant AND t.paper = p_paper;
    INSERT INTO record.blob_leftover (tenant, digest, since)
    SELECT p_tenant, was.blob, p_now WHERE NOT EXISTS (SELECT FROM record.paper o WHERE o.tenant = p_tenant AND o.blob = was.blob) ON CONFLICT DO NOTHING;
    RETURN true;
END $$;

-- Those that wait, the first to come first.
CREATE OR REPLACE FUNCTION gate.papers(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_programs int[], p_every boolean)
RETURNS TABLE (paper text, program int, door text, state text, arrived timestamptz, blob text, body text, stamp text, updated timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT t.paper, t.program, t.door, t.state, t.arrived, t.blob, t.body, t.stamp, t.updated FROM record.paper t
    WHERE t.tenant = p_tenant AND t.state = 'waiting' AND gate.indexes(t.program, p_programs, p_every) ORDER BY t.arrived, t.paper LIMIT 300;
END $$;

-- Those that were set aside, the last first.
CREATE OR REPLACE FUNCTION gate.papers_aside(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_programs int[], p_every boolean)
RETURNS TABLE (paper text, program int, door text, state text, arrived timestamptz, blob text, body text, stamp text, updated timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT t.paper, t.program, t.door, t.state, t.arrived, t.blob, t.body, t.stamp, t.updated FROM record.paper t
    WHERE t.tenant = p_tenant AND t.state = 'set-aside' AND gate.indexes(t.program, p_programs, p_every) ORDER BY t.updated DESC, t.paper LIMIT 100;
END $$;

CREATE OR REPLACE FUNCTION gate.paper(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_paper text, p_programs int[], p_every boolean)
RETURNS TABLE (paper text, program int, door text, state text, arrived timestamptz, blob text, body text, stamp text, updated timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT t.paper, t.program, t.door, t.state, t.arrived, t.blob, t.body, t.stamp, t.updated FROM record.paper t
    WHERE t.tenant = p_tenant AND t.paper = p_paper AND gate.indexes(t.program, p_programs, p_every);
END $$;

-- Keep what was done with one that waits, unless a newer state is there than the one that was seen; with it may come a part that was split off.
-- The message that it came as is done, set aside, or waits again with it.
-- The stamp that is there now; null for one that may not be opened.
CREATE OR REPLACE FUNCTION gate.paper_keep(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_paper text, p_programs int[], p_every boolean, p_state text, p_program int,
    p_body text, p_seen text, p_stamp text, p_part text, p_part_body text
) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE was record.paper; kept text;
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    SELECT * INTO was FROM record.paper t
    WHERE t.tenant = p_tenant AND t.paper = p_paper AND gate.indexes(t.program, p_programs, p_every) FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF was.stamp = p_seen AND was.state IN ('waiting', 'set-aside') THEN
        UPDATE record.paper t SET body = p_body, state = p_state, program = p_program, stamp = p_stamp, updated = p_now
        WHERE t.tenant = p_tenant AND t.paper = p_paper;
        IF was.message <> '' AND p_state <> was.state THEN
            WITH moved AS (
                UPDATE record.exchange_message m SET state = s.state, reason = s.reason, updated = p_now
                FROM (SELECT CASE p_state WHEN 'indexed' THEN 'mapped' WHEN 'set-aside' THEN 'aside' ELSE 'review' END AS state,
                             CASE p_state WHEN 'indexed' THEN '' WHEN 'set-aside' THEN 'It was set aside in the tray.' ELSE 'It waits in the tray of papers.' END AS reason) AS s
                WHERE m.tenant = p_tenant AND m.message = was.message AND m.state IN ('review', 'aside', 'mapped') RETURNING m.message, m.state)
            INSERT INTO record.exchange_event (tenant, message, at, state, reason)
            SELECT p_tenant, m.message, p_now, m.state, CASE m.state WHEN 'mapped' THEN 'Put into a chart by whoever looks after the tray.' WHEN 'aside' THEN 'Set aside in the tray.' ELSE 'Put back into the tray.' END FROM moved m;
        END IF;
        IF p_part <> '' THEN
            INSERT INTO record.paper (tenant, paper, program, door, source, state, arrived, blob, body, stamp, updated)
            VALUES (p_tenant, p_part, p_program, was.door, 'k:part:' || p_part, 'waiting', was.arrived, was.blob, p_part_body, p_stamp, p_now);
        END IF;
        kept := p_stamp;
    ELSE
        kept := was.stamp;
    END IF;
    RETURN kept;
END $$;
