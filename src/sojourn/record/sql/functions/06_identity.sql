-- Who is who: passwords, sessions, factors, tickets, and the states of accounts. Nothing here reads a patient's record.

CREATE OR REPLACE FUNCTION gate.account_state(p_tenant int, p_account text, p_now timestamptz) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce((SELECT s.state FROM record.account_state s
                     WHERE s.tenant = p_tenant AND s.account = p_account AND s.valid_from <= p_now AND p_now < s.valid_to AND s.known_to = 'infinity'
                     ORDER BY s.valid_from DESC LIMIT 1), 'active')
$$;

-- The password of a login, for the gate to verify (Argon2id is checked outside the database). No row for an account that is not active.
CREATE OR REPLACE FUNCTION gate.password(p_tenant int, p_login text, p_now timestamptz)
RETURNS TABLE (account text, password text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT a.account, a.password FROM record.account a
    WHERE a.tenant = p_tenant AND a.login = p_login AND gate.account_state(a.tenant, a.account, p_now) = 'active'
$$;

CREATE OR REPLACE FUNCTION gate.password_of(p_tenant int, p_account text, p_now timestamptz) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT a.password FROM record.account a
    WHERE a.tenant = p_tenant AND a.account = p_account AND gate.account_state(a.tenant, a.account, p_now) = 'active'
$$;

-- Everything about an account that signing in needs, after its password was right. No row unless it is active and may act as something.
CREATE OR REPLACE FUNCTION gate.signing_in(p_tenant int, p_account text, p_door text, p_now timestamptz)
RETURNS TABLE (account text, login text, name text, kind text, role text, idle interval, warning interval, longest interval, fresh interval,
               second boolean, totp int, passkeys int, recovery int)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT a.account, a.login, a.name, a.kind, s.role, r.idle, r.warning, r.longest, r.fresh, r.second,
           f.totp, f.passkeys, f.recovery
    FROM record.account a
    JOIN LATERAL (SELECT x.role FROM record.assignment x
                  WHERE x.tenant = a.tenant AND x.account = a.account AND x.valid_from <= p_now AND p_now < x.valid_to AND x.known_to = 'infinity'
                  ORDER BY x.valid_from DESC LIMIT 1) s ON true
    LEFT JOIN LATERAL (SELECT * FROM record.sign_in_rule x
                       WHERE x.tenant = a.tenant AND x.door = p_door AND x.role IN (s.role, '*')
                         AND x.valid_from <= p_now AND p_now < x.valid_to AND x.known_to = 'infinity'
                       ORDER BY x.role = '*', x.valid_from DESC LIMIT 1) r ON true
    JOIN LATERAL (SELECT count(*) FILTER (WHERE x.kind = 'totp')::int AS totp, count(*) FILTER (WHERE x.kind = 'passkey')::int AS passkeys,
                         count(*) FILTER (WHERE x.kind = 'recovery')::int AS recovery
                  FROM record.factor x
                  WHERE x.tenant = a.tenant AND x.account = a.account AND x.confirmed IS NOT NULL AND p_now < x.ended) f ON true
    WHERE a.tenant = p_tenant AND a.account = p_account AND gate.account_state(a.tenant, a.account, p_now) = 'active'
$$;

-- Whether somebody with the role of this account needs a second factor at a door; null where the organization has no rule.
CREATE OR REPLACE FUNCTION gate.second_needed(p_tenant int, p_account text, p_door text, p_now timestamptz) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT r.second FROM record.sign_in_rule r
    WHERE r.tenant = p_tenant AND r.door = p_door AND r.valid_from <= p_now AND p_now < r.valid_to AND r.known_to = 'infinity'
      AND (r.role = '*' OR r.role = (SELECT s.role FROM record.assignment s
                                     WHERE s.tenant = p_tenant AND s.account = p_account AND s.valid_from <= p_now AND p_now < s.valid_to
                                       AND s.known_to = 'infinity' ORDER BY s.valid_from DESC LIMIT 1))
    ORDER BY r.role = '*', r.valid_from DESC LIMIT 1
$$;

-- A session begins, unless the account was deactivated meanwhile: the lock makes the two wait for each other.
CREATE OR REPLACE FUNCTION gate.begin_session(
    p_tenant int, p_credential bytea, p_account text, p_door text, p_purpose text, p_idle interval, p_warning interval, p_longest interval,
    p_fresh interval, p_methods text[], p_label text, p_now timestamptz
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM FROM record.account a WHERE a.tenant = p_tenant AND a.account = p_account FOR SHARE;
    IF NOT FOUND OR gate.account_state(p_tenant, p_account, p_now) <> 'active' THEN
        RETURN false;
    END IF;
    INSERT INTO record.credential (tenant, credential, account, kind, door, purpose, created, expires, idle, warning, fresh, ends, used, proved, methods, label)
    VALUES (p_tenant, p_credential, p_account, 'session', p_door, p_purpose, p_now, least(p_now + p_longest, p_now + p_idle + interval '1 minute'),
            p_idle, p_warning, p_fresh, p_now + p_longest, p_now, p_now, p_methods, p_label);
    DELETE FROM record.throttle t WHERE t.until < p_now - interval '1 day';
    DELETE FROM record.ticket t WHERE t.expires < p_now - interval '90 days';
    RETURN true;
END $$;

-- A secret of an account that is active. A token proves no person.
CREATE OR REPLACE FUNCTION gate.issue(
    p_tenant int, p_credential bytea, p_account text, p_kind text, p_door text, p_purpose text, p_now timestamptz, p_expires timestamptz
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM FROM record.account a WHERE a.tenant = p_tenant AND a.account = p_account FOR SHARE;
    IF NOT FOUND OR gate.account_state(p_tenant, p_account, p_now) <> 'active' OR p_account IN ('system-clock', 'system-labels') THEN
        RETURN false; -- the server's own accounts have functions of their own, with an hour at a time
    END IF;
    INSERT INTO record.credential (tenant, credential, account, kind, door, purpose, created, expires, ends, proved)
    VALUES (p_tenant, p_credential, p_account, p_kind, p_door, p_purpose, p_now, p_expires, p_expires, CASE WHEN p_kind = 'session' THEN p_now END);
    RETURN true;
END $$;

CREATE OR REPLACE FUNCTION gate.revoke(p_credential bytea, p_now timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE record.credential SET revoked = least(revoked, p_now) WHERE credential = p_credential
$$;

-- A session was used: its idle limit moves on. The minute is what the caller may save by asking only once in one.
CREATE OR REPLACE FUNCTION gate.touch(p_credential bytea, p_now timestamptz) RETURNS timestamptz
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE record.credential c SET used = p_now, expires = least(c.ends, p_now + c.idle + interval '1 minute')
    WHERE c.credential = p_credential AND c.idle IS NOT NULL AND p_now < c.expires AND p_now < c.revoked
    RETURNING c.expires
$$;

-- The holder of a session proved again who they are.
CREATE OR REPLACE FUNCTION gate.prove(p_credential bytea, p_method text, p_now timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH proved AS (
        UPDATE record.credential c SET proved = p_now, methods = CASE WHEN p_method = ANY (c.methods) THEN c.methods ELSE c.methods || p_method END
        WHERE c.credential = p_credential AND c.kind = 'session' AND p_now < c.expires AND p_now < c.revoked RETURNING 1)
    SELECT EXISTS (SELECT FROM proved)
$$;

CREATE OR REPLACE FUNCTION gate.sessions(p_tenant int, p_account text, p_now timestamptz)
RETURNS TABLE (handle text, credential bytea, door text, label text, methods text[], created timestamptz, used timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT encode(substr(sha256(c.credential), 1, 8), 'hex'), c.credential, c.door, c.label, c.methods, c.created, c.used
    FROM record.credential c
    WHERE c.tenant = p_tenant AND c.account = p_account AND c.kind = 'session' AND p_now < c.expires AND p_now < c.revoked
    ORDER BY c.used DESC NULLS LAST
$$;

-- End sessions of an account: the one with a handle, or with none all but one.
CREATE OR REPLACE FUNCTION gate.end_sessions(p_tenant int, p_account text, p_handle text, p_except bytea, p_now timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH ended AS (
        UPDATE record.credential c SET revoked = p_now
        WHERE c.tenant = p_tenant AND c.account = p_account AND c.kind = 'session' AND p_now < c.revoked AND c.credential IS DISTINCT FROM p_except
          AND (p_handle IS NULL OR encode(substr(sha256(c.credential), 1, 8), 'hex') = p_handle) RETURNING 1)
    SELECT EXISTS (SELECT FROM ended)
$$;

-- Accounts -------------------------------------------------------------------------------------------------------------------

-- Put an account into a state. Any but `active` ends everything it holds, in this transaction.
CREATE OR REPLACE FUNCTION gate.set_account_state(p_tenant int, p_account text, p_state text, p_author text, p_reason text, p_now timestamptz)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    UPDATE record.account a SET generation = a.generation + 1 WHERE a.tenant = p_tenant AND a.account = p_account;
    IF NOT FOUND OR gate.account_state(p_tenant, p_account, p_now) = p_state THEN
        RETURN false;
    END IF;
    WITH closed AS (
        UPDATE record.account_state s SET known_to = p_now
        WHERE s.tenant = p_tenant AND s.account = p_account AND s.known_to = 'infinity' RETURNING s.*)
    INSERT INTO record.account_state (tenant, account, state, author, reason, valid_from, valid_to, known_from)
    SELECT c.tenant, c.account, c.state, c.author, c.reason, c.valid_from, least(c.valid_to, p_now), p_now FROM closed c WHERE c.valid_from < p_now;
    INSERT INTO record.account_state (tenant, account, state, author, reason, valid_from, known_from)
    VALUES (p_tenant, p_account, p_state, p_author, p_reason, p_now, p_now);
    IF p_state <> 'active' THEN
        PERFORM gate.end_everything(p_tenant, p_account, p_now);
        -- And links that they made for others and nobody opened: who leaves may have kept one.
        UPDATE record.ticket t SET used = p_now
        WHERE t.tenant = p_tenant AND t.author = p_account AND t.kind IN ('invitation', 'reset') AND t.used = 'infinity';
    END IF;
    RETURN true;
END $$;

-- Sessions, tokens, tickets and permissions for apps of an account.
CREATE OR REPLACE FUNCTION gate.end_everything(p_tenant int, p_account text, p_now timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE record.credential c SET revoked = least(c.revoked, p_now) WHERE c.tenant = p_tenant AND c.account = p_account AND p_now < c.revoked;
    UPDATE record.app_grant g SET revoked = p_now, revoked_how = 'account' WHERE g.tenant = p_tenant AND g.account = p_account AND g.revoked = 'infinity';
    UPDATE record.ticket t SET used = p_now WHERE t.tenant = p_tenant AND t.account = p_account AND t.used = 'infinity'
$$;

CREATE OR REPLACE FUNCTION gate.make_account(
    p_tenant int, p_account text, p_kind text, p_login text, p_name text, p_agent text, p_role text, p_programs int[], p_acting int,
    p_author text, p_now timestamptz
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    INSERT INTO record.account (tenant, account, kind, login, name, agent) VALUES (p_tenant, p_account, p_kind, p_login, p_name, p_agent)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO record.account_state (tenant, account, state, author, known_from) VALUES (p_tenant, p_account, 'invited', p_author, p_now);
    INSERT INTO record.assignment (tenant, account, role, programs, acting, keys, known_from)
    VALUES (p_tenant, p_account, p_role, p_programs, p_acting, CASE WHEN p_agent IS NULL THEN '{}'::text[] ELSE ARRAY[p_agent] END, p_now);
    RETURN true;
END $$;

-- The account of a client, or of somebody who acts for one: one at a time for each that it stands for. False where there is one that
-- may be used or waits to be accepted, or where the login is taken.
CREATE OR REPLACE FUNCTION gate.make_persons_account(
    p_tenant int, p_account text, p_kind text, p_login text, p_name text, p_agent text, p_author text, p_now timestamptz
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_tenant || '/account/' || p_agent, 0));
    IF EXISTS (SELECT FROM record.account a WHERE a.tenant = p_tenant AND a.agent = p_agent AND a.kind IN ('patient', 'proxy')
               AND gate.account_state(a.tenant, a.account, p_now) <> 'deactivated') THEN
        RETURN false;
    END IF;
    RETURN gate.make_account(p_tenant, p_account, p_kind, p_login, p_name, p_agent, p_kind, '{}', NULL, p_author, p_now);
END $$;

-- What an account may act as from now on; what it acted as before is closed, not removed. Acts on its next statement.
CREATE OR REPLACE FUNCTION gate.assign(p_tenant int, p_account text, p_role text, p_programs int[], p_acting int, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    kept text[];
BEGIN
    UPDATE record.account a SET generation = a.generation + 1 WHERE a.tenant = p_tenant AND a.account = p_account;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    SELECT s.keys INTO kept FROM record.assignment s
    WHERE s.tenant = p_tenant AND s.account = p_account AND s.known_to = 'infinity' ORDER BY s.valid_from DESC LIMIT 1;
    WITH closed AS (
        UPDATE record.assignment s SET known_to = p_now
        WHERE s.tenant = p_tenant AND s.account = p_account AND s.known_to = 'infinity' RETURNING s.*)
    INSERT INTO record.assignment (tenant, account, role, programs, acting, keys, valid_from, valid_to, known_from)
    SELECT c.tenant, c.account, c.role, c.programs, c.acting, c.keys, c.valid_from, least(c.valid_to, p_now), p_now FROM closed c WHERE c.valid_from < p_now
    ON CONFLICT DO NOTHING;
    INSERT INTO record.assignment (tenant, account, role, programs, acting, keys, valid_from, known_from)
    VALUES (p_tenant, p_account, p_role, p_programs, p_acting, coalesce(kept, '{}'), p_now, p_now);
    RETURN true;
END $$;

-- The accounts of an organization, for those who manage them; one, if it is named.
CREATE OR REPLACE FUNCTION gate.accounts(p_tenant int, p_account text, p_now timestamptz)
RETURNS TABLE (account text, kind text, login text, name text, agent text, state text, role text, programs int[], acting int,
               has_password boolean, totp int, passkeys int, recovery int, sessions int, used timestamptz, invited timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT a.account, a.kind, a.login, a.name, a.agent, gate.account_state(a.tenant, a.account, p_now), s.role, s.programs, s.acting,
           a.password IS NOT NULL, f.totp, f.passkeys, f.recovery, c.sessions, c.used, t.expires
    FROM record.account a
    LEFT JOIN LATERAL (SELECT x.role, x.programs, x.acting FROM record.assignment x
                       WHERE x.tenant = a.tenant AND x.account = a.account AND x.valid_from <= p_now AND p_now < x.valid_to AND x.known_to = 'infinity'
                       ORDER BY x.valid_from DESC LIMIT 1) s ON true
    JOIN LATERAL (SELECT count(*) FILTER (WHERE x.kind = 'totp')::int AS totp, count(*) FILTER (WHERE x.kind = 'passkey')::int AS passkeys,
                         count(*) FILTER (WHERE x.kind = 'recovery')::int AS recovery
                  FROM record.factor x
                  WHERE x.tenant = a.tenant AND x.account = a.account AND x.confirmed IS NOT NULL AND p_now < x.ended) f ON true
    JOIN LATERAL (SELECT count(*) FILTER (WHERE p_now < x.expires AND p_now < x.revoked)::int AS sessions, max(x.used) AS used
                  FROM record.credential x WHERE x.tenant = a.tenant AND x.account = a.account AND x.kind = 'session') c ON true
    JOIN LATERAL (SELECT max(x.expires) AS expires FROM record.ticket x
                  WHERE x.tenant = a.tenant AND x.account = a.account AND x.kind IN ('invitation', 'reset') AND x.used = 'infinity' AND p_now < x.expires) t ON true
    WHERE a.tenant = p_tenant AND (p_account IS NULL OR a.account = p_account)
    ORDER BY lower(a.name), a.account
$$;

-- The accounts of clients, and of those who act for them, by whom they stand for.
CREATE OR REPLACE FUNCTION gate.persons_accounts(p_tenant int, p_agents text[], p_now timestamptz)
RETURNS TABLE (account text, kind text, login text, agent text, state text, sessions int, used timestamptz, invited timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT x.account, x.kind, x.login, x.agent, x.state, x.sessions, x.used, x.invited
    FROM record.account a CROSS JOIN LATERAL gate.accounts(a.tenant, a.account, p_now) x
    WHERE a.tenant = p_tenant AND a.agent = ANY (p_agents) AND a.kind IN ('patient', 'proxy')
$$;

CREATE OR REPLACE FUNCTION gate.set_password(p_tenant int, p_account text, p_password text) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH done AS (UPDATE record.account a SET password = p_password WHERE a.tenant = p_tenant AND a.account = p_account RETURNING 1)
    SELECT EXISTS (SELECT FROM done)
$$;

-- Take back what an account proves itself with: its password, its factors, or both. Its sessions and tokens end.
CREATE OR REPLACE FUNCTION gate.take_back(p_tenant int, p_account text, p_password boolean, p_factors boolean, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    UPDATE record.account a SET generation = a.generation + 1, password = CASE WHEN p_password THEN NULL ELSE a.password END
    WHERE a.tenant = p_tenant AND a.account = p_account;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF p_factors THEN
        UPDATE record.factor f SET ended = p_now WHERE f.tenant = p_tenant AND f.account = p_account AND p_now < f.ended;
        UPDATE record.outside_identity o SET known_to = p_now WHERE o.tenant = p_tenant AND o.account = p_account AND o.known_to = 'infinity';
    END IF;
    PERFORM gate.end_everything(p_tenant, p_account, p_now);
    RETURN true;
END $$;

-- Factors --------------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION gate.factors(p_tenant int, p_account text, p_now timestamptz)
RETURNS TABLE (factor text, kind text, name text, secret bytea, handle bytea, counter bigint, created timestamptz, confirmed timestamptz, used timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT f.factor, f.kind, f.name, f.secret, f.handle, f.counter, f.created, f.confirmed, f.used FROM record.factor f
    WHERE f.tenant = p_tenant AND f.account = p_account AND p_now < f.ended ORDER BY f.created, f.factor
$$;

-- An authenticator app begun before and not confirmed makes way for the new one.
CREATE OR REPLACE FUNCTION gate.add_factor(
    p_tenant int, p_factor text, p_account text, p_kind text, p_name text, p_secret bytea, p_handle bytea, p_counter bigint, p_confirmed boolean, p_now timestamptz
) RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE record.factor f SET ended = p_now
    WHERE f.tenant = p_tenant AND f.account = p_account AND f.kind = p_kind AND f.confirmed IS NULL AND p_now < f.ended;
    WITH made AS (
        INSERT INTO record.factor (tenant, factor, account, kind, name, secret, handle, counter, created, confirmed)
        VALUES (p_tenant, p_factor, p_account, p_kind, p_name, p_secret, p_handle, p_counter, p_now, CASE WHEN p_confirmed THEN p_now END)
        ON CONFLICT DO NOTHING RETURNING 1)
    SELECT EXISTS (SELECT FROM made)
$$;

-- Recovery codes are given out as a set; the set before is worth nothing from then on.
CREATE OR REPLACE FUNCTION gate.new_recovery(p_tenant int, p_account text, p_factors text[], p_secrets bytea[], p_now timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE record.factor f SET ended = p_now WHERE f.tenant = p_tenant AND f.account = p_account AND f.kind = 'recovery' AND p_now < f.ended;
    INSERT INTO record.factor (tenant, factor, account, kind, secret, created, confirmed)
    SELECT p_tenant, n.factor, p_account, 'recovery', n.secret, p_now, p_now FROM unnest(p_factors, p_secrets) n (factor, secret);
    SELECT true
$$;

-- A time-based code was right. It counts once: a step that was accepted, and every step before it, is spent.
CREATE OR REPLACE FUNCTION gate.use_totp(p_tenant int, p_account text, p_factor text, p_step bigint, p_now timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH done AS (
        UPDATE record.factor f SET counter = p_step, used = p_now, confirmed = coalesce(f.confirmed, p_now)
        WHERE f.tenant = p_tenant AND f.factor = p_factor AND f.account = p_account AND f.kind = 'totp' AND f.counter < p_step AND p_now < f.ended RETURNING 1)
    SELECT EXISTS (SELECT FROM done)
$$;

CREATE OR REPLACE FUNCTION gate.use_recovery(p_tenant int, p_account text, p_secret bytea, p_now timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH done AS (
        UPDATE record.factor f SET ended = p_now, used = p_now
        WHERE f.tenant = p_tenant AND f.account = p_account AND f.kind = 'recovery' AND f.secret = p_secret AND p_now < f.ended RETURNING 1)
    SELECT EXISTS (SELECT FROM done)
$$;

CREATE OR REPLACE FUNCTION gate.passkey(p_tenant int, p_handle bytea, p_now timestamptz)
RETURNS TABLE (factor text, account text, secret bytea, counter bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT f.factor, f.account, f.secret, f.counter FROM record.factor f
    WHERE f.tenant = p_tenant AND f.handle = p_handle AND f.kind = 'passkey' AND p_now < f.ended
$$;

-- A passkey signed. Its counter must have moved on, unless it keeps none (always 0): else it was copied (WebAuthn 2, 7.2 step 21).
CREATE OR REPLACE FUNCTION gate.use_passkey(p_tenant int, p_factor text, p_counter bigint, p_now timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH done AS (
        UPDATE record.factor f SET counter = p_counter, used = p_now
        WHERE f.tenant = p_tenant AND f.factor = p_factor AND p_now < f.ended AND (f.counter < p_counter OR (f.counter = 0 AND p_counter = 0)) RETURNING 1)
    SELECT EXISTS (SELECT FROM done)
$$;

CREATE OR REPLACE FUNCTION gate.end_factor(p_tenant int, p_account text, p_factor text, p_now timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH done AS (
        UPDATE record.factor f SET ended = p_now
        WHERE f.tenant = p_tenant AND f.account = p_account AND f.factor = p_factor AND p_now < f.ended RETURNING 1)
    SELECT EXISTS (SELECT FROM done)
$$;

-- Tickets --------------------------------------------------------------------------------------------------------------------

-- Make a ticket; false if there was one of this name (a challenge that was answered before). An invitation or reset takes the place of
-- those before it.
CREATE OR REPLACE FUNCTION gate.make_ticket(
    p_tenant int, p_ticket bytea, p_kind text, p_account text, p_author text, p_content bytea, p_now timestamptz, p_expires timestamptz
) RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE record.ticket t SET used = p_now
    WHERE t.tenant = p_tenant AND t.account = p_account AND p_kind IN ('invitation', 'reset') AND t.kind IN ('invitation', 'reset') AND t.used = 'infinity';
    WITH made AS (
        INSERT INTO record.ticket (ticket, tenant, kind, account, author, content, created, expires)
        VALUES (p_ticket, p_tenant, p_kind, p_account, p_author, p_content, p_now, p_expires) ON CONFLICT DO NOTHING RETURNING 1)
    SELECT EXISTS (SELECT FROM made)
$$;

CREATE OR REPLACE FUNCTION gate.ticket(p_tenant int, p_ticket bytea, p_now timestamptz)
RETURNS TABLE (kind text, account text, author text, content bytea, created timestamptz, expires timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT t.kind, t.account, t.author, t.content, t.created, t.expires FROM record.ticket t
    WHERE t.ticket = p_ticket AND t.tenant = p_tenant AND t.used = 'infinity' AND p_now < t.expires
$$;

-- Use a ticket up: whoever comes second gets nothing.
CREATE OR REPLACE FUNCTION gate.use_ticket(p_tenant int, p_ticket bytea, p_kinds text[], p_now timestamptz)
RETURNS TABLE (kind text, account text, author text, content bytea)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE record.ticket t SET used = p_now
    WHERE t.ticket = p_ticket AND t.tenant = p_tenant AND t.kind = ANY (p_kinds) AND t.used = 'infinity' AND p_now < t.expires
    RETURNING t.kind, t.account, t.author, t.content
$$;

-- Accept an invitation or reset: the ticket is used up, the password set and the account active, or nothing of it. A ticket that is held
-- needs the code of its second person: '' where the code was wrong or there is none yet; after five wrong ones it is worth nothing.
CREATE OR REPLACE FUNCTION gate.accept(p_tenant int, p_ticket bytea, p_code bytea, p_password text, p_now timestamptz) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    who text;
    how text;
BEGIN
    UPDATE record.ticket t SET wrong = t.wrong + 1, used = CASE WHEN t.wrong >= 4 THEN p_now ELSE t.used END
    WHERE t.ticket = p_ticket AND t.tenant = p_tenant AND t.held AND (t.code IS NULL OR t.code <> p_code) AND t.used = 'infinity' AND p_now < t.expires;
    IF FOUND THEN
        RETURN '';
    END IF;
    SELECT t.account, t.kind INTO who, how FROM gate.use_ticket(p_tenant, p_ticket, '{invitation,reset}', p_now) t;
    IF who IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM FROM record.account a WHERE a.tenant = p_tenant AND a.account = who FOR UPDATE;
    IF gate.account_state(p_tenant, who, p_now) <> (CASE how WHEN 'invitation' THEN 'invited' ELSE 'active' END) THEN
        RETURN NULL;
    END IF;
    UPDATE record.account a SET password = p_password WHERE a.tenant = p_tenant AND a.account = who;
    UPDATE record.ticket t SET opened = p_now WHERE t.ticket = p_ticket AND t.tenant = p_tenant;
    IF how = 'invitation' THEN
        PERFORM gate.set_account_state(p_tenant, who, 'active', who, 'accepted the invitation', p_now);
    END IF;
    RETURN who;
END $$;

-- Guessing -------------------------------------------------------------------------------------------------------------------

-- Count an attempt under several keys; whether all are within their limits. A key's count begins anew when its window is over.
CREATE OR REPLACE FUNCTION gate.attempt(p_tenant int, p_keys bytea[], p_limits int[], p_windows interval[], p_now timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH asked AS (SELECT * FROM unnest(p_keys, p_limits, p_windows) a (key, most, period)),
    counted AS (
        INSERT INTO record.throttle AS t (tenant, key, count, until)
        SELECT p_tenant, a.key, 1, p_now + a.period FROM asked a ORDER BY a.key
        ON CONFLICT (tenant, key) DO UPDATE SET
            count = CASE WHEN t.until <= p_now THEN 1 ELSE least(t.count + 1, 1000000) END,
            until = CASE WHEN t.until <= p_now THEN excluded.until ELSE t.until END
        RETURNING t.key, t.count)
    SELECT bool_and(c.count <= a.most) FROM counted c JOIN asked a ON a.key = c.key
$$;

-- It was the right person after all: what stands for them alone is forgotten, what they share with others counts one less.
CREATE OR REPLACE FUNCTION gate.forgive(p_tenant int, p_own bytea[], p_shared bytea[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    DELETE FROM record.throttle t WHERE t.tenant = p_tenant AND t.key = ANY (p_own);
    UPDATE record.throttle t SET count = greatest(t.count - 1, 0) WHERE t.tenant = p_tenant AND t.key = ANY (p_shared)
$$;

-- An outside identity provider says who this is. The first time, its subject is tied to the account with that login; later the subject
-- decides, and it must still be that account.
CREATE OR REPLACE FUNCTION gate.outside(p_tenant int, p_issuer text, p_subject text, p_login text, p_now timestamptz) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    who text;
    tied text;
BEGIN
    SELECT a.account INTO who FROM record.account a
    WHERE a.tenant = p_tenant AND a.login = p_login AND a.kind = 'staff' AND gate.account_state(a.tenant, a.account, p_now) = 'active' FOR SHARE;
    IF who IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT o.subject INTO tied FROM record.outside_identity o
    WHERE o.tenant = p_tenant AND o.issuer = p_issuer AND o.account = who AND o.known_to = 'infinity';
    IF tied IS NULL THEN
        INSERT INTO record.outside_identity (tenant, issuer, subject, account, known_from) VALUES (p_tenant, p_issuer, p_subject, who, p_now) ON CONFLICT DO NOTHING;
    END IF;
    RETURN (SELECT o.account FROM record.outside_identity o
            WHERE o.tenant = p_tenant AND o.issuer = p_issuer AND o.subject = p_subject AND o.account = who AND o.known_to = 'infinity');
END $$;

-- A change with its line in the trail: both are there afterwards, or neither. What was not done is written down as not done.
CREATE OR REPLACE FUNCTION gate.told(p_done boolean, p_tenant int, p_lines record.audit_row[]) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    line record.audit_row;
BEGIN
    FOREACH line IN ARRAY p_lines LOOP
        IF p_done IS NOT TRUE THEN
            line.outcome := 'failed';
        END IF;
        PERFORM gate.audit_rows(p_tenant, ARRAY[line]);
    END LOOP;
    RETURN p_done IS TRUE;
END $$;
