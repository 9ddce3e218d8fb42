-- Apps: registered, allowed, given tokens, and ended. An app that is not active gets nothing, and what it holds ends in the same transaction.

CREATE OR REPLACE FUNCTION gate.apps(p_tenant int, p_app text)
RETURNS TABLE (app text, facts text, state text, author text, reason text, since timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT a.app, a.facts, a.state, a.author, a.reason, a.known_from FROM record.app a
    WHERE a.tenant = p_tenant AND a.known_to = 'infinity' AND (p_app IS NULL OR a.app = p_app) ORDER BY a.known_from, a.app
$$;

-- Every state that an app had, newest first.
CREATE OR REPLACE FUNCTION gate.app_history(p_tenant int, p_app text)
RETURNS TABLE (state text, author text, name text, reason text, since timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT a.state, a.author, coalesce(p.name, ''), a.reason, a.known_from
    FROM record.app a LEFT JOIN record.account p ON p.tenant = a.tenant AND p.account = a.author
    WHERE a.tenant = p_tenant AND a.app = p_app ORDER BY a.known_from DESC
$$;

-- Tokens and permissions of an app: all over at once.
CREATE OR REPLACE FUNCTION gate.end_app(p_tenant int, p_app text, p_now timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE record.credential c SET revoked = least(c.revoked, p_now)
    WHERE (c.tenant = p_tenant OR c.tenant IN (SELECT t.tenant FROM record.tenant t WHERE t.bench_of = p_tenant)) AND c.app = p_app AND p_now < c.revoked;
    UPDATE record.app_grant g SET revoked = p_now, revoked_how = 'administrator' WHERE g.tenant = p_tenant AND g.app = p_app AND g.revoked = 'infinity'
$$;

-- Register an app, or change one from the version that was read; false when somebody was faster. p_since: of that version, null for a new one.
CREATE OR REPLACE FUNCTION gate.put_app(
    p_tenant int, p_app text, p_facts text, p_state text, p_since timestamptz, p_author text, p_reason text, p_now timestamptz
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_tenant || '/app/' || p_app, 0));
    IF (SELECT a.known_from FROM record.app a WHERE a.tenant = p_tenant AND a.app = p_app AND a.known_to = 'infinity') IS DISTINCT FROM p_since THEN
        RETURN false;
    END IF;
    UPDATE record.app a SET known_to = greatest(p_now, a.known_from + interval '1 microsecond')
    WHERE a.tenant = p_tenant AND a.app = p_app AND a.known_to = 'infinity';
    INSERT INTO record.app (tenant, app, facts, state, author, reason, known_from)
    VALUES (p_tenant, p_app, p_facts, p_state, p_author, p_reason, greatest(p_now, p_since + interval '1 microsecond'));
    IF p_state <> 'active' THEN
        PERFORM gate.end_app(p_tenant, p_app, p_now);
    END IF;
    RETURN true;
END $$;

-- The account that a backend service acts as: active from the start, for nobody can sign in to it.
CREATE OR REPLACE FUNCTION gate.make_app_account(
    p_tenant int, p_account text, p_kind text, p_name text, p_agent text, p_role text, p_programs int[], p_acting int, p_keys text[], p_author text, p_now timestamptz
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF NOT gate.make_account(p_tenant, p_account, p_kind, p_account, p_name, p_agent, p_role, p_programs, p_acting, p_author, p_now) THEN
        RETURN false;
    END IF;
    UPDATE record.assignment s SET keys = s.keys || p_keys WHERE s.tenant = p_tenant AND s.account = p_account AND s.known_to = 'infinity';
    RETURN gate.set_account_state(p_tenant, p_account, 'active', p_author, 'registered with its app', p_now);
END $$;

-- A person allows an app. Only while their session holds, and the app is active.
CREATE OR REPLACE FUNCTION gate.allow_app(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_grant text, p_app text, p_account text, p_scopes text, p_patient text, p_encounter text,
    p_facts text, p_code bytea, p_code_expires timestamptz, p_expires timestamptz
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    /*alive*/
    PERFORM FROM record.app a WHERE a.tenant = p_tenant AND a.app = p_app AND a.known_to = 'infinity' AND a.state = 'active' FOR SHARE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO record.app_grant (tenant, grant_id, app, account, scopes, patient, encounter, facts, code, code_expires, created, expires)
    VALUES (p_tenant, p_grant, p_app, p_account, p_scopes, p_patient, p_encounter, p_facts, p_code, p_code_expires, p_now, p_expires);
    RETURN true;
END $$;

-- End permissions with all tokens under them: one that is named, or all that an account gave an app. False if there was none.
CREATE OR REPLACE FUNCTION gate.end_grant(p_tenant int, p_grant text, p_account text, p_app text, p_how text, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    found_any boolean;
BEGIN
    IF p_grant IS NULL AND (p_account IS NULL OR p_app IS NULL) THEN
        RETURN false;
    END IF;
    WITH ended AS (
        UPDATE record.app_grant g SET revoked = p_now, revoked_how = p_how
        WHERE g.tenant = p_tenant AND (p_grant IS NULL OR g.grant_id = p_grant) AND (p_account IS NULL OR g.account = p_account)
          AND (p_app IS NULL OR g.app = p_app) AND g.revoked = 'infinity' RETURNING g.grant_id),
    closed AS (
        UPDATE record.credential c SET revoked = least(c.revoked, p_now)
        FROM ended e WHERE c.tenant = p_tenant AND c.grant_id = e.grant_id AND p_now < c.revoked RETURNING 1)
    SELECT count(*) > 0 INTO found_any FROM ended;
    RETURN found_any;
END $$;

-- What somebody allowed an app last, if they did not take it back: the scopes, and what was asked for then.
CREATE OR REPLACE FUNCTION gate.allowed_before(p_tenant int, p_account text, p_app text, p_since timestamptz)
RETURNS TABLE (scopes text, facts text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT g.scopes, g.facts FROM record.app_grant g
    WHERE g.tenant = p_tenant AND g.account = p_account AND g.app = p_app AND g.code_used IS NOT NULL AND g.revoked = 'infinity' AND g.created >= p_since
    ORDER BY g.created DESC LIMIT 1
$$;

-- Use an authorization code up, whatever comes of it. A second use ends what the first one gave (RFC 6749, 4.1.2).
CREATE OR REPLACE FUNCTION gate.redeem_code(p_tenant int, p_code bytea, p_app text, p_now timestamptz)
RETURNS TABLE (grant_id text, account text, scopes text, patient text, encounter text, facts text, created timestamptz, expires timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    found_grant text;
BEGIN
    RETURN QUERY
    UPDATE record.app_grant g SET code_used = p_now
    WHERE g.tenant = p_tenant AND g.code = p_code AND g.app = p_app AND g.code_used IS NULL AND p_now < g.code_expires AND p_now < g.revoked
    RETURNING g.grant_id, g.account, g.scopes, g.patient, g.encounter, g.facts, g.created, g.expires;
    IF NOT FOUND THEN
        SELECT g.grant_id INTO found_grant FROM record.app_grant g WHERE g.tenant = p_tenant AND g.code = p_code AND g.app = p_app AND g.code_used IS NOT NULL;
        IF found_grant IS NOT NULL THEN
            PERFORM gate.end_grant(p_tenant, found_grant, NULL, NULL, 'reuse', p_now);
        END IF;
    END IF;
END $$;

-- Use a refresh token up. One that was used before was copied by somebody: the whole family ends (RFC 9700, 4.14.2).
CREATE OR REPLACE FUNCTION gate.redeem_refresh(p_tenant int, p_token bytea, p_app text, p_now timestamptz)
RETURNS TABLE (grant_id text, account text, scopes text, patient text, encounter text, facts text, created timestamptz, expires timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    which text;
    owner_grant text;
BEGIN
    SELECT r.grant_id INTO owner_grant FROM record.app_refresh r JOIN record.app_grant g ON g.tenant = r.tenant AND g.grant_id = r.grant_id
    WHERE r.token = p_token AND r.tenant = p_tenant AND g.app = p_app FOR UPDATE OF r;
    IF owner_grant IS NULL THEN
        RETURN;
    END IF;
    UPDATE record.app_refresh r SET used = p_now WHERE r.token = p_token AND r.used = 'infinity' AND p_now < r.expires RETURNING r.grant_id INTO which;
    IF which IS NULL THEN
        IF EXISTS (SELECT FROM record.app_refresh r WHERE r.token = p_token AND r.used <> 'infinity') THEN
            PERFORM gate.end_grant(p_tenant, owner_grant, NULL, NULL, 'reuse', p_now);
        END IF;
        RETURN;
    END IF;
    RETURN QUERY SELECT g.grant_id, g.account, g.scopes, g.patient, g.encounter, g.facts, g.created, g.expires FROM record.app_grant g
    WHERE g.tenant = p_tenant AND g.grant_id = which AND p_now < g.revoked AND p_now < g.expires;
END $$;

-- Whose refresh token this is, also of one that was used: public clients are not asked to name themselves with it (RFC 6749, 6).
CREATE OR REPLACE FUNCTION gate.app_of_refresh(p_tenant int, p_token bytea) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT g.app FROM record.app_refresh r JOIN record.app_grant g ON g.tenant = r.tenant AND g.grant_id = r.grant_id
    WHERE r.token = p_token AND r.tenant = p_tenant
$$;

-- Give an app a token, unless it, the person or the permission ended meanwhile: the locks make the two wait for each other.
CREATE OR REPLACE FUNCTION gate.issue_to_app(
    p_tenant int, p_credential bytea, p_app text, p_grant text, p_account text, p_door text, p_purpose text, p_scopes text, p_patient text,
    p_now timestamptz, p_expires timestamptz, p_refresh bytea, p_refresh_expires timestamptz
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM FROM record.app a WHERE a.tenant = p_tenant AND a.app = p_app AND a.known_to = 'infinity' AND a.state = 'active' FOR SHARE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM FROM record.account a WHERE a.tenant = p_tenant AND a.account = p_account FOR SHARE;
    IF NOT FOUND OR gate.account_state(p_tenant, p_account, p_now) <> 'active' THEN
        RETURN false;
    END IF;
    IF p_grant IS NOT NULL THEN
        UPDATE record.app_grant g SET used = p_now WHERE g.tenant = p_tenant AND g.grant_id = p_grant AND g.app = p_app AND p_now < g.revoked AND p_now < g.expires;
        IF NOT FOUND THEN
            RETURN false;
        END IF;
    END IF;
    INSERT INTO record.credential (tenant, credential, account, kind, door, purpose, created, expires, ends, scopes, patient, app, grant_id)
    VALUES (p_tenant, p_credential, p_account, 'token', p_door, p_purpose, p_now, p_expires, p_expires, p_scopes, p_patient, p_app, p_grant);
    IF p_refresh IS NOT NULL THEN
        INSERT INTO record.app_refresh (token, tenant, grant_id, created, expires) VALUES (p_refresh, p_tenant, p_grant, p_now, p_refresh_expires);
    END IF;
    RETURN true;
END $$;

-- What an app may know about a token of its own (RFC 7662). No row: it is not active, or not the app's.
CREATE OR REPLACE FUNCTION gate.app_token(p_tenant int, p_token bytea, p_app text, p_now timestamptz)
RETURNS TABLE (kind text, account text, account_kind text, agent text, scopes text, patient text, created timestamptz, expires timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT 'access', c.account, a.kind, a.agent, c.scopes, c.patient, c.created, c.expires
    FROM record.credential c JOIN record.account a ON a.tenant = c.tenant AND a.account = c.account
    WHERE c.credential = p_token AND c.app = p_app AND p_now < c.expires AND p_now < c.revoked
      AND (c.tenant = p_tenant OR c.tenant IN (SELECT t.tenant FROM record.tenant t WHERE t.bench_of = p_tenant))
    UNION ALL
    SELECT 'refresh', g.account, a.kind, a.agent, g.scopes, g.patient, r.created, least(r.expires, g.expires)
    FROM record.app_refresh r JOIN record.app_grant g ON g.tenant = r.tenant AND g.grant_id = r.grant_id
    JOIN record.account a ON a.tenant = g.tenant AND a.account = g.account
    WHERE r.token = p_token AND r.tenant = p_tenant AND g.app = p_app AND r.used = 'infinity' AND p_now < r.expires AND p_now < g.expires AND p_now < g.revoked
$$;

-- In which visit an app was opened, by a token of its own; the launch context goes with introspection (SMART App Launch 2.2).
CREATE OR REPLACE FUNCTION gate.app_token_encounter(p_tenant int, p_token bytea, p_app text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT g.encounter FROM record.app_grant g
    WHERE g.tenant = p_tenant AND g.app = p_app AND g.grant_id IN (
        SELECT c.grant_id FROM record.credential c WHERE c.credential = p_token AND c.tenant = p_tenant AND c.app = p_app
        UNION ALL
        SELECT r.grant_id FROM record.app_refresh r WHERE r.token = p_token AND r.tenant = p_tenant)
$$;

-- An app gives a token back (RFC 7009): an access token ends by itself, a refresh token with the whole permission.
CREATE OR REPLACE FUNCTION gate.end_app_token(p_tenant int, p_token bytea, p_app text, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    which text;
BEGIN
    UPDATE record.credential c SET revoked = p_now
    WHERE c.credential = p_token AND (c.tenant = p_tenant OR c.tenant IN (SELECT t.tenant FROM record.tenant t WHERE t.bench_of = p_tenant)) AND c.app = p_app AND p_now < c.revoked;
    IF FOUND THEN
        RETURN true;
    END IF;
    SELECT r.grant_id INTO which FROM record.app_refresh r JOIN record.app_grant g ON g.tenant = r.tenant AND g.grant_id = r.grant_id
    WHERE r.token = p_token AND r.tenant = p_tenant AND g.app = p_app;
    RETURN which IS NOT NULL AND gate.end_grant(p_tenant, which, NULL, NULL, 'app', p_now);
END $$;

-- What people allowed and did not end: of one person, of one app, or both. Also what holds no token now, for the next one is given unasked.
CREATE OR REPLACE FUNCTION gate.app_grants(p_tenant int, p_account text, p_app text, p_now timestamptz)
RETURNS TABLE (grant_id text, app text, account text, name text, scopes text, patient text, created timestamptz, expires timestamptz, used timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT g.grant_id, g.app, g.account, a.name, g.scopes, g.patient, g.created, g.expires, g.used
    FROM record.app_grant g JOIN record.account a ON a.tenant = g.tenant AND a.account = g.account
    WHERE g.tenant = p_tenant AND (p_account IS NULL OR g.account = p_account) AND (p_app IS NULL OR g.app = p_app)
      AND g.code_used IS NOT NULL AND p_now < g.revoked AND p_now < g.expires
      AND (g.created >= p_now - interval '90 days'
           OR EXISTS (SELECT FROM record.credential c WHERE c.tenant = g.tenant AND c.grant_id = g.grant_id AND p_now < c.expires AND p_now < c.revoked)
           OR EXISTS (SELECT FROM record.app_refresh r WHERE r.tenant = g.tenant AND r.grant_id = g.grant_id AND r.used = 'infinity' AND p_now < r.expires))
    ORDER BY g.created DESC, g.grant_id
$$;

-- How an app was used: by day, person, what and how it ended. No patient, no question.
CREATE OR REPLACE FUNCTION gate.app_use(p_tenant int, p_door text, p_since timestamptz)
RETURNS TABLE (day date, account text, name text, action text, type text, outcome text, times bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT u.recorded::date, u.account, coalesce(min(a.name), ''), u.action, u.type, u.outcome, count(*)
    FROM record.audit u LEFT JOIN record.account a ON a.tenant = u.tenant AND a.account = u.account
    WHERE u.tenant = p_tenant AND u.door = p_door AND u.recorded >= p_since
    GROUP BY 1, 2, 4, 5, 6 ORDER BY 1 DESC, 7 DESC, 2, 4, 5 LIMIT 500
$$;

-- Keys of identity tokens -------------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION gate.app_keys(p_tenant int, p_now timestamptz)
RETURNS TABLE (kid text, sealed text, public text, use_from timestamptz, use_to timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT k.kid, k.sealed, k.public, k.use_from, k.use_to FROM record.app_key k WHERE k.tenant = p_tenant AND p_now < k.shown_to ORDER BY k.use_from, k.kid
$$;

-- A key is added, unless another process added one for the same time meanwhile.
CREATE OR REPLACE FUNCTION gate.add_app_key(
    p_tenant int, p_kid text, p_sealed text, p_public text, p_use_from timestamptz, p_use_to timestamptz, p_shown_to timestamptz
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_tenant || '/app-key', 0));
    IF EXISTS (SELECT FROM record.app_key k WHERE k.tenant = p_tenant AND p_use_from < k.use_to AND k.use_from < p_use_to) THEN
        RETURN false;
    END IF;
    INSERT INTO record.app_key (tenant, kid, sealed, public, use_from, use_to, shown_to) VALUES (p_tenant, p_kid, p_sealed, p_public, p_use_from, p_use_to, p_shown_to);
    RETURN true;
END $$;

-- No key of now signs or verifies anything any more: one of them may be known to somebody.
CREATE OR REPLACE FUNCTION gate.end_app_keys(p_tenant int, p_now timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE record.app_key k SET use_from = least(k.use_from, p_now), use_to = least(k.use_to, p_now), shown_to = least(k.shown_to, p_now) WHERE k.tenant = p_tenant AND p_now < k.shown_to;
    SELECT true
$$;
