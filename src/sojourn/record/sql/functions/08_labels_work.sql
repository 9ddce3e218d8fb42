-- Labels: the work of giving them again, and questions about what has none.

-- When the rules of labels last changed: programs, an organization's codes, its laws.
CREATE OR REPLACE FUNCTION gate.label_stamp(p_tenant int, p_now timestamptz) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce(string_agg(x.n || ',' || x.at, ' ' ORDER BY x.k), '') FROM (
        SELECT 1 AS k, count(*) AS n, max(greatest(p.known_from, nullif(p.known_to, 'infinity'))) AS at FROM record.program p
        WHERE p.tenant = p_tenant
        UNION ALL
        SELECT 2, count(*), max(greatest(c.known_from, nullif(c.known_to, 'infinity'))) FROM record.subject_code c WHERE c.tenant = p_tenant
        UNION ALL
        SELECT 3, count(*), max(greatest(l.known_from, nullif(l.known_to, 'infinity'))) FROM record.subject_law l
        WHERE l.tenant = p_tenant
        UNION ALL
        SELECT 4, max(v.release), max(v.at) FROM record.vocabulary_release v WHERE v.tenant = p_tenant AND v.state = 'active') x
$$;

-- The first job of an organization whose versions all have the labels of the rules in force: nothing to do, done.
CREATE OR REPLACE FUNCTION gate.label_baseline(p_tenant int, p_rules text, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_tenant || '/labelling', 0));
    IF EXISTS (SELECT FROM record.label_job j WHERE j.tenant = p_tenant)
       OR EXISTS (SELECT FROM record.version v WHERE v.tenant = p_tenant AND v.seq < (SELECT c.seq FROM record.label_since c)) THEN
        RETURN false;
    END IF;
    INSERT INTO record.label_job (tenant, rules, phase, started, moved, finished) VALUES (p_tenant, p_rules, 'done', p_now, p_now, p_now);
    RETURN true;
END $$;

-- The work of labelling again: the newest job of an organization, a new one, and its progress.
CREATE OR REPLACE FUNCTION gate.label_jobs(p_tenant int, p_limit int) RETURNS SETOF record.label_job
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT * FROM record.label_job j WHERE j.tenant = p_tenant ORDER BY j.job DESC LIMIT p_limit
$$;
CREATE OR REPLACE FUNCTION gate.start_labelling(p_tenant int, p_rules text, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE
    found_job bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_tenant || '/labelling', 0));
    SELECT j.job INTO found_job FROM record.label_job j
    WHERE j.tenant = p_tenant AND j.finished IS NULL AND j.rules = p_rules ORDER BY j.job DESC LIMIT 1;
    IF found_job IS NULL THEN
        UPDATE record.label_job j SET finished = p_now WHERE j.tenant = p_tenant AND j.finished IS NULL;
        INSERT INTO record.label_job (tenant, rules, started, moved) VALUES (p_tenant, p_rules, p_now, p_now) RETURNING job INTO found_job;
    END IF;
    RETURN found_job;
END $$;
-- One comparison moves it forward: of two processes at the same job one goes on, and the other sees that it is taken.
CREATE OR REPLACE FUNCTION gate.move_labelling(
    p_tenant int, p_job bigint, p_phase text, p_place bigint, p_next_phase text, p_next bigint, p_looked int, p_changed int, p_lowers int,
    p_counts jsonb, p_now timestamptz
) RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH moved AS (
        UPDATE record.label_job j SET phase = p_next_phase, place = p_next, looked = looked + p_looked, changed = changed + p_changed,
            lowers = lowers + p_lowers, counts = p_counts, moved = p_now,
            finished = CASE WHEN p_next_phase = 'done' THEN p_now ELSE j.finished END
        WHERE j.tenant = p_tenant AND j.job = p_job AND j.phase = p_phase AND j.place = p_place AND j.finished IS NULL RETURNING 1)
    SELECT EXISTS (SELECT FROM moved)
$$;

-- Raise unless a credential is that of the account under which labels are given (gate.labeller), and holds: who reads bodies that nobody
-- decided about has at least left a row that says that somebody did.
CREATE OR REPLACE FUNCTION gate.labels(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    IF NOT EXISTS (SELECT FROM record.credential c WHERE c.tenant = p_tenant AND c.credential = p_credential AND c.account = 'system-labels') THEN
        RAISE EXCEPTION 'stale credential' USING ERRCODE = 'SJ401';
    END IF;
END $$;

-- Of what was written: the current versions that no Part 2 program made and that may have words in them, for screening.
CREATE OR REPLACE FUNCTION gate.label_written(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_types text[], p_ids text[], p_versions text[]
) RETURNS TABLE (seq bigint, type text, id text, own bigint, tags text[], blobs text[], body bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    PERFORM gate.labels(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY SELECT r.seq, r.type, r.id, r.own, r.tags, r.blobs, /*body:r*/ FROM unnest(p_types, p_ids, p_versions) AS w(type, id, version)
    JOIN record.resource r ON r.tenant = p_tenant AND r.type = w.type AND r.id = w.id AND r.version = w.version
    WHERE (r.own & 2) = 0;
END $$;

-- Questions about what may be sensitive. A question that was asked about the same labels of a resource is not asked again.
CREATE OR REPLACE FUNCTION gate.ask_label(
    p_tenant int, p_types text[], p_ids text[], p_seqs bigint[], p_codes text[], p_why text[], p_now timestamptz
) RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH asked AS (
        INSERT INTO record.label_question (tenant, type, id, seq, author, codes, why, asked)
        SELECT p_tenant, w.type, w.id, w.seq, v.author, string_to_array(w.codes, ' '), w.why, p_now
        FROM unnest(p_types, p_ids, p_seqs, p_codes, p_why) AS w(type, id, seq, codes, why)
        JOIN record.version v ON v.tenant = p_tenant AND v.seq = w.seq
        WHERE NOT EXISTS (SELECT FROM record.label_question q
                          WHERE q.tenant = p_tenant AND q.type = w.type AND q.id = w.id AND q.codes @> string_to_array(w.codes, ' '))
        RETURNING 1)
    SELECT count(*)::int FROM asked
$$;
-- What waits, as far as the caller may see what it is about: all of it, or what the caller wrote.
CREATE OR REPLACE FUNCTION gate.label_questions(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_mask bigint, p_programs int[], p_keys text[], p_purpose text,
    p_action text, p_related boolean, p_author text, p_limit int
) RETURNS TABLE (n bigint, type text, id text, patient text, codes text[], why text, author text, asked timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off AS $$
BEGIN
    /*alive*/
    RETURN QUERY
    SELECT q.n, q.type, q.id, r.patient, q.codes, q.why, q.author, q.asked FROM record.label_question q
    JOIN record.resource r ON r.tenant = p_tenant AND r.type = q.type AND r.id = q.id
    WHERE q.tenant = p_tenant AND q.answered IS NULL AND (p_author IS NULL OR q.author = p_author) AND /*row:r*/
    ORDER BY q.asked, q.n LIMIT p_limit;
END $$;
CREATE OR REPLACE FUNCTION gate.answer_label(p_tenant int, p_n bigint, p_answer text, p_account text, p_note text, p_now timestamptz)
RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH told AS (
        UPDATE record.label_question q SET answer = p_answer, answered_by = p_account, note = p_note, answered = p_now
        WHERE q.tenant = p_tenant AND q.n = p_n AND q.answered IS NULL RETURNING 1)
    SELECT EXISTS (SELECT FROM told)
$$;

-- What changed about labels, newest first, as far as the caller may know of it: the row may be seen, with all that the label was and
-- became (of a change of the whole whatever its elements carry, or its absence would tell of one that is hidden), and the caller works in
-- every program that made it. (A label that falls when another program admits somebody tells of both.)
CREATE OR REPLACE FUNCTION gate.label_changes(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_mask bigint, p_programs int[], p_keys text[], p_purpose text,
    p_action text, p_related boolean, p_limit int
) RETURNS TABLE (known timestamptz, type text, rule_set text, reason text, raised bigint, lowered bigint, n bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    /*alive*/
    RETURN QUERY
    SELECT max(l.known), l.type, l.rule_set, l.reason, l.own_after & ~l.own_before, l.own_before & ~l.own_after, count(*)
    FROM (SELECT c.*, r.type FROM record.label_change c
          JOIN record.version v ON v.tenant = p_tenant AND v.seq = c.seq
          JOIN record.resource r ON r.tenant = p_tenant AND r.type = v.type AND r.id = v.id
          WHERE c.tenant = p_tenant AND r.origin <@ p_programs AND v.origin <@ p_programs AND /*row:r*/
            AND /*part:r:c.own_before | c.own_after*/
            AND (c.own_before <> c.own_after OR /*part:r:c.parts_before | c.parts_after*/)
          ORDER BY c.known DESC LIMIT 5000) l
    GROUP BY date_trunc('minute', l.known), l.type, l.rule_set, l.reason, l.own_after & ~l.own_before, l.own_before & ~l.own_after
    ORDER BY 1 DESC LIMIT p_limit;
END $$;

-- The account under which labels are given again. It is made where it is missing, works in every program, and cannot sign in.
CREATE OR REPLACE FUNCTION gate.labeller(p_tenant int, p_credential bytea, p_now timestamptz, p_expires timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF p_expires > p_now + interval '1 hour' THEN
        RAISE EXCEPTION 'a credential of the server itself lasts an hour';
    END IF;
    INSERT INTO record.account (tenant, account, kind, login, name) VALUES (p_tenant, 'system-labels', 'system', 'system-labels', 'Labels')
    ON CONFLICT DO NOTHING;
    IF NOT EXISTS (SELECT FROM record.assignment s WHERE s.tenant = p_tenant AND s.account = 'system-labels') THEN
        INSERT INTO record.assignment (tenant, account, role, programs, known_from)
        SELECT p_tenant, 'system-labels', 'system', coalesce(array_agg(DISTINCT p.program), '{}'), p_now
        FROM record.program p WHERE p.tenant = p_tenant;
    END IF;
    INSERT INTO record.credential (tenant, credential, account, kind, door, purpose, created, expires)
    VALUES (p_tenant, p_credential, 'system-labels', 'token', 'clock', 'HOPERAT', p_now, p_expires);
END $$;
