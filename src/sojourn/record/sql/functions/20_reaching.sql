-- Documents on their way to partners (0163): queued, taken, left by a door, arrived or not.

-- Put one into the queue, in the transaction of whoever may.
CREATE OR REPLACE FUNCTION gate.reach_put(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_message text, p_partner text, p_control text, p_digest bytea, p_kind text, p_lane bytea, p_size int, p_body bytea, p_job bytea,
    p_result bytea, p_author text
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    PERFORM FROM record.exchange_partner a WHERE a.tenant = p_tenant AND a.partner = p_partner AND a.known_to = 'infinity' AND a.state = 'active' FOR SHARE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO record.exchange_message (tenant, message, partner, door, direction, control, digest, kind, lane, size, body, state, due, received, updated, job, result)
    VALUES (p_tenant, p_message, p_partner, 'document', 'out', p_control, p_digest, p_kind, p_lane, p_size, p_body, 'received', p_now, p_now, p_now, p_job, p_result);
    INSERT INTO record.exchange_event (tenant, message, at, state, author, reason) VALUES (p_tenant, p_message, p_now, 'queued', p_author, '');
    RETURN true;
END $$;

-- Take the next that are due until p_lease: of each partner at most one, and none of those partners.
CREATE OR REPLACE FUNCTION gate.reach_take(p_tenant int, p_now timestamptz, p_lease timestamptz, p_without text[], p_most int)
RETURNS TABLE (message text, partner text, control text, kind text, tries int, body bytea, job bytea, sent timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH due AS (
        SELECT m.message, m.seq, row_number() OVER (PARTITION BY m.partner ORDER BY m.due, m.seq) AS n FROM record.exchange_message m
        WHERE m.tenant = p_tenant AND m.direction = 'out' AND m.door = 'document' AND m.state = 'received' AND m.due <= p_now AND m.partner <> ALL (p_without)),
    first AS (
        SELECT m.message FROM record.exchange_message m JOIN due d ON d.message = m.message
        WHERE m.tenant = p_tenant AND d.n = 1 AND m.state = 'received' AND m.due <= p_now ORDER BY m.seq LIMIT p_most FOR UPDATE OF m SKIP LOCKED)
    UPDATE record.exchange_message m SET due = p_lease FROM first f WHERE m.tenant = p_tenant AND m.message = f.message
    RETURNING m.message, m.partner, m.control, m.kind, m.tries, m.body, m.job, m.sent;
END $$;

-- It leaves now by p_way (kept as its version); false where somebody held it or set it aside meanwhile, or nothing goes to that partner now.
CREATE OR REPLACE FUNCTION gate.reach_leaving(p_tenant int, p_now timestamptz, p_message text, p_way text, p_job bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF (SELECT gate.exchange_documents(p_tenant, m.partner, p_now, 'out') FROM record.exchange_message m WHERE m.tenant = p_tenant AND m.message = p_message) <> '' THEN
        RETURN false;
    END IF;
    UPDATE record.exchange_message m SET sent = coalesce(m.sent, p_now), version = p_way, job = p_job, updated = p_now
    WHERE m.tenant = p_tenant AND m.message = p_message AND m.state IN ('received', 'review');
    RETURN FOUND;
END $$;

-- What became of it: arrived (mapped), for a person (review), not (failed), not any more (aside), or received: again at p_due. p_said: a line of what happened.
CREATE OR REPLACE FUNCTION gate.reach_settle(
    p_tenant int, p_now timestamptz, p_message text, p_from text, p_state text, p_reason text, p_due timestamptz, p_job bytea, p_said text, p_author text
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE record.exchange_message m SET state = p_state, reason = p_reason, tries = m.tries + 1, due = p_due, updated = p_now, job = coalesce(p_job, m.job)
    WHERE m.tenant = p_tenant AND m.message = p_message AND m.state = p_from;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF p_said <> '' OR p_state <> p_from THEN
        INSERT INTO record.exchange_event (tenant, message, at, state, author, reason) VALUES (p_tenant, p_message, p_now, p_state, p_author, p_said);
    END IF;
    RETURN true;
END $$;

-- Those that counted as arrived and did not after all, as long as what they belong to was not told.
CREATE OR REPLACE FUNCTION gate.reach_lost(p_tenant int)
RETURNS TABLE (message text, partner text, control text, kind text, tries int, body bytea, job bytea, sent timestamptz, reason text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT m.message, m.partner, m.control, m.kind, m.tries, m.body, m.job, m.sent, m.reason FROM record.exchange_message m WHERE m.tenant = p_tenant AND m.lost AND m.destroyed IS NULL LIMIT 20
$$;

CREATE OR REPLACE FUNCTION gate.reach_lost_told(p_tenant int, p_message text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE record.exchange_message m SET lost = false WHERE m.tenant = p_tenant AND m.message = p_message
$$;

-- How far some are, for whoever knows their ids; nothing of what they say.
CREATE OR REPLACE FUNCTION gate.reach_states(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_messages text[])
RETURNS TABLE (message text, partner text, way text, state text, reason text, tries int, made timestamptz, updated timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT m.message, m.partner, m.version, m.state, m.reason, m.tries, m.received, m.updated FROM record.exchange_message m
    WHERE m.tenant = p_tenant AND m.message = ANY (p_messages) AND m.door = 'document' ORDER BY m.seq;
END $$;

-- Those that did not leave for one of these reasons and were not sent again, the last first; for the privacy officer (gate/exchange/stopped.py).
CREATE OR REPLACE FUNCTION gate.reach_stopped(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_reasons text[], p_most int)
RETURNS TABLE (message text, partner text, kind text, reason text, job bytea, updated timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT m.message, m.partner, m.kind, m.reason, m.job, m.updated FROM record.exchange_message m
    WHERE m.tenant = p_tenant AND m.direction = 'out' AND m.door = 'document' AND m.state IN ('aside', 'failed') AND m.reason = ANY (p_reasons) ORDER BY m.updated DESC, m.seq DESC LIMIT p_most;
END $$;

-- One with its contents, for who may release: gate/exchange/posting.py asks who that is.
CREATE OR REPLACE FUNCTION gate.reach_one(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_message text)
RETURNS TABLE (message text, partner text, control text, kind text, tries int, body bytea, job bytea, sent timestamptz, state text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT m.message, m.partner, m.control, m.kind, m.tries, m.body, m.job, m.sent, m.state FROM record.exchange_message m
    WHERE m.tenant = p_tenant AND m.message = p_message AND m.door = 'document';
END $$;

-- What was found of a way, arrived by it or failed: the last of each.
CREATE OR REPLACE FUNCTION gate.reach_find(p_tenant int, p_now timestamptz, p_partner text, p_way text, p_kind text, p_said text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    INSERT INTO record.exchange_finding (tenant, partner, way, kind, said, at) VALUES (p_tenant, p_partner, p_way, p_kind, p_said, p_now)
    ON CONFLICT (tenant, partner, way, kind) DO UPDATE SET said = excluded.said, at = excluded.at
$$;

CREATE OR REPLACE FUNCTION gate.reach_findings(p_tenant int, p_partner text) RETURNS TABLE (way text, kind text, said text, at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT f.way, f.kind, f.said, f.at FROM record.exchange_finding f WHERE f.tenant = p_tenant AND f.partner = p_partner
$$;

-- What does not work now, for whoever operates: ways of partners of which the last thing known is that they failed, what carries for everybody ('' as the
-- partner), our Direct mailbox ('mailbox' as its way), mail that it did not take ('refused'), and who asked to be told of changes and does not take it ('told'). at: when that was last so; good: when it last worked, NULL for never.
CREATE OR REPLACE FUNCTION gate.reach_troubles(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz)
RETURNS TABLE (partner text, way text, said text, at timestamptz, good timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT f.partner, f.way, f.said, f.at, g.good FROM record.exchange_finding f
    CROSS JOIN LATERAL (
        SELECT max(o.at) AS good FROM record.exchange_finding o
        WHERE o.tenant = f.tenant AND o.partner = f.partner AND o.way = f.way AND o.kind IN ('found', 'arrived')) g
    WHERE f.tenant = p_tenant AND f.kind = 'failed' AND (g.good IS NULL OR g.good < f.at)
    UNION ALL
    SELECT '', 'mailbox', r.problem, p_now, r.good FROM record.direct_run r
    JOIN record.direct_mailbox m ON m.tenant = r.tenant AND m.known_to = 'infinity' AND m.state = 'active'
    WHERE r.tenant = p_tenant AND r.problem <> ''
    UNION ALL
    SELECT '', 'refused', count(*) || CASE WHEN count(*) = 1 THEN ' mail was' ELSE ' mails were' END || ' not taken, and nobody looked at it yet. The last: ' || (array_agg(x.reason ORDER BY x.at DESC))[1], max(x.at), NULL::timestamptz
    FROM record.direct_refused x WHERE x.tenant = p_tenant AND x.seen IS NULL HAVING count(*) > 0
    UNION ALL
    SELECT '', 'told', count(*) || CASE WHEN count(*) = 1 THEN ' subscriber does' ELSE ' subscribers do' END || ' not take what they asked to be told.'
        || CASE WHEN bool_or(s.state = 'error') THEN ' After a day of trying they are told nothing more; what waits is kept for a week.' ELSE '' END, max(s.due), NULL::timestamptz
    FROM record.subscription s WHERE s.tenant = p_tenant AND (s.state = 'error' OR (s.state IN ('requested', 'active') AND s.tries >= 3)) HAVING count(*) > 0
    ORDER BY 1, 2;
END $$;
