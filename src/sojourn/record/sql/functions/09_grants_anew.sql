-- Every Consent compiled anew, by the server itself: in steps, each of which may be repeated (gate/grantjob.py).

-- The job for these rules: the one under way, or a new one; none where the newest is done by them, or was begun by a newer edition.
CREATE OR REPLACE FUNCTION gate.grants_job(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_edition int, p_rules text)
RETURNS SETOF record.grant_job LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE newest record.grant_job;
BEGIN
    PERFORM gate.labels(p_tenant, p_credential, p_generation, p_now);
    PERFORM pg_advisory_xact_lock(hashtextextended(p_tenant || '/grants', 0));
    SELECT * INTO newest FROM record.grant_job j WHERE j.tenant = p_tenant ORDER BY j.job DESC LIMIT 1;
    IF newest.job IS NULL OR newest.edition < p_edition OR (newest.edition = p_edition AND newest.rules <> p_rules) THEN
        UPDATE record.grant_job j SET finished = p_now WHERE j.tenant = p_tenant AND j.finished IS NULL;
        RETURN QUERY INSERT INTO record.grant_job AS j (tenant, edition, rules, started, moved) VALUES (p_tenant, p_edition, p_rules, p_now, p_now) RETURNING j.*;
    ELSIF newest.edition = p_edition AND newest.finished IS NULL THEN
        RETURN NEXT newest;
    END IF;
END $$;

-- The next Consents after a place, as they stand.
CREATE OR REPLACE FUNCTION gate.grants_page(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_after text, p_most int)
RETURNS TABLE (id text, seq bigint, blobs text[], body bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM gate.labels(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT r.id, r.seq, r.blobs, /*body:r*/ FROM record.resource r
    WHERE r.tenant = p_tenant AND r.type = 'Consent' AND r.id > p_after COLLATE "C" ORDER BY r.id LIMIT p_most;
END $$;

-- Make the open rows of a Consent these, if it still stands as it was read: what was changed meanwhile was compiled by whoever changed it, and a revocation
-- stays one. Rows that are the same stay as they are, so that when they became known stays true; what was closed stays, closed. NULL: it stands otherwise.
CREATE OR REPLACE FUNCTION gate.grants_put(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_consent text, p_seq bigint, p_grants jsonb, p_relations jsonb
) RETURNS int[] LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE closed int; added int; closed_relations int; added_relations int;
BEGIN
    PERFORM gate.labels(p_tenant, p_credential, p_generation, p_now);
    PERFORM FROM record.resource r WHERE r.tenant = p_tenant AND r.type = 'Consent' AND r.id = p_consent AND r.seq = p_seq FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    -- Of rows that are alike the first stands for the first, the second for the second.
    WITH listed AS (
        SELECT g.*, ROW (g.patient, g.effect, g.basis, g.recipient, g.purposes, g.action, g.programs, g.types, g.codes, g.data_from, g.data_to, g.resources, g.valid_from, g.valid_to)::text AS k FROM jsonb_to_recordset(p_grants) AS g(
            patient text, effect text, basis bigint, recipient text, purposes text[], action text, programs int[], types text[], codes bigint[],
            data_from timestamptz, data_to timestamptz, resources text[], valid_from timestamptz, valid_to timestamptz)),
    wanted AS (SELECT l.*, row_number() OVER (PARTITION BY l.k) AS i FROM listed l),
    open AS (
        SELECT g.ctid AS place, ROW (g.patient, g.effect, g.basis, g.recipient, g.purposes, g.action, g.programs, g.types, g.codes, g.data_from, g.data_to, g.resources, g.valid_from, g.valid_to)::text AS k
        FROM record.ground g WHERE g.tenant = p_tenant AND g.consent = p_consent AND g.effect <> 'relation' AND g.known_to = 'infinity'),
    have AS (SELECT o.*, row_number() OVER (PARTITION BY o.k) AS i FROM open o),
    gone AS (
        UPDATE record.ground g SET known_to = p_now FROM have h
        WHERE g.tenant = p_tenant AND g.ctid = h.place AND NOT EXISTS (SELECT FROM wanted w WHERE w.k = h.k AND w.i = h.i) RETURNING 1),
    new AS (
        INSERT INTO record.consent_grant (tenant, consent, consent_seq, known_from, patient, effect, basis, recipient, purposes, action, programs, types, codes, data_from, data_to, resources, valid_from, valid_to)
        SELECT p_tenant, p_consent, p_seq, p_now, w.patient, w.effect, w.basis, w.recipient, w.purposes, w.action, w.programs, w.types, w.codes, w.data_from, w.data_to, w.resources, w.valid_from, w.valid_to
        FROM wanted w WHERE NOT EXISTS (SELECT FROM have h WHERE h.k = w.k AND h.i = w.i) RETURNING 1)
    SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM new) INTO closed, added;
    WITH listed AS (
        SELECT l.*, ROW (l.patient, l.actor, l.kind, l.valid_from, l.valid_to)::text AS k FROM jsonb_to_recordset(p_relations) AS l(patient text, actor text, kind text, valid_from timestamptz, valid_to timestamptz)),
    wanted AS (SELECT l.*, row_number() OVER (PARTITION BY l.k) AS i FROM listed l),
    open AS (
        SELECT l.ctid AS place, ROW (l.patient, l.recipient, l.kind, l.valid_from, l.valid_to)::text AS k
        FROM record.ground l WHERE l.tenant = p_tenant AND l.source = 'Consent/' || p_consent AND l.effect = 'relation' AND l.known_to = 'infinity'),
    have AS (SELECT o.*, row_number() OVER (PARTITION BY o.k) AS i FROM open o),
    gone AS (
        UPDATE record.ground l SET known_to = p_now FROM have h
        WHERE l.tenant = p_tenant AND l.ctid = h.place AND NOT EXISTS (SELECT FROM wanted w WHERE w.k = h.k AND w.i = h.i) RETURNING 1),
    new AS (
        INSERT INTO record.relation (tenant, source, known_from, patient, actor, kind, valid_from, valid_to)
        SELECT p_tenant, 'Consent/' || p_consent, p_now, w.patient, w.actor, w.kind, w.valid_from, w.valid_to FROM wanted w WHERE NOT EXISTS (SELECT FROM have h WHERE h.k = w.k AND h.i = w.i) RETURNING 1)
    SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM new) INTO closed_relations, added_relations;
    RETURN ARRAY[closed + closed_relations, added + added_relations];
END $$;

-- One comparison moves it forward: of two processes at the same job one goes on, and the other sees that it is taken. p_next '': that was the last.
CREATE OR REPLACE FUNCTION gate.grants_moved(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_job bigint, p_place text, p_next text, p_looked int, p_closed int, p_added int
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.labels(p_tenant, p_credential, p_generation, p_now);
    UPDATE record.grant_job j SET place = CASE p_next WHEN '' THEN j.place ELSE p_next END, looked = j.looked + p_looked, closed = j.closed + p_closed, added = j.added + p_added,
        moved = p_now, finished = CASE p_next WHEN '' THEN p_now END
    WHERE j.tenant = p_tenant AND j.job = p_job AND j.place = p_place AND j.finished IS NULL;
    RETURN FOUND;
END $$;
