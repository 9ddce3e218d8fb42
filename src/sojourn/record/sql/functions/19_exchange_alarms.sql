-- Alarms about partners (0162), and who answers for partners.

-- What holds now, all of it: what is not named is closed, what is new is opened, what was closed and holds again is open again. How many rows that were.
CREATE OR REPLACE FUNCTION gate.exchange_alarms_hold(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_partners text[], p_kinds text[], p_began timestamptz[]
) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE closing int; opening int;
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    UPDATE record.exchange_alarm a SET closed = p_now
    WHERE a.tenant = p_tenant AND a.closed = 'infinity'
      AND NOT EXISTS (SELECT FROM unnest(p_partners, p_kinds, p_began) AS w(partner, kind, began) WHERE w.partner = a.partner AND w.kind = a.kind AND w.began = a.began);
    GET DIAGNOSTICS closing = ROW_COUNT;
    INSERT INTO record.exchange_alarm AS a (tenant, partner, kind, began, raised)
    SELECT p_tenant, w.partner, w.kind, w.began, p_now FROM unnest(p_partners, p_kinds, p_began) AS w(partner, kind, began) ORDER BY 2, 3, 4
    ON CONFLICT (tenant, partner, kind, began) DO UPDATE SET closed = 'infinity' WHERE a.closed <> 'infinity';
    GET DIAGNOSTICS opening = ROW_COUNT;
    RETURN closing + opening;
END $$;

-- Alarms: of every partner those that are open (p_partner ''), or the last of one partner, the newest first.
CREATE OR REPLACE FUNCTION gate.exchange_alarms(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_partner text, p_most int)
RETURNS TABLE (partner text, kind text, began timestamptz, raised timestamptz, closed timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT a.partner, a.kind, a.began, a.raised, nullif(a.closed, 'infinity') FROM record.exchange_alarm a
    WHERE a.tenant = p_tenant AND CASE WHEN p_partner = '' THEN a.closed = 'infinity' ELSE a.partner = p_partner END
    ORDER BY a.raised DESC, a.partner, a.kind LIMIT p_most;
END $$;

-- Staff who look after messages, any of whom may answer for a partner.
CREATE OR REPLACE FUNCTION gate.exchange_keepers(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz)
RETURNS TABLE (account text, name text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT a.account, a.name FROM record.account a
    WHERE a.tenant = p_tenant AND a.kind = 'staff' AND gate.account_state(a.tenant, a.account, p_now) = 'active'
      AND EXISTS (SELECT FROM record.assignment s JOIN record.role_rule r ON r.tenant = s.tenant AND r.role = s.role
                  WHERE s.tenant = a.tenant AND s.account = a.account AND s.known_to = 'infinity' AND s.valid_from <= p_now AND p_now < s.valid_to
                    AND r.known_to = 'infinity' AND r.valid_from <= p_now AND p_now < r.valid_to AND 'Exchange' = ANY (r.types) AND 'operate' = ANY (r.actions))
    ORDER BY a.name, a.account;
END $$;
