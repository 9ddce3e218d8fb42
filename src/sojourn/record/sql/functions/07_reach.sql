-- Reach: whom a role's people have to do with, and for how long.

-- Is something that is in nobody's own chart (a group's visit, a task, a statement about where something came from) about somebody whom
-- the caller has to do with, or about nobody? Asked only of rows that refer to somebody's record.
CREATE OR REPLACE FUNCTION gate.concerns(p_tenant int, p_rid bigint, p_type text, p_keys text[], p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    about text[] := ARRAY (
        SELECT DISTINCT s.patient FROM record.edge e
        CROSS JOIN LATERAL (  -- what was deleted is about the same people as before
            (SELECT t.patient FROM record.resource t
             WHERE t.tenant = e.tenant AND t.type = split_part(e.target, '/', 1) AND t.id = split_part(e.target, '/', 2))
            UNION ALL
            (SELECT w.patient FROM record.version w
             WHERE w.tenant = e.tenant AND w.type = split_part(e.target, '/', 1) AND w.id = split_part(e.target, '/', 2)
             ORDER BY w.seq DESC LIMIT 1)
            LIMIT 1) s
        WHERE e.tenant = p_tenant AND e.rid = p_rid AND e.type = p_type AND s.patient IS NOT NULL);
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

-- The zone of a place: its own, else that of what it is part of (https://hl7.org/fhir/R4/extension-timezone.html); null where none says one.
CREATE OR REPLACE FUNCTION gate.zone_of(p_tenant int, p_place text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH RECURSIVE up(depth, said) AS (
        SELECT 0, convert_from(r.body, 'UTF8')::jsonb FROM record.resource r
        WHERE r.tenant = p_tenant AND r.type = 'Location' AND r.id = substr(p_place, 10) AND starts_with(p_place, 'Location/')
        UNION ALL
        SELECT up.depth + 1, convert_from(r.body, 'UTF8')::jsonb FROM up JOIN record.resource r
          ON r.tenant = p_tenant AND r.type = 'Location' AND r.id = regexp_replace(up.said #>> '{partOf,reference}', '^Location/', '')
        WHERE up.depth < 8)
    SELECT e ->> 'valueCode' FROM up, jsonb_array_elements(CASE jsonb_typeof(up.said -> 'extension') WHEN 'array' THEN up.said -> 'extension' ELSE '[]' END) e
    WHERE e ->> 'url' = 'http://hl7.org/fhir/StructureDefinition/timezone' ORDER BY up.depth LIMIT 1
$$;

-- By which clock each program works: the zone of its sites (record.program_site), else of the places of its HealthcareServices. Program 0
-- is the house: what the organization set as a rule of care, else the zone that most places name.
CREATE OR REPLACE FUNCTION gate.program_zones(p_tenant int, p_now timestamptz) RETURNS TABLE (program int, zone text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH services AS MATERIALIZED (
        SELECT convert_from(r.body, 'UTF8')::jsonb AS said FROM record.resource r WHERE r.tenant = p_tenant AND r.type = 'HealthcareService'),
    places AS (
        SELECT s.program, 0 AS rank, s.site AS place FROM gate.program_sites(p_tenant, p_now) s
        UNION ALL
        SELECT p.program, 1, l ->> 'reference' FROM record.program p
        JOIN services s ON s.said #>> '{providedBy,reference}' = regexp_replace('Organization/' || p.organization, '^Organization/Organization/', 'Organization/')
        CROSS JOIN jsonb_array_elements(CASE jsonb_typeof(s.said -> 'location') WHEN 'array' THEN s.said -> 'location' ELSE '[]' END) l
        WHERE p.tenant = p_tenant AND p.valid_from <= p_now AND p_now < p.valid_to AND p.known_to = 'infinity'),
    named AS (SELECT p.program, p.rank, p.place, gate.zone_of(p_tenant, p.place) AS zone FROM places p)
    (SELECT DISTINCT ON (n.program) n.program, n.zone FROM named n WHERE n.zone IS NOT NULL ORDER BY n.program, n.rank, n.place)
    UNION ALL
    (SELECT 0, coalesce(
        (SELECT (p.value::jsonb) #>> '{}' FROM record.policy p
         WHERE p.tenant = p_tenant AND p.key = 'schedule.time-zone' AND p.level = '' AND p.valid_from <= p_now AND p_now < p.valid_to AND p.known_to = 'infinity' LIMIT 1),
        (SELECT n.zone FROM named n WHERE n.zone IS NOT NULL GROUP BY n.zone ORDER BY count(*) DESC, n.zone LIMIT 1)))
$$;

-- Is a row within the scopes of a token? Each set of them that is among the keys must have one that it fits: type, patient, codes. What is
-- said of every type (`*`) holds for types that the set does not name: of those its own lines say all (gate/scopes.py).
CREATE OR REPLACE FUNCTION gate.scoped(p_type text, p_patient text, p_refs bigint, p_tokens bigint[], p_keys text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(bool_and(s.fits), false) FROM (
        SELECT bool_or((split_part(k.key, ' ', 3) = p_type OR (split_part(k.key, ' ', 3) = '*' AND NOT k.named))
                       AND (split_part(k.key, ' ', 4) IN ('*', p_patient) OR (p_patient IS NULL AND (p_refs & 4611686018427387904) = 0
                                                                              AND split_part(k.key, ' ', 3) <> '-'))
                       AND p_tokens @> ('{' || split_part(k.key, ' ', 5) || '}')::bigint[]) AS fits
        FROM (SELECT a.key, bool_or(split_part(a.key, ' ', 3) = p_type) OVER (PARTITION BY split_part(a.key, ' ', 2)) AS named
              FROM unnest(p_keys) AS a(key) WHERE starts_with(a.key, 'scope ')) k
        GROUP BY split_part(k.key, ' ', 2)) s
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
-- the data classes that a consent names (null: all); since: the first day of what says so, -infinity where none is written down. Of a birth date
-- that names no day, born is the first and latest the last that it may mean.
CREATE OR REPLACE FUNCTION gate.acting_for(p_tenant int, p_key text, p_birth bigint, p_purpose text, p_now timestamptz)
RETURNS TABLE (patient text, kind text, born timestamptz, latest timestamptz, types text[], since timestamptz) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT l.patient, l.kind, b.born, b.latest, NULL::text[], l.valid_from
    FROM record.relation l
    CROSS JOIN LATERAL (
        SELECT min(d.low) AS born, max(d.high) - interval '1 microsecond' AS latest
        FROM record.resource p JOIN record.date d ON d.tenant = p.tenant AND d.rid = p.rid AND d.key = p_birth
        WHERE p.tenant = l.tenant AND p.type = 'Patient' AND p.id = l.patient) b
    WHERE l.tenant = p_tenant AND l.actor = p_key AND l.kind <> 'consent' AND l.valid_from <= p_now AND p_now < l.valid_to AND l.known_to = 'infinity'
    UNION ALL
    SELECT g.patient, 'consent', NULL, NULL, g.types, g.valid_from FROM record.consent_grant g
    WHERE g.tenant = p_tenant AND g.recipient = p_key AND g.effect = 'permit' AND p_purpose = ANY (g.purposes)
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
        (SELECT string_agg(concat_ws('|', s.program, s.site), ';' ORDER BY s.program, s.site) FROM gate.program_sites(p_tenant, p_now) s), '#',
        (SELECT string_agg(concat_ws('|', z.program, z.zone), ';' ORDER BY z.program) FROM gate.program_zones(p_tenant, p_now) z)))
$$;

CREATE OR REPLACE FUNCTION gate.jurisdictions(p_tenant int, p_now timestamptz) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT j.state FROM record.jurisdiction j
    WHERE j.tenant = p_tenant AND j.valid_from <= p_now AND p_now < j.valid_to AND j.known_to = 'infinity'
$$;

-- Every rule that a role had and has, newest first; for whoever administers roles.
CREATE OR REPLACE FUNCTION gate.role_history(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_role text
) RETURNS TABLE (role text, types text[], actions text[], author text, name text, reason text, known_from timestamptz, known_to timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    /*alive*/
    RETURN QUERY
    SELECT r.role, r.types, r.actions, r.author, coalesce(a.name, ''), r.reason, r.known_from, r.known_to
    FROM record.role_rule r LEFT JOIN record.account a ON a.tenant = r.tenant AND a.account = r.author
    WHERE r.tenant = p_tenant AND (p_role IS NULL OR r.role = p_role)
    ORDER BY r.role, r.known_from DESC, r.types, r.actions;
END $$;

-- Put the rules of one role in force from now: those before are closed, not removed, and everybody who has the role is looked up anew.
-- False when somebody changed them in between (p_before: what the change was made from).
CREATE OR REPLACE FUNCTION gate.set_role(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_role text, p_before jsonb, p_rules jsonb, p_author text, p_reason text
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    /*alive*/
    PERFORM pg_advisory_xact_lock(hashtextextended(p_tenant || '/role', 0));
    IF coalesce((SELECT jsonb_agg(jsonb_build_array(to_jsonb(r.types), to_jsonb(r.actions)) ORDER BY r.types, r.actions) FROM record.role_rule r
                 WHERE r.tenant = p_tenant AND r.role = p_role AND r.known_to = 'infinity'), '[]') <> p_before THEN
        RETURN false;
    END IF;
    UPDATE record.role_rule r SET known_to = p_now WHERE r.tenant = p_tenant AND r.role = p_role AND r.known_to = 'infinity';
    INSERT INTO record.role_rule (tenant, role, types, actions, author, reason, known_from)
    SELECT p_tenant, p_role, ARRAY (SELECT jsonb_array_elements_text(x.rule -> 0)), ARRAY (SELECT jsonb_array_elements_text(x.rule -> 1)), p_author, p_reason, p_now
    FROM jsonb_array_elements(p_rules) AS x(rule);
    UPDATE record.account a SET generation = a.generation + 1
    WHERE a.tenant = p_tenant AND EXISTS (SELECT FROM record.assignment s WHERE s.tenant = p_tenant AND s.account = a.account AND s.role = p_role AND s.known_to = 'infinity');
    RETURN true;
END $$;

-- The searches that the reading role runs ask this; everything else is asked by functions.
GRANT EXECUTE ON FUNCTION gate.concerns(int, bigint, text, text[], timestamptz) TO sojourn_read;
GRANT EXECUTE ON FUNCTION gate.scoped(text, text, bigint, bigint[], text[]) TO sojourn_read;
