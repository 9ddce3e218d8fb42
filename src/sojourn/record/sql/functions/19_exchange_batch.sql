-- HL7 v2 messages that leave in files (0202): what waits, what is in a file, what became of it, and what partners said of single messages.

-- Of each person the first message that waits for a partner and is in no file yet.
CREATE OR REPLACE FUNCTION gate.exchange_batch_waiting(p_tenant int, p_partner text, p_now timestamptz, p_most int)
RETURNS TABLE (message text, control text, kind text, tries int, body bytea, job bytea, about bytea, lane bytea, sent timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    IF gate.exchange_cleared(p_tenant, p_partner, p_now) <> '' THEN  -- what is for them waits
        RETURN;
    END IF;
    RETURN QUERY
    SELECT m.message, m.control, m.kind, m.tries, m.body, m.job, m.about, m.lane, m.sent FROM record.exchange_message m
    WHERE m.tenant = p_tenant AND m.partner = p_partner AND m.direction = 'out' AND m.door = 'hl7v2' AND m.state = 'received' AND m.due <= p_now AND m.batch IS NULL
      AND NOT EXISTS (SELECT FROM record.exchange_message e WHERE e.tenant = p_tenant AND e.lane = m.lane AND e.seq < m.seq AND e.direction = 'out' AND e.state IN ('received', 'held'))
    ORDER BY m.seq LIMIT p_most;
END $$;

-- A file of these; false where there is one of that time already.
CREATE OR REPLACE FUNCTION gate.exchange_batch_begin(p_tenant int, p_partner text, p_batch text, p_begins timestamptz, p_now timestamptz, p_messages text[]) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO record.exchange_batch (tenant, batch, partner, begins, made) VALUES (p_tenant, p_batch, p_partner, p_begins, p_now) ON CONFLICT (tenant, partner, begins) DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE record.exchange_message m SET batch = p_batch
    WHERE m.tenant = p_tenant AND m.partner = p_partner AND m.message = ANY (p_messages) AND m.direction = 'out' AND m.state = 'received' AND m.batch IS NULL;
    RETURN true;
END $$;

-- Whether there is or was a file of that time.
CREATE OR REPLACE FUNCTION gate.exchange_batch_there(p_tenant int, p_partner text, p_begins timestamptz) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM record.exchange_batch b WHERE b.tenant = p_tenant AND b.partner = p_partner AND b.begins = p_begins)
$$;

-- Files that a partner has not taken, the first first.
CREATE OR REPLACE FUNCTION gate.exchange_batches(p_tenant int, p_partner text, p_now timestamptz) RETURNS TABLE (batch text, begins timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    IF gate.exchange_cleared(p_tenant, p_partner, p_now) <> '' THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT b.batch, b.begins FROM record.exchange_batch b WHERE b.tenant = p_tenant AND b.partner = p_partner AND b.over IS NULL ORDER BY b.begins LIMIT 100;
END $$;

-- The messages of a file that still wait.
CREATE OR REPLACE FUNCTION gate.exchange_batch_messages(p_tenant int, p_batch text)
RETURNS TABLE (message text, control text, kind text, tries int, body bytea, job bytea, about bytea, lane bytea, sent timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT m.message, m.control, m.kind, m.tries, m.body, m.job, m.about, m.lane, m.sent FROM record.exchange_message m
    WHERE m.tenant = p_tenant AND m.batch = p_batch AND m.state = 'received' ORDER BY m.seq
$$;

-- They took a file with these messages to its end, or removed it (none): what else was in it goes with the next. False where that was said before.
CREATE OR REPLACE FUNCTION gate.exchange_batch_over(p_tenant int, p_partner text, p_key text, p_now timestamptz, p_batch text, p_taken text[]) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.sftp_alive(p_tenant, p_partner, p_key, p_now);
    UPDATE record.exchange_batch b SET over = p_now WHERE b.tenant = p_tenant AND b.partner = p_partner AND b.batch = p_batch AND b.over IS NULL;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE record.exchange_message m SET batch = NULL WHERE m.tenant = p_tenant AND m.batch = p_batch AND m.state IN ('received', 'held') AND NOT m.message = ANY (p_taken);
    RETURN true;
END $$;

-- Files of which nothing is left are over.
CREATE OR REPLACE FUNCTION gate.exchange_batch_sweep(p_tenant int, p_partner text, p_now timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE record.exchange_batch b SET over = p_now
    WHERE b.tenant = p_tenant AND b.partner = p_partner AND b.over IS NULL
      AND NOT EXISTS (SELECT FROM record.exchange_message m WHERE m.tenant = p_tenant AND m.batch = b.batch AND m.state IN ('received', 'held'))
$$;

-- A partner said what became of a message of ours by its number; false where no message of that number went to them. p_reason: '' where they took it.
CREATE OR REPLACE FUNCTION gate.exchange_acknowledged(p_tenant int, p_partner text, p_control text, p_now timestamptz, p_reason text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE ours record;
BEGIN
    SELECT m.message, m.state INTO ours FROM record.exchange_message m
    WHERE m.tenant = p_tenant AND m.partner = p_partner AND m.direction = 'out' AND m.control = p_control AND m.door = 'hl7v2' AND m.sent IS NOT NULL ORDER BY m.seq DESC LIMIT 1 FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF p_reason <> '' AND ours.state = 'mapped' THEN
        UPDATE record.exchange_message m SET state = 'failed', reason = p_reason, updated = p_now WHERE m.tenant = p_tenant AND m.message = ours.message;
        INSERT INTO record.exchange_event (tenant, message, at, state, reason) VALUES (p_tenant, ours.message, p_now, 'failed', p_reason);
    END IF;
    RETURN true;
END $$;
