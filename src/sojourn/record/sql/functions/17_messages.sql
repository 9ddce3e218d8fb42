-- Messages between colleagues (0079): nobody gets a thread that they are no reader of.

-- Begin a thread with its first message. True if it is new: a second press begins no second one.
CREATE OR REPLACE FUNCTION gate.thread_begin(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_thread text, p_program int, p_patient text, p_urgent boolean, p_author text,
    p_body text, p_stamp text, p_message text, p_words text, p_members text[]
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    INSERT INTO record.thread (tenant, thread, program, patient, urgent, author, body, stamp, started, last)
    VALUES (p_tenant, p_thread, p_program, p_patient, p_urgent, p_author, p_body, p_stamp, p_now, p_now) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO record.message (tenant, thread, message, account, at, body) VALUES (p_tenant, p_thread, p_message, p_author, p_now, p_words);
    INSERT INTO record.thread_member (tenant, thread, account, via, joined, read) VALUES (p_tenant, p_thread, p_author, 'from', p_now, p_now);
    INSERT INTO record.thread_member (tenant, thread, account, via, joined)
    SELECT p_tenant, p_thread, m, 'to', p_now FROM unnest(p_members) AS m ON CONFLICT DO NOTHING;
    RETURN true;
END $$;

-- The threads of a reader, those with something new first. name, by: of whoever wrote last.
CREATE OR REPLACE FUNCTION gate.threads(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_account text, p_unread boolean)
RETURNS TABLE (thread text, program int, patient text, urgent boolean, author text, body text, stamp text, started timestamptz, last timestamptz, unread boolean, name text, by text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT t.thread, t.program, t.patient, t.urgent, t.author, t.body, t.stamp, t.started, t.last, m.read IS NULL OR m.read < t.last, coalesce(a.name, ''), l.account
    FROM record.thread_member m JOIN record.thread t ON t.tenant = m.tenant AND t.thread = m.thread
    CROSS JOIN LATERAL (SELECT x.account FROM record.message x WHERE x.tenant = t.tenant AND x.thread = t.thread ORDER BY x.at DESC, x.message LIMIT 1) l
    LEFT JOIN record.account a ON a.tenant = t.tenant AND a.account = l.account
    WHERE m.tenant = p_tenant AND m.account = p_account AND (NOT p_unread OR m.read IS NULL OR m.read < t.last)
    ORDER BY (m.read IS NULL OR m.read < t.last) DESC, t.last DESC, t.thread LIMIT 300;
END $$;

CREATE OR REPLACE FUNCTION gate.thread(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_account text, p_thread text)
RETURNS TABLE (thread text, program int, patient text, urgent boolean, author text, body text, stamp text, started timestamptz, last timestamptz, unread boolean, name text, by text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT t.thread, t.program, t.patient, t.urgent, t.author, t.body, t.stamp, t.started, t.last, m.read IS NULL OR m.read < t.last, coalesce(a.name, ''), l.account
    FROM record.thread_member m JOIN record.thread t ON t.tenant = m.tenant AND t.thread = m.thread
    CROSS JOIN LATERAL (SELECT x.account FROM record.message x WHERE x.tenant = t.tenant AND x.thread = t.thread ORDER BY x.at DESC, x.message LIMIT 1) l
    LEFT JOIN record.account a ON a.tenant = t.tenant AND a.account = l.account
    WHERE m.tenant = p_tenant AND m.account = p_account AND m.thread = p_thread;
END $$;

-- The messages of one thread, or (null) of all that a reader has: the oldest first.
CREATE OR REPLACE FUNCTION gate.messages(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_account text, p_thread text)
RETURNS TABLE (thread text, message text, account text, name text, at timestamptz, body text) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT x.thread, x.message, x.account, coalesce(a.name, ''), x.at, x.body
    FROM record.thread_member m JOIN record.message x ON x.tenant = m.tenant AND x.thread = m.thread
    LEFT JOIN record.account a ON a.tenant = x.tenant AND a.account = x.account
    WHERE m.tenant = p_tenant AND m.account = p_account AND (p_thread IS NULL OR m.thread = p_thread) ORDER BY x.at, x.message LIMIT 5000;
END $$;

CREATE OR REPLACE FUNCTION gate.thread_members(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_account text, p_thread text)
RETURNS TABLE (account text, name text, agent text, via text, joined timestamptz, read timestamptz) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT m.account, coalesce(a.name, ''), coalesce(a.agent, ''), m.via, m.joined, m.read
    FROM record.thread_member m LEFT JOIN record.account a ON a.tenant = m.tenant AND a.account = m.account
    WHERE m.tenant = p_tenant AND m.thread = p_thread AND EXISTS (SELECT FROM record.thread_member o WHERE o.tenant = p_tenant AND o.thread = p_thread AND o.account = p_account)
    ORDER BY m.joined, m.account;
END $$;

-- Answer: once under each name. False for a thread that one is no reader of.
CREATE OR REPLACE FUNCTION gate.message_add(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_account text, p_thread text, p_message text, p_words text
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    IF NOT EXISTS (SELECT FROM record.thread_member m WHERE m.tenant = p_tenant AND m.thread = p_thread AND m.account = p_account) THEN
        RETURN false;
    END IF;
    INSERT INTO record.message (tenant, thread, message, account, at, body) VALUES (p_tenant, p_thread, p_message, p_account, p_now, p_words) ON CONFLICT DO NOTHING;
    IF FOUND THEN
        UPDATE record.thread t SET last = greatest(t.last, p_now) WHERE t.tenant = p_tenant AND t.thread = p_thread;
        UPDATE record.thread_member m SET read = p_now WHERE m.tenant = p_tenant AND m.thread = p_thread AND m.account = p_account;
    END IF;
    RETURN true;
END $$;

CREATE OR REPLACE FUNCTION gate.thread_read(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_account text, p_thread text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    UPDATE record.thread_member m SET read = p_now WHERE m.tenant = p_tenant AND m.thread = p_thread AND m.account = p_account;
END $$;

-- More readers, by a reader or by the clock (p_account null), unless the thread was changed since it was seen. The stamp that is there now.
CREATE OR REPLACE FUNCTION gate.thread_grow(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_account text, p_thread text, p_members text[], p_via text, p_body text, p_seen text, p_stamp text
) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE kept text;
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    IF p_account IS NOT NULL AND NOT EXISTS (SELECT FROM record.thread_member m WHERE m.tenant = p_tenant AND m.thread = p_thread AND m.account = p_account) THEN
        RETURN NULL;
    END IF;
    UPDATE record.thread t SET body = p_body, stamp = p_stamp WHERE t.tenant = p_tenant AND t.thread = p_thread AND t.stamp = p_seen;
    IF FOUND THEN
        INSERT INTO record.thread_member (tenant, thread, account, via, joined) SELECT p_tenant, p_thread, m, p_via, p_now FROM unnest(p_members) AS m ON CONFLICT DO NOTHING;
    END IF;
    SELECT t.stamp INTO kept FROM record.thread t WHERE t.tenant = p_tenant AND t.thread = p_thread;
    RETURN kept;
END $$;

-- For the clock: urgent threads that nobody but their author has read.
CREATE OR REPLACE FUNCTION gate.threads_waiting(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz)
RETURNS TABLE (thread text, program int, patient text, urgent boolean, author text, body text, stamp text, started timestamptz, last timestamptz, unread boolean, name text, by text, members text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT t.thread, t.program, t.patient, t.urgent, t.author, t.body, t.stamp, t.started, t.last, true, ''::text, t.author,
        (SELECT array_agg(m.account) FROM record.thread_member m WHERE m.tenant = t.tenant AND m.thread = t.thread)
    FROM record.thread t
    WHERE t.tenant = p_tenant AND t.urgent
      AND NOT EXISTS (SELECT FROM record.thread_member m WHERE m.tenant = t.tenant AND m.thread = t.thread AND m.account <> t.author AND m.read IS NOT NULL)
    ORDER BY t.started LIMIT 500;
END $$;

-- What nobody has written to since a day is forgotten.
CREATE OR REPLACE FUNCTION gate.threads_forget(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_before timestamptz) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE gone text[];
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    SELECT coalesce(array_agg(t.thread), '{}') INTO gone FROM (SELECT x.thread FROM record.thread x WHERE x.tenant = p_tenant AND x.last < p_before ORDER BY x.last LIMIT 500) t;
    DELETE FROM record.message m WHERE m.tenant = p_tenant AND m.thread = ANY (gone);
    DELETE FROM record.thread_member m WHERE m.tenant = p_tenant AND m.thread = ANY (gone);
    DELETE FROM record.thread t WHERE t.tenant = p_tenant AND t.thread = ANY (gone);
    RETURN cardinality(gone);
END $$;
