-- Exchange with others (0110): partners, messages, and what became of each.

CREATE OR REPLACE FUNCTION gate.exchange_partners(p_tenant int)
RETURNS TABLE (partner text, facts text, state text, author text, reason text, since timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT a.partner, a.facts, a.state, a.author, a.reason, a.known_from FROM record.exchange_partner a
    WHERE a.tenant = p_tenant AND a.known_to = 'infinity' ORDER BY a.known_from, a.partner
$$;

-- Every state that a partner had, newest first.
CREATE OR REPLACE FUNCTION gate.exchange_partner_history(p_tenant int, p_partner text)
RETURNS TABLE (state text, name text, reason text, since timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT a.state, coalesce(p.name, ''), a.reason, a.known_from
    FROM record.exchange_partner a LEFT JOIN record.account p ON p.tenant = a.tenant AND p.account = a.author
    WHERE a.tenant = p_tenant AND a.partner = p_partner ORDER BY a.known_from DESC LIMIT 50
$$;

-- Write a partner down, or change one from the version that was read; false when somebody was faster. p_since: of that version, null for a new one.
CREATE OR REPLACE FUNCTION gate.exchange_put_partner(
    p_tenant int, p_partner text, p_facts text, p_state text, p_since timestamptz, p_author text, p_reason text, p_now timestamptz
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_tenant || '/partner/' || p_partner, 0));
    IF (SELECT a.known_from FROM record.exchange_partner a WHERE a.tenant = p_tenant AND a.partner = p_partner AND a.known_to = 'infinity') IS DISTINCT FROM p_since THEN
        RETURN false;
    END IF;
    UPDATE record.exchange_partner a SET known_to = greatest(p_now, a.known_from + interval '1 microsecond')
    WHERE a.tenant = p_tenant AND a.partner = p_partner AND a.known_to = 'infinity';
    INSERT INTO record.exchange_partner (tenant, partner, facts, state, author, reason, known_from)
    VALUES (p_tenant, p_partner, p_facts, p_state, p_author, p_reason, greatest(p_now, p_since + interval '1 microsecond'));
    IF p_state <> 'active' THEN
        UPDATE record.credential c SET revoked = least(c.revoked, p_now) WHERE c.tenant = p_tenant AND c.account = 'partner-' || p_partner AND p_now < c.revoked;
    END IF;
    RETURN true;
END $$;

-- A credential of the account that a partner's messages are done under; nobody signs in to it. False for a partner who is not active.
CREATE OR REPLACE FUNCTION gate.exchange_account(p_tenant int, p_partner text, p_name text, p_programs int[], p_credential bytea, p_now timestamptz, p_expires timestamptz)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE it text := 'partner-' || p_partner;
BEGIN
    PERFORM FROM record.exchange_partner a WHERE a.tenant = p_tenant AND a.partner = p_partner AND a.known_to = 'infinity' AND a.state = 'active' FOR SHARE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO record.account (tenant, account, kind, login, name) VALUES (p_tenant, it, 'system', it, p_name) ON CONFLICT DO NOTHING;
    UPDATE record.account a SET name = p_name WHERE a.tenant = p_tenant AND a.account = it AND a.name <> p_name;
    IF NOT EXISTS (SELECT FROM record.assignment s WHERE s.tenant = p_tenant AND s.account = it AND s.known_to = 'infinity' AND s.programs = p_programs) THEN
        UPDATE record.assignment s SET known_to = p_now WHERE s.tenant = p_tenant AND s.account = it AND s.known_to = 'infinity';
        INSERT INTO record.assignment (tenant, account, role, programs, known_from) VALUES (p_tenant, it, 'interface', p_programs, p_now);
        UPDATE record.account a SET generation = a.generation + 1 WHERE a.tenant = p_tenant AND a.account = it;
    END IF;
    INSERT INTO record.credential (tenant, credential, account, kind, door, purpose, created, expires)
    VALUES (p_tenant, p_credential, it, 'token', 'exchange', 'TREAT', p_now, p_expires);
    RETURN true;
END $$;

-- Keep messages as they came, each once: for each its id and whether it was there already. Committed before anybody is told that we have it.
-- What comes from a partner who exchanges nothing for real yet is held; of that, what says that it is a test (p_tests) is never done.
CREATE OR REPLACE FUNCTION gate.exchange_keep(
    p_tenant int, p_now timestamptz, p_messages text[], p_partners text[], p_doors text[], p_directions text[], p_controls text[], p_digests bytea[], p_kinds text[], p_versions text[],
    p_lanes bytea[], p_sizes int[], p_bodies bytea[], p_tests boolean[]
) RETURNS TABLE (message text, fresh boolean) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    IF EXISTS (SELECT FROM unnest(p_partners) AS w(partner)
               WHERE NOT EXISTS (SELECT FROM record.exchange_partner a
                                 WHERE a.tenant = p_tenant AND a.partner = w.partner AND a.known_to = 'infinity' AND a.state = 'active')) THEN
        RAISE EXCEPTION 'stopped partner' USING ERRCODE = 'SJ401';
    END IF;
    RETURN QUERY
    WITH came AS (
        SELECT * FROM unnest(p_messages, p_partners, p_doors, p_directions, p_controls, p_digests, p_kinds, p_versions, p_lanes, p_sizes, p_bodies, p_tests)
            WITH ORDINALITY AS w(message, partner, door, direction, control, digest, kind, version, lane, size, body, test, i)),
    barred AS MATERIALIZED (SELECT d.partner, d.door FROM (SELECT DISTINCT w.partner, w.door FROM came w) d WHERE gate.exchange_takes(p_tenant, d.partner, d.door, p_now) <> ''),
    kept AS (
        INSERT INTO record.exchange_message (tenant, message, partner, door, direction, control, digest, kind, version, lane, size, body, state, reason, test, blocked, due, received, updated)
        SELECT p_tenant, w.message, w.partner, w.door, w.direction, w.control, w.digest, w.kind, w.version, w.lane, w.size, w.body, CASE WHEN b.partner IS NULL THEN 'received' ELSE 'held' END,
               CASE WHEN b.partner IS NULL THEN '' WHEN w.test THEN 'A test message. It is looked at by the test bench, and never done.'
                    ELSE 'Its partner exchanges nothing for real yet: a test, an agreement or a basis is missing. It goes on by itself once they do.' END,
               b.partner IS NOT NULL AND w.test, b.partner IS NOT NULL AND NOT w.test, p_now, p_now, p_now
        FROM came w LEFT JOIN barred b ON b.partner = w.partner AND b.door = w.door ORDER BY w.i
        ON CONFLICT (tenant, partner, direction, control, digest) DO NOTHING RETURNING message)
    SELECT coalesce(k.message, o.message, w.message), k.message IS NOT NULL
    FROM came w LEFT JOIN kept k ON k.message = w.message
    LEFT JOIN record.exchange_message o ON k.message IS NULL AND o.tenant = p_tenant AND o.partner = w.partner AND o.direction = w.direction AND o.control = w.control AND o.digest = w.digest
    ORDER BY w.i;
END $$;

-- The next messages to be done, held until the transaction ends; none while another process does some. At most so many and so many bytes,
-- and of one person only the first that waits, if nothing of theirs before it still waits for somebody.
-- Each is asked by itself whether it is the first of its person: one look at the index of lanes, where a join would read all that waits.
CREATE OR REPLACE FUNCTION gate.exchange_take(p_tenant int, p_door text, p_now timestamptz, p_most int, p_bytes bigint, p_partners text[],
    p_without text[])
RETURNS TABLE (message text, seq bigint, partner text, control text, kind text, tries int, body bytea, choice bytea, received timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended(p_tenant || '/exchange/' || p_door, 0)) THEN
        RETURN;
    END IF;
    p_partners := ARRAY(SELECT w.partner FROM unnest(p_partners) AS w(partner) WHERE gate.exchange_takes(p_tenant, w.partner, p_door, p_now) = '');
    RETURN QUERY
    WITH first AS (
        SELECT m.message, m.seq, m.size FROM record.exchange_message m
        WHERE m.tenant = p_tenant AND m.state = 'received' AND m.door = p_door AND m.direction = 'in' AND m.due <= p_now AND m.partner = ANY (p_partners)
          AND m.message <> ALL (p_without)
          AND (SELECT e.seq FROM record.exchange_message e
               WHERE e.tenant = p_tenant AND e.lane = m.lane AND e.state IN ('received', 'review', 'held') ORDER BY e.seq LIMIT 1) = m.seq
        ORDER BY m.seq LIMIT p_most),
    few AS (SELECT s.message, sum(s.size) OVER (ORDER BY s.seq) - s.size AS before FROM first s)
    SELECT m.message, m.seq, m.partner, m.control, m.kind, m.tries, m.body, m.choice, m.received
    FROM few f JOIN record.exchange_message m ON m.tenant = p_tenant AND m.message = f.message
    WHERE f.before < p_bytes ORDER BY m.seq FOR UPDATE OF m;
END $$;

-- What became of them, in the transaction of what was written for them.
CREATE OR REPLACE FUNCTION gate.exchange_settle(
    p_tenant int, p_now timestamptz, p_messages text[], p_states text[], p_reasons text[], p_results bytea[], p_programs text[], p_due timestamptz[], p_kinds text[]
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    UPDATE record.exchange_message m
    SET state = w.state, reason = w.reason, result = coalesce(w.result, m.result), programs = w.programs::int[], tries = m.tries + 1, due = w.due, updated = p_now, kind = coalesce(nullif(w.kind, ''), m.kind)
    FROM unnest(p_messages, p_states, p_reasons, p_results, p_programs, p_due, p_kinds) AS w(message, state, reason, result, programs, due, kind)
    WHERE m.tenant = p_tenant AND m.message = w.message AND m.state = 'received';
    INSERT INTO record.exchange_event (tenant, message, at, state, reason)
    SELECT p_tenant, w.message, p_now, w.state, w.reason FROM unnest(p_messages, p_states, p_reasons) AS w(message, state, reason) WHERE w.state <> 'received';
END $$;

-- Messages for a list, the last to come first. p_before: seq of the last one that was shown, 0 for the first page.
CREATE OR REPLACE FUNCTION gate.exchange_messages(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_states text[], p_partner text, p_kind text, p_before bigint, p_most int
) RETURNS TABLE (message text, seq bigint, partner text, door text, direction text, control text, kind text, version text, size int, state text, reason text, tries int,
                 received timestamptz, updated timestamptz, behind boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT m.message, m.seq, m.partner, m.door, m.direction, m.control, m.kind, m.version, m.size, m.state, m.reason, m.tries, m.received, m.updated,
           m.state = 'received' AND EXISTS (SELECT FROM record.exchange_message e
                                            WHERE e.tenant = p_tenant AND e.lane = m.lane AND e.seq < m.seq AND e.state IN ('review', 'held'))
    FROM record.exchange_message m
    WHERE m.tenant = p_tenant AND (cardinality(p_states) = 0 OR m.state = ANY (p_states)) AND (p_partner = '' OR m.partner = p_partner) AND (p_kind = '' OR m.kind = p_kind)
      AND (p_before = 0 OR m.seq < p_before)
    ORDER BY m.seq DESC LIMIT p_most;
END $$;

-- How many wait in which state, and since when the oldest does; and how many came and were mapped within the hour.
CREATE OR REPLACE FUNCTION gate.exchange_counts(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz)
RETURNS TABLE (partner text, state text, n bigint, oldest timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT m.partner, m.state, count(*), min(CASE  -- a document waits for its next turn, what goes in a file for that to be made and taken, and what is behind another for that one; none is a delay
        WHEN m.state = 'received' AND m.door = 'document' THEN least(m.due, p_now)
        WHEN m.state = 'received' AND m.direction = 'out' AND f.hours > 0 THEN least(m.received + make_interval(hours => 2 * f.hours), p_now)
        WHEN m.state = 'received' AND m.lane IN (SELECT e.lane FROM record.exchange_message e WHERE e.tenant = p_tenant AND e.state IN ('review', 'held')) THEN p_now
        ELSE m.received END)
    FROM record.exchange_message m
    LEFT JOIN (SELECT p.partner, coalesce((p.facts::jsonb #>> '{sending,batch}')::int, 0) AS hours FROM record.exchange_partner p WHERE p.tenant = p_tenant AND p.known_to = 'infinity') f ON f.partner = m.partner
    WHERE m.tenant = p_tenant AND m.state IN ('received', 'review', 'held', 'failed')
    GROUP BY m.partner, m.state;
END $$;

-- When each partner was last heard from, and how many messages of theirs are kept.
CREATE OR REPLACE FUNCTION gate.exchange_heard(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz)
RETURNS TABLE (partner text, day_count bigint, last timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT a.partner,
           (SELECT count(*) FROM record.exchange_message m WHERE m.tenant = p_tenant AND m.partner = a.partner AND m.direction = 'in' AND m.received > p_now - interval '1 day') + coalesce(c.day_count, 0),
           greatest((SELECT max(m.received) FROM record.exchange_message m WHERE m.tenant = p_tenant AND m.partner = a.partner AND m.direction = 'in'), c.last)
    FROM record.exchange_partner a
    LEFT JOIN LATERAL (  -- who comes by the API is heard when their service gets a token
        SELECT count(*) FILTER (WHERE t.created > p_now - interval '1 day') AS day_count, max(t.created) AS last FROM record.credential t
        WHERE t.tenant = p_tenant AND a.facts::jsonb ->> 'door' = 'fhir' AND t.app = a.facts::jsonb ->> 'client' AND t.grant_id IS NULL) c ON true
    WHERE a.tenant = p_tenant AND a.known_to = 'infinity';
END $$;

CREATE OR REPLACE FUNCTION gate.exchange_message(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_message text)
RETURNS TABLE (message text, seq bigint, partner text, door text, direction text, control text, kind text, version text, size int, state text, reason text, tries int,
               received timestamptz, updated timestamptz, behind boolean, body bytea, result bytea, choice bytea, programs int[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT m.message, m.seq, m.partner, m.door, m.direction, m.control, m.kind, m.version, m.size, m.state, m.reason, m.tries, m.received, m.updated,
           m.state = 'received' AND EXISTS (SELECT FROM record.exchange_message e
                                            WHERE e.tenant = p_tenant AND e.lane = m.lane AND e.seq < m.seq AND e.state IN ('review', 'held')),
           m.body, m.result, m.choice, m.programs
    FROM record.exchange_message m WHERE m.tenant = p_tenant AND m.message = p_message;
END $$;

-- What became of several messages.
CREATE OR REPLACE FUNCTION gate.exchange_results(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_messages text[])
RETURNS TABLE (message text, result bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT m.message, m.result FROM record.exchange_message m WHERE m.tenant = p_tenant AND m.message = ANY (p_messages) AND m.result IS NOT NULL;
END $$;

CREATE OR REPLACE FUNCTION gate.exchange_events(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_message text)
RETURNS TABLE (at timestamptz, state text, name text, reason text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT e.at, e.state, coalesce(a.name, ''), e.reason FROM record.exchange_event e LEFT JOIN record.account a ON a.tenant = e.tenant AND a.account = e.author
    WHERE e.tenant = p_tenant AND e.message = p_message ORDER BY e.n DESC LIMIT 100;
END $$;

-- Somebody holds a message, lets it go on, has it done again or sets it aside; false where it is no longer in one of the states named.
CREATE OR REPLACE FUNCTION gate.exchange_move(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_message text, p_from text[], p_state text, p_event text, p_author text, p_reason text, p_choice bytea
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    UPDATE record.exchange_message m
    SET state = p_state, reason = CASE WHEN p_state = 'received' THEN '' ELSE p_reason END, choice = coalesce(p_choice, m.choice), due = p_now, updated = p_now,
        blocked = false
    WHERE m.tenant = p_tenant AND m.message = p_message AND m.state = ANY (p_from) AND NOT ((m.test OR m.destroyed IS NOT NULL) AND p_state = 'received')
      AND NOT (m.blocked AND p_state = 'received' AND gate.exchange_takes(p_tenant, m.partner, m.door, p_now) <> '');
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO record.exchange_event (tenant, message, at, state, author, reason) VALUES (p_tenant, p_message, p_now, p_event, p_author, p_reason);
    RETURN true;
END $$;

-- Who of theirs is who of ours, for some of theirs.
CREATE OR REPLACE FUNCTION gate.exchange_people(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_partners text[], p_theirs bytea[])
RETURNS TABLE (partner text, theirs bytea, patient text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT x.partner, x.theirs, x.patient FROM unnest(p_partners, p_theirs) AS w(partner, theirs)
    JOIN record.exchange_person x ON x.tenant = p_tenant AND x.partner = w.partner AND x.theirs = w.theirs;
END $$;

CREATE OR REPLACE FUNCTION gate.exchange_know(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_partner text, p_theirs bytea, p_patient text, p_author text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    INSERT INTO record.exchange_person (tenant, partner, theirs, patient, author, at) VALUES (p_tenant, p_partner, p_theirs, p_patient, p_author, p_now)
    ON CONFLICT (tenant, partner, theirs) DO UPDATE SET patient = excluded.patient, author = excluded.author, at = excluded.at;
END $$;
