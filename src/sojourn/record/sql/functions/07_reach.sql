-- Reach: whom a role's people have to do with, and for how long.

-- Is something that is in nobody's own chart (a group's visit, a task, a statement about where something came from) about somebody whom
-- the caller has to do with, or about nobody? Asked only of rows that refer to somebody's record.
CREATE OR REPLACE FUNCTION gate.concerns(p_tenant int, p_rid bigint, p_type text, p_keys text[], p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    about text[] := ARRAY (
        SELECT DISTINCT t.patient FROM record.edge e
        JOIN record.resource t ON t.tenant = e.tenant AND t.type = split_part(e.target, '/', 1) AND t.id = split_part(e.target, '/', 2)
        WHERE e.tenant = p_tenant AND e.rid = p_rid AND e.type = p_type AND t.patient IS NOT NULL);
BEGIN
    RETURN about = '{}' OR EXISTS (
        SELECT FROM record.relation l
        WHERE l.tenant = p_tenant AND l.patient = ANY (about) AND l.actor = ANY (p_keys)
          AND l.valid_from <= p_now AND p_now < l.valid_to AND l.known_to = 'infinity');
END $$;

CREATE OR REPLACE FUNCTION gate.reach_times(p_tenant int, p_now timestamptz) RETURNS TABLE (kind text, days int)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT t.kind, t.days FROM record.reach_time t
    WHERE t.tenant = p_tenant AND t.valid_from <= p_now AND p_now < t.valid_to AND t.known_to = 'infinity'
$$;

CREATE OR REPLACE FUNCTION gate.program_sites(p_tenant int, p_now timestamptz) RETURNS TABLE (program int, site text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT s.program, s.site FROM record.program_site s
    WHERE s.tenant = p_tenant AND s.valid_from <= p_now AND p_now < s.valid_to AND s.known_to = 'infinity'
$$;

-- Is a row within the scopes of a token? Each set of them that is among the keys must have one that it fits: type, patient, codes.
CREATE OR REPLACE FUNCTION gate.scoped(p_type text, p_patient text, p_refs bigint, p_tokens bigint[], p_keys text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(bool_and(s.fits), false) FROM (
        SELECT bool_or(split_part(k.key, ' ', 3) IN ('*', p_type)
                       AND (split_part(k.key, ' ', 4) IN ('*', p_patient) OR (p_patient IS NULL AND (p_refs & 4611686018427387904) = 0
                                                                              AND split_part(k.key, ' ', 3) <> '-'))
                       AND p_tokens @> ('{' || split_part(k.key, ' ', 5) || '}')::bigint[]) AS fits
        FROM unnest(p_keys) AS k(key) WHERE starts_with(k.key, 'scope ') GROUP BY split_part(k.key, ' ', 2)) s
$$;

-- Scopes for a token that was just issued and that nobody has yet.
CREATE OR REPLACE FUNCTION gate.scope_token(p_tenant int, p_credential bytea, p_scopes text, p_patient text) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH done AS (
        UPDATE record.credential c SET scopes = p_scopes, patient = p_patient
        WHERE c.tenant = p_tenant AND c.credential = p_credential AND c.kind = 'token' AND c.scopes IS NULL RETURNING 1)
    SELECT EXISTS (SELECT FROM done)
$$;

-- For whom somebody named by a key acts now: how (self, parent, guardian, consent), the patient's birth date as the index knows it, and
-- the data classes that a consent names (null: all).
CREATE OR REPLACE FUNCTION gate.acting_for(p_tenant int, p_key text, p_birth bigint, p_purpose text, p_now timestamptz)
RETURNS TABLE (patient text, kind text, born timestamptz, types text[]) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT l.patient, l.kind,
           (SELECT min(d.low) FROM record.resource p JOIN record.date d ON d.tenant = p.tenant AND d.rid = p.rid AND d.key = p_birth
            WHERE p.tenant = l.tenant AND p.type = 'Patient' AND p.id = l.patient),
           NULL::text[]
    FROM record.relation l
    WHERE l.tenant = p_tenant AND l.actor = p_key AND l.kind <> 'consent' AND l.valid_from <= p_now AND p_now < l.valid_to AND l.known_to = 'infinity'
    UNION ALL
    SELECT g.patient, 'consent', NULL, g.types FROM record.consent_grant g
    WHERE g.tenant = p_tenant AND g.recipient = p_key AND g.effect = 'permit' AND g.purpose = p_purpose
      AND g.valid_from <= p_now AND p_now < g.valid_to AND g.known_to = 'infinity'
$$;

-- Tells whether the rules that a process has read are those in force.
CREATE OR REPLACE FUNCTION gate.rules_stamp(p_tenant int, p_now timestamptz) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT md5(concat(
        (SELECT string_agg(concat_ws('|', r.role, r.types::text, r.actions::text), ';' ORDER BY r.role, r.types, r.actions) FROM record.role_rule r
         WHERE r.tenant = p_tenant AND r.valid_from <= p_now AND p_now < r.valid_to AND r.known_to = 'infinity'), '#',
        (SELECT string_agg(concat_ws('|', p.program, p.name, p.organization, p.part2), ';' ORDER BY p.program) FROM record.program p
         WHERE p.tenant = p_tenant AND p.valid_from <= p_now AND p_now < p.valid_to AND p.known_to = 'infinity'), '#',
        (SELECT string_agg(concat_ws('|', t.kind, t.days), ';' ORDER BY t.kind, t.days) FROM gate.reach_times(p_tenant, p_now) t), '#',
        (SELECT string_agg(concat_ws('|', s.program, s.site), ';' ORDER BY s.program, s.site) FROM gate.program_sites(p_tenant, p_now) s)))
$$;

CREATE OR REPLACE FUNCTION gate.jurisdictions(p_tenant int, p_now timestamptz) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT j.state FROM record.jurisdiction j
    WHERE j.tenant = p_tenant AND j.valid_from <= p_now AND p_now < j.valid_to AND j.known_to = 'infinity'
$$;

-- The searches that the reading role runs ask this; everything else is asked by functions.
GRANT EXECUTE ON FUNCTION gate.concerns(int, bigint, text, text[], timestamptz) TO sojourn_read;
GRANT EXECUTE ON FUNCTION gate.scoped(text, text, bigint, bigint[], text[]) TO sojourn_read;
