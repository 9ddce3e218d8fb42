-- Who opened whose chart between two moments, and what connects them: one row for each person and patient. Only lines about one
-- patient count as opening a chart; a list of forty is looking for somebody. For readers who see every program's records (the gate
-- asks no others); what is kept apart even from them (counseling and psychotherapy notes) does not count either.
CREATE OR REPLACE FUNCTION gate.openings(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_mask bigint, p_programs int[], p_keys text[], p_purpose text,
    p_action text, p_related boolean, p_from timestamptz, p_until timestamptz, p_zone text, p_night_from int, p_night_to int, p_limit int
) RETURNS TABLE (account text, name text, role text, patient text, times bigint, nights bigint, days date[], related boolean, self boolean,
                 colleague boolean, family boolean, address boolean, area text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
    /*alive*/
    RETURN QUERY
    WITH pairs AS (
        SELECT l.account, l.patients[1] AS patient, count(*) AS times, max(l.role) AS role,
               count(*) FILTER (WHERE CASE WHEN p_night_from > p_night_to
                   THEN extract(hour FROM l.recorded AT TIME ZONE p_zone) >= p_night_from OR extract(hour FROM l.recorded AT TIME ZONE p_zone) < p_night_to
                   ELSE extract(hour FROM l.recorded AT TIME ZONE p_zone) >= p_night_from AND extract(hour FROM l.recorded AT TIME ZONE p_zone) < p_night_to
                   END) AS nights,
               array_agg(DISTINCT (l.recorded AT TIME ZONE p_zone)::date) AS days
        FROM record.audit l
        WHERE l.tenant = p_tenant AND l.recorded >= p_from AND l.recorded < p_until AND l.outcome = 'done'
          AND l.action IN ('read', 'vread', 'history', 'search', 'everything') AND l.type <> 'AuditEvent' AND cardinality(l.patients) = 1
          -- Nearly always the first that was shown answers; a look at all of fifty costs several times as much. LIMIT keeps that a look at each
          -- line's own versions; as a join every version would be compared with every line.
          AND CASE WHEN (SELECT (v.own & ~p_mask & ~2::bigint) = 0 FROM record.version v WHERE v.tenant = p_tenant AND v.seq = l.shown[1]) THEN true
              ELSE (SELECT true FROM record.version v WHERE v.tenant = p_tenant AND v.seq = ANY (l.shown) AND (v.own & ~p_mask & ~2::bigint) = 0 LIMIT 1) END
        GROUP BY l.account, l.patients[1]),
    looked AS (
        SELECT p.*, c.name, c.agent FROM pairs p JOIN record.account c ON c.tenant = p_tenant AND c.account = p.account WHERE c.kind = 'staff'),
    people AS (                                         -- everybody whose name or address is compared: staff, and patients who may be seen
        SELECT r.type, r.id, convert_from(r.body, 'UTF8')::jsonb AS said FROM record.resource r
        WHERE r.tenant = p_tenant AND (r.type = 'Practitioner' OR (r.type = 'Patient' AND r.id IN (SELECT k.patient FROM looked k))) AND r.body <> '' AND /*row:r*/),
    facts AS (
        SELECT q.type, q.id, q.said ->> 'birthDate' AS born,
               ARRAY (SELECT DISTINCT lower(n ->> 'family') FROM jsonb_array_elements(coalesce(q.said -> 'name', '[]')) AS n WHERE n ->> 'family' <> '') AS families,
               ARRAY (SELECT DISTINCT lower(g) FROM jsonb_array_elements(coalesce(q.said -> 'name', '[]')) AS n,
                      jsonb_array_elements_text(coalesce(n -> 'given', '[]')) AS g) AS givens,
               ARRAY (SELECT DISTINCT lower(h #>> '{line,0}') || '|' || left(h ->> 'postalCode', 5)
                      FROM jsonb_array_elements(coalesce(q.said -> 'address', '[]')) AS h WHERE h #>> '{line,0}' <> '' AND h ->> 'postalCode' <> '') AS homes,
               ARRAY (SELECT DISTINCT left(h ->> 'postalCode', 5) FROM jsonb_array_elements(coalesce(q.said -> 'address', '[]')) AS h
                      WHERE h ->> 'postalCode' <> '') AS areas
        FROM people q)
    SELECT k.account, k.name, k.role, k.patient, k.times, k.nights, k.days,
           EXISTS (SELECT FROM record.relation x WHERE x.tenant = p_tenant AND x.patient = k.patient
                   AND x.valid_from < p_until AND x.valid_to > p_from
                   AND x.kind <> 'registered'          -- a registration alone explains no looking later
                   AND (x.actor = k.agent OR starts_with(x.actor, k.agent || '@') OR x.actor IN (
                        SELECT 'program:' || u FROM record.assignment s, unnest(s.programs) AS u
                        WHERE s.tenant = p_tenant AND s.account = k.account AND s.valid_from < p_until AND s.valid_to > p_from))),
           coalesce(me.families && t.families AND me.givens && t.givens AND me.born = t.born, false),
           EXISTS (SELECT FROM facts w WHERE w.type = 'Practitioner' AND w.id <> coalesce(me.id, '') AND w.families && t.families AND w.givens && t.givens
                   AND w.born = t.born),
           coalesce(me.families && t.families, false),
           coalesce(me.homes && t.homes, false),
           coalesce((SELECT min(z) FROM unnest(me.areas) AS z WHERE z = ANY (t.areas)), '')
    FROM looked k
    JOIN facts t ON t.type = 'Patient' AND t.id = k.patient
    LEFT JOIN facts me ON me.type = 'Practitioner' AND 'Practitioner/' || me.id = k.agent
    ORDER BY k.account, k.patient LIMIT p_limit;
END $$;
