-- What goes out to partners (0140): what may have to be told, what is told, what was held back.

-- Remember that these may have to be told, in the transaction of the follower that found them.
CREATE OR REPLACE FUNCTION gate.exchange_intend(
    p_tenant int, p_now timestamptz, p_intents text[], p_partners text[], p_lanes bytea[], p_abouts bytea[], p_subjects bytea[]
) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    INSERT INTO record.exchange_intent (tenant, intent, partner, lane, about, subject, due, made)
    SELECT p_tenant, w.intent, w.partner, w.lane, w.about, w.subject, p_now, p_now
    FROM unnest(p_intents, p_partners, p_lanes, p_abouts, p_subjects) WITH ORDINALITY AS w(intent, partner, lane, about, subject, i) ORDER BY w.i
$$;

-- Take the next of a partner until p_lease, of each person only the first, and none behind a message that has not been told yet.
CREATE OR REPLACE FUNCTION gate.exchange_intents(p_tenant int, p_partner text, p_now timestamptz, p_lease timestamptz, p_most int)
RETURNS TABLE (intent text, about bytea, lane bytea, subject bytea, tries int, made timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    IF gate.exchange_cleared(p_tenant, p_partner, p_now) <> '' THEN  -- what is for them waits
        RETURN;
    END IF;
    RETURN QUERY
    WITH first AS (
        SELECT i.intent FROM record.exchange_intent i
        WHERE i.tenant = p_tenant AND i.partner = p_partner AND i.state = 'waiting' AND i.due <= p_now
          AND NOT EXISTS (SELECT FROM record.exchange_intent e WHERE e.tenant = p_tenant AND e.lane = i.lane AND e.n < i.n AND e.state = 'waiting')
          AND NOT EXISTS (SELECT FROM record.exchange_message m WHERE m.tenant = p_tenant AND m.lane = i.lane AND m.direction = 'out' AND m.state IN ('received', 'held'))
        ORDER BY i.n LIMIT p_most FOR UPDATE SKIP LOCKED),
    taken AS (
        UPDATE record.exchange_intent i SET due = p_lease, tries = i.tries + 1 FROM first f WHERE i.tenant = p_tenant AND i.intent = f.intent
        RETURNING i.intent, i.about, i.lane, i.subject, i.tries, i.made, i.n)
    SELECT t.intent, t.about, t.lane, t.subject, t.tries, t.made FROM taken t ORDER BY t.n;
END $$;

-- Nothing is to be told (p_state ''), it was held back ('withheld'), or it could not be decided now ('waiting', again at p_due).
CREATE OR REPLACE FUNCTION gate.exchange_untold(p_tenant int, p_now timestamptz, p_intent text, p_state text, p_due timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF p_state = '' THEN
        DELETE FROM record.exchange_intent i WHERE i.tenant = p_tenant AND i.intent = p_intent;
        RETURN;
    END IF;
    UPDATE record.exchange_intent i SET state = p_state, due = p_due WHERE i.tenant = p_tenant AND i.intent = p_intent AND i.state = 'waiting';
    IF p_state = 'withheld' THEN  -- once for each resource
        DELETE FROM record.exchange_intent o USING record.exchange_intent i
        WHERE i.tenant = p_tenant AND i.intent = p_intent AND o.tenant = p_tenant AND o.about = i.about AND o.intent <> i.intent AND o.state = 'withheld';
    END IF;
END $$;

-- It became a message: false where it is no longer there. p_intent '': an acknowledgement, which is about nobody.
CREATE OR REPLACE FUNCTION gate.exchange_made(
    p_tenant int, p_now timestamptz, p_intent text, p_message text, p_partner text, p_door text, p_control text, p_digest bytea, p_kind text, p_version text, p_lane bytea, p_size int,
    p_body bytea, p_job bytea, p_about bytea, p_result bytea
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF p_intent <> '' THEN
        DELETE FROM record.exchange_intent i WHERE i.tenant = p_tenant AND i.intent = p_intent;
        IF NOT FOUND THEN
            RETURN false;
        END IF;
        DELETE FROM record.exchange_intent i WHERE i.tenant = p_tenant AND i.about = p_about AND i.state = 'withheld';
    END IF;
    INSERT INTO record.exchange_message (tenant, message, partner, door, direction, control, digest, kind, version, lane, size, body, state, due, received, updated, about, job, result)
    VALUES (p_tenant, p_message, p_partner, p_door, 'out', p_control, p_digest, p_kind, p_version, p_lane, p_size, p_body, 'received', p_now, p_now, p_now, p_about, p_job, p_result);
    RETURN true;
END $$;

-- The next message that leaves, taken until p_lease: of each person only the first.
CREATE OR REPLACE FUNCTION gate.exchange_leave(p_tenant int, p_partner text, p_now timestamptz, p_lease timestamptz)
RETURNS TABLE (message text, control text, kind text, tries int, body bytea, job bytea, about bytea, lane bytea, sent timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    IF gate.exchange_cleared(p_tenant, p_partner, p_now) <> '' THEN  -- what is for them waits
        RETURN;
    END IF;
    RETURN QUERY
    WITH first AS (
        SELECT m.message FROM record.exchange_message m
        WHERE m.tenant = p_tenant AND m.partner = p_partner AND m.direction = 'out' AND m.door = 'hl7v2' AND m.state = 'received' AND m.due <= p_now
          AND NOT EXISTS (SELECT FROM record.exchange_message e WHERE e.tenant = p_tenant AND e.lane = m.lane AND e.seq < m.seq AND e.direction = 'out' AND e.state IN ('received', 'held'))
        ORDER BY m.seq LIMIT 1 FOR UPDATE SKIP LOCKED)
    UPDATE record.exchange_message m SET due = p_lease FROM first f WHERE m.tenant = p_tenant AND m.message = f.message
    RETURNING m.message, m.control, m.kind, m.tries, m.body, m.job, m.about, m.lane, m.sent;
END $$;

-- It leaves now, with these bytes; false where somebody held it or set it aside meanwhile.
CREATE OR REPLACE FUNCTION gate.exchange_leaving(p_tenant int, p_now timestamptz, p_message text, p_body bytea, p_size int, p_digest bytea, p_job bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE record.exchange_message m SET sent = coalesce(m.sent, p_now), body = p_body, size = p_size, digest = p_digest, job = p_job, updated = p_now
    WHERE m.tenant = p_tenant AND m.message = p_message AND m.state = 'received';
    RETURN FOUND;
END $$;

-- What became of it: accepted (mapped; p_facts: what the partner knows now), failed, aside, or received: again at p_due.
CREATE OR REPLACE FUNCTION gate.exchange_sent(
    p_tenant int, p_now timestamptz, p_message text, p_state text, p_reason text, p_due timestamptz, p_facts bytea, p_result bytea
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE before record.exchange_message;
BEGIN
    SELECT * INTO before FROM record.exchange_message m WHERE m.tenant = p_tenant AND m.message = p_message AND m.state = 'received' FOR UPDATE;
    IF before IS NULL THEN
        RETURN;
    END IF;
    UPDATE record.exchange_message m SET state = p_state, reason = p_reason, tries = m.tries + 1, due = p_due, updated = p_now, result = coalesce(p_result, m.result)
    WHERE m.tenant = p_tenant AND m.message = p_message;
    IF p_state <> 'received' OR p_reason <> before.reason THEN
        INSERT INTO record.exchange_event (tenant, message, at, state, reason) VALUES (p_tenant, p_message, p_now, p_state, p_reason);
    END IF;
    IF p_state = 'mapped' AND before.about IS NOT NULL AND p_facts IS NOT NULL THEN
        PERFORM gate.exchange_tell(p_tenant, p_now, before.partner, before.about, p_facts, p_message);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION gate.exchange_tell(p_tenant int, p_now timestamptz, p_partner text, p_about bytea, p_facts bytea, p_message text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    INSERT INTO record.exchange_told (tenant, about, partner, facts, message, at) VALUES (p_tenant, p_about, p_partner, p_facts, p_message, p_now)
    ON CONFLICT (tenant, about) DO UPDATE SET facts = excluded.facts, message = excluded.message, at = excluded.at
$$;

CREATE OR REPLACE FUNCTION gate.exchange_told(p_tenant int, p_about bytea) RETURNS TABLE (facts bytea, message text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT t.facts, t.message FROM record.exchange_told t WHERE t.tenant = p_tenant AND t.about = p_about
$$;

-- What was held back, the last first. p_before: n of the last that was shown, 0 for the first page.
CREATE OR REPLACE FUNCTION gate.exchange_withheld(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_one text, p_before bigint, p_most int)
RETURNS TABLE (intent text, n bigint, partner text, subject bytea, made timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT i.intent, i.n, i.partner, i.subject, i.made FROM record.exchange_intent i
    WHERE i.tenant = p_tenant AND i.state = 'withheld' AND (p_one = '' OR i.intent = p_one) AND (p_before = 0 OR i.n < p_before) ORDER BY i.n DESC LIMIT p_most;
END $$;

-- Decide anew about what was held back.
CREATE OR REPLACE FUNCTION gate.exchange_anew(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_intent text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    UPDATE record.exchange_intent i SET state = 'waiting', due = p_now, tries = 0 WHERE i.tenant = p_tenant AND i.intent = p_intent AND i.state = 'withheld';
    RETURN FOUND;
END $$;

-- Messages that came, were looked at, and whose application acknowledgement was not made yet.
CREATE OR REPLACE FUNCTION gate.exchange_unanswered(p_tenant int, p_partner text, p_since timestamptz, p_most int)
RETURNS TABLE (message text, body bytea, state text, reason text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT m.message, m.body, m.state, m.reason FROM record.exchange_message m
    WHERE m.tenant = p_tenant AND m.partner = p_partner AND m.direction = 'in' AND m.answered IS NULL AND m.received >= p_since AND m.state IN ('mapped', 'review', 'failed', 'aside')
    ORDER BY m.seq LIMIT p_most
$$;

CREATE OR REPLACE FUNCTION gate.exchange_answered(p_tenant int, p_now timestamptz, p_message text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE record.exchange_message m SET answered = p_now WHERE m.tenant = p_tenant AND m.message = p_message AND m.answered IS NULL;
    RETURN FOUND;
END $$;
