-- What is put out for partners by SFTP (0150).

CREATE OR REPLACE FUNCTION gate.sftp_put_out(
    p_tenant int, p_drop text, p_partner text, p_label text, p_app text, p_export text, p_author text, p_now timestamptz, p_until timestamptz
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO record.sftp_drop (tenant, drop_id, partner, label, app, export, state, author, created, until)
    VALUES (p_tenant, p_drop, p_partner, p_label, p_app, p_export, 'out', p_author, p_now, p_until);
    RETURN true;
END $$;

CREATE OR REPLACE FUNCTION gate.sftp_withdraw(p_tenant int, p_partner text, p_drop text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE record.sftp_drop d SET state = 'withdrawn' WHERE d.tenant = p_tenant AND d.partner = p_partner AND d.drop_id = p_drop AND d.state = 'out';
    RETURN FOUND;
END $$;

-- What is out for a partner, with which of its files were taken or removed. p_all: also what is over.
CREATE OR REPLACE FUNCTION gate.sftp_drops(p_tenant int, p_partner text, p_now timestamptz, p_all boolean)
RETURNS TABLE (drop_id text, label text, app text, export text, state text, author text, created timestamptz, until timestamptz, names text[], sizes bigint[], times int[], hidden boolean[], last timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT d.drop_id, d.label, d.app, d.export, d.state, coalesce(a.name, d.author), d.created, d.until, t.names, t.sizes, t.times, t.hidden, t.last
    FROM record.sftp_drop d LEFT JOIN record.account a ON a.tenant = d.tenant AND a.account = d.author
    CROSS JOIN LATERAL (SELECT array_agg(t.name ORDER BY t.name) AS names, array_agg(t.size ORDER BY t.name) AS sizes, array_agg(t.times ORDER BY t.name) AS times,
                               array_agg(t.hidden ORDER BY t.name) AS hidden, max(t.taken) AS last
                        FROM record.sftp_taken t WHERE t.tenant = d.tenant AND t.drop_id = d.drop_id) t
    WHERE d.tenant = p_tenant AND d.partner = p_partner AND (p_all OR d.state = 'out' AND p_now < d.until AND gate.exchange_cleared(p_tenant, p_partner, p_now) = '') ORDER BY d.seq DESC LIMIT 50
$$;

-- A partner took a file to its end (p_hide false), or removed it.
CREATE OR REPLACE FUNCTION gate.sftp_took(p_tenant int, p_partner text, p_key text, p_now timestamptz, p_drop text, p_name text, p_size bigint, p_hide boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.sftp_alive(p_tenant, p_partner, p_key, p_now);
    PERFORM FROM record.sftp_drop d WHERE d.tenant = p_tenant AND d.partner = p_partner AND d.drop_id = p_drop;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO record.sftp_taken AS t (tenant, drop_id, name, taken, size, times, hidden)
    VALUES (p_tenant, p_drop, p_name, CASE WHEN p_hide THEN NULL ELSE p_now END, p_size, CASE WHEN p_hide THEN 0 ELSE 1 END, p_hide)
    ON CONFLICT (tenant, drop_id, name) DO UPDATE
    SET taken = coalesce(excluded.taken, t.taken), size = CASE WHEN p_hide THEN t.size ELSE excluded.size END, times = t.times + excluded.times, hidden = t.hidden OR excluded.hidden;
END $$;
