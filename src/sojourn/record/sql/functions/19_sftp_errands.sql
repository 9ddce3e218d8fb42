-- Errands at partners' servers (0151).

CREATE OR REPLACE FUNCTION gate.sftp_errands(p_tenant int, p_partner text)
RETURNS TABLE (errand text, partner text, facts text, state text, reason text, since timestamptz, due timestamptz, tries int, began timestamptz, good timestamptz, problem text, files int)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT e.errand, e.partner, e.facts, e.state, e.reason, e.known_from, r.due, r.tries, r.began, r.good, r.problem, r.files
    FROM record.sftp_errand e JOIN record.sftp_errand_run r ON r.tenant = e.tenant AND r.errand = e.errand
    WHERE e.tenant = p_tenant AND e.known_to = 'infinity' AND (p_partner = '' OR e.partner = p_partner) ORDER BY e.known_from, e.errand
$$;

-- Write an errand down, or change it from the version that was read; false when somebody was faster. It is due at once.
CREATE OR REPLACE FUNCTION gate.sftp_put_errand(
    p_tenant int, p_errand text, p_partner text, p_facts text, p_state text, p_since timestamptz, p_author text, p_reason text, p_now timestamptz
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_tenant || '/errand/' || p_errand, 0));
    IF (SELECT e.known_from FROM record.sftp_errand e WHERE e.tenant = p_tenant AND e.errand = p_errand AND e.known_to = 'infinity') IS DISTINCT FROM p_since THEN
        RETURN false;
    END IF;
    UPDATE record.sftp_errand e SET known_to = greatest(p_now, e.known_from + interval '1 microsecond') WHERE e.tenant = p_tenant AND e.errand = p_errand AND e.known_to = 'infinity';
    INSERT INTO record.sftp_errand (tenant, errand, partner, facts, state, author, reason, known_from)
    VALUES (p_tenant, p_errand, p_partner, p_facts, p_state, p_author, p_reason, greatest(p_now, p_since + interval '1 microsecond'));
    INSERT INTO record.sftp_errand_run (tenant, errand, due) VALUES (p_tenant, p_errand, p_now)
    ON CONFLICT (tenant, errand) DO UPDATE SET due = p_now, tries = 0, problem = '';
    RETURN true;
END $$;

-- Somebody wants it done now.
CREATE OR REPLACE FUNCTION gate.sftp_errand_now(p_tenant int, p_partner text, p_errand text, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE record.sftp_errand_run r SET due = p_now FROM record.sftp_errand e
    WHERE r.tenant = p_tenant AND r.errand = p_errand AND e.tenant = r.tenant AND e.errand = r.errand AND e.partner = p_partner AND e.known_to = 'infinity' AND e.state = 'active';
    RETURN FOUND;
END $$;

-- The next that is due, now ours until the lease is over.
CREATE OR REPLACE FUNCTION gate.sftp_errand_claim(p_tenant int, p_now timestamptz, p_runner text, p_lease timestamptz)
RETURNS TABLE (errand text, partner text, facts text, tries int) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE which text;
BEGIN
    SELECT r.errand INTO which FROM record.sftp_errand_run r JOIN record.sftp_errand e ON e.tenant = r.tenant AND e.errand = r.errand AND e.known_to = 'infinity'
    WHERE r.tenant = p_tenant AND r.due <= p_now AND r.lease <= p_now AND gate.sftp_errand_good(p_tenant, e.partner, e.errand)
    ORDER BY r.due LIMIT 1 FOR UPDATE OF r SKIP LOCKED;
    IF which IS NULL THEN
        RETURN;
    END IF;
    UPDATE record.sftp_errand_run r SET lease = p_lease, runner = p_runner, began = p_now WHERE r.tenant = p_tenant AND r.errand = which;
    RETURN QUERY SELECT e.errand, e.partner, e.facts, r.tries FROM record.sftp_errand e JOIN record.sftp_errand_run r ON r.tenant = e.tenant AND r.errand = e.errand
                 WHERE e.tenant = p_tenant AND e.errand = which AND e.known_to = 'infinity';
END $$;

-- It goes on (p_due null), or is over: due again then. False when it is not ours any more.
CREATE OR REPLACE FUNCTION gate.sftp_errand_step(
    p_tenant int, p_errand text, p_runner text, p_lease timestamptz, p_due timestamptz, p_tries int, p_good timestamptz, p_problem text, p_files int
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE record.sftp_errand_run r
    SET lease = p_lease, due = coalesce(p_due, r.due), tries = p_tries, good = coalesce(p_good, r.good), problem = p_problem, files = r.files + p_files
    WHERE r.tenant = p_tenant AND r.errand = p_errand AND r.runner = p_runner;
    RETURN FOUND;
END $$;

-- What is known of files of an errand, and a file seen or done.
CREATE OR REPLACE FUNCTION gate.sftp_errand_files(p_tenant int, p_errand text, p_paths bytea[])
RETURNS TABLE (path bytea, stamp text, state text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT f.path, f.stamp, f.state FROM record.sftp_errand_file f WHERE f.tenant = p_tenant AND f.errand = p_errand AND f.path = ANY (p_paths)
$$;

CREATE OR REPLACE FUNCTION gate.sftp_errand_file(p_tenant int, p_errand text, p_path bytea, p_stamp text, p_state text, p_now timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    INSERT INTO record.sftp_errand_file (tenant, errand, path, stamp, state, at) VALUES (p_tenant, p_errand, p_path, p_stamp, p_state, p_now)
    ON CONFLICT (tenant, errand, path) DO UPDATE SET stamp = excluded.stamp, state = excluded.state, at = excluded.at
$$;
