-- Documents that are out for a partner by SFTP: messages of the door `document` (20_reaching.sql) that left by this way and did not arrive yet.
CREATE OR REPLACE FUNCTION gate.sftp_documents(p_tenant int, p_partner text, p_key text, p_now timestamptz)
RETURNS TABLE (message text, partner text, control text, kind text, tries int, body bytea, job bytea, sent timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    PERFORM gate.sftp_alive(p_tenant, p_partner, p_key, p_now);
    RETURN QUERY
    SELECT m.message, m.partner, m.control, m.kind, m.tries, m.body, m.job, m.sent FROM record.exchange_message m
    WHERE m.tenant = p_tenant AND m.partner = p_partner AND m.direction = 'out' AND m.door = 'document' AND m.state = 'received' AND m.version = 'sftp' AND m.sent IS NOT NULL
      AND gate.exchange_documents(p_tenant, p_partner, p_now, 'out') = ''
      AND NOT EXISTS (SELECT FROM record.sftp_taken t WHERE t.tenant = m.tenant AND t.drop_id = m.message AND t.hidden)
    ORDER BY m.seq LIMIT 50;
END $$;

-- They took one to its end (p_hide false), or removed it.
CREATE OR REPLACE FUNCTION gate.sftp_document_took(p_tenant int, p_partner text, p_key text, p_now timestamptz, p_message text, p_size bigint, p_hide boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.sftp_alive(p_tenant, p_partner, p_key, p_now);
    PERFORM FROM record.exchange_message m WHERE m.tenant = p_tenant AND m.partner = p_partner AND m.message = p_message AND m.direction = 'out' AND m.door = 'document' AND m.version = 'sftp';
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO record.sftp_taken AS t (tenant, drop_id, name, taken, size, times, hidden)
    VALUES (p_tenant, p_message, '', CASE WHEN p_hide THEN NULL ELSE p_now END, p_size, CASE WHEN p_hide THEN 0 ELSE 1 END, p_hide)
    ON CONFLICT (tenant, drop_id, name) DO UPDATE
    SET taken = coalesce(t.taken, excluded.taken), size = CASE WHEN p_hide THEN t.size ELSE excluded.size END, times = t.times + excluded.times, hidden = t.hidden OR excluded.hidden;
    -- Whoever brought it here asks soon what became of it.
    UPDATE record.exchange_message m SET due = least(m.due, p_now) WHERE m.tenant = p_tenant AND m.message = p_message AND m.state = 'received';
END $$;

-- What became of one: when it was taken first, and whether it was removed.
CREATE OR REPLACE FUNCTION gate.sftp_document(p_tenant int, p_message text) RETURNS TABLE (taken timestamptz, hidden boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT t.taken, t.hidden FROM record.sftp_taken t WHERE t.tenant = p_tenant AND t.drop_id = p_message AND t.name = ''
$$;
