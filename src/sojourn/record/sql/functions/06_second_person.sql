-- The second person: links that are good only with a code which somebody else gives out, and role changes that somebody else approves.

-- Make a link. held: it needs a second person.
CREATE OR REPLACE FUNCTION gate.make_link(
    p_tenant int, p_ticket bytea, p_kind text, p_account text, p_author text, p_held boolean, p_now timestamptz, p_expires timestamptz
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF p_kind NOT IN ('invitation', 'reset') OR NOT gate.make_ticket(p_tenant, p_ticket, p_kind, p_account, p_author, '', p_now, p_expires) THEN
        RETURN false;
    END IF;
    UPDATE record.ticket t SET held = p_held WHERE t.ticket = p_ticket AND t.tenant = p_tenant;
    RETURN true;
END $$;

-- Links that wait for their second person; one account's, or all.
CREATE OR REPLACE FUNCTION gate.links_held(p_tenant int, p_account text, p_now timestamptz)
RETURNS TABLE (account text, kind text, author text, created timestamptz, expires timestamptz, confirmed_by text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT t.account, t.kind, t.author, t.created, t.expires, t.confirmed_by FROM record.ticket t
    WHERE t.tenant = p_tenant AND t.held AND t.kind IN ('invitation', 'reset') AND t.used = 'infinity' AND p_now < t.expires AND (p_account IS NULL OR t.account = p_account)
    ORDER BY t.created
$$;

-- The second person's code for a link of which they are neither the maker nor the one whom it lets in. A later code takes the place of
-- an earlier one, and may come from somebody else; the maker never gets one.
CREATE OR REPLACE FUNCTION gate.confirm_link(p_tenant int, p_account text, p_by text, p_code bytea, p_now timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH done AS (
        UPDATE record.ticket t SET confirmed_by = p_by, confirmed = p_now, code = p_code
        WHERE t.tenant = p_tenant AND t.account = p_account AND t.held AND t.kind IN ('invitation', 'reset') AND t.used = 'infinity' AND p_now < t.expires
          AND t.author <> p_by AND t.account <> p_by
        RETURNING 1)
    SELECT EXISTS (SELECT FROM done)
$$;

-- Links by which somebody came in since a moment, the newest first.
CREATE OR REPLACE FUNCTION gate.links_opened(p_tenant int, p_since timestamptz)
RETURNS TABLE (account text, kind text, author text, confirmed_by text, opened timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT t.account, t.kind, t.author, t.confirmed_by, t.opened FROM record.ticket t
    WHERE t.tenant = p_tenant AND t.opened >= p_since ORDER BY t.opened DESC, t.account
$$;

-- What an account is to act as, asked for by one person; a newer wish takes the place of an older one.
CREATE OR REPLACE FUNCTION gate.ask_assignment(p_tenant int, p_account text, p_role text, p_programs int[], p_acting int, p_author text, p_now timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE record.assignment_asked a SET decided = p_now, decided_by = p_author
    WHERE a.tenant = p_tenant AND a.account = p_account AND a.decided = 'infinity';
    INSERT INTO record.assignment_asked (tenant, account, role, programs, acting, author, asked)
    VALUES (p_tenant, p_account, p_role, p_programs, p_acting, p_author, p_now);
    SELECT true
$$;

CREATE OR REPLACE FUNCTION gate.assignments_asked(p_tenant int, p_account text)
RETURNS TABLE (account text, role text, programs int[], acting int, author text, asked timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT a.account, a.role, a.programs, a.acting, a.author, a.asked FROM record.assignment_asked a
    WHERE a.tenant = p_tenant AND a.decided = 'infinity' AND (p_account IS NULL OR a.account = p_account) ORDER BY a.asked
$$;

-- Decide about it: granted it acts at once. By nobody who asked for it, and by nobody for themselves. asked: the wish that was looked at.
CREATE OR REPLACE FUNCTION gate.decide_assignment(p_tenant int, p_account text, p_asked timestamptz, p_by text, p_granted boolean, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    wish record.assignment_asked;
BEGIN
    UPDATE record.assignment_asked a SET decided = p_now, decided_by = p_by, granted = p_granted
    WHERE a.tenant = p_tenant AND a.account = p_account AND a.asked = p_asked AND a.decided = 'infinity' AND (a.author <> p_by OR NOT p_granted) AND a.account <> p_by
    RETURNING a.* INTO wish;
    IF wish.account IS NULL THEN
        RETURN false;
    END IF;
    RETURN NOT p_granted OR gate.assign(p_tenant, p_account, wish.role, wish.programs, wish.acting, p_now);
END $$;
