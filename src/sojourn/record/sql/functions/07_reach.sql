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

-- The searches that the reading role runs ask this; everything else is asked by functions.
GRANT EXECUTE ON FUNCTION gate.concerns(int, bigint, text, text[], timestamptz) TO sojourn_read;
