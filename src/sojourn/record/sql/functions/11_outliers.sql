-- Does a line of the trail count as opening a chart? Only lines about one patient do: a list of forty is looking for somebody.
CREATE OR REPLACE FUNCTION gate.opens(l record.audit) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT (l).outcome = 'done' AND (l).action IN ('read', 'vread', 'history', 'search', 'everything') AND (l).type <> 'AuditEvent'
       AND cardinality((l).patients) = 1 AND (l).shown <> '{}'
$$;

-- The quarter of an hour in which something was.
CREATE OR REPLACE FUNCTION gate.quarter(t timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT date_bin('15 minutes', t, '2000-01-01 00:00:00+00')
$$;

-- Count the openings among what was sealed since the last time, up to p_limit lines; how many lines were looked at. A line's witness is the first
-- version that it showed if that needs no basis but Part 2, else of all that it showed the one that needs the fewest. What needs a basis of notes
-- kept apart (12) is not counted but noted.
CREATE OR REPLACE FUNCTION gate.count_openings(p_tenant int, p_limit int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    done record.opening_counted;
    head record.seal;
    upto record.opening_counted;
    looked int;
BEGIN
    IF NOT pg_try_advisory_xact_lock(x'4F70656E'::int, p_tenant) THEN
        RETURN 0;
    END IF;
    SELECT s.* INTO head FROM record.seal s WHERE s.tenant = p_tenant ORDER BY s.number DESC LIMIT 1;
    SELECT c.* INTO done FROM record.opening_counted c WHERE c.tenant = p_tenant;
    done.stamp := coalesce(done.stamp, -1);
    done.n := coalesce(done.n, -1);
    IF head.stamp IS NULL OR (head.stamp, head.n) = (done.stamp, done.n) THEN
        RETURN 0;
    END IF;
    SELECT count(*), max(q.stamp), (array_agg(q.n ORDER BY q.stamp DESC, q.n DESC))[1] INTO looked, upto.stamp, upto.n
    FROM (SELECT a.stamp, a.n FROM record.audit a
          WHERE a.tenant = p_tenant AND (a.stamp, a.n) > (done.stamp, done.n) AND (a.stamp, a.n) <= (head.stamp, head.n)
          ORDER BY a.stamp, a.n LIMIT p_limit) q;
    IF looked = 0 THEN
        RETURN 0;
    END IF;
    WITH lines AS MATERIALIZED (
        SELECT l.recorded, l.stamp, l.n, l.account, l.role, l.patients[1] AS patient, w.seq AS witness,
               coalesce((SELECT (v.own & 12) = 0 FROM record.version v WHERE v.tenant = p_tenant AND v.seq = w.seq), false) AS counts
        FROM record.audit l CROSS JOIN LATERAL (
            SELECT coalesce((SELECT v.seq FROM record.version v WHERE v.tenant = p_tenant AND v.seq = l.shown[1] AND (v.own & ~2::bigint) = 0),
                            (SELECT v.seq FROM record.version v WHERE v.tenant = p_tenant AND v.seq = ANY (l.shown)
                             ORDER BY bit_count((v.own & ~2::bigint)::bit(64)), v.seq LIMIT 1)) AS seq) w
        WHERE l.tenant = p_tenant AND (l.stamp, l.n) > (done.stamp, done.n) AND (l.stamp, l.n) <= (upto.stamp, upto.n) AND gate.opens(l)),
    apart AS (
        INSERT INTO record.opening_apart (tenant, recorded, stamp, n) SELECT p_tenant, l.recorded, l.stamp, l.n FROM lines l WHERE NOT l.counts)
    INSERT INTO record.opening AS o (tenant, quarter, account, patient, role, times, witnesses)
    SELECT p_tenant, gate.quarter(l.recorded), l.account, l.patient, max(l.role), count(*), array_agg(DISTINCT l.witness)
    FROM lines l WHERE l.counts GROUP BY 2, 3, 4
    ON CONFLICT (tenant, quarter, account, patient) DO UPDATE SET role = greatest(o.role, excluded.role), times = o.times + excluded.times,
        witnesses = ARRAY (SELECT DISTINCT x FROM unnest(o.witnesses || excluded.witnesses) AS x ORDER BY x);
    INSERT INTO record.opening_counted (tenant, stamp, n) VALUES (p_tenant, upto.stamp, upto.n)
    ON CONFLICT (tenant) DO UPDATE SET stamp = excluded.stamp, n = excluded.n;
    RETURN looked;
END $$;

-- Who opened whose chart between two moments, and what connects them: one row for each person and patient. For readers who see every program's records
-- (the gate asks no others); what is kept apart even from them (counseling and psychotherapy notes) does not count either.
--
-- Whole quarters are read as they were counted, if every witness passes now; else, and of what is not counted yet and of quarters of which the time
-- takes only a part, each line is looked at, and counts if any version that it showed passes. So the answer is that of looking at every line, whatever
-- was counted and whoever asks.
CREATE OR REPLACE FUNCTION gate.openings(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_mask bigint, p_programs int[], p_keys text[], p_purpose text,
    p_action text, p_related boolean, p_from timestamptz, p_until timestamptz, p_zone text, p_night_from int, p_night_to int, p_limit int
) RETURNS TABLE (account text, name text, role text, patient text, times bigint, nights bigint, days date[], related boolean, self boolean,
                 colleague boolean, family boolean, address boolean, area text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    done record.opening_counted;
    first timestamptz := gate.quarter(p_from);          -- whole quarters: from here, before that
    last timestamptz := gate.quarter(p_until);
    doubted bigint[];                                   -- witnesses who do not pass
BEGIN
    /*alive*/
    SELECT c.* INTO done FROM record.opening_counted c WHERE c.tenant = p_tenant;
    done.stamp := coalesce(done.stamp, -1);
    done.n := coalesce(done.n, -1);
    first := first + CASE WHEN first < p_from THEN interval '15 minutes' ELSE interval '0' END;
    last := greatest(first, last);
    doubted := ARRAY (
        SELECT w.seq FROM (SELECT DISTINCT unnest(o.witnesses) AS seq FROM record.opening o WHERE o.tenant = p_tenant AND o.quarter >= first AND o.quarter < last) w
        WHERE (SELECT (v.own & ~p_mask & ~2::bigint) = 0 FROM record.version v WHERE v.tenant = p_tenant AND v.seq = w.seq) IS NOT TRUE);
    RETURN QUERY
    WITH kept AS MATERIALIZED (
        SELECT o.quarter, o.account, o.patient, o.role, o.times, o.witnesses && doubted AS doubtful
        FROM record.opening o WHERE o.tenant = p_tenant AND o.quarter >= first AND o.quarter < last),
    single AS MATERIALIZED (                            -- lines to look at
        SELECT l.stamp, l.n FROM record.audit l
        WHERE l.tenant = p_tenant AND l.recorded >= p_from AND l.recorded < p_until AND (l.stamp, l.n) > (done.stamp, done.n)
        UNION SELECT l.stamp, l.n FROM record.audit l WHERE l.tenant = p_tenant AND l.recorded >= p_from AND l.recorded < least(first, p_until)
        UNION SELECT l.stamp, l.n FROM record.audit l WHERE l.tenant = p_tenant AND l.recorded >= last AND l.recorded < p_until
        UNION SELECT a.stamp, a.n FROM record.opening_apart a WHERE a.tenant = p_tenant AND a.recorded >= first AND a.recorded < last
        UNION SELECT k.stamp, k.n FROM kept o
            JOIN record.audit_key k ON k.tenant = p_tenant AND k.key = 'Patient/' || o.patient AND k.recorded >= o.quarter AND k.recorded < o.quarter + interval '15 minutes'
            WHERE o.doubtful AND o.account = (SELECT l.account FROM record.audit l WHERE l.tenant = p_tenant AND l.stamp = k.stamp AND l.n = k.n)),
    openings AS (
        SELECT o.quarter, o.account, o.patient, o.role, o.times FROM kept o WHERE NOT o.doubtful
        UNION ALL
        SELECT gate.quarter(l.recorded), l.account, l.patients[1], l.role, 1
        FROM single s JOIN record.audit l ON l.tenant = p_tenant AND l.stamp = s.stamp AND l.n = s.n
        WHERE gate.opens(l)
          -- Nearly always the first that was shown answers; a look at all of fifty costs several times as much. LIMIT keeps that a look at each
          -- line's own versions; as a join every version would be compared with every line.
          AND CASE WHEN (SELECT (v.own & ~p_mask & ~2::bigint) = 0 FROM record.version v WHERE v.tenant = p_tenant AND v.seq = l.shown[1]) THEN true
              ELSE (SELECT true FROM record.version v WHERE v.tenant = p_tenant AND v.seq = ANY (l.shown) AND (v.own & ~p_mask & ~2::bigint) = 0 LIMIT 1) END),
    pairs AS (
        SELECT o.account, o.patient, sum(o.times) AS times, max(o.role) AS role,
               coalesce(sum(o.times) FILTER (WHERE CASE WHEN p_night_from > p_night_to
                   THEN extract(hour FROM o.quarter AT TIME ZONE p_zone) >= p_night_from OR extract(hour FROM o.quarter AT TIME ZONE p_zone) < p_night_to
                   ELSE extract(hour FROM o.quarter AT TIME ZONE p_zone) >= p_night_from AND extract(hour FROM o.quarter AT TIME ZONE p_zone) < p_night_to
                   END), 0) AS nights,
               array_agg(DISTINCT (o.quarter AT TIME ZONE p_zone)::date) AS days
        FROM openings o GROUP BY o.account, o.patient),
    staff AS (
        SELECT c.account, c.name, c.agent, ARRAY (
            SELECT 'program:' || u FROM record.assignment s, unnest(s.programs) AS u
            WHERE s.tenant = p_tenant AND s.account = c.account AND s.valid_from < p_until AND s.valid_to > p_from) AS programs
        FROM record.account c WHERE c.tenant = p_tenant AND c.kind = 'staff' AND c.account IN (SELECT p.account FROM pairs p)),
    looked AS MATERIALIZED (SELECT p.*, s.name, s.agent, s.programs FROM pairs p JOIN staff s ON s.account = p.account),
    people AS (                                         -- everybody whose name or address is compared: staff, and patients who may be seen
        SELECT r.type, r.id, convert_from(r.body, 'UTF8')::jsonb AS said FROM record.resource r
        WHERE r.tenant = p_tenant AND r.type = 'Practitioner' AND r.body <> '' AND /*row:r*/
        UNION ALL
        SELECT r.type, r.id, convert_from(r.body, 'UTF8')::jsonb FROM record.resource r
        WHERE r.tenant = p_tenant AND r.type = 'Patient' AND r.id = ANY (ARRAY (SELECT DISTINCT k.patient FROM looked k)) AND r.body <> '' AND /*row:r*/),
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
                   AND (x.actor = k.agent OR starts_with(x.actor, k.agent || '@') OR x.actor = ANY (k.programs))),
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
