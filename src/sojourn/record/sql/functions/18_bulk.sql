-- Bulk exports: begun by a caller, worked on by whoever is free, seen by the one who asked (the same account, door and scopes) and nobody else.

-- Begin one. It is worked on under a credential of its own, which is of the same account, app and scopes, and ends with it. 'busy': the account has
-- as many under way as it may.
CREATE OR REPLACE FUNCTION gate.export_begin(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_export text, p_scopes text, p_work bytea, p_request text, p_asked text,
    p_kinds int, p_expires timestamptz, p_most int
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    mine record.credential;
BEGIN
    /*alive*/
    SELECT * INTO mine FROM record.credential c WHERE c.credential = p_credential;
    PERFORM pg_advisory_xact_lock(hashtextextended(p_tenant || '/export/' || mine.account, 0));
    IF (SELECT count(*) FROM record.export e WHERE e.tenant = p_tenant AND e.account = mine.account AND e.state IN ('waiting', 'running')) >= p_most THEN
        RETURN false;
    END IF;
    INSERT INTO record.credential (tenant, credential, account, kind, door, purpose, created, expires, ends, scopes, patient, app, grant_id)
    VALUES (p_tenant, p_work, mine.account, 'token', mine.door, mine.purpose, p_now, p_expires, p_expires, mine.scopes, mine.patient, mine.app, mine.grant_id);
    INSERT INTO record.export (tenant, export, account, door, purpose, scopes, credential, request, asked, begun, expires, kinds)
    VALUES (p_tenant, p_export, mine.account, mine.door, mine.purpose, p_scopes, p_work, p_request, p_asked, p_now, p_expires, p_kinds);
    RETURN true;
END $$;

-- Take the one that has waited longest, or that nobody works on any more, if what was being written when it was asked for is committed or gone.
CREATE OR REPLACE FUNCTION gate.export_claim(p_now timestamptz, p_runner text, p_lease timestamptz)
RETURNS TABLE (tenant int, export text, account text, credential bytea, asked text, begun timestamptz, kind int, tries int)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE record.export e SET state = 'running', runner = p_runner, lease = p_lease, tries = e.tries + 1
    FROM (SELECT x.tenant, x.export FROM record.export x
          WHERE x.state IN ('waiting', 'running') AND x.lease <= p_now AND p_now < x.expires AND x.horizon <= pg_snapshot_xmin(pg_current_snapshot())::text::bigint
          ORDER BY x.begun, x.export LIMIT 1 FOR UPDATE SKIP LOCKED) next
    WHERE e.tenant = next.tenant AND e.export = next.export
    RETURNING e.tenant, e.export, e.account, e.credential, e.asked, e.begun, e.kind, e.tries
$$;

-- A stretch is done: it is there once, whoever else thinks that they work on it. False when the export is no longer theirs, or is gone.
CREATE OR REPLACE FUNCTION gate.export_done(
    p_tenant int, p_export text, p_runner text, p_lease timestamptz, p_kind int, p_n int, p_file int, p_after_patient text, p_after_rid bigint,
    p_to_patient text, p_to_rid bigint, p_count int, p_size bigint, p_digest bytea
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    -- Of what is done the last step of the export waits for the disk, and with it all before it. What a machine that falls loses is made anew.
    PERFORM set_config('synchronous_commit', 'off', true);
    UPDATE record.export e SET lease = p_lease, tries = 1 WHERE e.tenant = p_tenant AND e.export = p_export AND e.runner = p_runner AND e.state = 'running';
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO record.export_part (tenant, export, kind, n, file, after_patient, after_rid, to_patient, to_rid, count, size, digest)
    VALUES (p_tenant, p_export, p_kind, p_n, p_file, p_after_patient, p_after_rid, p_to_patient, p_to_rid, p_count, p_size, p_digest);
    RETURN true;
END $$;

-- A kind is done, or all of it (p_state done or failed). False as above.
CREATE OR REPLACE FUNCTION gate.export_step(p_tenant int, p_export text, p_runner text, p_now timestamptz, p_lease timestamptz, p_kind int, p_state text, p_problem text)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    UPDATE record.export e SET kind = p_kind, state = p_state, problem = p_problem, lease = p_lease,
        finished = CASE WHEN p_state IN ('done', 'failed') THEN p_now ELSE e.finished END
    WHERE e.tenant = p_tenant AND e.export = p_export AND e.runner = p_runner AND e.state = 'running';
    RETURN FOUND;
END $$;

-- One export, for who asked for it. How far it is follows from the lines that may be seen alone: which kinds are walked tells of what there is.
CREATE OR REPLACE FUNCTION gate.export_of(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_export text, p_scopes text)
RETURNS TABLE (export text, request text, asked text, state text, problem text, begun timestamptz, finished timestamptz, expires timestamptz, kinds int, kind int, lines bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    /*alive*/
    RETURN QUERY
    SELECT e.export, e.request, e.asked, e.state, e.problem, e.begun, e.finished, e.expires, e.kinds, coalesce(seen.kind, 0), coalesce(seen.lines, 0)::bigint
    FROM record.export e JOIN record.credential c ON c.credential = p_credential
    CROSS JOIN LATERAL (SELECT max(p.kind) AS kind, sum(p.count) AS lines FROM record.export_part p WHERE p.tenant = p_tenant AND p.export = e.export) seen
    WHERE e.tenant = p_tenant AND e.export = p_export AND e.account = c.account AND e.door = c.door AND e.purpose = c.purpose AND e.scopes = p_scopes
      AND p_now < e.expires;
END $$;

-- Its stretches: all, or those of one file.
CREATE OR REPLACE FUNCTION gate.export_parts(p_tenant int, p_export text, p_kind int, p_file int)
RETURNS TABLE (kind int, n int, file int, after_patient text, after_rid bigint, to_patient text, to_rid bigint, count int, size bigint, digest bytea, again int)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT p.kind, p.n, p.file, p.after_patient, p.after_rid, p.to_patient, p.to_rid, p.count, p.size, p.digest, p.again FROM record.export_part p
    WHERE p.tenant = p_tenant AND p.export = p_export AND (p_kind IS NULL OR p.kind = p_kind) AND (p_file IS NULL OR p.file = p_file) ORDER BY p.kind, p.n
$$;

-- Its files.
CREATE OR REPLACE FUNCTION gate.export_files(p_tenant int, p_export text)
RETURNS TABLE (kind int, file int, count bigint, size bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT p.kind, p.file, sum(p.count)::bigint, sum(p.size)::bigint FROM record.export_part p
    WHERE p.tenant = p_tenant AND p.export = p_export GROUP BY 1, 2 HAVING sum(p.count) > 0 ORDER BY 1, 2
$$;

-- A stretch is another than it was: consents, labels or the record itself have changed since.
CREATE OR REPLACE FUNCTION gate.export_changed(p_tenant int, p_export text, p_kind int, p_n int, p_count int, p_size bigint, p_digest bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE record.export_part p SET count = p_count, size = p_size, digest = p_digest, again = p.again + 1
    WHERE p.tenant = p_tenant AND p.export = p_export AND p.kind = p_kind AND p.n = p_n
$$;

-- End one, with the credential under which it was worked on: for who asked for it, or (p_scopes null) for who administers. False when there is none.
CREATE OR REPLACE FUNCTION gate.export_end(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_export text, p_scopes text)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    work bytea;
BEGIN
    /*alive*/
    DELETE FROM record.export e USING record.credential c
    WHERE c.credential = p_credential AND e.tenant = p_tenant AND e.export = p_export AND p_now < e.expires
      AND (p_scopes IS NULL OR (e.account = c.account AND e.door = c.door AND e.purpose = c.purpose AND e.scopes = p_scopes))
    RETURNING e.credential INTO work;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM record.export_part p WHERE p.tenant = p_tenant AND p.export = p_export;
    UPDATE record.credential c SET revoked = least(c.revoked, p_now) WHERE c.credential = work;
    RETURN true;
END $$;

-- Those that are over go.
CREATE OR REPLACE FUNCTION gate.export_sweep(p_now timestamptz) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH gone AS (DELETE FROM record.export e WHERE e.expires <= p_now RETURNING e.tenant, e.export, e.credential),
    closed AS (UPDATE record.credential c SET revoked = least(c.revoked, p_now) FROM gone g WHERE c.credential = g.credential)
    DELETE FROM record.export_part p USING gone g WHERE p.tenant = g.tenant AND p.export = g.export
$$;

-- All exports of the organization, the newest first, for who administers apps: who, what, how far. Of nobody's record.
CREATE OR REPLACE FUNCTION gate.exports(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_limit int)
RETURNS TABLE (export text, account text, name text, door text, purpose text, asked text, state text, problem text, begun timestamptz, finished timestamptz,
               expires timestamptz, kinds int, kind int, lines bigint, size bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    /*alive*/
    RETURN QUERY
    SELECT e.export, e.account, a.name, e.door, e.purpose, e.asked, e.state, e.problem, e.begun, e.finished, e.expires, e.kinds, e.kind,
           coalesce(p.lines, 0)::bigint, coalesce(p.size, 0)::bigint
    FROM record.export e JOIN record.account a ON a.tenant = e.tenant AND a.account = e.account
    LEFT JOIN LATERAL (SELECT sum(x.count) AS lines, sum(x.size) AS size FROM record.export_part x WHERE x.tenant = e.tenant AND x.export = e.export) p ON true
    WHERE e.tenant = p_tenant AND p_now < e.expires ORDER BY e.begun DESC, e.export LIMIT p_limit;
END $$;

-- Keep forms, of resources that are still what they were made from.
CREATE OR REPLACE FUNCTION gate.keep_forms(p_tenant int, p_types text[], p_ids text[], p_seqs bigint[], p_stored bytea[], p_bodies bytea[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    INSERT INTO record.plain_form (tenant, seq, body)
    SELECT p_tenant, u.seq, u.body FROM unnest(p_types, p_ids, p_seqs, p_stored, p_bodies) AS u(type, id, seq, stored, body)
    JOIN record.resource r ON r.tenant = p_tenant AND r.type = u.type AND r.id = u.id AND r.seq = u.seq AND r.rid = r.seq AND r.parts = 0
                          AND sha256(r.body) = u.stored
    ORDER BY u.seq FOR SHARE OF r
    ON CONFLICT DO NOTHING
$$;

-- What left in bulk: a row for each patient and stretch, with the versions and a digest of that patient's lines. The lines themselves are made anew from
-- the versions at any time, so that nothing is kept of them.
CREATE OR REPLACE FUNCTION gate.bulk_disclosed(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_ids text[], p_account text, p_request text, p_recipient text, p_purpose text,
    p_patients text[], p_what text[], p_consents text[], p_notices text[], p_scopes text[], p_digests text[], p_sizes bigint[]
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    /*alive*/
    INSERT INTO record.disclosure (tenant, disclosure, made, channel, account, request, recipient, purpose, what, consents, notice, scope, media, digest, size, blob)
    SELECT p_tenant, u.id, p_now, 'bulk', p_account, p_request, p_recipient, p_purpose, string_to_array(u.what, ' '), string_to_array(u.consents, ' '), u.notice, u.scope,
           'application/fhir+ndjson', u.digest, u.size, ''
    FROM unnest(p_ids, p_what, p_consents, p_notices, p_scopes, p_digests, p_sizes) AS u(id, what, consents, notice, scope, digest, size);
    INSERT INTO record.disclosure_patient (tenant, patient, disclosure)
    SELECT p_tenant, u.patient, u.id FROM unnest(p_ids, p_patients) AS u(id, patient) WHERE u.patient <> '';
END $$;
