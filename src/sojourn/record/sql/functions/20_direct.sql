-- Direct secure messaging (0167).

CREATE OR REPLACE FUNCTION gate.direct_mailbox(p_tenant int)
RETURNS TABLE (facts text, secret bytea, state text, author text, reason text, since timestamptz, due timestamptz, good timestamptz, problem text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT m.facts, m.secret, m.state, m.author, m.reason, m.known_from, r.due, r.good, r.problem
    FROM record.direct_mailbox m JOIN record.direct_run r ON r.tenant = m.tenant WHERE m.tenant = p_tenant AND m.known_to = 'infinity'
$$;

-- Write the mailbox down, or change it from the version that was read; false when somebody was faster. It is looked into at once.
CREATE OR REPLACE FUNCTION gate.direct_put_mailbox(
    p_tenant int, p_facts text, p_secret bytea, p_state text, p_since timestamptz, p_author text, p_reason text, p_now timestamptz
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_tenant || '/direct', 0));
    IF (SELECT m.known_from FROM record.direct_mailbox m WHERE m.tenant = p_tenant AND m.known_to = 'infinity') IS DISTINCT FROM p_since THEN
        RETURN false;
    END IF;
    UPDATE record.direct_mailbox m SET known_to = greatest(p_now, m.known_from + interval '1 microsecond') WHERE m.tenant = p_tenant AND m.known_to = 'infinity';
    INSERT INTO record.direct_mailbox (tenant, facts, secret, state, author, reason, known_from)
    VALUES (p_tenant, p_facts, p_secret, p_state, p_author, p_reason, greatest(p_now, p_since + interval '1 microsecond'));
    INSERT INTO record.direct_run (tenant, due) VALUES (p_tenant, p_now) ON CONFLICT (tenant) DO UPDATE SET due = p_now, problem = '';
    RETURN true;
END $$;

-- Whether it is our turn to look into the mailbox; the next turn is at p_next.
CREATE OR REPLACE FUNCTION gate.direct_claim(p_tenant int, p_now timestamptz, p_next timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE record.direct_run r SET due = p_next FROM record.direct_mailbox m
    WHERE r.tenant = p_tenant AND r.due <= p_now AND m.tenant = r.tenant AND m.known_to = 'infinity' AND m.state = 'active';
    RETURN FOUND;
END $$;

CREATE OR REPLACE FUNCTION gate.direct_looked(p_tenant int, p_due timestamptz, p_good timestamptz, p_problem text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE record.direct_run r SET due = p_due, good = coalesce(p_good, r.good), problem = p_problem WHERE r.tenant = p_tenant
$$;

CREATE OR REPLACE FUNCTION gate.direct_partners(p_tenant int)
RETURNS TABLE (partner text, facts text, state text, author text, reason text, since timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT a.partner, a.facts, a.state, a.author, a.reason, a.known_from FROM record.direct_partner a
    WHERE a.tenant = p_tenant AND a.known_to = 'infinity' ORDER BY a.known_from, a.partner
$$;

CREATE OR REPLACE FUNCTION gate.direct_put_partner(
    p_tenant int, p_partner text, p_facts text, p_state text, p_since timestamptz, p_author text, p_reason text, p_now timestamptz
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_tenant || '/direct', 0));
    IF (SELECT a.known_from FROM record.direct_partner a WHERE a.tenant = p_tenant AND a.partner = p_partner AND a.known_to = 'infinity') IS DISTINCT FROM p_since THEN
        RETURN false;
    END IF;
    UPDATE record.direct_partner a SET known_to = greatest(p_now, a.known_from + interval '1 microsecond')
    WHERE a.tenant = p_tenant AND a.partner = p_partner AND a.known_to = 'infinity';
    INSERT INTO record.direct_partner (tenant, partner, facts, state, author, reason, known_from)
    VALUES (p_tenant, p_partner, p_facts, p_state, p_author, p_reason, greatest(p_now, p_since + interval '1 microsecond'));
    RETURN true;
END $$;

-- Of a partner and of every partner; '*': all. Those that were taken back last.
CREATE OR REPLACE FUNCTION gate.direct_certificates(p_tenant int, p_partner text)
RETURNS TABLE (certificate text, partner text, kind text, fingerprint text, body text, name text, until timestamptz, added timestamptz, author text, revoked timestamptz, revoker text, reason text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT c.certificate, c.partner, c.kind, c.fingerprint, c.body, c.name, c.until, c.added, coalesce(a.name, c.author), nullif(c.revoked, 'infinity'), coalesce(r.name, c.revoker), c.reason
    FROM record.direct_certificate c LEFT JOIN record.account a ON a.tenant = c.tenant AND a.account = c.author LEFT JOIN record.account r ON r.tenant = c.tenant AND r.account = c.revoker
    WHERE c.tenant = p_tenant AND (c.partner IN ('', p_partner) OR p_partner = '*') ORDER BY c.revoked DESC, c.added DESC, c.certificate LIMIT 500
$$;

-- False where it is there already.
CREATE OR REPLACE FUNCTION gate.direct_add_certificate(
    p_tenant int, p_certificate text, p_partner text, p_kind text, p_fingerprint text, p_body text, p_name text, p_until timestamptz, p_author text, p_now timestamptz
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO record.direct_certificate (tenant, certificate, partner, kind, fingerprint, body, name, until, added, author)
    VALUES (p_tenant, p_certificate, p_partner, p_kind, p_fingerprint, p_body, p_name, p_until, p_now, p_author) ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;

CREATE OR REPLACE FUNCTION gate.direct_revoke_certificate(p_tenant int, p_partner text, p_certificate text, p_author text, p_reason text, p_now timestamptz)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE record.direct_certificate c SET revoked = p_now, revoker = p_author, reason = p_reason
    WHERE c.tenant = p_tenant AND c.partner IN ('', p_partner) AND c.certificate = p_certificate AND c.revoked = 'infinity';
    RETURN FOUND;
END $$;

-- Something leaves: written down before it does. The state it is in: one that was tried before keeps its own.
CREATE OR REPLACE FUNCTION gate.direct_leave(p_tenant int, p_letter text, p_partner text, p_now timestamptz) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE is_now text;
BEGIN
    INSERT INTO record.direct_letter (tenant, letter, partner, state, begun, updated) VALUES (p_tenant, p_letter, p_partner, 'leaving', p_now, p_now) ON CONFLICT DO NOTHING;
    SELECT l.state INTO is_now FROM record.direct_letter l WHERE l.tenant = p_tenant AND l.letter = p_letter;
    RETURN is_now;
END $$;

-- What became of a letter to a partner; it never goes back, and what was delivered does not fail. A document that counted as arrived by a letter that
-- fails after all waits for somebody from then on, and what it belongs to is told (a letter's number begins with the id of its document). False where there is none of that partner.
CREATE OR REPLACE FUNCTION gate.direct_told(p_tenant int, p_letter text, p_partner text, p_state text, p_why text, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE ranks text[] := ARRAY['leaving', 'sent', 'processed', 'failed', 'delivered'];
BEGIN
    UPDATE record.direct_letter l
    SET state = p_state, why = p_why, updated = p_now, sent = CASE WHEN p_state = 'sent' THEN p_now ELSE l.sent END
    WHERE l.tenant = p_tenant AND l.letter = p_letter AND l.partner = p_partner AND array_position(ranks, p_state) > array_position(ranks, l.state);
    IF FOUND AND p_state = 'failed' THEN
        WITH lost AS (
            UPDATE record.exchange_message m SET state = 'failed', reason = p_why, updated = p_now, lost = true
            WHERE m.tenant = p_tenant AND m.message = split_part(ltrim(p_letter, '<'), '@', 1) AND m.partner = p_partner
              AND m.direction = 'out' AND m.door = 'document' AND m.version = 'direct' AND m.state = 'mapped' AND m.destroyed IS NULL
            RETURNING m.message)
        INSERT INTO record.exchange_event (tenant, message, at, state, author, reason) SELECT p_tenant, x.message, p_now, 'failed', '', p_why FROM lost x;
        IF FOUND THEN
            PERFORM gate.reach_find(p_tenant, p_now, p_partner, 'direct', 'failed', p_why);
        END IF;
        RETURN true;
    END IF;
    RETURN EXISTS (SELECT FROM record.direct_letter l WHERE l.tenant = p_tenant AND l.letter = p_letter AND l.partner = p_partner);
END $$;

-- One letter ('' for the last of a partner).
CREATE OR REPLACE FUNCTION gate.direct_letters(p_tenant int, p_partner text, p_letter text, p_most int)
RETURNS TABLE (letter text, partner text, state text, why text, begun timestamptz, sent timestamptz, updated timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT l.letter, l.partner, l.state, l.why, l.begun, l.sent, l.updated FROM record.direct_letter l
    WHERE l.tenant = p_tenant AND l.partner = p_partner AND (p_letter = '' OR l.letter = p_letter) ORDER BY l.begun DESC, l.letter LIMIT p_most
$$;

CREATE OR REPLACE FUNCTION gate.direct_refuse(p_tenant int, p_mail bytea, p_sender text, p_reason text, p_now timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    INSERT INTO record.direct_refused (tenant, mail, sender, reason, at) VALUES (p_tenant, p_mail, p_sender, p_reason, p_now)
    ON CONFLICT (tenant, mail) DO UPDATE SET reason = excluded.reason, at = excluded.at, seen = NULL, seen_by = ''
$$;

-- The last that were not taken, those first at which nobody looked.
CREATE OR REPLACE FUNCTION gate.direct_refusals(p_tenant int, p_most int) RETURNS TABLE (mail bytea, sender text, reason text, at timestamptz, seen timestamptz, by text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT r.mail, r.sender, r.reason, r.at, r.seen, coalesce(a.name, r.seen_by) FROM record.direct_refused r LEFT JOIN record.account a ON a.tenant = r.tenant AND a.account = r.seen_by
    WHERE r.tenant = p_tenant ORDER BY r.seen IS NOT NULL, r.at DESC LIMIT p_most
$$;

-- Somebody looked at one; false where it is none that waits for that.
CREATE OR REPLACE FUNCTION gate.direct_seen(p_tenant int, p_mail bytea, p_account text, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE record.direct_refused r SET seen = p_now, seen_by = p_account WHERE r.tenant = p_tenant AND r.mail = p_mail AND r.seen IS NULL;
    RETURN FOUND;
END $$;

-- Revocation lists that were fetched, and when each was asked for last.
CREATE OR REPLACE FUNCTION gate.direct_lists(p_tenant int) RETURNS TABLE (url text, body bytea, until timestamptz, asked timestamptz, good timestamptz, problem text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT l.url, l.body, l.until, l.asked, l.good, l.problem FROM record.direct_list l WHERE l.tenant = p_tenant ORDER BY l.asked DESC LIMIT 500
$$;

-- What came of asking for one: a good list takes the place of the one before, anything else leaves it.
CREATE OR REPLACE FUNCTION gate.direct_put_list(p_tenant int, p_url text, p_body bytea, p_until timestamptz, p_problem text, p_now timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    INSERT INTO record.direct_list AS l (tenant, url, body, until, asked, good, problem)
    VALUES (p_tenant, p_url, p_body, CASE WHEN p_problem = '' THEN p_until ELSE '-infinity' END, p_now, CASE WHEN p_problem = '' THEN p_now END, p_problem)
    ON CONFLICT (tenant, url) DO UPDATE SET asked = p_now, problem = p_problem, body = CASE WHEN p_problem = '' THEN p_body ELSE l.body END,
        until = CASE WHEN p_problem = '' THEN p_until ELSE l.until END, good = CASE WHEN p_problem = '' THEN p_now ELSE l.good END
$$;
