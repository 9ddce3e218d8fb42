-- What makes roles reach further or less far, and how people sign in: kept by those who edit roles, dated, each with its author and reason.

-- Every row that was and is. what: supervises, unit (subject: an account), site (a program), days (a kind of relation), sign-in (a role).
CREATE OR REPLACE FUNCTION gate.places(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz)
RETURNS TABLE (what text, subject text, value text, author text, name text, reason text, known_from timestamptz, known_to timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    /*alive*/
    RETURN QUERY
    SELECT f.what, f.subject, f.value, f.author, coalesce(a.name, ''), f.reason, f.known_from, f.known_to
    FROM (SELECT CASE WHEN k.key LIKE 'supervises:%' THEN 'supervises' ELSE 'unit' END AS what, s.account AS subject,
                 CASE WHEN k.key LIKE 'supervises:%' THEN substr(k.key, 12) ELSE k.key END AS value, s.author, s.reason, s.known_from, s.known_to
          FROM record.assignment s CROSS JOIN LATERAL unnest(s.keys) AS k(key)
          WHERE s.tenant = p_tenant AND (k.key LIKE 'supervises:%' OR k.key LIKE 'Location/%') AND s.valid_to = 'infinity'
          UNION ALL
          SELECT 'site', p.program::text, p.site, p.author, p.reason, p.known_from, p.known_to FROM record.program_site p
          WHERE p.tenant = p_tenant AND p.valid_to = 'infinity'
          UNION ALL
          SELECT 'days', t.kind, t.days::text, t.author, t.reason, t.known_from, t.known_to FROM record.reach_time t
          WHERE t.tenant = p_tenant AND t.valid_to = 'infinity'
          UNION ALL
          SELECT 'sign-in', r.role, concat_ws(',', extract(epoch FROM r.idle)::int / 60, extract(epoch FROM r.warning)::int,
                                              extract(epoch FROM r.longest)::int / 3600, extract(epoch FROM r.fresh)::int / 60, r.second),
                 r.author, r.reason, r.known_from, r.known_to FROM record.sign_in_rule r
          WHERE r.tenant = p_tenant AND r.door = 'staff' AND r.valid_to = 'infinity') f
    LEFT JOIN record.account a ON a.tenant = p_tenant AND a.account = f.author
    ORDER BY f.known_from DESC, f.what, f.subject, f.value;
END $$;

-- Change one: a value comes (p_add) or ends. Acts with the next statement of everybody: their accounts are looked up anew. False where
-- nothing would change.
CREATE OR REPLACE FUNCTION gate.set_place(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_what text, p_subject text, p_value text, p_add boolean,
    p_author text, p_reason text
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    key text := CASE p_what WHEN 'supervises' THEN 'supervises:' || p_value ELSE p_value END;
    parts text[] := string_to_array(p_value, ',');
    held record.assignment;
BEGIN
    /*alive*/
    PERFORM pg_advisory_xact_lock(hashtextextended(p_tenant || '/role', 0));
    IF p_what IN ('supervises', 'unit') THEN
        SELECT * INTO held FROM record.assignment s
        WHERE s.tenant = p_tenant AND s.account = p_subject AND s.known_to = 'infinity' AND s.valid_from <= p_now AND p_now < s.valid_to
        ORDER BY s.valid_from DESC LIMIT 1;
        IF NOT FOUND OR (key = ANY (held.keys)) = p_add THEN
            RETURN false;
        END IF;
        UPDATE record.assignment s SET known_to = p_now WHERE s.tenant = p_tenant AND s.account = p_subject AND s.known_to = 'infinity';
        INSERT INTO record.assignment (tenant, account, role, programs, acting, keys, valid_from, known_from, author, reason)
        VALUES (p_tenant, p_subject, held.role, held.programs, held.acting,
                CASE WHEN p_add THEN held.keys || key ELSE array_remove(held.keys, key) END, held.valid_from, p_now, p_author, p_reason);
        UPDATE record.account a SET generation = a.generation + 1 WHERE a.tenant = p_tenant AND a.account = p_subject;
        RETURN true;
    ELSIF p_what = 'site' THEN
        IF EXISTS (SELECT FROM record.program_site s WHERE s.tenant = p_tenant AND s.program = p_subject::int AND s.site = p_value
                   AND s.known_to = 'infinity' AND s.valid_to = 'infinity') = p_add THEN
            RETURN false;
        END IF;
        IF p_add THEN
            INSERT INTO record.program_site (tenant, program, site, known_from, author, reason)
            VALUES (p_tenant, p_subject::int, p_value, p_now, p_author, p_reason);
        ELSE
            UPDATE record.program_site s SET known_to = p_now
            WHERE s.tenant = p_tenant AND s.program = p_subject::int AND s.site = p_value AND s.known_to = 'infinity';
        END IF;
    ELSIF p_what = 'days' THEN
        UPDATE record.reach_time t SET known_to = p_now WHERE t.tenant = p_tenant AND t.kind = p_subject AND t.known_to = 'infinity';
        IF p_add THEN
            INSERT INTO record.reach_time (tenant, kind, days, author, reason, known_from)
            VALUES (p_tenant, p_subject, p_value::int, p_author, p_reason, p_now);
        END IF;
    ELSE
        UPDATE record.sign_in_rule r SET known_to = p_now
        WHERE r.tenant = p_tenant AND r.door = 'staff' AND r.role = p_subject AND r.known_to = 'infinity';
        IF p_add THEN
            INSERT INTO record.sign_in_rule (tenant, door, role, idle, warning, longest, fresh, second, known_from, author, reason)
            VALUES (p_tenant, 'staff', p_subject, parts[1]::int * interval '1 minute', parts[2]::int * interval '1 second',
                    parts[3]::int * interval '1 hour', parts[4]::int * interval '1 minute', parts[5]::boolean, p_now, p_author, p_reason);
        END IF;
        RETURN true;
    END IF;
    UPDATE record.account a SET generation = a.generation + 1 WHERE a.tenant = p_tenant;
    RETURN true;
END $$;
