-- What was asked of partners about clients (0170).

-- Write an ask down, once: pressed twice it is there once.
CREATE OR REPLACE FUNCTION gate.ask_put(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_ask text, p_partner text, p_patient text, p_program int, p_account text, p_body text, p_stamp text
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    INSERT INTO record.outside_ask (tenant, ask, partner, patient, program, account, state, body, stamp, made, updated, due)
    VALUES (p_tenant, p_ask, p_partner, p_patient, p_program, p_account, 'waiting', p_body, p_stamp, p_now, p_now, p_now)
    ON CONFLICT (tenant, ask) DO NOTHING;
END $$;

-- Those about a client, of the caller's programs, the newest first; one of them where p_ask names it.
CREATE OR REPLACE FUNCTION gate.asks(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_patient text, p_programs int[], p_ask text, p_most int)
RETURNS TABLE (ask text, partner text, patient text, program int, account text, state text, body text, stamp text, made timestamptz, updated timestamptz, tries int)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT a.ask, a.partner, a.patient, a.program, a.account, a.state, a.body, a.stamp, a.made, a.updated, a.tries FROM record.outside_ask a
    WHERE a.tenant = p_tenant AND a.patient = p_patient AND a.program = ANY (p_programs) AND (p_ask = '' OR a.ask = p_ask) ORDER BY a.made DESC, a.ask LIMIT p_most;
END $$;

-- Change one from the stamp that was read; false where it changed meanwhile. It is due at once.
CREATE OR REPLACE FUNCTION gate.ask_change(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_ask text, p_seen text, p_state text, p_body text, p_stamp text
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    UPDATE record.outside_ask a SET state = p_state, body = p_body, stamp = p_stamp, updated = p_now, due = p_now, lease = '-infinity', tries = 0
    WHERE a.tenant = p_tenant AND a.ask = p_ask AND a.stamp = p_seen;
    RETURN FOUND;
END $$;

-- The next that is to be done, now ours until the lease is over. At most one of a partner is under way: one that is slow keeps no other waiting.
CREATE OR REPLACE FUNCTION gate.ask_claim(p_tenant int, p_now timestamptz, p_lease timestamptz)
RETURNS TABLE (ask text, partner text, patient text, program int, account text, state text, body text, stamp text, made timestamptz, updated timestamptz, tries int)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE which text;
BEGIN
    SELECT a.ask INTO which FROM record.outside_ask a
    WHERE a.tenant = p_tenant AND a.state = 'waiting' AND a.due <= p_now AND a.lease <= p_now
      AND NOT EXISTS (SELECT FROM record.outside_ask o WHERE o.tenant = a.tenant AND o.partner = a.partner AND o.state = 'waiting' AND o.lease > p_now)
    ORDER BY a.due, a.ask LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF which IS NULL THEN
        RETURN;
    END IF;
    UPDATE record.outside_ask a SET lease = p_lease WHERE a.tenant = p_tenant AND a.ask = which;
    RETURN QUERY SELECT a.ask, a.partner, a.patient, a.program, a.account, a.state, a.body, a.stamp, a.made, a.updated, a.tries FROM record.outside_ask a WHERE a.tenant = p_tenant AND a.ask = which;
END $$;

-- How far it is; false where somebody stopped or changed it meanwhile.
CREATE OR REPLACE FUNCTION gate.ask_step(
    p_tenant int, p_now timestamptz, p_ask text, p_seen text, p_state text, p_body text, p_stamp text, p_due timestamptz, p_lease timestamptz, p_tries int
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE record.outside_ask a SET state = p_state, body = p_body, stamp = p_stamp, updated = p_now, due = p_due, lease = p_lease, tries = p_tries
    WHERE a.tenant = p_tenant AND a.ask = p_ask AND a.stamp = p_seen AND a.state = 'waiting';
    RETURN FOUND;
END $$;

-- Asks that are over since before the day of their rule, at most so many, each with what it brought.
CREATE OR REPLACE FUNCTION gate.asks_old(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_before timestamptz, p_most int)
RETURNS TABLE (ask text, partner text, patient text, program int, account text, state text, body text, stamp text, made timestamptz, updated timestamptz, tries int)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT a.ask, a.partner, a.patient, a.program, a.account, a.state, a.body, a.stamp, a.made, a.updated, a.tries FROM record.outside_ask a
    WHERE a.tenant = p_tenant AND a.state <> 'waiting' AND a.updated < p_before ORDER BY a.updated, a.ask LIMIT p_most;
END $$;

-- Destroy those of them that are still as they were read, with the files of what was fetched; whether there were any. That they were asked stays in the trail.
CREATE OR REPLACE FUNCTION gate.asks_destroy(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_asks text[], p_stamps text[], p_before timestamptz, p_blobs text[]) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE gone int;
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    SELECT count(*) INTO gone FROM (
        SELECT FROM record.outside_ask a JOIN unnest(p_asks, p_stamps) AS w(ask, stamp) ON a.ask = w.ask AND a.stamp = w.stamp
        WHERE a.tenant = p_tenant AND a.state <> 'waiting' AND a.updated < p_before FOR UPDATE OF a) s;
    IF gone < cardinality(p_asks) THEN  -- somebody goes on with one of them: none is destroyed now
        RETURN false;
    END IF;
    DELETE FROM record.outside_ask a WHERE a.tenant = p_tenant AND a.ask = ANY (p_asks);
    INSERT INTO record.blob_leftover (tenant, digest, since) SELECT p_tenant, b.digest, p_now FROM unnest(p_blobs) AS b(digest) ON CONFLICT DO NOTHING;
    RETURN gone > 0;
END $$;

-- Those of these programs that ended without being asked or answered, the last first; for the privacy officer (gate/exchange/stopped.py).
CREATE OR REPLACE FUNCTION gate.asks_failed(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_programs int[], p_most int)
RETURNS SETOF record.outside_ask
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT a.* FROM record.outside_ask a WHERE a.tenant = p_tenant AND a.state = 'failed' AND a.program = ANY (p_programs) ORDER BY a.updated DESC LIMIT p_most;
END $$;
