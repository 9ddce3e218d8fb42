-- What the gate needs to decide inside a statement.

-- A body as the server gives it: sealed (a note kept apart, 16_kept_apart.sql) or not; and what of it stands in the row.
CREATE OR REPLACE FUNCTION gate.sealed(p_body bytea) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT coalesce(get_byte(p_body, 0) = 1, false) $$;
CREATE OR REPLACE FUNCTION gate.in_row(p_body bytea) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN get_byte(p_body, 0) = 1 THEN ''::bytea ELSE p_body END $$;

-- What a target reveals through a reference to it: its bases; and bit 59 if it has any and is of nobody, for whom no patient's consent
-- speaks, or of no program, for which no consent speaks that is limited by programs.
CREATE OR REPLACE FUNCTION gate.revealed(p_own bigint, p_patient text, p_origin int[]) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT p_own | CASE WHEN p_own <> 0 AND (p_patient IS NULL OR p_origin = '{}') THEN 576460752303423488 ELSE 0 END $$;

-- Shared, longitudinal types: Part 2 only if every program in their origin is (ARCHITECTURE.md, "Whose fact is it").
CREATE OR REPLACE FUNCTION gate.longitudinal() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT '{Patient,RelatedPerson,Coverage,Account,AllergyIntolerance,Immunization}'::text[] $$;

-- Is the credential behind this statement still good, and does its account still act as it did when the caller was looked up?
-- Raised, not answered: a dead credential must not look like an empty chart.
CREATE OR REPLACE FUNCTION gate.alive(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF EXISTS (SELECT FROM record.credential c
               JOIN record.account a ON a.tenant = c.tenant AND a.account = c.account
               WHERE c.credential = p_credential AND c.tenant = p_tenant AND p_now < c.expires AND p_now < c.revoked
                 AND a.generation = p_generation) THEN
        RETURN true;
    END IF;
    RAISE EXCEPTION 'stale credential' USING ERRCODE = 'SJ401';
END $$;

-- Every basis still needed is covered by a permit whose extents hold: AND across bases, OR within one. The bases of all permits
-- that hold are united, and nothing needed may be left over. Of a period of data: what has no date is in none that is permitted, and in every
-- one that is forbidden (deny is the default); who the patient is, is of no time.
CREATE OR REPLACE FUNCTION gate.consented(
    p_tenant int, p_patient text, p_need bigint, p_origin int[], p_type text, p_id text, p_tokens bigint[], p_at timestamptz,
    p_keys text[], p_purpose text, p_action text, p_programs int[], p_now timestamptz
) RETURNS boolean LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    need bigint := p_need;
    permitted bigint;
BEGIN
    IF (need & 2) <> 0 AND p_origin <> '{}'
       AND (p_origin <@ p_programs OR (p_type = ANY (gate.longitudinal()) AND p_origin && p_programs)) THEN
        need := need & ~2::bigint;
    END IF;
    IF need = 0 THEN
        RETURN true;
    END IF;
    IF p_patient IS NULL OR (need & 1) <> 0 THEN
        RETURN false;
    END IF;
    SELECT bit_or(g.basis) INTO permitted FROM record.consent_grant g
    WHERE g.tenant = p_tenant AND g.patient = p_patient AND g.recipient = ANY (p_keys) AND (g.basis & need) <> 0
      AND g.effect = 'permit' AND p_purpose = ANY (g.purposes) AND g.action = p_action
      AND g.valid_from <= p_now AND p_now < g.valid_to AND g.known_to = 'infinity'
      AND (g.programs IS NULL OR (p_origin <> '{}' AND (p_origin <@ g.programs
                                   OR (p_type = ANY (gate.longitudinal()) AND p_origin && g.programs))))
      AND (g.types IS NULL OR p_type = ANY (g.types))
      AND (g.codes IS NULL OR p_tokens && g.codes)
      AND (coalesce(g.data_from, g.data_to) IS NULL OR p_type = 'Patient'
           OR (p_at > '-infinity' AND p_at >= coalesce(g.data_from, '-infinity') AND p_at < coalesce(g.data_to, 'infinity')))
      AND (g.resources IS NULL OR p_type || '/' || p_id = ANY (g.resources));
    RETURN (need & ~coalesce(permitted, 0)) = 0;
END $$;

-- Is something of a row that carries these bases forbidden to who asks: a deny that names them and whose extents hold. Deny wins.
CREATE OR REPLACE FUNCTION gate.forbidden(
    p_tenant int, p_patient text, p_own bigint, p_origin int[], p_type text, p_id text, p_tokens bigint[], p_at timestamptz,
    p_keys text[], p_purpose text, p_action text, p_now timestamptz
) RETURNS boolean LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM record.consent_grant d
        WHERE d.tenant = p_tenant AND d.patient = p_patient AND d.recipient = ANY (p_keys) AND d.effect = 'deny'
          AND (d.basis = 0 OR (p_own & d.basis) <> 0)
          AND (d.purposes = '{*}' OR p_purpose = ANY (d.purposes)) AND d.action IN (p_action, '*')
          AND d.valid_from <= p_now AND p_now < d.valid_to AND d.known_to = 'infinity'
          AND (d.programs IS NULL OR p_origin && d.programs)
          AND (d.types IS NULL OR p_type = ANY (d.types))
          AND (d.codes IS NULL OR p_tokens && d.codes)
          AND (coalesce(d.data_from, d.data_to) IS NULL
               OR (p_type <> 'Patient' AND (p_at = '-infinity' OR (p_at >= coalesce(d.data_from, '-infinity') AND p_at < coalesce(d.data_to, 'infinity')))))
          AND (d.resources IS NULL OR p_type || '/' || p_id = ANY (d.resources)));
END $$;

-- Is nothing withheld that the row cannot do without? Its edges that begin with ! say what that is; of one name it takes all.
CREATE OR REPLACE FUNCTION gate.bears(
    p_tenant int, p_rid bigint, p_type text, p_mask bigint, p_programs int[], p_keys text[], p_purpose text, p_action text,
    p_related boolean, p_now timestamptz
) RETURNS boolean LANGUAGE plpgsql STABLE COST 10000 SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN NOT EXISTS (
        SELECT FROM record.edge e
        WHERE e.tenant = p_tenant AND e.rid = p_rid AND e.type = p_type AND e.param >= '!' AND e.param < '"'
        GROUP BY e.param
        HAVING bool_and(
            EXISTS (SELECT FROM record.resource t
                    WHERE t.tenant = p_tenant AND t.type = split_part(e.target, '/', 1) AND t.id = split_part(e.target, '/', 2)
                      AND NOT /*bare:t*/)
            OR EXISTS (SELECT FROM (SELECT * FROM record.version w
                                    WHERE w.tenant = p_tenant AND w.type = split_part(e.target, '/', 1)
                                      AND w.id = split_part(e.target, '/', 2) ORDER BY w.seq DESC LIMIT 1) v
                       WHERE v.kind = 'delete' AND NOT /*bare:v*/)));
END $$;

-- Who is behind a credential: its account with what it may act as now, or nothing.
CREATE OR REPLACE FUNCTION gate.caller(p_credential bytea, p_now timestamptz)
RETURNS TABLE (tenant int, account text, generation int, kind text, name text, agent text, role text, programs int[], acting int, keys text[],
               door text, purpose text, credential_kind text, expires timestamptz, idle interval, warning interval, fresh interval,
               ends timestamptz, proved timestamptz, methods text[], scopes text, patient text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT c.tenant, a.account, a.generation, a.kind, a.name, a.agent, s.role, s.programs, s.acting, s.keys, c.door, c.purpose, c.kind, c.expires,
           c.idle, c.warning, c.fresh, c.ends, c.proved, c.methods, c.scopes, c.patient
    FROM record.credential c
    JOIN record.account a ON a.tenant = c.tenant AND a.account = c.account
    JOIN record.assignment s ON s.tenant = c.tenant AND s.account = c.account
    WHERE c.credential = p_credential AND p_now < c.expires AND p_now < c.revoked
      AND s.valid_from <= p_now AND p_now < s.valid_to AND s.known_to = 'infinity'
    ORDER BY s.valid_from DESC LIMIT 1
$$;

CREATE OR REPLACE FUNCTION gate.rules(p_tenant int, p_now timestamptz)
RETURNS TABLE (role text, types text[], actions text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT r.role, r.types, r.actions FROM record.role_rule r
    WHERE r.tenant = p_tenant AND r.valid_from <= p_now AND p_now < r.valid_to AND r.known_to = 'infinity'
$$;

CREATE OR REPLACE FUNCTION gate.tenants()
RETURNS TABLE (tenant int, key text, name text, organization text, host text, secret bytea, bench_of int)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT t.tenant, t.key, t.name, t.organization, t.host, t.secret, t.bench_of FROM record.tenant t ORDER BY t.tenant
$$;

CREATE OR REPLACE FUNCTION gate.programs(p_tenant int, p_now timestamptz)
RETURNS TABLE (program int, key text, name text, organization text, part2 boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT p.program, p.key, p.name, p.organization, p.part2 FROM record.program p
    WHERE p.tenant = p_tenant AND p.valid_from <= p_now AND p_now < p.valid_to AND p.known_to = 'infinity'
$$;
