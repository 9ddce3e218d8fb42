-- Calling people who are not signed in: where each is reached, and what they were called for. Nothing here reads a patient's record.

CREATE OR REPLACE FUNCTION gate.call_place(p_tenant int, p_account text)
RETURNS TABLE (means text, sealed text, made timestamptz, expires timestamptz, proved timestamptz, failing boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT c.means, c.sealed, c.made, c.expires, c.proved,
           c.proved IS NOT NULL AND EXISTS (SELECT FROM record.call k WHERE k.tenant = c.tenant AND k.account = c.account AND k.outcome = '' AND k.said = 'refused')
    FROM record.call_place c WHERE c.tenant = p_tenant AND c.account = p_account AND c.ended = 'infinity'
$$;

-- A place that waits for its code. One that was begun before makes way; the one that is proved stays until this one is.
CREATE OR REPLACE FUNCTION gate.begin_call_place(p_tenant int, p_place text, p_account text, p_means text, p_sealed text, p_code bytea, p_now timestamptz, p_expires timestamptz)
RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE record.call_place c SET ended = p_now, sealed = '', code = '' WHERE c.tenant = p_tenant AND c.account = p_account AND c.proved IS NULL AND c.ended = 'infinity';
    INSERT INTO record.call_place (tenant, place, account, means, sealed, code, made, expires) VALUES (p_tenant, p_place, p_account, p_means, p_sealed, p_code, p_now, p_expires);
    SELECT true
$$;

-- Whether it was the code. It is asked at most p_most times; wrong ones count, and after them the right one is worth nothing either.
CREATE OR REPLACE FUNCTION gate.prove_call_place(p_tenant int, p_account text, p_code bytea, p_most int, p_now timestamptz)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE begun record.call_place;
BEGIN
    UPDATE record.call_place c SET tries = c.tries + 1
    WHERE c.tenant = p_tenant AND c.account = p_account AND c.proved IS NULL AND c.ended = 'infinity' AND p_now < c.expires AND c.tries < p_most RETURNING * INTO begun;
    IF begun.place IS NULL OR begun.code <> p_code THEN
        RETURN false;
    END IF;
    UPDATE record.call_place c SET ended = p_now, sealed = '' WHERE c.tenant = p_tenant AND c.account = p_account AND c.proved IS NOT NULL AND c.ended = 'infinity';
    UPDATE record.call_place c SET proved = p_now, code = '' WHERE c.tenant = p_tenant AND c.place = begun.place;
    RETURN true;
END $$;

CREATE OR REPLACE FUNCTION gate.end_call_place(p_tenant int, p_account text, p_now timestamptz)
RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH done AS (
        UPDATE record.call_place c SET ended = p_now, sealed = '', code = '' WHERE c.tenant = p_tenant AND c.account = p_account AND c.ended = 'infinity' RETURNING 1)
    SELECT EXISTS (SELECT FROM done)
$$;

-- Everybody who works here and is reached outside the app, with the pages that wait for them (gate/paging.py).
CREATE OR REPLACE FUNCTION gate.callable(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz)
RETURNS TABLE (account text, agent text, means text, sealed text, pages text[], paged timestamptz[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT a.account, a.agent, c.means, c.sealed, coalesce(p.keys, '{}'), coalesce(p.at, '{}')
    FROM record.call_place c JOIN record.account a ON a.tenant = c.tenant AND a.account = c.account AND a.kind = 'staff'
    LEFT JOIN LATERAL (SELECT array_agg(substr(d.key, 6) ORDER BY d.key) AS keys, array_agg(d.updated ORDER BY d.key) AS at FROM record.draft d
                       WHERE d.tenant = c.tenant AND d.account = c.account AND starts_with(d.key, 'page/')) p ON true
    WHERE c.tenant = p_tenant AND c.proved IS NOT NULL AND c.ended = 'infinity' AND gate.account_state(a.tenant, a.account, p_now) = 'active'
    ORDER BY a.account;
END $$;

-- What somebody was called for of these, when they were last called, and how it stands with a call that did not go yet.
CREATE OR REPLACE FUNCTION gate.called(p_tenant int, p_account text, p_items text[])
RETURNS TABLE (covered text[], last timestamptz, next timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT ARRAY(SELECT i FROM unnest(p_items) i WHERE EXISTS (SELECT FROM record.call c WHERE c.tenant = p_tenant AND c.account = p_account AND c.outcome = 'given' AND i = ANY (c.items))),
           (SELECT max(c.ended) FROM record.call c WHERE c.tenant = p_tenant AND c.account = p_account AND c.outcome = 'given'),
           (SELECT max(c.next) FROM record.call c WHERE c.tenant = p_tenant AND c.account = p_account AND c.outcome = '')
$$;

-- Begin a try; how many there were, null where another process has it. A call for less than this one makes way for it, with its tries.
CREATE OR REPLACE FUNCTION gate.begin_call(p_tenant int, p_account text, p_key text, p_items text[], p_about text[], p_means text, p_now timestamptz, p_until timestamptz)
RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE before int; n int;
BEGIN
    WITH gone AS (DELETE FROM record.call c WHERE c.tenant = p_tenant AND c.account = p_account AND c.key <> p_key AND c.outcome = '' AND c.next <= p_now RETURNING c.tries)
    SELECT coalesce(max(gone.tries), 0) INTO before FROM gone;
    INSERT INTO record.call AS c (tenant, account, key, items, about, means, begun, next, tries)
    VALUES (p_tenant, p_account, p_key, p_items, p_about, p_means, p_now, p_until, before + 1)
    ON CONFLICT (tenant, account, key) DO UPDATE SET next = p_until, tries = c.tries + 1, items = p_items, about = p_about, means = p_means, outcome = ''
    WHERE c.outcome <> 'given' AND (c.outcome = 'unneeded' OR c.next <= p_now)
    RETURNING c.tries INTO n;
    RETURN n;
END $$;

CREATE OR REPLACE FUNCTION gate.end_call(p_tenant int, p_account text, p_key text, p_said text, p_now timestamptz, p_next timestamptz)
RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH done AS (
        UPDATE record.call c SET outcome = CASE WHEN p_said = 'given' THEN 'given' ELSE '' END, said = CASE WHEN p_said = 'given' THEN '' ELSE p_said END,
               ended = CASE WHEN p_said = 'given' THEN p_now END, next = p_next
        WHERE c.tenant = p_tenant AND c.account = p_account AND c.key = p_key AND c.outcome = '' RETURNING 1)
    SELECT EXISTS (SELECT FROM done)
$$;

-- Calls that did not go and that nobody needs any more: somebody has it, or they are not reached there any more.
CREATE OR REPLACE FUNCTION gate.end_unneeded_calls(p_tenant int, p_needed text[], p_now timestamptz)
RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH done AS (
        UPDATE record.call c SET outcome = 'unneeded', ended = p_now
        WHERE c.tenant = p_tenant AND c.outcome = '' AND c.account <> ALL (p_needed) AND c.next <= p_now RETURNING 1)
    SELECT EXISTS (SELECT FROM done)
$$;

-- By what everybody is reached, for the roster; never where, and not what became of a call: that there was one may be nobody's to know.
CREATE OR REPLACE FUNCTION gate.reached_by(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz)
RETURNS TABLE (agent text, means text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT a.agent, c.means
    FROM record.call_place c JOIN record.account a ON a.tenant = c.tenant AND a.account = c.account AND a.kind = 'staff' AND a.agent IS NOT NULL
    WHERE c.tenant = p_tenant AND c.proved IS NOT NULL AND c.ended = 'infinity' AND gate.account_state(a.tenant, a.account, p_now) = 'active';
END $$;
