-- A device in somebody else's hands: the staff session ends, and a credential takes its place that opens one page (gate/handover.py).
-- It is a session without a proof of who holds it, so nothing that needs one can be done with it.
CREATE OR REPLACE FUNCTION gate.hand_over(p_tenant int, p_from bytea, p_credential bytea, p_content bytea, p_now timestamptz, p_expires timestamptz)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    INSERT INTO record.credential (tenant, credential, account, kind, door, purpose, created, expires, ends, methods, label)
    SELECT c.tenant, p_credential, c.account, 'session', 'handover', c.purpose, p_now, p_expires, p_expires, c.methods, c.label
    FROM record.credential c
    WHERE c.tenant = p_tenant AND c.credential = p_from AND c.kind = 'session' AND c.door = 'staff' AND p_now < c.expires AND p_now < c.revoked;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE record.credential c SET revoked = p_now WHERE c.credential = p_from;
    INSERT INTO record.ticket (ticket, tenant, kind, account, content, created, expires)
    SELECT p_credential, p_tenant, 'handover', c.account, p_content, p_now, p_expires FROM record.credential c WHERE c.credential = p_credential;
    RETURN true;
END $$;

-- What a device that was handed over may show; done: it has served, and waits for its owner.
CREATE OR REPLACE FUNCTION gate.handed_over(p_tenant int, p_credential bytea, p_now timestamptz) RETURNS TABLE (content bytea, done boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT t.content, t.used <= p_now FROM record.ticket t
    WHERE t.tenant = p_tenant AND t.ticket = p_credential AND t.kind = 'handover' AND p_now < t.expires
$$;
